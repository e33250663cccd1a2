// The playground: a request on the left, its answer on the right, both as code below.
import { call, key, Refused, stages } from './api.js';
import { $, $$, copy, debounce, download, h, toast } from './dom.js';
import { Documents } from './documents.js';
import { examples } from './examples.js';
import { FileMistake, fromColumns, read, tar } from './files.js';
import { mrr, ndcg, tau } from './quality.js';
import { Results } from './results.js';
import { fromFragment, toFragment } from './share.js';
import { askForKey, begin } from './shell.js';
import { snippets } from './snippets.js';
import { number, t } from './strings.js';

const MOST_FILE_BYTES = 64e6;
const SHOWN = 50; // documents in the code

begin();

const query = $('#query'), topN = $('#top-n');
const grades = new Map(); // text -> grade, of the query on screen
let judged = JSON.parse(localStorage.getItem('winnow-judgements') ?? '[]'); // [{query, documents, grades}]
let view = 'list', tab = 'curl', running = null;
let last = null; // {request, answers: [a, b?], models: [a, b?]}
let wished = {}; // {model, compare}, before it is known which there are

const documents = new Documents($('#documents'), edited);
const columns = [new Results($('#results-a'), { grades, judged: showQuality }), new Results($('#results-b'), { grades, judged: showQuality })];

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

async function rank() {
    const request = body();
    if (request.query.trim() === '') return complain(t('needs-query'), query);
    if (request.documents.length === 0) return complain(t('needs-documents'), $('#add'));
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const models = [$('#model').value, $('#compare').value].filter((m, i) => i === 0 || m !== '');
    $('#status').textContent = t('ranking');
    $('#status').classList.remove('bad');
    $('#rank').disabled = true;
    try {
        const answers = [];
        for (const model of models) answers.push(await call('POST', '/v1/rerank', body(model), { signal }));
        last = { request, answers, models };
        showAnswers();
    } catch (mistake) {
        if (mistake.name !== 'AbortError') await showMistake(mistake);
    } finally {
        $('#rank').disabled = false;
    }
}

function complain(text, element) {
    $('#status').textContent = text;
    $('#status').classList.add('bad');
    element.focus({ preventScroll: true });
    $('#status').scrollIntoView({ block: 'nearest' });
}

async function showMistake(mistake) {
    if (!(mistake instanceof Refused)) return complain(t('unreachable'), $('#rank'));
    complain(t('refused', { status: String(mistake.status), detail: mistake.message })
        + (mistake.retryAfter ? ` ${t('retry-after', { n: Number(mistake.retryAfter) })}` : ''), $('#rank'));
    if (mistake.status === 401 && await askForKey(mistake.message)) return start();
}

function showAnswers() {
    const { request, answers, models } = last, [a, b] = answers;
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
        + (two ? ` ${t('tau', { tau: number(agreement(a, b)) })}` : '');
    $('#judging').hidden = false;
    $('#columns').classList.remove('stale');
    showQuality();
    showCode();
}

/** Of the documents that both answers score. */
function agreement(a, b) {
    const scores = new Map(b.body.results.map((r) => [r.index, r.relevance_score]));
    const both = a.body.results.filter((r) => scores.has(r.index));
    return tau(both.map((r) => r.relevance_score), both.map((r) => scores.get(r.index)));
}

function setView(name) {
    view = name;
    $('#view-list').setAttribute('aria-pressed', String(view === 'list'));
    $('#view-moves').setAttribute('aria-pressed', String(view === 'moves'));
    if (last) showAnswers();
}

// ---- judgements ----------------------------------------------------------------------------------

function showQuality() {
    if (!last) return;
    const grade = (text) => grades.get(text) ?? 0;
    const given = last.request.documents.map(grade);
    const order = last.answers[0].body.results.map((r) => given[r.index]);
    const value = (x) => (Number.isNaN(x) ? '–' : number(x));
    $('#quality').textContent = t('quality', { ndcg: value(ndcg(order, given)), before: value(ndcg(given)), mrr: value(mrr(order)), kept: judged.length });
}

function keepJudgement() {
    const kept = last.request.documents.map((d) => grades.get(d) ?? 0);
    if (!kept.some((g) => g > 0)) return toast(t('judgement-none'));
    judged = [...judged.filter((j) => j.query !== last.request.query), { query: last.request.query, documents: last.request.documents, grades: kept }];
    localStorage.setItem('winnow-judgements', JSON.stringify(judged));
    toast(t('judgement-kept'));
    showQuality();
}

