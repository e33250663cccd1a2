// The playground: a request on the left, its answer on the right, both as code below.  What is not needed at first is brought when it is.
import { call, key, Refused, stages } from './api.js';
import { $, $$, copy, debounce, h, toast } from './dom.js';
import { Documents } from './documents.js';
import { examples } from './examples.js';
import { Results } from './results.js';
import { askForKey, begin, rest } from './shell.js';
import { snippets } from './snippets.js';
import { number, t } from './strings.js';

const SHOWN = 50; // documents in the code
const KEPT = 'winnow-request'; // of this tab

/** The models of the server: {data} or {mistake}. */
const list = () => call('GET', '/v1/models').then((answer) => answer.body, (mistake) => ({ mistake }));

let listing = list(); // for the key in use; asked for first, as the answer takes its time
begin();

const query = $('#query'), topN = $('#top-n');
const grades = new Map(); // text -> grade, of the query on screen
let view = 'list', tab = 'curl';
let running = null; // the AbortController of a ranking
let waiting = false; // for a key, to rank
let last = null; // {request, answers: [a, b?], models: [a, b?], tau}
let judging = null; // a promise of it
let wished = {}; // {model, compare}, before it is known which there are

const documents = new Documents($('#documents'), edited);
const columns = [new Results($('#results-a'), { grades, judged }), new Results($('#results-b'), { grades, judged })];

// ---- the request ---------------------------------------------------------------------------------

function showCount() {
    const n = documents.get().length;
    $('#count').textContent = number(n);
    const all = Number(topN.value) >= Number(topN.max);
    topN.max = String(Math.max(1, n));
    if (all) topN.value = topN.max;
    $('#top-n-value').textContent = number(Number(topN.value));
}

/** The request on screen is another one than that of the answer beside it. */
function edited() {
    showCount();
    $('#columns').classList.toggle('stale', last !== null);
    showCodeSoon();
}

/** The body of the request, as the form says. */
function body(model = $('#model').value) {
    const request = { query: query.value, documents: documents.get().filter((d) => d.trim() !== '') };
    if (model) request.model = model;
    if (Number(topN.value) < documents.get().length) request.top_n = Number(topN.value);
    if ($('#min-score').value !== '') request.min_score = Number($('#min-score').value);
    if ($('#long').value === 'refuse') request.truncation = false;
    if ($('#long').value === 'cut' && $('#max-length').value !== '') request.max_doc_length = Number($('#max-length').value);
    request.return_documents = $('#return-documents').checked;
    if ($('#spans').checked) request.return_spans = true;
    return { ...request, return_logits: true };
}

function state() {
    return { query: query.value, documents: documents.get(), top_n: Number(topN.value), min_score: $('#min-score').value,
        long: $('#long').value, max_length: $('#max-length').value, model: $('#model').value, compare: $('#compare').value,
        return_documents: $('#return-documents').checked, spans: $('#spans').checked, view };
}

function chooseModels() {
    for (const [id, name] of Object.entries(wished)) {
        if ([...$(`#${id}`).options].some((o) => o.value === name)) $(`#${id}`).value = name;
    }
}

function restore(saved) {
    query.value = saved.query ?? '';
    documents.set(Array.isArray(saved.documents) ? saved.documents.map(String) : []);
    topN.value = String(saved.top_n ?? documents.get().length);
    $('#min-score').value = saved.min_score ?? '';
    $('#long').value = saved.long ?? 'windows';
    $('#max-length').value = saved.max_length ?? '';
    $('#return-documents').checked = saved.return_documents ?? $('#return-documents').checked;
    $('#spans').checked = saved.spans ?? $('#spans').checked;
    wished = { model: saved.model, compare: saved.compare };
    chooseModels();
    setView(saved.view ?? 'list');
    showLength();
    showCount();
    showCode();
    grades.clear();
    last = null;
    $('#columns').classList.remove('stale');
    columns[1].clear();
    columns[0].clear(h('p', { class: 'hint' }, t('results-none')));
    $('#status').textContent = '';
    $('#judging').hidden = true;
}

function showLength() {
    const cut = $('#long').value === 'cut';
    $('#max-length').disabled = !cut;
    if (cut && $('#max-length').value === '') $('#max-length').value = '512';
}

/** Show an example and its answer; what was there comes back when asked to. */
function chooseExample(example) {
    const before = state();
    restore(example);
    toast(t(`example-${example.name}`), t('undo'), () => restore(before));
    rank();
}

// ---- ranking -------------------------------------------------------------------------------------

