// Documents from a file: read it, ask which columns, say what was wrong with it.
import { $$, h, toast } from './dom.js';
import { FileMistake, fromColumns, read } from './files.js';
import { t } from './strings.js';

const MOST_BYTES = 64e6;

/** -> {texts, query?}, or null when there are none, which is told. */
export async function upload(file) {
    const { name, size } = file;
    try {
        if (size > MOST_BYTES) throw new FileMistake('too-big', { name, n: size / 1e6, most: MOST_BYTES / 1e6 });
        const found = read(name, await file.text());
        const texts = found.texts ?? await chooseColumns(name, found);
        if (texts?.length === 0) throw new FileMistake('empty', { name });
        return texts && { texts, query: found.query };
    } catch (mistake) {
        if (!(mistake instanceof FileMistake)) throw mistake;
        toast(t(`file-${mistake.key}`, mistake.values));
        return null;
    }
}

/** -> texts, or null when nothing was chosen. */
function chooseColumns(name, table) {
    if (table.columns.length === 1) return fromColumns(table, table.columns);
    const usual = table.columns.find((c) => /^(text|content|body|document|passage|description)$/i.test(c)) ?? table.columns[0];
    return new Promise((done) => {
        const choices = table.columns.map((c, i) => h('label', {}, h('input', { type: 'checkbox', value: c, checked: c === usual }),
            h('span', {}, c), h('span', { class: 'sample' }, (table.rows[0]?.[i] ?? '').slice(0, 80))));
        let texts = null;
        const use = () => {
            const chosen = $$('input:checked', box).map((e) => e.value);
            if (chosen.length === 0) return;
            texts = fromColumns(table, chosen);
            box.close();
        };
        const box = h('dialog', { 'aria-labelledby': 'choose-title', onclose: () => { box.remove(); done(texts); } },
            h('h2', { id: 'choose-title' }, t('choose-columns')), h('p', {}, t('choose-help', { name, n: table.rows.length })),
            h('div', { class: 'choices' }, choices),
            h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => box.close() }, t('cancel')),
                h('button', { type: 'button', class: 'main', onclick: use }, t('use'))));
        document.body.append(box);
        box.showModal();
    });
}
