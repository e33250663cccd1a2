// The state of a page in the fragment of its address, which no server ever sees.

const packed = async (bytes, stream) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

export async function toFragment(state) {
    const bytes = await packed(new TextEncoder().encode(JSON.stringify(state)), new CompressionStream('deflate-raw'));
    let binary = '';
    for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return '#s=' + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The state, or null when the fragment holds none that can be read. */
export async function fromFragment(fragment) {
    if (!fragment.startsWith('#s=')) return null;
    try {
        const binary = atob(fragment.slice(3).replaceAll('-', '+').replaceAll('_', '/'));
        const bytes = await packed(Uint8Array.from(binary, (c) => c.charCodeAt(0)), new DecompressionStream('deflate-raw'));
        return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
        return null;
    }
}
