// Charts as SVG: bars that are stacked by series, with the same figures as a table behind them, and small lines.
import { h, s } from './dom.js';
import { number, t } from './strings.js';

const HEIGHT = 190, BELOW = 24, ABOVE = 8;
const SERIES = 8; // colours, as in dashboard.css; the last is for all the rest

/** Round steps of an axis up to at least `most`: [0, 50, 100]. */
export function ticks(most, wanted = 4) {
    if (!(most > 0)) return [0, 1];
    const rough = most / wanted, power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough) * power);
    const n = Math.ceil(most / step);
    return Array.from({ length: n + 1 }, (_, i) => i * step);
}

/** The largest series by their sum; those beyond the colours become one. */
export function fold(series, rest) {
    const total = (one) => one.values.reduce((a, b) => a + b, 0);
    const sorted = [...series].sort((a, b) => total(b) - total(a));
    if (sorted.length <= SERIES) return sorted;
    const others = sorted.slice(SERIES - 1);
    const values = others[0].values.map((_, i) => others.reduce((sum, one) => sum + one.values[i], 0));
    return [...sorted.slice(0, SERIES - 1), { name: rest, values }];
}

/** Every day from one to the other, as "2026-11-25". */
export function days(from, to) {
    const all = [];
    for (let at = Date.parse(`${from}T00:00Z`), end = Date.parse(`${to}T00:00Z`); at <= end; at += 864e5) {
        all.push(new Date(at).toISOString().slice(0, 10));
    }
    return all;
}

const brief = (n) => number(n >= 1e4 ? n : Math.round(n * 100) / 100, n >= 1e4 ? { notation: 'compact', maximumFractionDigits: 1 } : 2);

function draw(svg, { labels, series }, width) {
    const sums = labels.map((_, i) => series.reduce((a, one) => a + one.values[i], 0));
    const steps = ticks(Math.max(...sums, 0));
    const top = steps[steps.length - 1], left = 12 + 7 * Math.max(...steps.map((v) => brief(v).length));
    const inner = HEIGHT - ABOVE - BELOW, slot = (width - left) / labels.length;
    const y = (v) => ABOVE + inner * (1 - v / top);
    svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute('height', HEIGHT);
    const every = Math.max(1, Math.ceil(72 / slot));
    svg.replaceChildren(
        ...steps.map((v) => s('g', {}, s('line', { x1: left, x2: width, y1: y(v), y2: y(v) }),
            s('text', { x: left - 6, y: y(v) + 4, 'text-anchor': 'end' }, brief(v)))),
        ...labels.map((label, i) => {
            let base = 0;
            const x = left + i * slot, gap = Math.min(4, slot * 0.15);
            const parts = series.flatMap((one, k) => {
                const v = one.values[i];
                if (!(v > 0)) return [];
                base += v;
                return [s('rect', { class: `s${k}`, x: x + gap, y: y(base), width: Math.max(1, slot - 2 * gap),
                    height: Math.max(0.5, y(base - v) - y(base)) })];
            });
            const words = series.filter((one) => one.values[i] > 0).map((one) => `\n${one.name}: ${number(one.values[i])}`);
            return s('g', {}, s('title', {}, label, words), parts, s('rect', { class: 'hit', x, width: slot, y: ABOVE, height: inner }),
                i % every === 0 ? s('text', { x: x + slot / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, label.slice(5)) : []);
        }));
}

function tableOf({ title, head, labels, series }) {
    const rows = labels.map((label, i) => [label, i]).filter(([, i]) => series.some((one) => one.values[i] > 0)).reverse();
    return h('table', {}, h('caption', {}, title),
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, head),
            series.map((one) => h('th', { scope: 'col', class: 'number' }, one.name)))),
        h('tbody', {}, rows.map(([label, i]) => h('tr', {}, h('th', { scope: 'row' }, label),
            series.map((one) => h('td', { class: 'number' }, number(one.values[i])))))));
}

/** A figure of bars: {title, head: of the labels, labels: ["2026-11-25"], series: [{name, values: a number a label}]}. */
export function bars(data) {
    const series = fold(data.series, t('board-others'));
    const sums = data.labels.map((_, i) => series.reduce((a, one) => a + one.values[i], 0));
    if (!sums.some((sum) => sum > 0)) return h('figure', {}, h('figcaption', {}, data.title), h('p', { class: 'hint' }, t('board-nothing')));
    const best = sums.indexOf(Math.max(...sums));
    const about = t('board-chart', { title: data.title, sum: sums.reduce((a, b) => a + b, 0), from: data.labels[0],
        to: data.labels[data.labels.length - 1], most: sums[best], day: data.labels[best] });
    const svg = s('svg', { class: 'chart', role: 'img', 'aria-label': about });
    const figure = h('figure', {}, h('figcaption', {}, data.title), svg,
        h('ul', { class: 'legend-list' }, series.map((one, k) => h('li', {}, h('span', { class: `swatch s${k}` }), one.name))),
        h('details', {}, h('summary', {}, t('board-as-table')),
            h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': data.title }, tableOf({ ...data, series }))));
    new ResizeObserver(([{ contentRect: { width } }]) => {
        if (width > 0) draw(svg, { labels: data.labels, series }, width);
    }).observe(figure);
    return figure;
}

/** A small line of the latest values beside a figure that says the last; show(values) draws it. */
export function spark(room) {
    const area = s('polygon', { class: 'spark-area' }), line = s('polyline', { class: 'spark' });
    const svg = s('svg', { viewBox: `0 0 ${room - 1} 30`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, area, line);
    return {
        svg,
        show(values) {
            const most = Math.max(...values, 1e-9), first = room - values.length;
            const points = values.map((v, i) => `${first + i},${(29 - 27 * v / most).toFixed(2)}`);
            line.setAttribute('points', points.join(' '));
            area.setAttribute('points', [`${first},30`, ...points, `${room - 1},30`].join(' '));
        },
    };
}
