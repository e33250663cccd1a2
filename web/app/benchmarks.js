// The benchmarks page: what `winnow bench` has measured as tables, what `winnow eval` has written as links.
import { call } from './api.js';
import { $, h } from './dom.js';
import { complain, say, size, table } from './reading.js';
import { begin, rest } from './shell.js';
import { language, number, t } from './strings.js';

const READ_MOST = 50, READ_BYTES = 1e6, SHOWN_CHARACTERS = 20000;

begin();

const day = (text) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(text));
const link = (report) => h('a', { href: `/v1/reports/${report.name}`, target: '_blank', rel: 'noopener' }, report.name);
/** A figure of a file that may hold anything. */
const figure = (value, digits = 3, scale = 1) => ({ right: Number.isFinite(value) ? number(value / scale, digits) : '–' });
const word = (value) => (typeof value === 'string' || Number.isFinite(value) ? String(value) : '–');
const threads = (data) => t('benchmarks-threads', { n: Number(data.threads) || 0 });
const tokens = (value) => t('limits-tokens', { n: Math.round(value) || 0 });
const list = (value) => (Array.isArray(value) ? value.filter((row) => row !== null && typeof row === 'object') : []);

function panel(title, ...content) {
    return h('section', { class: 'panel' }, h('h2', {}, title), ...content);
}

function runs(reports) {
    const rows = reports.map(({ report, data }) => [[link(report), h('small', {}, day(report.modified))],
        [word(data.model), h('small', {}, word(data.workload))],
        [word(data.processor), h('small', {}, `${word(data.cpu_level)}, ${word(data.dtype)}, ${threads(data)}`)],
        figure(data.documents, 0), figure(data.seconds_per_request?.median),
        { right: [figure(data.pairs_per_second, 1).right, h('small', {}, tokens(data.tokens_per_second))] },
        figure(data.peak_memory_bytes, 0, 1e6)]);
    return panel(t('benchmarks-runs'), table(t('benchmarks-runs'), [t('benchmarks-report'), t('model'), t('benchmarks-machine'),
        ...['documents', 'seconds', 'pairs', 'memory'].map((name) => ({ right: t(`benchmarks-${name}`) }))], rows));
}

function peak({ report, data }) {
    const rows = list(data.operations_per_second).map((row) => [word(row.level), word(row.dtype), word(row.instructions),
        figure(row.one_thread, 1, 1e9), figure(row.all_threads, 1, 1e9)]);
    const memory = data.bytes_read_per_second;
    if (memory) rows.push([t('benchmarks-memory-read'), '', '', figure(memory.one_thread, 1, 1e9), figure(memory.all_threads, 1, 1e9)]);
    return panel(t('benchmarks-peak'), h('p', {}, link(report), `, ${day(report.modified)}: ${word(data.processor)}`),
        table(t('benchmarks-peak'), [t('benchmarks-level'), t('benchmarks-type'), t('benchmarks-instructions'),
            { right: t('benchmarks-one-thread') }, { right: threads(data) }], rows),
        h('p', { class: 'hint' }, t('benchmarks-peak-hint')));
}

function operations({ report, data }) {
    const head = [t('benchmarks-operation'), t('benchmarks-shape'), t('benchmarks-type'), { right: t('benchmarks-milliseconds') },
        { right: t('benchmarks-share') }];
    const rows = list(data.operations).map((row) => [word(row.op), word(row.shape), word(row.dtype ?? ''), figure(row.seconds, 3, 1e-3),
        figure(row.share_of_peak, 1, 0.01)]);
    return panel(t('benchmarks-operations'),
        h('p', {}, link(report), `, ${day(report.modified)}: ${word(data.processor)}, ${word(data.cpu_level)}`),
        table(t('benchmarks-operations'), head, rows));
}

function other({ report, text }) {
    return h('details', { class: 'answer' }, h('summary', {}, report.name),
        h('div', {}, h('p', { class: 'hint' }, link(report), `, ${day(report.modified)}`),
            h('pre', { tabindex: 0 }, text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text)));
}

function files(title, reports) {
    return panel(title, table(title, [t('benchmarks-report'), t('benchmarks-date'), { right: t('benchmarks-size') }],
        reports.map((report) => [link(report), day(report.modified), { right: size(report.bytes) }])));
}

/** The figures of a report; data null: no JSON object. */
async function read(report) {
    const { body, text } = await call('GET', `/v1/reports/${report.name}`)
        .catch((mistake) => ({ body: null, text: mistake.message }));
    return { report, text, data: body !== null && typeof body === 'object' ? body : null };
}

function show(list, read) {
    const is = {
        run: ({ data }) => data?.seconds_per_request !== undefined,
        peak: ({ data }) => Array.isArray(data?.operations_per_second),
        operations: ({ data }) => Array.isArray(data?.operations),
    };
    const pages = list.data.filter((report) => report.kind === 'html'), of = (kind) => read.filter(is[kind]);
    const rest = read.filter((one) => !Object.values(is).some((test) => test(one)));
    const unread = list.data.filter((report) => report.kind === 'json' && !read.some((one) => one.report === report));
    $('#reports').replaceChildren(...[pages.length && files(t('benchmarks-pages'), pages), of('run').length && runs(of('run')),
        ...of('peak').map(peak), ...of('operations').map(operations), ...rest.map(other),
        unread.length && files(t('benchmarks-unread'), unread)].filter(Boolean));
}

function explain() {
    $('#reports').replaceChildren(panel(t('benchmarks-how'), h('pre', { tabindex: 0 }, ['mkdir reports',
        'winnow eval --html reports/quality.html SET...', 'winnow bench --format json > reports/speed.json',
        'winnow bench --peak --format json > reports/peak.json', 'winnow serve --reports reports'].join('\n'))));
}

try {
    const { body } = await call('GET', '/v1/reports');
    if (body.data.length === 0) {
        say(t(body.shown ? 'benchmarks-empty' : 'benchmarks-off'));
        explain();
    } else {
        const wanted = body.data.filter((report) => report.kind === 'json' && report.bytes <= READ_BYTES).slice(0, READ_MOST);
        show(body, await Promise.all(wanted.map(read)));
        say(t('benchmarks-count', { n: body.data.length + body.left_out }));
    }
} catch (mistake) {
    complain(mistake);
}
rest();
