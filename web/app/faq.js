// Questions and answers, with the figures of this server; the speed is measured here and now.
import { call, key, stages } from './api.js';
import { $, $$, h } from './dom.js';
import { complain, size, table } from './reading.js';
import { askForKey, begin, rest } from './shell.js';
import { number, t } from './strings.js';

const names = ['price', 'models', 'source', 'languages', 'lengths', 'documents', 'batch', 'latency', 'deploy', 'tuning', 'one-key', 'usage',
    'forgotten', 'expiry', 'first', 'training', 'tokens', 'failed'];
const links = { source: ['/licence', 'nav-licence'], lengths: ['/limits', 'nav-limits'], latency: ['/benchmarks', 'nav-benchmarks'],
    usage: ['/dashboard', 'nav-dashboard'], models: ['/playground', 'nav-playground'], price: ['#latency', 'faq-latency-q'],
    'one-key': ['/docs', 'nav-docs'] };
const DOCUMENTS = 100, WORDS = 70, ROUNDS = 3;

begin();

/** A text that no cache has seen. */
function text(words) {
    const syllables = ['ba', 'ko', 'ri', 'ten', 'mo', 'sal', 'ver', 'du', 'lin', 'pa', 'gre', 'tu'];
    const pick = () => syllables[Math.floor(Math.random() * syllables.length)];
    return Array.from({ length: words }, () => pick() + pick()).join(' ');
}

/** Rank some times; -> the median of it, {ms, compute, tokens}. */
async function measure(told) {
    const rounds = [];
    for (let i = 0; i < ROUNDS; i++) {
        told(i + 1);
        const documents = Array.from({ length: DOCUMENTS }, () => text(WORDS));
        const answer = await call('POST', '/v1/rerank', { query: text(8), documents, return_documents: false });
        rounds.push({ ms: answer.ms, compute: stages(answer.headers).compute ?? 0, tokens: answer.body.usage.total_tokens });
    }
    return rounds.sort((a, b) => a.ms - b.ms)[Math.floor(ROUNDS / 2)];
}

function measuring() {
    const told = h('span', { role: 'status' });
    const button = h('button', { type: 'button', class: 'main', onclick: async () => {
        button.disabled = true;
        try {
            const m = await measure((n) => { told.textContent = t('faq-measuring', { n, of: ROUNDS }); });
            told.textContent = t('faq-measured', { ms: Math.round(m.ms), compute: Math.round(m.compute), rounds: ROUNDS,
                documents: DOCUMENTS, tokens: Math.round(m.tokens / DOCUMENTS), rate: Math.round(DOCUMENTS * 1000 / m.ms) });
        } catch (mistake) {
            told.textContent = '';
            if (mistake.status === 401) await askForKey(mistake);
            else complain(mistake);
        } finally {
            button.disabled = false;
        }
    } }, t('faq-measure'));
    return h('div', { class: 'buttons' }, button, told);
}

function modelTable(models) {
    const head = [t('model'), t('faq-family'), { right: t('faq-parameters') }, { right: t('limits-input') }, t('nav-licence')];
    const figure = (value, unit = '') => ({ right: Number.isFinite(value) ? number(value, 0) + unit : '–' });
    return table(t('faq-models-q'), head, models.map((m) => [m.id, m.family ?? '–', figure(m.parameters / 1e6, ' M'),
        figure(m.max_input_length), m.license ?? t('kind-unknown')]));
}

/** What stands below the words of an answer. */
function more(name, models) {
    const at = links[name];
    return [name === 'latency' && measuring(), name === 'models' && models.length > 0 && modelTable(models),
        at && h('p', {}, h('a', { href: at[0] }, t(at[1])))].filter(Boolean);
}

function openNamed() {
    const wanted = $$('details').find((e) => `#${e.id}` === location.hash);
    if (!wanted) return;
    wanted.open = true;
    wanted.scrollIntoView();
    $('summary', wanted).focus();
}

async function load() {
    const { body: limits } = await call('GET', '/v1/limits');
    const models = limits.key_needed && !key.get() ? [] : await call('GET', '/v1/models').then((answer) => answer.body.data, () => []);
    const first = limits.models[0], known = (n) => (n === undefined ? '–' : n);
    const values = { documents: limits.request.documents, rankings: limits.request.rankings, size: size(limits.request.body_bytes),
        query: known(first?.max_query_tokens), document: known(first?.max_document_tokens), seconds: limits.request.timeout_ms / 1000 };
    $('#questions').replaceChildren(...names.map((name) => h('details', { class: 'answer', id: name }, h('summary', {}, t(`faq-${name}-q`)),
        h('div', {}, h('p', {}, t(`faq-${name}-a`, values)), more(name, models)))));
}

try {
    await load();
    openNamed();
    window.addEventListener('hashchange', openNamed);
} catch (mistake) {
    complain(mistake);
}
rest();
