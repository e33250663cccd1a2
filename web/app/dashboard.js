// The dashboard: parts that the key in use may see, of which the one in view is kept up to date.
import { call, key, Refused } from './api.js';
import { label, reason } from './board.js';
import { $, $$, h } from './dom.js';
import { askForKey, begin, rest } from './shell.js';
import { t } from './strings.js';

const EVERY_MS = 2000;
const parts = { usage: '', live: 'metrics', keys: 'admin', models: 'admin' }; // name: the scope that it needs, if any

let own = null; // of /v1/key
let current = null; // {name, part: what its open() gave}
let looking = false;
let turn = 0; // grows with each key, so that what was asked for an older one is dropped

begin();

// ---- who -----------------------------------------------------------------------------------------

function notice(text, ...acts) {
    $('#notice').hidden = text === '';
    $('#notice').replaceChildren(h('p', {}, text), h('div', { class: 'buttons' }, acts));
}

const giveKey = () => h('button', { type: 'button', class: 'main', onclick: () => askForKey() }, t('board-give-key'));

function allowed() {
    const held = own === null ? [] : ['', ...own.scopes.split(',')];
    return Object.keys(parts).filter((name) => held.includes(parts[name]));
}

/** Learn what the key may, and build what it may see. */
async function start() {
    const mine = ++turn;
    current = own = null;
    try {
        const { body } = await call('GET', '/v1/key');
        if (mine !== turn) return;
        own = body;
        notice('');
    } catch (mistake) {
        if (mine !== turn) return;
        const needs = mistake instanceof Refused && mistake.status === 401;
        notice(needs && !key.get() ? t('board-needs-key') : reason(mistake),
            needs ? giveKey() : h('button', { type: 'button', onclick: start }, t('board-again')));
    }
    $('#who').textContent = own === null ? '' : own.id === null ? t('board-open')
        : t('board-who', { key: label(own), scopes: own.scopes.replaceAll(',', ', ') });
    await build();
    rest();
}

// ---- parts ---------------------------------------------------------------------------------------

function tab(name) {
    return h('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `part-${name}`, 'aria-selected': 'false',
        tabindex: -1, onclick: () => choose(name), onkeydown: move }, t(`board-part-${name}`));
}

function panel(name) {
    return h('div', { class: 'part', role: 'tabpanel', id: `part-${name}`, 'aria-labelledby': `tab-${name}`, hidden: true });
}

/** What is not there, and why. */
function hiddenParts(names) {
    const missing = Object.keys(parts).filter((name) => !names.includes(name));
    const words = missing.map((name) => t('board-hidden', { part: t(`board-part-${name}`), scope: parts[name] }));
    return own === null || missing.length === 0 ? '' : [...words, own.id === null ? t('board-hidden-open') : ''].join(' ');
}

function build() {
    const names = allowed();
    $('#tabs').replaceChildren(...names.map(tab));
    $('#panels').replaceChildren(...names.map(panel));
    $('#hidden-parts').textContent = hiddenParts(names);
    const asked = location.hash.slice(1);
    return names.length > 0 ? choose(names.includes(asked) ? asked : names[0], false) : null;
}

async function choose(name, keep = true) {
    if (current?.name === name) return;
    for (const one of $$('#tabs button')) {
        const here = one.id === `tab-${name}`;
        one.setAttribute('aria-selected', String(here));
        one.tabIndex = here ? 0 : -1;
    }
    for (const one of $$('#panels > .part')) one.hidden = one.id !== `part-${name}`;
    if (keep) history.replaceState(null, '', `#${name}`);
    const chosen = { name, part: {} }, box = h('div', { class: 'part' }); // a new one: what still fills an old one is not seen
    $(`#part-${name}`).replaceChildren(box);
    current = chosen;
    const { open } = await import(`./${name}.js`);
    chosen.part = await open(box, own);
}

function move(event) {
    const tabs = $$('#tabs button'), at = tabs.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    next.focus();
    next.click();
}

// ---- now -----------------------------------------------------------------------------------------

/** Keep what is in view up to date; nothing is asked while nobody can see it. */
async function look() {
    if (document.hidden || looking || own === null || !current?.part.look) return;
    looking = true;
    try {
        const { part } = current, mine = turn;
        const now = current.name === 'usage' ? (await call('GET', '/v1/key')).body : own;
        if (mine === turn) await part.look(now);
    } catch (mistake) {
        if (mistake instanceof Refused && mistake.status === 401) await start();
    } finally {
        looking = false;
    }
}

setInterval(look, EVERY_MS);
document.addEventListener('visibilitychange', look);
addEventListener('winnow-key', start);
addEventListener('hashchange', () => {
    const asked = location.hash.slice(1);
    if (allowed().includes(asked)) choose(asked, false);
});
start();
