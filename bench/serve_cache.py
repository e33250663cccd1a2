#!/usr/bin/env python3
"""What caches save: requests of documents that are new, then the same with another query, then that again.

  serve_cache.py [--documents 100] [--tokens 128] [--repeat 11] [--model DIR] [OPTION OF winnow serve ...]

Printed are the medians over HTTP on one connection, and the ratios of neighbours; results must be equal.  Another query
finds the vectors of the documents, which models that read them for themselves have; the same one finds the scores.
"""
import argparse, http.client, json, os, random, statistics, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/api"))
import api_server


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model")
    p.add_argument("--documents", type=int, default=100)
    p.add_argument("--tokens", type=int, default=128)
    p.add_argument("--repeat", type=int, default=11)
    args, options = p.parse_known_args()
    rng = random.Random(5)
    words = "river valley stone water slow field house market music engine winter light paper window bread".split()
    server = api_server.Server(*(["--model", args.model] if args.model else []), *options)
    connection = http.client.HTTPConnection(server.host, server.port)

    def ask(body):
        began = time.perf_counter()
        connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        return time.perf_counter() - began, answer

    times = {"new documents": [], "another query": [], "the same again": []}
    for turn in range(args.repeat):
        documents = [" ".join(rng.choice(words) for _ in range(args.tokens - 3)) for _ in range(args.documents)]
        answers = []
        for kind, query in zip(times, (f"how do rivers shape valleys {turn}", f"what is paper {turn}", f"what is paper {turn}")):
            body = json.dumps({"query": query, "documents": documents, "return_documents": False})
            took, answer = ask(body)
            times[kind].append(took)
            answers.append(answer)
        assert answers[1]["results"] == answers[2]["results"] and "cached_tokens" in answers[2]["usage"], answers[2]["usage"]
    server.stop()
    first = times["new documents"]
    print(f"{args.documents} x {args.tokens} tokens, {args.repeat} turns")
    for kind, took in times.items():
        ratio = statistics.median(a / b for a, b in zip(first, took))
        print(f"{kind:15} median {statistics.median(took) * 1e3:8.2f} ms   fastest {min(took) * 1e3:8.2f} ms   ratio {ratio:6.1f}")


if __name__ == "__main__":
    main()
