// The order that came back: scores, moves, the text that matched, and why.
import { call } from './api.js';
import { h, moving, s, toast } from './dom.js';
import { language, number, t } from './strings.js';
import { guessLanguage, placesOfBytes } from './text.js';

const AT_ONCE = 100;
const SCORE = { minimumFractionDigits: 4, maximumFractionDigits: 4 };

const languages = new Intl.DisplayNames([language], { type: 'language' });

/** A text with a marked part, [start, end) in bytes of UTF-8. */
function marked(text, range) {
    if (!range) return [text];
    const [start, end] = placesOfBytes(text, [range.start, range.end]);
    if (start === 0 && end >= text.length - 1) return [text]; // all of it says nothing
    return [text.slice(0, start), h('mark', {}, text.slice(start, end)), text.slice(end)];
}

/** A text whose words are the darker the more they count. */
function heat(text, explain) {
    const most = Math.max(...explain.tokens.map((w) => Math.abs(w.weight)), 1e-9);
    const places = placesOfBytes(text, explain.tokens.flatMap((w) => [w.start, w.end]));
    const parts = [];
    let at = 0;
    explain.tokens.forEach((word, i) => {
        const [start, end] = [places[2 * i], places[2 * i + 1]];
        if (start < at) return;
        const part = Math.abs(word.weight) / most;
        const title = `${number(word.weight)}${word.query ? ` ← ${word.query.join(', ')}` : ''}`;
        parts.push(text.slice(at, start),
            h('span', { class: word.weight < 0 ? 'heat against' : 'heat', title, style: { '--part': part.toFixed(3) } }, text.slice(start, end)));
        at = end;
    });
    return [...parts, text.slice(at)];
}

function moveBadge(from, to) {
    const up = from - to;
    const words = up === 0 ? t('move-none') : t('move-from', { n: from + 1 });
    return h('span', { class: up > 0 ? 'move up' : up < 0 ? 'move down' : 'move', role: 'img', 'aria-label': words, title: words },
        up === 0 ? '=' : `${up > 0 ? '▲' : '▼'} ${Math.abs(up)}`);
}

export class Results {
    /** options: {grades: Map text -> grade, judged(): after a change of them}. */
    constructor(box, { grades, judged }) {
        this.box = box;
        this.grades = grades;
        this.judged = judged;
    }

    /** request: what was sent, with its documents; answer: of api.call(). */
    show(request, answer, { view = 'list', other = null } = {}) {
        this.request = request;
        const results = answer.body.results;
        if (view === 'moves') return this.showMoves(request, results);
        const list = this.box.querySelector('ol.results') ?? h('ol', { class: 'results' });
        const places = other && new Map(other.body.results.map((r, i) => [r.index, i]));
        const cards = results.slice(0, AT_ONCE).map((r, place) => this.card(r, place, places));
        const rest = results.slice(AT_ONCE);
        moving(list, (card) => card.querySelector('.text').textContent, () => {
            list.replaceChildren(...cards);
            if (!list.isConnected) this.box.replaceChildren(list);
        });
        this.box.querySelector('.more')?.remove();
        if (rest.length > 0) this.box.append(this.moreButton(list, rest, AT_ONCE, places));
    }

    moreButton(list, rest, place, places) {
        const button = h('button', { type: 'button', class: 'more', onclick: () => {
            list.append(...rest.slice(0, AT_ONCE).map((r, i) => this.card(r, place + i, places)));
            button.remove();
            if (rest.length > AT_ONCE) this.box.append(this.moreButton(list, rest.slice(AT_ONCE), place + AT_ONCE, places));
        } }, t('results-more', { n: rest.length }));
        return button;
    }

