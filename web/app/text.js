// Facts of texts: lines, UTF-8 offsets, script, direction.

export const MOST_DOCUMENTS = 10000;

/** Non-empty lines of a text. */
export function lines(text) {
    return text.split(/\r\n|\r|\n/).map((l) => l.trim()).filter((l) => l !== '');
}

/** Places in a JavaScript string of sorted or unsorted byte offsets of its UTF-8 form. */
export function placesOfBytes(text, offsets) {
    const order = [...offsets.keys()].sort((a, b) => offsets[a] - offsets[b]);
    const places = new Array(offsets.length);
    let bytes = 0, place = 0;
    for (const i of order) {
        while (bytes < offsets[i] && place < text.length) {
            const code = text.codePointAt(place);
            bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
            place += code < 0x10000 ? 1 : 2;
        }
        places[i] = place;
    }
    return places;
}

const scripts = [
    ['ja', /[\p{Script=Hiragana}\p{Script=Katakana}]/u], ['ko', /\p{Script=Hangul}/u], ['zh', /\p{Script=Han}/u],
    ['ar', /\p{Script=Arabic}/u], ['he', /\p{Script=Hebrew}/u], ['hi', /\p{Script=Devanagari}/u], ['th', /\p{Script=Thai}/u],
    ['el', /\p{Script=Greek}/u], ['uk', /[іїєґ]/iu], ['ru', /\p{Script=Cyrillic}/u],
];
const small = {
    en: 'the and of for with in is to that are on a', de: 'der die das und für mit ist ein eine nicht auf den',
    es: 'el la los las y para con de es una en del por', fr: 'le la les et pour avec des est une dans du sur',
    it: 'il la gli e per con di è una che nel della', pt: 'o a os e para com de é uma que na do em',
    nl: 'de het een en voor met van is niet op dat', pl: 'i w na z do się nie jest dla że',
};
const words = Object.fromEntries(Object.entries(small).map(([code, list]) => [code, new Set(list.split(' '))]));

/** A guess at the language of a text: a code, 'code' for a program or data, or ''. */
export function guessLanguage(text) {
    const head = text.slice(0, 600);
    if (/[{};]\s*$/m.test(head) || /^\s*[[{<]/.test(head) || /\b(def|func|function|SELECT|CREATE|return)\b.*[(:]/.test(head)) return 'code';
    const letters = head.match(/\p{L}/gu)?.length ?? 0;
    for (const [code, pattern] of scripts) {
        const found = head.match(new RegExp(pattern.source, 'giu'))?.length ?? 0;
        if (found > 0 && (found > letters * 0.2 || code === 'ja' || code === 'uk')) {
            if (code === 'uk' && !/\p{Script=Cyrillic}/u.test(head)) continue;
            return code;
        }
    }
    let best = '', most = 0;
    const list = head.toLowerCase().match(/\p{L}+/gu) ?? [];
    for (const [code, known] of Object.entries(words)) {
        const n = list.filter((w) => known.has(w)).length;
        if (n > most) [best, most] = [code, n];
    }
    return best;
}
