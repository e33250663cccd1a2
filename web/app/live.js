// What the server does now: what grew between two looks at /metrics, two seconds apart.
import { call } from './api.js';
import { bytes, reason, renew } from './board.js';
import { spark } from './chart.js';
import { h } from './dom.js';
import { faults, growth, mean, quantile, rate, read, sum, values } from './metrics.js';
import { number, t } from './strings.js';

const HISTORY = 60; // looks: two minutes
const SOON_MS = 500; // the second look, so that there are figures at once
const STAGES = ['parse', 'tokenize', 'queue', 'compute', 'write'];
const QUANTILES = [0.5, 0.95, 0.99];
const NONE = '–';

const brief = (x) => (Number.isNaN(x) ? NONE : number(x, x >= 1e4 ? { notation: 'compact', maximumFractionDigits: 1 } : x >= 100 ? 0 : 2));
const percent = (x) => (Number.isNaN(x) ? NONE : number(x, { style: 'percent', maximumFractionDigits: 1 }));
const ms = (s) => (Number.isNaN(s) ? NONE
    : number(s * 1000, { style: 'unit', unit: 'millisecond', maximumFractionDigits: s < 0.1 ? 1 : 0 }));

const latency = (now, before, q) => ms(quantile(now, before, 'wn_request_seconds', q, { route: 'rerank' }));
const memory = (now, kind) => sum(now, 'wn_request_memory_bytes', { kind });

/** The share of rows that were not computed anew, since the look before and since the start. */
function cache(now, before, state, entries) {
    const part = (of, all) => (all > 0 ? of / all : NaN);
    const ever = part(sum(now, 'wn_rows_total', { state }), sum(now, 'wn_rows_total'));
    const lately = part(growth(now, before, 'wn_rows_total', { state }), growth(now, before, 'wn_rows_total'));
    return [percent(lately), t('board-cache-of', { ever: percent(ever), n: brief(sum(now, entries)) })];
}

/** name -> [figure, what stands below it] */
const tiles = {
    requests: (n, b) => [brief(rate(n, b, 'wn_requests_total')), t('board-in-flight', { n: brief(sum(n, 'wn_requests_in_flight')) })],
    tokens: (n, b) => [brief(rate(n, b, 'wn_tokens_total')),
        sum(n, 'wn_tokens_per_second') > 0 ? t('board-busy-speed', { n: brief(sum(n, 'wn_tokens_per_second')) }) : ''],
    wait: (n, b) => [ms(quantile(n, b, 'wn_stage_seconds', 0.95, { stage: 'queue' })),
        t('board-wait-now', { wait: ms(sum(n, 'wn_queue_wait_seconds')), rows: brief(sum(n, 'wn_queue_depth')) })],
    fill: (n, b) => [percent(mean(n, b, 'wn_batch_fill_ratio')),
        t('board-batches', { n: brief(rate(n, b, 'wn_batch_rows_count')), rows: brief(mean(n, b, 'wn_batch_rows')) })],
    latency: (n, b) => [latency(n, b, 0.95), t('board-latency-of', { p50: latency(n, b, 0.5), p99: latency(n, b, 0.99) })],
    busy: (n, b) => [percent(rate(n, b, 'wn_engine_busy_seconds_total')),
        t('board-cpu', { n: percent(rate(n, b, 'process_cpu_seconds_total')) })],
    scores: (n, b) => cache(n, b, 'cached', 'wn_score_cache_entries'),
    vectors: (n, b) => cache(n, b, 'vectors', 'wn_vector_cache_entries'),
    memory: (n) => [bytes(sum(n, 'process_resident_memory_bytes')),
        t('board-memory-of', { used: bytes(memory(n, 'used')), most: bytes(memory(n, 'limit')) })],
};
const charted = { requests: 'wn_requests_total', tokens: 'wn_tokens_total' };

function routes(now, before) {
    return values(now, 'wn_requests_total', 'route').map((route) => [route, rate(now, before, 'wn_requests_total', { route })])
        .sort((a, b) => b[1] - a[1])
        .map(([route, n]) => [route, brief(n), ...QUANTILES.map((q) => ms(quantile(now, before, 'wn_request_seconds', q, { route }))),
            ...faults(now, before, 'wn_requests_total', { route }).map(brief)]);
}

