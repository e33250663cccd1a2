// What a key has used, what is left of its limits, and what went wrong.
import { call } from './api.js';
import { attempt, day, label, table, time } from './board.js';
import { bars, days } from './chart.js';
import { download, h } from './dom.js';
import { number, t } from './strings.js';

const COUNTS = ['requests', 'tokens', 'cached_tokens', 'errors'];
const iso = (date) => date.toISOString().slice(0, 10);

// ---- what is left --------------------------------------------------------------------------------

/** [name, figure, what stands below, [value, most] of a meter] of what a key may. */
function standing(own) {
    const rate = (kind, now) => (now ? [t(`board-rate-${kind}`), number(now.remaining),
        t('board-rate-of', { most: now.per_minute, s: number(now.reset_s, 1) }), [Math.min(now.remaining, now.per_minute), now.per_minute]]
        : [t(`board-rate-${kind}`), t('board-unlimited')]);
    const month = own.month && [t('board-month'), number(own.month.left),
        t('board-month-of', { most: own.month.tokens, day: day(own.month.begins_again) }), [own.month.left, own.month.tokens]];
    const prepaid = own.prepaid && [t('board-prepaid'), number(own.prepaid.left), t('board-prepaid-of', { most: own.prepaid.tokens }),
        [own.prepaid.left, own.prepaid.tokens]];
    return [rate('requests', own.limits.requests), rate('tokens', own.limits.tokens), month, prepaid,
        own.limits.concurrency && [t('board-concurrency'), number(own.limits.concurrency)],
        own.id !== null && [t('board-expires'), day(own.expires)], own.id !== null && [t('board-tier'), t(`board-tier-${own.tier}`)]].filter(Boolean);
}

function showStanding(box, own) {
    box.replaceChildren(...standing(own).map(([name, figure, below, meter]) => h('div', { class: 'tile' },
        h('dt', {}, name), h('dd', {}, figure,
        meter ? h('meter', { min: 0, max: meter[1], value: meter[0], 'aria-label': `${name}: ${figure}` }) : null,
        below ? h('span', { class: 'hint' }, below) : null))));
}

// ---- what was used -------------------------------------------------------------------------------

/** Rows of /v1/usage as series of one count over days; names are those of keys. */
function seriesOf(rows, by, all, count, names) {
    const place = new Map(all.map((one, i) => [one, i])), found = new Map();
    for (const row of rows) {
        const id = row[by], name = id === null ? t('board-no-key') : names.get(id) ?? (by === 'key' ? label({ id }) : id);
        if (!found.has(name)) found.set(name, all.map(() => 0));
        if (place.has(row.day)) found.get(name)[place.get(row.day)] += row[count];
    }
    return [...found].map(([name, values]) => ({ name, values }));
}

function totalsOf(total) {
    return COUNTS.map((count) => `${t(`board-${count.replace('_', '-')}`)}: ${number(total[count])}`).join(' · ');
}

/** Errors by code, the most frequent first. */
function byCode(failures) {
    const found = new Map();
    for (const one of failures) {
        const name = `${one.status} ${one.code ?? ''}`;
        if (!found.has(name)) found.set(name, { n: 0, last: one });
        found.get(name).n++;
    }
    return [...found].sort((a, b) => b[1].n - a[1].n)
        .map(([name, { n, last }]) => [name, number(n), time(last.time), last.route, last.request_id]);
}

function showErrors(box, failures, all) {
    const codes = [t('board-code'), { text: t('board-count'), number: true }, t('board-last'), t('board-route'), t('board-request-id')];
    const each = [t('board-time'), t('board-code'), t('board-route'), t('board-request-id'), ...(all ? [t('board-by-key')] : [])];
    const row = (one) => [time(one.time), `${one.status} ${one.code ?? ''}`, one.route, one.request_id,
        ...(all ? [one.key ?? t('board-no-key')] : [])];
    box.replaceChildren(table(t('board-errors-by-code'), codes, byCode(failures), t('board-errors-none')),
        failures.length === 0 ? ''
            : h('details', {}, h('summary', {}, t('board-errors-each')), table(t('board-errors-each'), each, failures.map(row))));
}

// ---- the part ------------------------------------------------------------------------------------

const button = (words, onclick) => h('button', { type: 'button', onclick }, words);
const field = (id, words, input) => h('label', { for: id }, words, Object.assign(input, { id }));
const section = (id, title, ...children) => h('section', { class: 'panel', 'aria-labelledby': id }, h('h2', { id }, title), children);

