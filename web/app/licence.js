// The licence page: where, whose weights, for money or not; answered from what the loaded models say of themselves.
import { call, key } from './api.js';
import { $, h } from './dom.js';
import { judge, kindOf, known } from './licences.js';
import { words } from './reading.js';
import { askForKey, begin, rest } from './shell.js';
import { t } from './strings.js';

begin();

const weights = $('#weights');

/** Radio buttons of a fieldset; the first is chosen. */
function choices(fieldset, values) {
    fieldset.append(...values.map((value, i) => h('label', {},
        h('input', { type: 'radio', name: fieldset.id, value, checked: i === 0 }), t(`licence-${fieldset.id}-${value}`))));
}

const chosen = (fieldset) => $('input:checked', fieldset).value;

function show() {
    const licence = weights.value;
    const { kind, verdict, duties } = judge(licence, { where: chosen($('#where')), commercial: chosen($('#gain')) === 'yes' });
    $('#verdict').replaceChildren(
        h('p', { class: `verdict ${verdict}` }, t(`verdict-${verdict}`)),
        h('p', {}, licence ? t('licence-is', { licence, kind: t(`kind-${kind}`) }) : t('licence-none')),
        h('ul', {}, duties.map((duty) => h('li', {}, t(`duty-${duty}`)))),
        h('p', { class: 'hint' }, t('licence-program')));
}

/** The loaded models, and then any licence. */
function offer(models) {
    const option = (text, value) => h('option', { value }, text);
    const loaded = models.map((m) => option(`${m.id} (${m.license ?? t('kind-unknown')})`, m.license ?? ''));
    weights.replaceChildren(...(loaded.length ? [h('optgroup', { label: t('licence-loaded') }, loaded)] : []),
        h('optgroup', { label: t('licence-other') }, known.map((word) => option(word, word)), option(t('licence-not-listed'), '')));
    if (loaded.length === 0) weights.value = known.find((word) => kindOf(word) === 'permissive');
    show();
}

/** What to press for the key that the list of models needs. */
function keyButton() {
    return h('button', { type: 'button', class: 'link', onclick: () => askForKey() }, t('licence-needs-key'));
}

async function load() {
    let models = [], note = '';
    try {
        const { body: limits } = await call('GET', '/v1/limits');
        if (limits.key_needed && !key.get()) note = keyButton();
        else models = (await call('GET', '/v1/models')).body.data;
    } catch (mistake) {
        note = mistake.status === 401 ? keyButton() : words(mistake);
    }
    offer(models);
    $('#weights-note').replaceChildren(note);
}

choices($('#where'), ['own', 'service', 'shipped']);
choices($('#gain'), ['no', 'yes']);
$('#questions').addEventListener('change', show);
$('#questions').addEventListener('submit', (e) => e.preventDefault());
addEventListener('winnow-key', load);
await load();
rest();