function stages(now, before) {
    const times = (stage) => QUANTILES.map((q) => ms(quantile(now, before, 'wn_stage_seconds', q, { stage })));
    return STAGES.map((stage) => [t(`board-stage-${stage}`), ...times(stage)]);
}

/** Errors since the start, by status, and what was refused and why. */
function refusals(now) {
    const statuses = values(now, 'wn_requests_total', 'status').filter((status) => status >= '4').sort()
        .map((status) => [status, sum(now, 'wn_requests_total', { status })]);
    const reasons = values(now, 'wn_rejected_total', 'reason')
        .map((why) => [t(`board-refused-${why}`), sum(now, 'wn_rejected_total', { reason: why })]);
    return [...statuses, ...reasons].filter(([, n]) => n > 0).map(([name, n]) => [name, number(n)]);
}

/** Fill a box; -> {look()}, which is called every two seconds. */
export async function open(box) {
    const health = h('p', { class: 'state-line' }), problem = h('p', { class: 'bad', role: 'alert' });
    const shown = {}, history = {};
    for (const name of Object.keys(tiles)) {
        shown[name] = { figure: h('dd', {}, NONE), below: h('dd', { class: 'hint' }), line: charted[name] && spark(HISTORY) };
        history[name] = [];
    }
    const [byRoute, byStage, refused] = [0, 1, 2].map(() => h('div', {}));
    const percentiles = ['p50', 'p95', 'p99'].map((text) => ({ text, number: true }));
    box.replaceChildren(
        h('section', { class: 'panel', 'aria-labelledby': 'live-title' }, h('h2', { id: 'live-title' }, t('board-live')), health, problem,
            h('dl', { class: 'tiles' }, Object.entries(shown).map(([name, { figure, below, line }]) =>
                h('div', { class: 'tile' }, h('dt', {}, t(`board-tile-${name}`)), figure, below, line ? h('dd', {}, line.svg) : null)))),
        h('div', { class: 'two' },
            h('section', { class: 'panel' }, h('h2', {}, t('board-routes')), byRoute),
            h('section', { class: 'panel' }, h('h2', {}, t('board-stages')), byStage)),
        h('section', { class: 'panel' }, h('h2', {}, t('board-refused')), refused));
    let before = null;
    async function look() {
        try {
            const [{ text }, state] = await Promise.all([call('GET', '/metrics', undefined, { accept: 'text/plain' }), healthOf()]);
            const now = read(text, performance.now() / 1000);
            problem.textContent = '';
            health.replaceChildren(...state);
            if (before) show(now, before);
            before = now;
        } catch (mistake) {
            problem.textContent = reason(mistake);
            before = null;
        }
    }
    function show(now, then) {
        for (const [name, of] of Object.entries(tiles)) {
            const [figure, below] = of(now, then), at = shown[name];
            at.figure.textContent = figure;
            at.below.textContent = below;
            if (!at.line) continue;
            history[name] = [...history[name], rate(now, then, charted[name]) || 0].slice(-HISTORY);
            at.line.show(history[name]);
        }
        renew(byRoute, t('board-routes'), [t('board-route'), { text: t('board-per-second'), number: true }, ...percentiles,
            { text: '4xx/s', number: true }, { text: '5xx, 424/s', number: true }], routes(now, then));
        renew(byStage, t('board-stages'), [t('board-stage'), ...percentiles], stages(now, then));
        renew(refused, t('board-refused'), [t('board-why'), { text: t('board-count'), number: true }], refusals(now),
            t('board-errors-none'));
    }
    await look();
    setTimeout(look, SOON_MS);
    return { look };
}

/** How the server is; a failing one answers 503 with the same body. */
async function healthOf() {
    const response = await fetch('/healthz/ready', { cache: 'no-store', credentials: 'omit' });
    const { status, reason: why, model, version } = await response.json();
    const good = status === 'ready';
    return [h('span', { class: good ? 'state good' : 'state bad' }, t(`board-health-${status}`)),
        ` ${t('board-version', { model, version })} ${why ?? ''}`];
}