/** The four files that `winnow eval` reads, as an archive with a folder. */
function exportJudgements() {
    if (judged.length === 0) return toast(t('judgement-none'));
    const plain = (text) => text.replace(/\s+/g, ' ').trim();
    const ids = new Map(); // text -> id
    const queries = [], qrels = [], candidates = [];
    judged.forEach((j, q) => {
        queries.push(`q${q + 1}\t-\t${plain(j.query)}`);
        const own = j.documents.map((d) => {
            if (!ids.has(d)) ids.set(d, `d${ids.size + 1}`);
            return ids.get(d);
        });
        const once = [...new Set(own)];
        for (const id of once) {
            const grade = Math.max(...j.grades.filter((_, i) => own[i] === id));
            if (grade > 0) qrels.push(`q${q + 1}\t${id}\t${grade}`);
        }
        candidates.push(JSON.stringify({ qid: `q${q + 1}`, cands: once }));
    });
    const docs = [...ids].map(([text, id]) => `${id}\t-\t${plain(text)}`);
    const file = (rows) => rows.join('\n') + '\n';
    download('judgements.tar', tar([['judgements/queries.tsv', file(queries)], ['judgements/docs.tsv', file(docs)],
        ['judgements/qrels.tsv', file(qrels)], ['judgements/candidates.jsonl', file(candidates)]]), 'application/x-tar');
}

async function loadJudgements(file) {
    try {
        const list = JSON.parse(await file.text());
        if (!Array.isArray(list) || !list.every((j) => typeof j.query === 'string' && Array.isArray(j.documents) && Array.isArray(j.grades))) throw new FileMistake('no-list');
        judged = list;
        localStorage.setItem('winnow-judgements', JSON.stringify(judged));
        toast(t('judgement-loaded', { n: judged.length }));
        if (judged.length > 0) {
            restore(judged[0]);
            judged[0].documents.forEach((d, i) => grades.set(d, judged[0].grades[i]));
        }
    } catch (mistake) {
        toast(mistake instanceof FileMistake ? t(`file-${mistake.key}`, mistake.values) : t('file-json', { reason: mistake.message }));
    }
}

// ---- files ---------------------------------------------------------------------------------------

async function readFile(file) {
    if (file.size > MOST_FILE_BYTES) return toast(t('file-too-big', { name: file.name, n: file.size / 1e6, most: MOST_FILE_BYTES / 1e6 }));
    try {
        const found = read(file.name, await file.text());
        const texts = found.texts ?? await chooseColumns(file.name, found);
        if (texts === null) return;
        if (texts.length === 0) throw new FileMistake('empty', { name: file.name });
        if (found.query) query.value = found.query;
        documents.set(texts, { undo: true, say: t('loaded', { n: texts.length, name: file.name }) });
    } catch (mistake) {
        if (!(mistake instanceof FileMistake)) throw mistake;
        toast(t(`file-${mistake.key}`, mistake.values));
    }
}

/** -> texts, or null when nothing was chosen. */
function chooseColumns(name, table) {
    if (table.columns.length === 1) return fromColumns(table, table.columns);
    const usual = table.columns.find((c) => /^(text|content|body|document|passage|description)$/i.test(c)) ?? table.columns[0];
    return new Promise((done) => {
        const close = (value) => { box.close(); box.remove(); done(value); };
        const choices = table.columns.map((c, i) => h('label', {}, h('input', { type: 'checkbox', value: c, checked: c === usual }),
            h('span', {}, c), h('span', { class: 'sample' }, (table.rows[0]?.[i] ?? '').slice(0, 80))));
        const use = () => {
            const chosen = $$('input:checked', box).map((e) => e.value);
            if (chosen.length > 0) close(fromColumns(table, chosen));
        };
        const box = h('dialog', { 'aria-labelledby': 'choose-title', oncancel: () => close(null) },
            h('h2', { id: 'choose-title' }, t('choose-columns')), h('p', {}, t('choose-help', { name, n: table.rows.length })),
            h('div', { class: 'choices' }, choices),
            h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => close(null) }, t('cancel')),
                h('button', { type: 'button', class: 'main', onclick: use }, t('use'))));
        document.body.append(box);
        box.showModal();
    });
}

