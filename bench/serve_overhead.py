#!/usr/bin/env python3
"""What HTTP costs: the same request in this process through the library and to `winnow serve`, in turns.

  serve_overhead.py --library build/release/libwinnow.so [--documents 100] [--tokens 128] [--repeat 21] [--model DIR]

Both have the same model, threads and batch size.  Printed are the medians and fastest of both, and the ratio of
neighbours.  One connection is kept; the time of the client, which makes and reads the JSON, counts for HTTP.
"""
import argparse, http.client, json, os, random, statistics, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "peers"), os.path.join(HERE, "../tests/api")]
import api_server, winnow_lib


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--library", default="build/release/libwinnow.so")
    p.add_argument("--model")
    p.add_argument("--documents", type=int, default=100)
    p.add_argument("--tokens", type=int, default=128)
    p.add_argument("--repeat", type=int, default=21)
    args = p.parse_args()
    rng = random.Random(5)
    words = "river valley stone water slow field house market music engine winter light paper window bread".split()
    documents = [" ".join(rng.choice(words) for _ in range(args.tokens - 3)) for _ in range(args.documents)]
    query = "how do rivers shape valleys"
    body = json.dumps({"query": query, "documents": documents, "return_documents": False}).encode()

    library = winnow_lib.Winnow(args.library, args.model)
    server = api_server.Server("--score-cache", "0", "--vector-cache", "0", *(["--model", args.model] if args.model else []))
    connection = http.client.HTTPConnection(server.host, server.port)

    def over_http():
        connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        return answer["results"][0]["index"]

    def in_process():
        logits = library.rank(query, documents)
        return max(range(len(logits)), key=lambda i: (logits[i], -i))

    assert over_http() == in_process()
    inside, outside = [], []
    for _ in range(args.repeat):
        for times, call in ((inside, in_process), (outside, over_http)):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    server.stop()
    ratios = sorted(b / a for a, b in zip(inside, outside))
    print(f"{args.documents} x {args.tokens} tokens, level {library.cpu_level}, {args.repeat} turns")
    print(f"in process  median {statistics.median(inside) * 1e3:8.2f} ms   fastest {min(inside) * 1e3:8.2f} ms")
    print(f"over HTTP   median {statistics.median(outside) * 1e3:8.2f} ms   fastest {min(outside) * 1e3:8.2f} ms")
    print(f"ratio       median {statistics.median(ratios):.4f}   of the fastest {min(outside) / min(inside):.4f}")


if __name__ == "__main__":
    main()
