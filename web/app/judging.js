// What people think of an order: marks of documents, the figures that follow, and files of them.
import { $, download, toast } from './dom.js';
import { mrr, ndcg } from './quality.js';
import { number, t } from './strings.js';

const KEPT = 'winnow-judgements';

export class Judging {
    /** grades: Map text -> grade, of the query on screen; answered(): {request, answers} on screen; restore(request): bring one back. */
    constructor({ grades, answered, restore }) {
        Object.assign(this, { grades, answered, restore });
        this.judged = JSON.parse(localStorage.getItem(KEPT) ?? '[]'); // [{query, documents, grades}]
        const file = $('#judgement-file');
        $('#judgement-keep').addEventListener('click', () => this.keep());
        $('#judgement-export').addEventListener('click', () => this.export());
        $('#judgement-save').addEventListener('click', () => this.save());
        $('#judgement-load').addEventListener('click', () => file.click());
        file.addEventListener('change', () => { if (file.files[0]) this.load(file.files[0]); file.value = ''; });
    }

    grade(text) { return this.grades.get(text) ?? 0; }

    /** Show how good the order on screen is, once something is judged. */
    show() {
        const { request, answers } = this.answered();
        const given = request.documents.map((d) => this.grade(d));
        const order = answers[0].body.results.map((r) => given[r.index]);
        const value = (x) => (Number.isNaN(x) ? '–' : number(x));
        const any = given.some((g) => g > 0) || this.judged.length > 0;
        $('#quality').textContent = any ? t('quality', { ndcg: value(ndcg(order, given)), before: value(ndcg(given)),
            mrr: value(mrr(order)), kept: this.judged.length }) : t('judgement-how');
        $('#judging').hidden = false;
    }

    remember(judged) {
        this.judged = judged;
        localStorage.setItem(KEPT, JSON.stringify(judged));
    }

    keep() {
        const { query, documents } = this.answered().request, grades = documents.map((d) => this.grade(d));
        if (!grades.some((g) => g > 0)) return toast(t('judgement-none'));
        this.remember([...this.judged.filter((j) => j.query !== query), { query, documents, grades }]);
        toast(t('judgement-kept'));
        this.show();
    }

    save() { download('judgements.json', JSON.stringify(this.judged, null, 1), 'application/json'); }

    export() {
        if (this.judged.length === 0) return toast(t('judgement-none'));
        download('judgements.tar', tar(evalSet(this.judged)), 'application/x-tar');
    }

    async load(file) {
        let list;
        try {
            list = JSON.parse(await file.text());
        } catch (mistake) {
            return toast(t('file-json', { reason: mistake.message }));
        }
        const whole = (j) => typeof j?.query === 'string' && Array.isArray(j.documents) && Array.isArray(j.grades);
        if (!Array.isArray(list) || !list.every(whole)) return toast(t('file-no-list'));
        this.remember(list);
        toast(t('judgement-loaded', { n: list.length }));
        if (list.length === 0) return;
        this.restore(list[0]);
        list[0].documents.forEach((d, i) => this.grades.set(d, list[0].grades[i]));
    }
}

/** The four files that `winnow eval` reads: [[name, text]]. */
function evalSet(judged) {
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
    return [['judgements/queries.tsv', file(queries)], ['judgements/docs.tsv', file(docs)],
        ['judgements/qrels.tsv', file(qrels)], ['judgements/candidates.jsonl', file(candidates)]];
}

/** A tar archive of [name, text] files. */
function tar(files) {
    const encoder = new TextEncoder(), parts = [];
    for (const [name, text] of files) {
        const bytes = encoder.encode(text), head = new Uint8Array(512);
        const put = (at, value) => head.set(encoder.encode(value), at);
        put(0, name);
        put(100, '0000644\0' + '0000000\0' + '0000000\0');
        put(124, bytes.length.toString(8).padStart(11, '0') + '\0' + '00000000000\0' + '        0');
        put(257, 'ustar\0' + '00');
        const sum = head.reduce((a, b) => a + b, 0);
        put(148, sum.toString(8).padStart(6, '0') + '\0 ');
        parts.push(head, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
    }
    parts.push(new Uint8Array(1024));
    return new Blob(parts);
}
