// What every page has: the bar on top, language, light or dark, the key.
import { key } from './api.js';
import { $, h, toast } from './dom.js';
import { chooseLanguage, language, languages, t, translate } from './strings.js';

const pages = [['/playground', 'nav-playground'], ['/dashboard', 'nav-dashboard'], ['/limits', 'nav-limits'],
    ['/benchmarks', 'nav-benchmarks'], ['/licence', 'nav-licence'], ['/faq', 'nav-faq'], ['/docs', 'nav-docs']];

function setTheme(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
}
setTheme(localStorage.getItem('winnow-theme'));

function nextTheme() {
    const dark = document.documentElement.dataset.theme
        ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    const theme = dark ? 'light' : 'dark';
    localStorage.setItem('winnow-theme', theme);
    setTheme(theme);
}

/** Ask for the key, when a call was refused for want of one or for a wrong one; -> whether one was given. */
export function askForKey(refused = null) {
    return new Promise((done) => {
        const why = refused && (key.get() ? h('p', { class: 'bad' }, refused.message) : h('p', {}, t('key-needed')));
        const input = h('input', { type: 'password', id: 'key-input', autocomplete: 'off', spellcheck: 'false', value: key.get() });
        const box = h('dialog', { 'aria-labelledby': 'key-title' }, h('form', { method: 'dialog' },
            h('h2', { id: 'key-title' }, t('key-title')), why, h('p', {}, t('key-help')),
            h('label', { for: 'key-input' }, t('key')), input,
            h('div', { class: 'buttons' },
                h('button', { type: 'button', onclick: () => box.close() }, t('cancel')),
                h('button', { class: 'main', value: 'use' }, t('key-use')))));
        box.addEventListener('close', () => {
            const given = box.returnValue === 'use';
            box.remove();
            if (given) {
                key.set(input.value.trim());
                toast(t(key.get() ? 'key-kept' : 'key-forgotten'));
                showKey();
            }
            done(given);
        });
        document.body.append(box);
        box.showModal();
        input.select();
    });
}

function showKey() {
    const button = $('#key-button');
    if (button) button.classList.toggle('set', key.get() !== '');
}

// The page shows what it has to show and listens to what is pressed.  Who measures it or tests it waits for this.
export function rest() {
    performance.mark('usable');
    document.documentElement.dataset.ready = 'yes';
}

/** Build the bar and put the words in place. */
export function begin() {
    translate();
    const here = location.pathname === '/' ? '/playground' : location.pathname;
    const choice = h('select', { id: 'language', 'aria-label': t('language'), onchange: () => chooseLanguage(choice.value) },
        Object.entries(languages).map(([code, name]) => h('option', { value: code, lang: code, selected: code === language }, name)));
    choice.value = language;
    $('#bar').append(
        h('a', { class: 'brand', href: '/' }, h('img', { src: '/ui/icon.svg', alt: '', width: 24, height: 24 }), 'Winnow'),
        h('nav', { 'aria-label': t('nav') }, pages.map(([path, words]) => h('a', { href: path, 'aria-current': path === here && 'page' }, t(words)))),
        h('div', { class: 'tools' }, choice,
            h('button', { type: 'button', class: 'icon', 'aria-label': t('theme'), title: t('theme'), onclick: nextTheme }, '◐'),
            h('button', { type: 'button', id: 'key-button', onclick: () => askForKey() }, t('key'))));
    showKey();
}
