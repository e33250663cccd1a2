// The models of the server, for administrators: load, replace, take away.
import { call, Refused } from './api.js';
import { attempt, bytes, reason, renew, sure } from './board.js';
import { h, toast } from './dom.js';
import { number, t } from './strings.js';

/** Fill a box; -> {look()}, which is called every two seconds. */
export async function open(box) {
    const list = h('div', {}), problem = h('p', { class: 'bad', role: 'alert' });
    const name = h('input', { id: 'model-name', required: true, autocomplete: 'off', spellcheck: 'false' });
    const path = h('input', { id: 'model-path', required: true, autocomplete: 'off', spellcheck: 'false' });
    const mistake = h('p', { class: 'bad', role: 'alert' });
    let models = [], shown = '';

    async function look() {
        try {
            const { body, text } = await call('GET', '/v1/admin/models');
            problem.textContent = '';
            models = body.data;
            if (text !== shown) show();
            shown = text;
        } catch (failure) {
            problem.textContent = reason(failure);
        }
    }
    async function load(event) {
        event.preventDefault();
        mistake.textContent = '';
        const known = models.some((one) => one.name === name.value);
        if (known && !await sure(t('board-model-replace-title', { model: name.value }), t('board-model-replace-help'),
            t('board-model-replace'))) return;
        try {
            await call('POST', '/v1/admin/models', { name: name.value, path: path.value });
            toast(t('board-model-load-begun', { model: name.value }));
            await look();
        } catch (failure) {
            mistake.textContent = failure instanceof Refused && failure.errors.length > 0
                ? failure.errors.map((e) => `${e.field.split(' -> ').pop()}: ${e.message}`).join(' · ') : reason(failure);
        }
    }
    async function remove(one) {
        if (!await sure(t('board-model-remove-title', { model: one.name }), t('board-model-remove-help', { n: one.in_flight ?? 0 }),
            t('board-model-remove'))) return;
        if (await attempt(() => call('DELETE', `/v1/admin/models/${one.name}`))) toast(t('board-model-removed', { model: one.name }));
        await look();
    }
    function swap(one) {
        name.value = one.name;
        path.value = one.path ?? '';
        path.focus();
        path.select();
    }
    const act = (words, one, f, kind) =>
        h('button', { type: 'button', class: kind, 'aria-label': `${words}: ${one.name}`, onclick: () => f(one) }, words);
    const state = (one) => [
        h('span', { class: { failed: 'state bad', ready: 'state good', loading: 'state' }[one.state] }, t(`board-model-${one.state}`)),
        one.state !== 'ready' && one.serving ? ` ${t('board-model-old')}` : '', one.error ? h('div', { class: 'bad' }, one.error) : ''];
    const heads = [{ text: t('model'), wrap: true }, { text: t('board-state'), wrap: true },
        { text: t('board-in-flight-head'), number: true }, { text: t('board-memory'), number: true },
        { text: t('board-loads'), number: true }, { text: t('board-path'), wrap: true }, t('board-acts')];
    function show() {
        renew(list, t('board-part-models'), heads, models.map((one) => [
            [one.name, one.default ? ` (${t('board-model-default')})` : ''], state(one), one.serving ? number(one.in_flight) : '–',
            one.serving ? bytes(one.bytes) : '–', number(one.loads), one.path ?? t('board-model-built-in'),
            h('div', { class: 'buttons' }, act(t('board-model-replace'), one, swap),
                one.default ? null : act(t('board-model-remove'), one, remove, 'danger'))]));
    }
    box.replaceChildren(
        h('section', { class: 'panel', 'aria-labelledby': 'models-title' }, 
            h('h2', { id: 'models-title' }, t('board-part-models')), problem, list),
        h('section', { class: 'panel', 'aria-labelledby': 'load-title' }, h('h2', { id: 'load-title' }, t('board-model-load')),
            h('p', { class: 'hint' }, t('board-model-load-help')),
            h('form', { class: 'controls', onsubmit: load }, h('label', { for: 'model-name' }, t('board-name'), name),
                h('label', { for: 'model-path' }, t('board-path'), path), h('button', { class: 'main' }, t('board-model-load'))), mistake));
    await look();
    return { look };
}