/** Fill a box; -> {look(own)}, which is called every two seconds. */
export async function open(box, own) {
    const tiles = h('dl', { class: 'tiles' }), scopes = own.scopes.split(',');
    showStanding(tiles, own);
    box.replaceChildren(section('left-title', t('board-left'), tiles));
    if (scopes.includes('usage')) await addUsage(box, own, scopes.includes('admin'));
    else box.append(h('p', { class: 'hint' }, t('board-hidden', { part: t('board-used'), scope: 'usage' })));
    return { look: (now) => showStanding(tiles, now) };
}

/** The latest errors of a key ('' is one's own), or of all. */
async function readErrors(box, whose) {
    const failed = await attempt(() => call('GET', `/v1/usage/errors${whose ? `?key=${whose}` : ''}`), (text) => box.replaceChildren(text));
    if (failed) showErrors(box, failed.body.data, whose === 'all');
}

async function addUsage(box, own, admin) {
    const errors = h('div', { class: 'part' }), recent = section('errors-title', t('board-errors-recent'), errors);
    if (own.keeps_usage) return addLedger(box, recent, admin, (whose) => readErrors(errors, whose));
    box.append(section('used-title', t('board-used'), h('p', { class: 'hint' }, t('board-no-state'))), recent);
    return readErrors(errors, admin ? 'all' : '');
}

/** What the ledger has, with the recent errors of the same key between. */
async function addLedger(box, recent, admin, showErrorsOf) {
    const today = new Date(), thisMonth = iso(today).slice(0, 7);
    const from = h('input', { type: 'date', value: iso(new Date(today - 29 * 864e5)), max: iso(today) });
    const to = h('input', { type: 'date', value: iso(today), max: iso(today) });
    const divisions = ['model', 'route', ...(admin ? ['key'] : [])];
    const by = h('select', {}, divisions.map((name) => h('option', { value: name }, t(`board-by-${name}`))));
    const whose = h('select', {}, h('option', { value: '' }, t('board-own')), h('option', { value: 'all' }, t('board-all-keys')));
    const month = h('input', { type: 'month', value: thisMonth, max: thisMonth, placeholder: '2026-11' });
    const charts = h('div', { class: 'two' }), totals = h('p', { class: 'totals' }), problem = h('p', { class: 'bad', role: 'alert' });
    const names = admin ? await keyNames() : new Map();
    for (const [id, name] of names) whose.append(h('option', { value: id }, name));
    if (admin) whose.value = 'all';

    const ofKey = () => (whose.value ? `&key=${whose.value}` : '');
    const path = () => `/v1/usage?from=${from.value}&to=${to.value}&by=day,${by.value}${ofKey()}`;
    const chart = (count, { from: first, to: last, data }) => h('div', { class: 'panel' }, bars({
        title: t(`board-${count}-by-day`), head: t('board-day'), labels: days(first, last),
        series: seriesOf(data, by.value, days(first, last), count, names) }));
    let shows = 0;
    async function show() {
        const mine = ++shows;
        problem.textContent = '';
        const used = await attempt(() => call('GET', path()), (text) => { problem.textContent = text; });
        if (mine !== shows) return; // another was asked for meanwhile
        charts.replaceChildren(...(used ? ['tokens', 'requests'].map((count) => chart(count, used.body)) : []));
        totals.textContent = used ? totalsOf(used.body.total) : '';
        await showErrorsOf(whose.value);
    }
    async function keep(name, query, type) {
        const answer = await attempt(() => call('GET', query, undefined, { accept: type }));
        if (answer) download(name, answer.text, type);
    }
    const csv = () => keep(`usage-${from.value}-${to.value}.csv`, `${path()}&format=csv`, 'text/csv');
    const statement = () => keep(`statement-${month.value}.html`,
        `/v1/usage/statement?month=${encodeURIComponent(month.value)}${ofKey()}`, 'text/html');
    box.append(
        section('used-title', t('board-used'),
            h('div', { class: 'controls' }, field('used-from', t('board-from'), from), field('used-to', t('board-to'), to),
                field('used-by', t('board-by'), by), admin ? field('used-whose', t('board-whose'), whose) : null,
                button(t('board-refresh'), show), button(t('board-csv'), csv)),
            totals, problem),
        charts, recent,
        section('statement-title', t('board-statement'), h('p', { class: 'hint' }, t('board-statement-help')),
            h('div', { class: 'controls' }, field('statement-month', t('board-statement-month'), month),
                button(t('board-statement-get'), statement))));
    for (const input of [from, to, by, whose]) input.addEventListener('change', show);
    await show();
}

/** An administrator may look at any key: id -> what people call it. */
async function keyNames() {
    const listed = await attempt(() => call('GET', '/v1/admin/keys'), () => {});
    return new Map((listed?.body.data ?? []).map((one) => [one.id, label(one)]));
}
