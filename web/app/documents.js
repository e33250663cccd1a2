// The list of candidate documents.  Only the rows in view exist, so ten thousand are as quick as ten.
import { $, h, toast } from './dom.js';
import { t } from './strings.js';
import { lines, MOST_DOCUMENTS } from './text.js';

const ROW = 64; // pixels, as in playground.css
const AROUND = 6;

export class Documents {
    /** In a scrolling box; changed() is called after each change. */
    constructor(box, changed) {
        this.box = box;
        this.changed = changed;
        this.texts = [];
        this.rows = new Map(); // by place
        this.space = box.appendChild(h('ol', { class: 'rows' }));
        box.addEventListener('scroll', () => this.show(), { passive: true });
        new ResizeObserver(() => this.show()).observe(box);
        box.addEventListener('dragover', (e) => this.dragOver(e));
        box.addEventListener('drop', (e) => this.dropRow(e));
    }

    get() { return this.texts; }

    /** Put other documents in place, which can be undone when said so; of none, an empty one to write in. */
    set(texts, { undo = false, say } = {}) {
        const before = this.texts;
        const many = texts.length > MOST_DOCUMENTS;
        this.texts = many ? texts.slice(0, MOST_DOCUMENTS) : texts.length > 0 ? [...texts] : [''];
        this.redraw();
        this.changed();
        if (many) say = t('documents-too-many', { n: texts.length, most: MOST_DOCUMENTS });
        if (undo || many) toast(say, t('undo'), () => this.set(before));
    }

    redraw() {
        for (const row of this.rows.values()) row.remove();
        this.rows.clear();
        this.space.style.height = `${this.texts.length * ROW}px`;
        this.show();
    }

    show() {
        const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - AROUND);
        const last = Math.min(this.texts.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + AROUND);
        for (const [i, row] of this.rows) {
            if ((i < first || i >= last) && !row.contains(document.activeElement)) {
                row.remove();
                this.rows.delete(i);
            }
        }
        for (let i = first; i < last; i++) if (!this.rows.has(i)) this.addRow(i);
    }

    addRow(i) {
        const area = h('textarea', {
            'aria-label': t('document-n', { n: i + 1 }), dir: 'auto', spellcheck: 'false', value: this.texts[i],
            oninput: () => { this.texts[i] = area.value; this.changed(); },
            onpaste: (e) => this.paste(e, i),
            onkeydown: (e) => this.keyDown(e, i),
        });
        const row = h('li', { class: 'row', 'aria-setsize': this.texts.length, 'aria-posinset': i + 1, style: { top: `${i * ROW}px` } },
            h('span', { class: 'grip', draggable: 'true', title: t('document-drag'),
                ondragstart: (e) => { this.dragged = i; e.dataTransfer.setData('text/x-winnow-row', String(i)); e.dataTransfer.effectAllowed = 'move'; } },
            String(i + 1)),
            area,
            h('button', { type: 'button', class: 'icon', 'aria-label': t('document-remove', { n: i + 1 }), title: t('document-remove', { n: i + 1 }),
                onclick: () => this.remove(i) }, '×'));
        this.rows.set(i, row);
        const after = [...this.rows.keys()].filter((k) => k > i).sort((a, b) => a - b)[0];
        this.space.insertBefore(row, after === undefined ? null : this.rows.get(after));
    }

    focus(i) {
        const top = i * ROW;
        if (top < this.box.scrollTop || top + ROW > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top - ROW;
        this.show();
        $('textarea', this.rows.get(i))?.focus();
    }

    add(text = '') {
        this.texts.push(text);
        this.redraw();
        this.changed();
        this.focus(this.texts.length - 1);
    }

    remove(i) {
        const before = [...this.texts];
        this.set(this.texts.toSpliced(i, 1));
        toast(t('document-removed', { n: i + 1 }), t('undo'), () => this.set(before));
        this.focus(Math.min(i, this.texts.length - 1));
    }

    move(from, to) {
        if (to < 0 || to >= this.texts.length || from === to) return;
        const [text] = this.texts.splice(from, 1);
        this.texts.splice(to, 0, text);
        this.redraw();
        this.changed();
        this.focus(to);
    }

    keyDown(e, i) {
        if (e.altKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) {
            e.preventDefault();
            this.move(i, i + (e.key === 'ArrowUp' ? -1 : 1));
        }
    }

    /** Many lines in an empty document become many documents; elsewhere they are text. */
    paste(e, i) {
        const text = e.clipboardData.getData('text/plain'), found = lines(text), before = this.texts;
        if (found.length < 2 || before[i].trim() !== '') return;
        e.preventDefault();
        this.set(before.toSpliced(i, 1, ...found));
        if (before.length - 1 + found.length > MOST_DOCUMENTS) return; // which is told already
        toast(t('lines-pasted', { n: found.length }), t('lines-as-one'), () => this.set(before.toSpliced(i, 1, text.trim())));
    }

    dragOver(e) {
        if (e.dataTransfer.types.includes('text/x-winnow-row')) e.preventDefault();
    }

    dropRow(e) {
        if (!e.dataTransfer.types.includes('text/x-winnow-row')) return;
        e.preventDefault();
        const y = e.clientY - this.box.getBoundingClientRect().top + this.box.scrollTop;
        this.move(this.dragged, Math.min(this.texts.length - 1, Math.max(0, Math.floor(y / ROW))));
    }
}
