// The public API, as anyone else calls it.

/** The key that requests bring; it stays in this tab. */
export const key = {
    get: () => sessionStorage.getItem('winnow-key') ?? '',
    set(text) {
        if (text) sessionStorage.setItem('winnow-key', text);
        else sessionStorage.removeItem('winnow-key');
        dispatchEvent(new Event('winnow-key'));
    },
};

/** What the server said no with; code, status, requestId. */
export class Refused extends Error {
    constructor(status, body, headers) {
        super(body?.detail ?? body?.message ?? `HTTP ${status}`);
        this.status = status;
        this.code = body?.code ?? '';
        this.errors = body?.errors ?? [];
        this.requestId = body?.request_id ?? headers.get('x-request-id') ?? '';
        this.retryAfter = headers.get('retry-after');
    }
}

/** -> {body, headers, status, ms}; throws Refused, or TypeError when nobody answers. */
export async function call(method, path, body, { signal, accept = 'application/json', headers = {} } = {}) {
    const fields = { Accept: accept, ...headers };
    if (body !== undefined) fields['Content-Type'] = 'application/json';
    if (key.get()) fields.Authorization = `Bearer ${key.get()}`;
    const began = performance.now();
    const response = await fetch(path, {
        method, headers: fields, signal, credentials: 'omit', cache: 'no-store',
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const ms = performance.now() - began;
    let parsed = text;
    if ((response.headers.get('content-type') ?? '').startsWith('application/json')) {
        try { parsed = JSON.parse(text); } catch { parsed = null; }
    }
    if (!response.ok) throw new Refused(response.status, parsed, response.headers);
    return { body: parsed, text, headers: response.headers, status: response.status, ms };
}

/** {parse: 0.1, ...} milliseconds of the stages, as the server measured them. */
export function stages(headers) {
    const found = (headers.get('server-timing') ?? '').matchAll(/([\w-]+);dur=([\d.]+)/g);
    return Object.fromEntries([...found].map(([, name, ms]) => [name, Number(ms)]));
}
