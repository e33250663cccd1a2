// What the parts of the dashboard share: problems in words, tables, questions.
import { Refused } from './api.js';
import { h, toast } from './dom.js';
import { language, number, t } from './strings.js';

/** Why a call failed. */
export function reason(mistake) {
    if (!(mistake instanceof Refused)) {
        if (mistake instanceof TypeError) return t('unreachable');
        throw mistake;
    }
    const again = mistake.retryAfter ? ` ${t('retry-after', { n: Number(mistake.retryAfter) })}` : '';
    return t('refused', { status: String(mistake.status), detail: mistake.message }) + again;
}

/** Do it; what goes wrong is said.  -> what f() gives, or undefined. */
export async function attempt(f, say = toast) {
    try {
        return await f();
    } catch (mistake) {
        say(reason(mistake));
        return undefined;
    }
}

/** What people call a key; those of the command line have an id and no name. */
export function label({ id, name }) {
    if (/^static\d+$/.test(id)) return t('board-key-of-command-line', { id });
    return name && name !== id ? `${name} (${id})` : id;
}

const stamp = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
const dayOnly = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' });

export const time = (unix) => (unix ? stamp.format(unix * 1000) : t('board-never'));
/** The day from which a key holds no longer. */
export const day = (unix) => (unix ? dayOnly.format(unix * 1000) : t('board-no-end'));

/** 1234567 bytes in words. */
export function bytes(n) {
    if (Number.isNaN(n)) return '–';
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
    let unit = 0;
    for (; n >= 1000 && unit + 1 < units.length; unit++) n /= 1000;
    return number(n, { style: 'unit', unit: units[unit], maximumFractionDigits: n < 100 && unit > 0 ? 1 : 0 });
}

/** A table in a box that scrolls; heads: ['text', {text, number: true}], rows: [[cell, ...]], cells are texts or elements. */
export function table(name, heads, rows, empty = t('board-nothing')) {
    const numeric = heads.map((head) => head.number);
    const headOf = (head, i) => h('th', { scope: 'col', class: numeric[i] && 'number' }, head.text ?? head);
    return h('div', { class: 'scroll', role: 'group', tabindex: 0, 'aria-label': name },
        h('table', {}, h('caption', {}, name),
            h('thead', {}, h('tr', {}, heads.map(headOf))),
            h('tbody', {}, rows.length === 0 ? h('tr', {}, h('td', { colspan: heads.length }, empty))
                : rows.map((row) => h('tr', {}, row.map((cell, i) => h(i === 0 ? 'th' : 'td',
                    { scope: i === 0 && 'row', class: numeric[i] ? 'number' : heads[i].wrap && 'wrap' }, cell)))))));
}

/** Put a newer table in the place of one, whose box keeps the focus and where it was scrolled to. */
export function renew(box, name, heads, rows, empty) {
    const made = table(name, heads, rows, empty);
    if (box.firstChild?.className === 'scroll') box.firstChild.replaceChildren(...made.childNodes);
    else box.replaceChildren(made);
}

/** A dialog with a title; -> {box, close}: what it contains is added by the caller, closed() is called once it goes. */
export function dialog(title, closed = () => {}) {
    const back = document.activeElement;
    const id = 'dialog-title';
    const box = h('dialog', { 'aria-labelledby': id }, h('h2', { id }, title));
    box.addEventListener('close', () => {
        box.remove();
        if (back?.isConnected) back.focus();
        closed();
    });
    document.body.append(box);
    return { box, close: () => box.close() };
}

/** Ask before something that cannot be undone; -> whether it is wanted. */
export function sure(title, text, verb) {
    return new Promise((done) => {
        let yes = false;
        const { box, close } = dialog(title, () => done(yes));
        const no = h('button', { type: 'button', onclick: close }, t('cancel'));
        box.append(h('p', {}, text), h('div', { class: 'buttons' }, no,
            h('button', { type: 'button', class: 'danger', onclick: () => { yes = true; close(); } }, verb)));
        box.showModal();
        no.focus();
    });
}