// ---- code ----------------------------------------------------------------------------------------

function answerText({ headers, status, body: answer }) {
    return `HTTP ${status}\n${[...headers].map(([k, v]) => `${k}: ${v}`).join('\n')}\n\n${JSON.stringify(answer, null, 2)}`;
}

/** What the tab shows, with no more documents than that. */
function code(most = Infinity) {
    if (tab === 'answer') return last ? last.answers.map(answerText).join('\n\n') : t('no-answer');
    const request = body();
    return snippets[tab]({ url: location.origin, key: key.get() !== '', model: $('#model').value || 'winnow',
        body: { ...request, documents: request.documents.slice(0, most) } });
}

function showCode() {
    const n = documents.get().length;
    $('#code').textContent = code(SHOWN);
    $('#code-cut').textContent = t('code-cut', { n, shown: SHOWN });
    $('#code-cut').hidden = tab === 'answer' || n <= SHOWN;
    for (const button of $$('#tabs button')) {
        button.setAttribute('aria-selected', String(button.dataset.tab === tab));
        button.tabIndex = button.dataset.tab === tab ? 0 : -1;
    }
}
const showCodeSoon = debounce(showCode, 150);

function buildTabs() {
    const names = [...Object.keys(snippets), 'answer'];
    const choose = (name) => { tab = name; showCode(); };
    $('#tabs').append(...names.map((name) => h('button', { type: 'button', role: 'tab', data: { tab: name }, 'aria-controls': 'code', onclick: () => choose(name) }, t(`tab-${name}`))));
    $('#tabs').addEventListener('keydown', (e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (!step) return;
        choose(names[(names.indexOf(tab) + step + names.length) % names.length]);
        $(`#tabs [data-tab="${tab}"]`).focus();
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

async function start() {
    try {
        const { body: list } = await call('GET', '/v1/models');
        const options = () => list.data.map((m) => h('option', { value: m.id }, m.id));
        $('#model').replaceChildren(...options());
        $('#compare').replaceChildren(h('option', { value: '' }, t('compare-none')), ...options());
        $('#compare').disabled = list.data.length < 2;
        $('#compare').title = list.data.length < 2 ? t('compare-hint') : '';
        chooseModels();
        showCode();
        $('#status').classList.remove('bad');
        $('#status').textContent = '';
    } catch (mistake) {
        await showMistake(mistake);
    }
}

function listen() {
    $('#rank').addEventListener('click', rank);
    $('#add').addEventListener('click', () => documents.add());
    $('#upload').addEventListener('click', () => $('#file').click());
    $('#file').addEventListener('change', (e) => { if (e.target.files[0]) readFile(e.target.files[0]); e.target.value = ''; });
    $('#clear').addEventListener('click', () => documents.set([''], { undo: true, say: t('cleared', { n: documents.get().length }) }));
    $('#view-list').addEventListener('click', () => setView('list'));
    $('#view-moves').addEventListener('click', () => setView('moves'));
    $('#copy').addEventListener('click', async () => { await copy(code()); toast(t('copied')); });
    $('#share').addEventListener('click', async () => {
        history.replaceState(null, '', await toFragment(state()));
        await copy(location.href);
        toast(location.href.length > 8000 ? t('share-long', { n: location.href.length }) : t('share-copied'));
    });
    $('#judgement-keep').addEventListener('click', keepJudgement);
    $('#judgement-export').addEventListener('click', exportJudgements);
    $('#judgement-save').addEventListener('click', () => download('judgements.json', JSON.stringify(judged, null, 1), 'application/json'));
    $('#judgement-load').addEventListener('click', () => $('#judgement-file').click());
    $('#judgement-file').addEventListener('change', (e) => { if (e.target.files[0]) loadJudgements(e.target.files[0]); e.target.value = ''; });
    for (const id of ['top-n', 'min-score', 'long', 'max-length', 'model', 'return-documents', 'spans']) {
        $(`#${id}`).addEventListener('input', () => { showLength(); edited(); });
    }
    query.addEventListener('input', edited);
    addEventListener('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) rank(); });
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
const KEPT = 'winnow-request';
addEventListener('pagehide', () => sessionStorage.setItem(KEPT, JSON.stringify(state()).slice(0, 4e6)));
restore(await fromFragment(location.hash) ?? kept() ?? examples[0]);
await start();
document.documentElement.dataset.ready = 'yes';
