// The keys of the server, for administrators: make, change, rotate, revoke.
import { call, Refused } from './api.js';
import { attempt, day, dialog, label, reason, sure, table, time } from './board.js';
import { $, copy, h, toast } from './dom.js';
import { number, t } from './strings.js';

const SCOPES = ['rerank', 'embed', 'classify', 'train', 'segment', 'usage', 'metrics', 'admin'];
const USUAL = SCOPES.slice(0, 6);
const NUMBERS = { rpm: [0, 1e9], tpm: [0, 1e9], concurrency: [0, 1e6], monthly_tokens: [0, 2 ** 53], prepaid_tokens: [0, 2 ** 53],
    weight: [1, 1000] };
const TIERS = ['none', 'key', 'premium'];
const AT_ONCE = 200;

const NAMELESS = '–';

// ---- what a key is -------------------------------------------------------------------------------

const nameOf = (field) => t(`board-${field.replace('_', '-')}`);
const dateOf = (unix) => (unix ? new Date(unix * 1000).toISOString().slice(0, 10) : '');

function limitsOf(one) {
    const own = Object.keys(NUMBERS).filter((field) => field in one && !(field === 'weight' && one.weight === 1));
    const amount = (field) => (one[field] === 0 && !field.endsWith('_tokens') ? t('board-unlimited') : number(one[field]));
    return own.map((field) => `${nameOf(field)}: ${amount(field)}`).join(', ');
}

/** The form of a new key, or of one that is changed; send(body) says no by throwing. */
function edit(one, send) {
    const { box, close } = dialog(one ? t('board-key-edit', { key: label(one) }) : t('board-key-new'));
    const inputs = {
        name: h('input', { maxlength: 63, autocomplete: 'off', value: one?.name ?? '' }),
        tier: h('select', {}, TIERS.map((tier) => h('option', { value: tier }, `${t(`board-tier-${tier}`)} (${tier})`))),
        expires: h('input', { type: 'date', value: dateOf(one?.expires) }),
        ...Object.fromEntries(Object.entries(NUMBERS).map(([name, [min, max]]) =>
            [name, h('input', { type: 'number', min, max, step: 1, value: one?.[name] ?? '',
                placeholder: name === 'weight' ? '1' : name.endsWith('_tokens') ? t('board-unlimited') : t('board-by-tier') })])),
    };
    inputs.tier.value = one?.tier ?? 'key';
    const had = one ? one.scopes.split(',') : USUAL;
    const scopes = SCOPES.map((name) => h('label', { class: 'check' },
        h('input', { type: 'checkbox', value: name, checked: had.includes(name) }), ` ${name}`));
    const mistakes = Object.fromEntries([...Object.keys(inputs), 'scopes'].map((name) =>
        [name, h('p', { class: 'mistake', id: `key-${name}-mistake` })]));
    const problem = h('p', { class: 'mistake', role: 'alert' });
    const row = (name) => [h('label', { for: `key-${name}` }, nameOf(name)),
        Object.assign(inputs[name], { id: `key-${name}` }), mistakes[name]];

    /** Only what was changed is sent; null takes a number back. */
    function body() {
        const given = { name: inputs.name.value, tier: inputs.tier.value, expires: inputs.expires.value || 'never',
            scopes: scopes.map((s) => $('input', s)).filter((i) => i.checked).map((i) => i.value).join(',') };
        const before = { name: one?.name ?? '', tier: one?.tier ?? 'key', scopes: had.join(','), expires: dateOf(one?.expires) || 'never' };
        const changed = Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== before[name]));
        for (const name of Object.keys(NUMBERS)) {
            const value = inputs[name].value === '' ? null : Number(inputs[name].value);
            if (value !== (one?.[name] ?? null)) changed[name] = value;
        }
        return changed;
    }
    async function submit(event) {
        event.preventDefault();
        for (const element of [problem, ...Object.values(mistakes)]) element.textContent = '';
        for (const input of Object.values(inputs)) input.removeAttribute('aria-invalid');
        try {
            await send(body());
            close();
        } catch (mistake) {
            const told = mistake instanceof Refused ? mistake.errors.map((e) => [e.field.split(' -> ').pop(), e.message]) : [];
            const known = told.filter(([name]) => name in mistakes);
            for (const [name, message] of known) {
                mistakes[name].textContent = message;
                inputs[name]?.setAttribute('aria-invalid', 'true');
                inputs[name]?.setAttribute('aria-describedby', mistakes[name].id);
            }
            if (known.length === 0) problem.textContent = reason(mistake);
            else (inputs[known[0][0]] ?? $('input', scopes[0])).focus();
        }
    }
    box.append(h('form', { onsubmit: submit },
        h('div', { class: 'fields' }, row('name'), row('tier'),
            h('fieldset', {}, h('legend', {}, t('board-scopes')), scopes), mistakes.scopes,
            row('expires'), ...Object.keys(NUMBERS).map(row),
            h('p', { class: 'hint wide' }, t('board-key-help')), problem),
        h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: close }, t('cancel')),
            h('button', { class: 'main' }, one ? t('board-save') : t('board-key-make')))));
    box.showModal();
    inputs.name.focus();
}