/** Rank what is on screen; quiet: nobody asked for it, so nothing is moved into sight. */
async function rank({ quiet = false } = {}) {
    const request = body();
    if (request.query.trim() === '') return complain(t('needs-query'), query);
    if (request.documents.length === 0) return complain(t('needs-documents'), $('#add'));
    const models = [$('#model').value, $('#compare').value].filter((m, i) => i === 0 || m !== '');
    const mine = run(new AbortController());
    $('#status').textContent = t('ranking');
    $('#status').classList.remove('bad');
    try {
        const answers = [];
        for (const model of models) answers.push(await call('POST', '/v1/rerank', body(model), { signal: mine.signal }));
        const tau = answers.length > 1 ? (await import('./quality.js')).agreement(...answers) : null;
        last = { request, answers, models, tau };
        await showAnswers();
        if (!quiet) showResults();
    } catch (mistake) {
        if (mistake.name !== 'AbortError') {
            waiting = mistake.status === 401 && !quiet;
            showMistake(mistake, quiet);
        } else if (running === mine) {
            $('#status').textContent = t('ranking-cancelled');
        }
    } finally {
        if (running === mine) run(null);
    }
}

/** Another ranking, or none, is under way; the one before ends. */
function run(other) {
    running?.abort();
    running = other;
    $('#answer').setAttribute('aria-busy', String(running !== null));
    $('#rank').textContent = running ? t('cancel') : t('rank');
    return running;
}

function complain(text, element, bad = true) {
    $('#status').textContent = text;
    $('#status').classList.toggle('bad', bad);
    element?.focus({ preventScroll: true });
    $('#status').scrollIntoView({ block: 'nearest' });
}

/** Say why something failed, and ask for the key that it needs. */
async function showMistake(mistake, quiet = false) {
    const element = quiet ? null : $('#rank');
    if (!(mistake instanceof Refused)) return complain(t('unreachable'), element);
    if (mistake.status === 401 && !key.get()) complain(t('key-needed'), element, false);
    else complain(t('refused', { status: String(mistake.status), detail: mistake.message })
        + (mistake.retryAfter ? ` ${t('retry-after', { n: Number(mistake.retryAfter) })}` : ''), element);
    if (mistake.status === 401 && !await askForKey(mistake)) waiting = false;
}

async function showAnswers() {
    const { request, answers, models, tau } = last, [a, b] = answers;
    const two = b !== undefined;
    $('#column-b').hidden = !two;
    $('#name-a').hidden = !two;
    $('#name-a').textContent = a.headers.get('x-winnow-model') ?? '';
    $('#name-b').textContent = b?.headers.get('x-winnow-model') ?? '';
    columns[0].show(request, a, { view, other: two && view === 'list' ? b : null });
    if (two) columns[1].show({ ...request, model: models[1] }, b, { view, other: view === 'list' ? a : null });
    if (a.body.results.length === 0) columns[0].clear(h('p', { class: 'hint' }, t('results-empty')));
    const s = stages(a.headers), usage = a.body.usage;
    $('#status').textContent = t('status', { ms: Math.round(a.ms), parse: s.parse ?? 0, tokenize: s.tokenize ?? 0, queue: s.queue ?? 0,
        compute: s.compute ?? 0, tokens: usage.total_tokens, cached: usage.cached_tokens ?? 0, model: a.headers.get('x-winnow-model') ?? '' })
        + (two ? ` ${t('tau', { tau })}` : '');
    $('#columns').classList.remove('stale');
    showCode();
    await judged();
}

/** Where the results stand below the request, as on a phone, go there. */
function showResults() {
    const { top, bottom } = $('#results-title').getBoundingClientRect();
    if (bottom < 0 || top > innerHeight / 2) $('#answer').scrollIntoView();
}

function setView(name) {
    view = name;
    $('#view-list').setAttribute('aria-pressed', String(view === 'list'));
    $('#view-moves').setAttribute('aria-pressed', String(view === 'moves'));
    if (last) showAnswers();
}

/** A mark was set, or there is another order to judge. */
async function judged() {
    judging ??= import('./judging.js').then(({ Judging }) => new Judging({ grades, restore, answered: () => last }));
    const part = await judging;
    if (last) part.show();
}

// ---- files ---------------------------------------------------------------------------------------

async function readFile(file) {
    const { upload } = await import('./upload.js');
    const found = await upload(file);
    if (found === null) return;
    if (found.query) query.value = found.query;
    documents.set(found.texts, { undo: true, say: t('loaded', { n: found.texts.length, name: file.name }) });
}

/** What a field for a file got. */
function takeFile({ target }) {
    const [file] = target.files;
    target.value = '';
    if (file) readFile(file);
}

// ---- code ----------------------------------------------------------------------------------------

function answerText({ headers, status, body: answer }) {
    return `HTTP ${status}\n${[...headers].map(([k, v]) => `${k}: ${v}`).join('\n')}\n\n${JSON.stringify(answer, null, 2)}`;
}

/** What a tab shows, with no more documents than that. */
function code(name = tab, most = Infinity) {
    if (name === 'answer') return last ? last.answers.map(answerText).join('\n\n') : t('no-answer');
    const request = body();
    return snippets[name]({ url: location.origin, key: key.get() !== '', model: $('#model').value || 'winnow',
        body: { ...request, documents: request.documents.slice(0, most) } });
}

