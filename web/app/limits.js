// The limits page: the server's own policy as tables.
import { call } from './api.js';
import { $, h } from './dom.js';
import { complain, say, size, table } from './reading.js';
import { begin, rest } from './shell.js';
import { number, t } from './strings.js';

const tiers = ['none', 'key', 'premium'];

begin();

/** What a tier may do with a product, in two lines. */
function allowance(tier) {
    if (!tier?.allowed) return h('span', { class: 'soft' }, t('limits-not'));
    const requests = tier.requests_per_minute, tokens = tier.tokens_per_minute;
    if (requests === null && tokens === null) return t('limits-free');
    return [requests !== null && h('span', {}, t('limits-requests', { n: requests })), h('small', {},
        tokens === null ? t('limits-tokens-free') : t('limits-tokens', { n: tokens }),
        tier.requests_at_once === null ? '' : `, ${t('limits-at-once', { n: tier.requests_at_once })}`)].filter(Boolean);
}

function rates(limits) {
    const name = (product) => [t(`product-${product.name}`), !product.available && h('small', {}, t('limits-to-come'))].filter(Boolean);
    return table(t('limits-rates'), [t('limits-product'), ...tiers.map((tier) => t(`tier-${tier}`))],
        limits.products.map((product) => [name(product), ...tiers.map((tier) => allowance(product.tiers.find((x) => x.name === tier)))]));
}

function request(r) {
    const seconds = (ms) => ({ right: t('limits-seconds', { n: ms / 1000 }) }), count = (n) => ({ right: number(n) });
    return table(t('limits-request'), null, [
        [t('limits-body'), { right: size(r.body_bytes) }],
        [t('limits-documents'), count(r.documents)],
        [t('limits-rankings'), count(r.rankings)],
        [t('limits-fields'), count(r.document_fields)],
        [t('limits-explained'), count(r.explained_results)],
        [t('limits-json-values'), count(r.json_values)],
        [t('limits-json-depth'), count(r.json_depth)],
        [t('limits-wait'), seconds(r.queue_wait_ms)],
        [t('limits-timeout'), seconds(r.timeout_ms)]]);
}

function models(list) {
    const count = (n) => ({ right: number(n) });
    return table(t('limits-models'), [t('model'), { right: t('limits-input') }, { right: t('query') }, { right: t('limits-document') }],
        list.map((m) => [m.id, count(m.max_input_length), count(m.max_query_tokens), count(m.max_document_tokens)]));
}

async function load() {
    try {
        const { body: limits } = await call('GET', '/v1/limits');
        say(t(limits.key_needed ? 'limits-closed' : 'limits-open'));
        $('#rates').replaceChildren(rates(limits));
        $('#rates-hint').textContent = t('limits-rates-hint', { n: limits.burst_seconds });
        $('#request').replaceChildren(request(limits.request));
        $('#models').replaceChildren(models(limits.models));
    } catch (mistake) {
        complain(mistake);
    }
}

addEventListener('winnow-key', load);
await load();
rest();