/** The only time that a key can be seen. */
function showSecret(made) {
    const { box, close } = dialog(t('board-key-made', { key: label(made) }));
    const text = h('input', { readonly: true, value: made.key, 'aria-label': t('key'), spellcheck: 'false', onfocus: () => text.select() });
    box.append(h('p', {}, t('board-key-once')), h('div', { class: 'secret' }, text,
        h('button', { type: 'button', class: 'main', onclick: () => copySecret(text) }, t('copy'))),
    h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: close }, t('board-key-kept'))));
    box.showModal();
    text.focus();
}

async function copySecret(input) {
    try {
        await copy(input.value);
        toast(t('copied'));
    } catch { // the browser asked, and the answer was no
        input.select();
    }
}

/** Ask how long the old secret still holds, then make the new one. */
function rotate(one, done) {
    const { box, close } = dialog(t('board-rotate-title', { key: label(one) }));
    const overlap = h('input', { type: 'number', id: 'overlap', min: 0, max: 8760, step: 1, value: '24', required: true });
    const problem = h('p', { class: 'bad', role: 'alert' });
    box.append(h('form', {
        async onsubmit(event) {
            event.preventDefault();
            const body = { overlap: Math.round(Number(overlap.value) * 3600) };
            const made = await attempt(() => call('POST', `/v1/admin/keys/${one.id}/rotate`, body),
                (text) => { problem.textContent = text; });
            if (!made) return;
            close();
            showSecret(made.body);
            done();
        },
    }, h('p', {}, t('board-rotate-help')), h('label', { for: 'overlap' }, t('board-rotate-hours')), overlap, problem,
    h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: close }, t('cancel')),
        h('button', { class: 'danger' }, t('board-rotate')))));
    box.showModal();
}

// ---- the part ------------------------------------------------------------------------------------

/** Fill a box; -> {}. */
export async function open(box, own) {
    if (!own.keeps_usage) {
        box.replaceChildren(h('p', { class: 'panel' }, t('board-no-state')));
        return {};
    }
    const search = h('input', { type: 'search', id: 'key-search', autocomplete: 'off' });
    const gone = h('input', { type: 'checkbox', id: 'key-gone' });
    const list = h('div', {}), problem = h('p', { class: 'bad', role: 'alert' }), count = h('p', { class: 'hint', role: 'status' });
    let keys = [];

    async function read() {
        problem.textContent = '';
        const answer = await attempt(() => call('GET', '/v1/admin/keys'), (text) => { problem.textContent = text; });
        keys = answer?.body.data ?? [];
        show();
    }
    async function revoke(one) {
        if (!await sure(t('board-revoke-title', { key: label(one) }), t('board-revoke-help'), t('board-revoke'))) return;
        if (await attempt(() => call('DELETE', `/v1/admin/keys/${one.id}`))) toast(t('board-revoked', { key: label(one) }));
        await read();
    }
    const change = (one) => edit(one, async (body) => {
        await call('PATCH', `/v1/admin/keys/${one.id}`, body);
        toast(t('board-saved'));
        await read();
    });
    const make = () => edit(null, async (body) => {
        const { body: made } = await call('POST', '/v1/admin/keys', body);
        await read();
        queueMicrotask(() => showSecret(made));
    });
    const act = (words, one, f, kind) =>
        h('button', { type: 'button', class: kind, 'aria-label': `${words}: ${label(one)}`, onclick: () => f(one) }, words);
    const acts = (one) => (one.state === 'revoked' ? '' : h('div', { class: 'buttons' }, act(t('board-edit'), one, change),
        act(t('board-rotate'), one, () => rotate(one, read)), act(t('board-revoke'), one, revoke, 'danger')));
    const heads = [{ text: t('board-name'), wrap: true }, t('board-key-id'), t('board-state'), t('board-tier'),
        { text: t('board-scopes'), wrap: true }, { text: t('board-limits'), wrap: true },
        t('board-expires'), t('board-last-used'), t('board-acts')];
    const row = (one) => [one.name || NAMELESS, h('code', {}, one.id),
        h('span', { class: one.state === 'valid' ? 'state good' : 'state bad' }, t(`board-state-${one.state}`)), t(`board-tier-${one.tier}`),
        one.scopes.replaceAll(',', ', '), limitsOf(one), day(one.expires), time(one.last_used), acts(one)];
    function show() {
        const wanted = search.value.toLowerCase();
        const found = keys.filter((one) => (gone.checked || one.state === 'valid') && label(one).toLowerCase().includes(wanted)).reverse();
        count.textContent = t('board-keys-shown', { n: Math.min(found.length, AT_ONCE), of: keys.length });
        list.replaceChildren(table(t('board-part-keys'), heads, found.slice(0, AT_ONCE).map(row)));
    }
    box.replaceChildren(h('section', { class: 'panel', 'aria-labelledby': 'keys-title' },
        h('div', { class: 'row-head' }, h('h2', { id: 'keys-title' }, t('board-part-keys')),
            h('button', { type: 'button', class: 'main', onclick: make }, t('board-key-new'))),
        h('div', { class: 'controls' }, h('label', { for: 'key-search' }, t('board-search'), search),
            h('label', { class: 'check' }, gone, ` ${t('board-keys-gone')}`),
            h('button', { type: 'button', onclick: read }, t('board-refresh'))),
        problem, count, list));
    search.addEventListener('input', show);
    gone.addEventListener('change', show);
    await read();
    return {};
}
