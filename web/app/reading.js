// What the pages share that are read: tables, what to say when something is refused, sizes.
import { Refused } from './api.js';
import { $, h } from './dom.js';
import { number, t } from './strings.js';

/** A table that scrolls by itself where it is too wide: head and rows of cells, the first of a row its title; {right: text}: a figure. */
export function table(name, head, rows) {
    const cell = (tag, content, more) => h(tag, { class: content?.right !== undefined && 'right', ...more }, content?.right ?? content);
    return h('div', { class: 'scroll', role: 'group', tabindex: 0, 'aria-label': name }, h('table', {},
        head && h('thead', {}, h('tr', {}, head.map((content) => cell('th', content, { scope: 'col' })))),
        h('tbody', {}, rows.map(([first, ...rest]) =>
            h('tr', {}, cell('th', first, { scope: 'row' }), rest.map((content) => cell('td', content)))))));
}

/** Bytes in words. */
export function size(bytes) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    for (; bytes >= 1000 && i < units.length - 1; i++) bytes /= 1000;
    return `${number(bytes, bytes < 100 && i > 0 ? 1 : 0)} ${units[i]}`;
}

/** Put a line in the page's place for it. */
export function say(text, bad = false) {
    $('#status').textContent = text;
    $('#status').classList.toggle('bad', bad);
}

/** Why something failed. */
export function words(mistake) {
    return mistake instanceof Refused ? t('refused', { status: String(mistake.status), detail: mistake.message }) : t('unreachable');
}

/** Say why something failed. */
export function complain(mistake) {
    say(words(mistake), true);
}
