// The words of the pages.  Each language is a file in strings/ with the same keys.

export const languages = { en: 'English', de: 'Deutsch', es: 'Español', ja: '日本語', zh: '简体中文' }; // those of strings/

const chosen = localStorage.getItem('winnow-language');
const wanted = [chosen, ...navigator.languages].map((l) => (l ?? '').slice(0, 2));
export const language = wanted.find((l) => l in languages) ?? 'en';
const { default: words } = await import(`../strings/${language}.js`);

/** The words of a key with its {places} filled; values.n chooses among {"one": ..., "other": ...}. */
export function t(key, values = {}) {
    let text = words[key];
    if (text === undefined) throw new Error(`no words for '${key}' in '${language}'`);
    if (typeof text === 'object') text = text[new Intl.PluralRules(language).select(values.n)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => {
        const value = values[name];
        return typeof value === 'number' ? number(value) : value;
    });
}

/** A number in the language's form; digits behind the point at most, or options of Intl.NumberFormat. */
export function number(value, digits = 3) {
    return new Intl.NumberFormat(language, typeof digits === 'number' ? { maximumFractionDigits: digits } : digits).format(value);
}

export function chooseLanguage(code) {
    localStorage.setItem('winnow-language', code);
    location.reload();
}

/** Put words where the page has data-t (content), data-t-label, data-t-title, data-t-placeholder. */
export function translate(root = document) {
    document.documentElement.lang = language;
    for (const e of root.querySelectorAll('[data-t]')) e.textContent = t(e.dataset.t);
    for (const e of root.querySelectorAll('[data-t-label]')) e.setAttribute('aria-label', t(e.dataset.tLabel));
    for (const e of root.querySelectorAll('[data-t-title]')) e.title = t(e.dataset.tTitle);
    for (const e of root.querySelectorAll('[data-t-placeholder]')) e.placeholder = t(e.dataset.tPlaceholder);
}