function showCode() {
    const n = documents.get().length;
    $('#code').textContent = code(tab, SHOWN);
    $('#code-cut').textContent = t('code-cut', { n, shown: SHOWN });
    $('#code-cut').hidden = tab === 'answer' || n <= SHOWN;
    for (const button of $$('#tabs button')) {
        button.setAttribute('aria-selected', String(button.dataset.tab === tab));
        button.tabIndex = button.dataset.tab === tab ? 0 : -1;
    }
    $('#code').setAttribute('aria-labelledby', `tab-${tab}`);
}
const showCodeSoon = debounce(showCode, 150);

function buildTabs() {
    const names = [...Object.keys(snippets), 'answer'];
    const choose = (name) => { tab = name; showCode(); };
    $('#tabs').append(...names.map((name) => h('button', { type: 'button', role: 'tab', id: `tab-${name}`, data: { tab: name },
        'aria-controls': 'code', onclick: () => choose(name) }, t(`tab-${name}`))));
    $('#tabs').addEventListener('keydown', (e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (!step) return;
        choose(names[(names.indexOf(tab) + step + names.length) % names.length]);
        $(`#tab-${tab}`).focus();
    });
}

// ---- start ---------------------------------------------------------------------------------------

/** The request that was on this tab before it was loaded again, or null. */
function kept() {
    try {
        return JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
        return null; // it was too long to be kept whole
    }
}

/** The request of the address, which links have, or null. */
async function linked() {
    return location.hash.startsWith('#s=') ? (await import('./share.js')).fromFragment(location.hash) : null;
}

async function share() {
    const { toFragment } = await import('./share.js');
    history.replaceState(null, '', await toFragment(state()));
    await copy(location.href);
    toast(location.href.length > 8000 ? t('share-long', { n: location.href.length }) : t('share-copied'));
}

/** Offer the models; -> whether there are any for the key in use. */
async function showModels() {
    const { data, mistake } = await listing;
    if (mistake) {
        showMistake(mistake, true);
        return false;
    }
    const options = () => data.map((m) => h('option', { value: m.id }, m.id));
    $('#model').replaceChildren(...options());
    $('#compare').replaceChildren(h('option', { value: '' }, t('compare-none')), ...options());
    $('#compare').disabled = data.length < 2;
    $('#compare-hint').hidden = data.length > 1;
    chooseModels();
    showCode();
    $('#status').classList.remove('bad');
    $('#status').textContent = '';
    return true;
}

/** Another key: what does it offer, and what did it wait for? */
async function takeKey() {
    if (!key.get()) return;
    listing = list();
    if (!await showModels() || !waiting) return;
    waiting = false;
    await rank();
}

function listen() {
    $('#rank').addEventListener('click', () => (running ? running.abort() : rank()));
    $('#add').addEventListener('click', () => documents.add());
    $('#upload').addEventListener('click', () => $('#file').click());
    $('#file').addEventListener('change', takeFile);
    $('#clear').addEventListener('click', () => documents.set([''], { undo: true, say: t('cleared', { n: documents.get().length }) }));
    $('#view-list').addEventListener('click', () => setView('list'));
    $('#view-moves').addEventListener('click', () => setView('moves'));
    for (const [id, name] of [['copy', undefined], ['copy-curl', 'curl']]) {
        $(`#${id}`).addEventListener('click', async () => { await copy(code(name)); toast(t('copied')); });
    }
    $('#share').addEventListener('click', share);
    for (const id of ['top-n', 'min-score', 'long', 'max-length', 'model', 'compare', 'return-documents', 'spans']) {
        $(`#${id}`).addEventListener('input', () => { showLength(); edited(); });
    }
    query.addEventListener('input', edited);
    addEventListener('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) rank(); });
    addEventListener('winnow-key', takeKey);
    addEventListener('pagehide', () => sessionStorage.setItem(KEPT, JSON.stringify(state()).slice(0, 4e6)));
    const hasFiles = (e) => e.dataTransfer?.types.includes('Files');
    addEventListener('dragover', (e) => { if (hasFiles(e)) { e.preventDefault(); $('#documents').classList.add('over'); } });
    addEventListener('dragleave', () => $('#documents').classList.remove('over'));
    addEventListener('drop', (e) => {
        $('#documents').classList.remove('over');
        if (!hasFiles(e)) return;
        e.preventDefault();
        if (e.dataTransfer.files[0]) readFile(e.dataTransfer.files[0]);
    });
}

$('#gallery').append(...examples.map((example) => h('button', { type: 'button', onclick: () => chooseExample(example) }, t(`example-${example.name}`))));
buildTabs();
listen();
const own = await linked() ?? kept();
restore(own ?? examples[0]);
const usable = await showModels();
performance.mark('usable');
if (usable && own === null && !key.get()) await rank({ quiet: true }); // so that whoever comes for the first time sees what it is about
rest();
