#!/usr/bin/env python3
"""What the score cache saves: requests of documents that are new, each sent again at once.

  serve_cache.py [--documents 100] [--tokens 128] [--repeat 11] [--model DIR]

Printed are the medians of both, over HTTP on one connection, and the ratio of neighbours; results must be equal.
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
    args = p.parse_args()
    rng = random.Random(5)
    words = "river valley stone water slow field house market music engine winter light paper window bread".split()
    server = api_server.Server(*(["--model", args.model] if args.model else []))
    connection = http.client.HTTPConnection(server.host, server.port)

    def ask(body):
        began = time.perf_counter()
        connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        return time.perf_counter() - began, answer

    first, again = [], []
    for _ in range(args.repeat):
        documents = [" ".join(rng.choice(words) for _ in range(args.tokens - 3)) for _ in range(args.documents)]
        body = json.dumps({"query": "how do rivers shape valleys", "documents": documents, "return_documents": False})
        (a, new), (b, known) = ask(body), ask(body)
        assert new["results"] == known["results"] and "cached_tokens" in known["usage"], known["usage"]
        first.append(a)
        again.append(b)
    server.stop()
    ratios = [a / b for a, b in zip(first, again)]
    print(f"{args.documents} x {args.tokens} tokens, {args.repeat} turns")
    print(f"new     median {statistics.median(first) * 1e3:8.2f} ms   fastest {min(first) * 1e3:8.2f} ms")
    print(f"again   median {statistics.median(again) * 1e3:8.2f} ms   fastest {min(again) * 1e3:8.2f} ms")
    print(f"ratio   median {statistics.median(ratios):.1f}")


if __name__ == "__main__":
    main()