    card(result, place, places) {
        const text = this.request.documents[result.index];
        const guess = guessLanguage(text), isCode = guess === 'code';
        const score = result.relevance_score ?? 0, scored = result.scored !== false;
        const body = h('p', { class: isCode ? 'text code' : 'text', dir: 'auto', lang: guess && !isCode ? guess : undefined },
            marked(text, result.sentence ?? result.span));
        const why = h('button', { type: 'button', class: 'link', 'aria-expanded': 'false', onclick: () => this.explain(result.index, body, why, result) }, t('why'));
        const differs = places && places.get(result.index) !== place;
        const grade = h('button', { type: 'button', class: 'link grade', 'aria-pressed': String((this.grades.get(text) ?? 0) > 0),
            onclick: () => {
                const next = (this.grades.get(text) ?? 0) > 0 ? 0 : 1;
                this.grades.set(text, next);
                grade.setAttribute('aria-pressed', String(next > 0));
                this.judged();
            } }, t('relevant'));
        return h('li', { class: differs ? 'card differs' : 'card', data: { index: result.index } },
            h('div', { class: 'head' },
                h('span', { class: 'place' }, String(place + 1)), moveBadge(result.index, place),
                h('span', { class: 'bar', style: { '--share': scored ? Math.max(0, Math.min(1, score)).toFixed(4) : '0' } },
                    h('span', { class: 'fill' })),
                h('span', { class: 'score' }, scored ? number(score, SCORE) : t('not-scored')),
                result.logit !== undefined && h('span', { class: 'logit', title: t('logit') }, number(result.logit, SCORE)),
                h('span', { class: 'tag', title: t('language-guess') }, isCode ? t('language-code') : guess ? languages.of(guess) : '')),
            body, h('div', { class: 'acts' }, grade, why));
    }

    async explain(index, body, button, result) {
        const text = this.request.documents[index];
        if (button.getAttribute('aria-expanded') === 'true') {
            button.setAttribute('aria-expanded', 'false');
            body.replaceChildren(...marked(text, result.sentence ?? result.span));
            body.parentElement.querySelector('.legend')?.remove();
            return;
        }
        button.disabled = true;
        try {
            const { min_score: _, ...request } = this.request;
            const answer = await call('POST', '/v1/rerank', { ...request, documents: [text], explain: true, top_n: 1 });
            const explain = answer.body.results[0].explain;
            button.setAttribute('aria-expanded', 'true');
            if (!explain) return void toast(t('no-explanation'));
            body.replaceChildren(...heat(text, explain));
            body.after(h('p', { class: 'legend' }, t(`explain-${explain.method}`),
                explain.special !== undefined && ` ${t('explain-special', { weight: explain.special })}`));
        } catch (mistake) {
            toast(mistake.message);
        } finally {
            button.disabled = false;
        }
    }

    /** The order before beside the order after, with a line from each place to the other. */
    showMoves(request, results) {
        const row = 46, n = Math.min(AT_ONCE, Math.max(request.documents.length, results.length));
        const line = (r, place) => {
            const y = (i) => (i + 0.5) * row, up = r.index - place;
            return s('path', { d: `M0 ${y(r.index)} C40 ${y(r.index)} 60 ${y(place)} 100 ${y(place)}`, class: up > 0 ? 'up' : up < 0 ? 'down' : 'same' });
        };
        const item = (text, note) => h('li', { style: { height: `${row}px` } }, h('span', { class: 'place' }, note), h('span', { class: 'one-line', dir: 'auto', title: text }, text));
        this.box.replaceChildren(h('div', { class: 'moves' },
            h('div', {}, h('h3', {}, t('before')), h('ol', {}, request.documents.slice(0, AT_ONCE).map((d, i) => item(d, String(i + 1))))),
            s('svg', { viewBox: `0 0 100 ${n * row}`, preserveAspectRatio: 'none', width: 100, height: n * row, 'aria-hidden': 'true' },
                results.slice(0, AT_ONCE).flatMap((r, place) => (r.index < AT_ONCE ? [line(r, place)] : []))),
            h('div', {}, h('h3', {}, t('after')), h('ol', {}, results.slice(0, AT_ONCE).map((r, i) => item(request.documents[r.index], String(i + 1)))))));
    }

    clear(...content) {
        this.box.replaceChildren(...content);
    }
}
