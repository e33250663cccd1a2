// How good an order is: the same figures that `winnow eval` prints.

/** nDCG at 10 of grades in the order of a ranking; all: those of what it left out, too. */
export function ndcg(grades, all = grades) {
    const gain = (list) => list.slice(0, 10).reduce((sum, g, i) => sum + (2 ** g - 1) / Math.log2(i + 2), 0);
    const best = gain([...all].sort((a, b) => b - a));
    return best > 0 ? gain(grades) / best : NaN;
}

/** 1 / place of the first relevant one within ten; 0 beyond. */
export function mrr(grades) {
    const place = grades.slice(0, 10).findIndex((g) => g > 0);
    return place < 0 ? 0 : 1 / (place + 1);
}

/** Kendall's tau-b of two lists of scores of the same things. */
function tau(a, b) {
    let agree = 0, untiedA = 0, untiedB = 0;
    for (let i = 0; i < a.length; i++) {
        for (let j = 0; j < i; j++) {
            const x = Math.sign(a[i] - a[j]), y = Math.sign(b[i] - b[j]);
            agree += x * y;
            untiedA += x * x;
            untiedB += y * y;
        }
    }
    return agree / Math.sqrt(untiedA * untiedB);
}

/** The tau of two answers, over the documents that both score. */
export function agreement(a, b) {
    const scores = new Map(b.body.results.map((r) => [r.index, r.relevance_score]));
    const both = a.body.results.filter((r) => scores.has(r.index));
    return tau(both.map((r) => r.relevance_score), both.map((r) => scores.get(r.index)));
}
