// Documents from files: lines, tables, JSON.  A mistake names the line.
import { lines } from './text.js';

/** Rows of cells by RFC 4180: quotes, doubled quotes, line ends inside of quotes. */
export function cells(text, separator) {
    const rows = [];
    let row = [], cell = '', at = 0, line = 1;
    const endRow = () => {
        row.push(cell);
        if (row.length > 1 || row[0] !== '') rows.push(row);
        [row, cell] = [[], ''];
    };
    while (at < text.length) {
        const c = text[at];
        if (c === '"' && cell === '') {
            const began = line;
            for (at++; ; at++) {
                if (at >= text.length) throw new FileMistake('quote-open', { line: began });
                if (text[at] === '\n') line++;
                if (text[at] !== '"') cell += text[at];
                else if (text[at + 1] === '"') cell += text[at++];
                else break;
            }
            at++;
        } else if (c === separator) {
            row.push(cell);
            cell = '';
            at++;
        } else if (c === '\n' || c === '\r') {
            at += c === '\r' && text[at + 1] === '\n' ? 2 : 1;
            line++;
            endRow();
        } else {
            cell += c;
            at++;
        }
    }
    if (cell !== '' || row.length > 0) endRow();
    return rows;
}

/** key and values are words for people, see strings. */
export class FileMistake extends Error {
    constructor(key, values = {}) {
        super(key);
        this.key = key;
        this.values = values;
    }
}

function fromValues(values) {
    if (values.every((v) => typeof v === 'string')) return { texts: values.filter((v) => v.trim() !== '') };
    const odd = values.findIndex((v) => typeof v !== 'string' && (v === null || typeof v !== 'object' || Array.isArray(v)));
    if (odd >= 0) throw new FileMistake('not-a-document', { line: odd + 1 });
    values = values.map((v) => (typeof v === 'string' ? { text: v } : v));
    const columns = [...new Set(values.flatMap((v) => Object.keys(v)))];
    const word = (v) => (typeof v === 'string' ? v : v === undefined || v === null ? '' : JSON.stringify(v));
    return { columns, rows: values.map((v) => columns.map((c) => word(v[c]))) };
}

function fromJson(text) {
    let value;
    try { value = JSON.parse(text); } catch (e) { throw new FileMistake('json', { reason: e.message }); }
    if (Array.isArray(value)) return fromValues(value);
    if (value !== null && typeof value === 'object' && Array.isArray(value.documents)) {
        return { ...fromValues(value.documents), query: typeof value.query === 'string' ? value.query : undefined };
    }
    throw new FileMistake('no-list');
}

function fromJsonLines(text) {
    return fromValues(text.split(/\r?\n/).flatMap((line, i) => {
        if (line.trim() === '') return [];
        try { return [JSON.parse(line)]; } catch (e) { throw new FileMistake('json-line', { line: i + 1, reason: e.message }); }
    }));
}

/** {texts} or {columns, rows}, maybe with a query; throws FileMistake. */
export function read(name, text) {
    const kind = name.toLowerCase().match(/\.[a-z]+$/)?.[0] ?? '.txt';
    const plain = text.replace(/^\uFEFF/, '');
    if (plain.includes('\0') || plain.includes('\uFFFD') || plain.startsWith('%PDF')) throw new FileMistake('binary', { name });
    if (kind === '.json') return fromJson(plain);
    if (kind === '.jsonl' || kind === '.ndjson') return fromJsonLines(plain);
    if (kind === '.csv' || kind === '.tsv') {
        const rows = cells(plain, kind === '.csv' ? ',' : '\t');
        if (rows.length === 0) throw new FileMistake('empty', { name });
        const width = Math.max(...rows.map((r) => r.length));
        if (width === 1) return { texts: rows.map((r) => r[0]), maybeHeader: true };
        const [columns, ...rest] = rows;
        return { columns: [...columns, ...Array.from({ length: width - columns.length }, (_, i) => `#${columns.length + i + 1}`)],
            rows: rest.map((r) => [...r, ...Array(width - r.length).fill('')]) };
    }
    return { texts: lines(plain) };
}

/** The documents of the chosen columns: the cell, or of several a line each with its name. */
export function fromColumns({ columns, rows }, chosen) {
    const at = chosen.map((c) => columns.indexOf(c));
    const text = (row) => (at.length === 1 ? row[at[0]] : at.map((i) => `${columns[i]}: ${row[i]}`).join('\n'));
    return rows.map(text).filter((d) => d.trim() !== '');
}
