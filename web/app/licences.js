// What licences of weights allow, by the words that model directories have for them.  A word that is not here is unknown: then only the
// licence's text tells.  Source: the licence list of the Hugging Face hub, and the texts of those licences.

const kinds = {
    permissive: 'apache-2.0 mit mit-0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc zlib bsl-1.0 ecl-2.0 afl-3.0 artistic-2.0 ms-pl'
        + ' ncsa postgresql odc-by cdla-permissive-1.0 cdla-permissive-2.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0',
    free: 'cc0-1.0 unlicense wtfpl pddl 0bsd',
    copyleft: 'gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 mpl-2.0 epl-1.0 epl-2.0 cc-by-sa-3.0 cc-by-sa-4.0 odbl cdla-sharing-1.0',
    network: 'agpl-3.0 osl-3.0 eupl-1.1 eupl-1.2',
    unchanged: 'cc-by-nd-4.0',
    'non-commercial': 'cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nc-nd-3.0'
        + ' cc-by-nc-nd-4.0 intel-research fair-noncommercial-research-license',
    own: 'openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m llama2 llama3'
        + ' llama3.1 llama3.2 llama3.3 llama4 gemma deepfloyd-if-license apple-amlr apple-ascl h-research',
};

/** permissive, free, copyleft, network, unchanged, non-commercial, own or unknown. */
export function kindOf(licence) {
    const word = (licence ?? '').toLowerCase();
    return Object.keys(kinds).find((kind) => kinds[kind].split(' ').includes(word)) ?? 'unknown';
}

/** All the words. */
export const known = Object.values(kinds).flatMap((words) => words.split(' ')).sort();

/** -> {kind, verdict: 'yes' | 'no' | 'ask', duties}; where: 'own' machines, a 'service' for others, or 'shipped' to them. */
export function judge(licence, { where, commercial }) {
    const kind = kindOf(licence), has = (part) => licence.toLowerCase().includes(part), shipped = where === 'shipped';
    if (kind === 'unknown') return { kind, verdict: 'ask', duties: ['author'] };
    if (kind === 'own') return { kind, verdict: 'ask', duties: ['read'] };
    if (kind === 'non-commercial' && commercial) return { kind, verdict: 'no', duties: ['buy'] };
    const duties = {
        notice: shipped && kind !== 'free',
        same: shipped && (kind === 'copyleft' || kind === 'network' || has('-sa-')),
        source: where === 'service' && kind === 'network',
        unchanged: has('-nd-'),
        gain: kind === 'non-commercial',
    };
    return { kind, verdict: 'yes', duties: Object.keys(duties).filter((duty) => duties[duty]) };
}
