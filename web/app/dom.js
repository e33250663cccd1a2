// Elements from data.  Markup is never parsed: a text from anyone stays a text.

/** An element: h('a', {href: '/', class: 'x', onclick: f, data: {id: 1}}, 'text', child, [more]). */
export function h(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    set(element, attributes);
    element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return element;
}

/** The same for SVG. */
export function s(name, attributes = {}, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    set(element, attributes);
    element.append(...children.flat(Infinity));
    return element;
}

function set(element, attributes) {
    for (const [key, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) continue;
        if (key === 'data') Object.assign(element.dataset, value);
        else if (key === 'style') for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
        else if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
        else if (key === 'value' || key === 'checked' || key === 'disabled') element[key] = value;
        else element.setAttribute(key, value === true ? '' : value);
    }
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Call f once the calls have stopped for ms. */
export function debounce(f, ms) {
    let timer;
    return (...args) => {
        clearTimeout(timer);
        timer = setTimeout(() => f(...args), ms);
    };
}

let shortcut = new AbortController(); // of the line at the bottom

/** A line at the bottom that goes by itself unless somebody is at it.  With an action it can be pressed, and Ctrl + Z does the same until
 * something is typed. */
export function toast(text, action, run) {
    const box = $('#toasts') ?? document.body.appendChild(h('div', { id: 'toasts', role: 'status' }));
    const line = h('div', { class: 'toast' }, h('span', {}, text));
    const ms = action ? 8000 : 4000;
    const go = () => {
        if (line.matches(':hover, :focus-within')) return void setTimeout(go, ms);
        line.remove();
        if (box.childElementCount === 0) shortcut.abort();
    };
    shortcut.abort();
    if (action) {
        const act = () => { line.remove(); shortcut.abort(); run(); };
        shortcut = new AbortController();
        const { signal } = shortcut;
        line.append(h('button', { type: 'button', class: 'link', 'aria-keyshortcuts': 'Control+Z', onclick: act }, action));
        addEventListener('input', () => shortcut.abort(), { signal });
        addEventListener('keydown', (e) => {
            if (e.key.toLowerCase() !== 'z' || e.shiftKey || !(e.ctrlKey || e.metaKey)) return;
            e.preventDefault();
            act();
        }, { signal });
    }
    box.replaceChildren(line);
    setTimeout(go, ms);
}

/** Offer a file for download. */
export function download(name, bytes, type) {
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    h('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Let the children of a list move from where those of the same key were, unless motion is unwanted. */
export function moving(list, key, change) {
    const before = new Map([...list.children].map((e) => [key(e), e.getBoundingClientRect().top]));
    change();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    for (const e of list.children) {
        const shift = (before.get(key(e)) ?? NaN) - e.getBoundingClientRect().top;
        if (Math.abs(shift) > 0) {
            e.animate([{ transform: `translateY(${shift}px)` }, { transform: 'none' }], { duration: 350, easing: 'ease-out' });
        }
    }
}

/** Put a text on the clipboard, also on a plain http address, where browsers offer no other way. */
export async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = h('textarea', { value: text, 'aria-hidden': 'true' });
    ($('dialog[open]') ?? document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
}
