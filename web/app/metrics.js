// Two answers of /metrics and what happened between them: rates of counters, percentiles of histograms.  Pure.
// What the server does not have is NaN, so that nobody takes it for zero.

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

function value(text) {
    return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

/** One answer: at is in seconds. */
export function read(text, at) {
    const families = new Map();
    for (const line of text.split('\n')) {
        const found = SAMPLE.exec(line);
        if (!found) continue;
        const labels = {};
        for (const [, name, raw] of (found[2] ?? '').matchAll(LABEL)) {
            labels[name] = raw.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
        }
        if (!families.has(found[1])) families.set(found[1], []);
        families.get(found[1]).push({ labels, value: value(found[3]) });
    }
    return { at, families };
}

function fits(labels, wanted) {
    return Object.entries(wanted).every(([name, want]) => {
        const got = labels[name] ?? '';
        return want.endsWith('*') ? got.startsWith(want.slice(0, -1)) : got === want;
    });
}

function samples(look, family, wanted) {
    return (look.families.get(family) ?? []).filter((s) => fits(s.labels, wanted));
}

/** The sum of a family's samples with these labels; "5*" is every value that begins so. */
export function sum(look, family, wanted = {}) {
    const found = samples(look, family, wanted);
    return found.length === 0 ? NaN : found.reduce((all, s) => all + s.value, 0);
}

/** The different values of a label. */
export function values(look, family, label) {
    return [...new Set((look.families.get(family) ?? []).map((s) => s.labels[label] ?? ''))];
}

/** How much a counter grew; one that starts again counts from zero. */
export function growth(now, before, family, wanted = {}) {
    const after = sum(now, family, wanted), first = sum(before, family, wanted);
    return Number.isNaN(first) || first > after ? after : after - first;
}

/** The same in a second. */
export function rate(now, before, family, wanted = {}) {
    return growth(now, before, family, wanted) / (now.at - before.at);
}

/** Failures in a second, the caller's and the server's: 424 is what TEI's API makes of a model that failed. */
export function faults(now, before, family, wanted = {}) {
    const of = (status) => rate(now, before, family, { ...wanted, status }) || 0;
    return [of('4*') - of('424'), of('5*') + of('424')];
}

/** The mean of what a histogram observed. */
export function mean(now, before, family, wanted = {}) {
    const n = growth(now, before, `${family}_count`, wanted);
    return n > 0 ? growth(now, before, `${family}_sum`, wanted) / n : NaN;
}

/** [[bound, observations up to it]], ascending. */
function buckets(look, family, wanted) {
    const counts = new Map();
    for (const s of samples(look, `${family}_bucket`, wanted)) {
        const bound = value(s.labels.le ?? '');
        if (!Number.isNaN(bound)) counts.set(bound, (counts.get(bound) ?? 0) + s.value);
    }
    return [...counts].sort((a, b) => a[0] - b[0]);
}

/** A quantile, q in 0..1, by straight lines within buckets; beyond the last bound, that bound; NaN when nothing was observed. */
export function quantile(now, before, family, q, wanted = {}) {
    let after = buckets(now, family, wanted);
    const first = new Map(buckets(before, family, wanted));
    const restarted = after.some(([bound, n]) => (first.get(bound) ?? 0) > n);
    if (!restarted) after = after.map(([bound, n]) => [bound, n - (first.get(bound) ?? 0)]);
    const total = after.length > 0 ? after[after.length - 1][1] : 0;
    if (!(total > 0)) return NaN;
    const i = after.findIndex(([, n], k) => n >= q * total || k === after.length - 1);
    if (after[i][0] === Infinity) return i > 0 ? after[i - 1][0] : NaN;
    const [low, below] = i > 0 ? after[i - 1] : [0, 0];
    const within = after[i][1] - below;
    return within > 0 ? low + (after[i][0] - low) * (q * total - below) / within : after[i][0];
}
