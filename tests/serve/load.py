#!/usr/bin/env python3
"""Load on one running server, in phases; prints a table and exits 1 when a promise is broken.

  load.py [--seconds 60] [--phases quiet,bulk,overload] [--model DIR]

quiet     interactive requests alone (5 documents of 100 words, about 40% of what the machine can do)
bulk      the same beside clients of another address that always have a request of 1,000 documents under way,
          first as interactive ones, which get their fair half, then in the bulk lane
overload  another address offers 5 times what can be done: goodput, how fast the rest is refused, what the quiet
          address feels, and how long the server needs until it is as before

The clients run on the same machine: goodput is a share of what can be done with the part that they leave.
"""
import argparse, asyncio, json, os, random, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../api")]
import api_server

WORDS = "the quick brown fox jumps over lazy dog river bank capital france paris london apple market price engine".split()


class Bodies:
    """Requests of equal size, no two of them alike: equal rows would be computed once."""

    def __init__(self, documents, words, rng, kinds):
        self.rng, self.kinds = rng, []
        for _ in range(kinds):
            texts = [" ".join(rng.choice(WORDS) for _ in range(words)) for _ in range(documents)]
            self.kinds.append(json.dumps({"query": "capital of NUMBER", "documents": texts, "return_documents": False}).encode())

    def next(self):
        return self.rng.choice(self.kinds).replace(b"NUMBER", b"%012d" % self.rng.randrange(10**12))


class Client:
    """One kept connection from an address of this machine."""

    def __init__(self, server, source):
        self.server, self.source, self.reader, self.writer, self.retry_after = server, source, None, None, 0

    async def ask(self, data, lane=b""):
        """(status, seconds, tokens) of one request; status 0 when the connection broke."""
        began = time.perf_counter()
        try:
            if self.writer is None or self.reader.at_eof():  # the server ends connections that are idle for long
                self.close()
                self.reader, self.writer = await asyncio.open_connection(
                    self.server.host, self.server.port, local_addr=(self.source, 0))
            self.writer.write(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"
                              % (len(data), lane, data))
            head = await self.reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
            answer = await self.reader.readexactly(length)
            tokens = json.loads(answer)["usage"]["total_tokens"] if status == 200 and length < 4000 else 0
            wait = [line for line in head.split(b"\r\n") if line.startswith(b"Retry-After:")]
            self.retry_after = int(wait[0].split(b":")[1]) if wait else 0
            if b"\r\nConnection: close" in head:
                self.close()
            return status, time.perf_counter() - began, tokens
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0, time.perf_counter() - began, 0

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


class LeftForServer:
    """The share of the machine that this process does not take, from now on."""

    def __init__(self):
        self.began, self.used = time.perf_counter(), time.process_time()

    def share(self):
        wall = (time.perf_counter() - self.began) * len(os.sched_getaffinity(0))
        return 1 - (time.process_time() - self.used) / wall


class Results:
    def __init__(self):
        self.times, self.codes, self.tokens, self.refused = [], {}, 0, []

    def add(self, answer):
        status, took, tokens = answer
        self.codes[status] = self.codes.get(status, 0) + 1
        if status == 200:
            self.times.append(took)
            self.tokens += tokens
        else:
            self.refused.append(took)

    def quantile(self, q, times=None):
        times = sorted(self.times if times is None else times)
        return times[min(len(times) - 1, int(q * len(times)))] * 1e3 if times else float("nan")

    def line(self, name):
        return (f"{name:<28} {len(self.times):6d} answered   p50 {self.quantile(.5):8.1f}   p95 {self.quantile(.95):8.1f}   "
                f"p99 {self.quantile(.99):8.1f} ms   {dict(sorted(self.codes.items()))}")


async def closed(server, source, data, until, results, n, lane=b""):
    """n clients that ask again as soon as they are answered, or when Retry-After says."""

    async def one():
        client = Client(server, source)
        while time.perf_counter() < until:
            results.add(await client.ask(data.next(), lane))
            await asyncio.sleep(min(client.retry_after, max(0, until - time.perf_counter())))
        client.close()

    await asyncio.gather(*(one() for _ in range(n)))


async def open_loop(server, source, data, rate, until, results, n=56):
    """Requests at a rate, whether or not the earlier ones are answered, on at most n connections."""
    idle, rng, waiting = [Client(server, source) for _ in range(n)], random.Random(3), set()

    async def one(client):
        results.add(await client.ask(data.next()))
        idle.append(client)

    due = time.perf_counter()
    while due < until:
        due += rng.expovariate(rate)
        await asyncio.sleep(max(0, due - time.perf_counter()))
        if idle:
            task = asyncio.ensure_future(one(idle.pop()))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
    await asyncio.gather(*list(waiting))
    for client in idle:
        client.close()


def metric(server, name):
    _, _, text = server.request("GET", "/metrics")
    return sum(float(line.rsplit(b" ", 1)[1]) for line in text.splitlines()
               if line.startswith(name.encode()) and not line.startswith(b"#"))


async def run(server, args):
    rng = random.Random(1)
    small = Bodies(5, 100, rng, 50)
    large = Bodies(1000, 100, rng, 4)
    failed = []

    # What the machine can do with small requests.
    capacity = Results()
    seconds = min(15, args.seconds)
    left = LeftForServer()
    await closed(server, "127.0.0.1", small, time.perf_counter() + seconds, capacity, 16)
    capacity_left = left.share()
    rate = len(capacity.times) / seconds
    print(capacity.line(f"capacity: {rate:.1f} requests/s"), flush=True)
    quiet_rate = rate * 0.4

    quiet = Results()
    await open_loop(server, "127.0.0.1", small, quiet_rate, time.perf_counter() + args.seconds, quiet)
    print(quiet.line(f"quiet: {quiet_rate:.1f} requests/s"), flush=True)

    for lane in (b"", b"X-Winnow-Lane: bulk\r\n") if "bulk" in args.phases else ():
        beside, bulk = Results(), Results()
        until = time.perf_counter() + args.seconds
        await asyncio.gather(open_loop(server, "127.0.0.1", small, quiet_rate, until, beside),
                             closed(server, "127.0.0.2", large, until, bulk, 8, lane))
        print(beside.line("the same beside bulk lane" if lane else "the same beside 1,000s"), flush=True)
        print(bulk.line("8 x 1,000 documents"), flush=True)
        if set(beside.codes) != {200}:
            failed.append(f"interactive requests beside bulk: {beside.codes}")

    if "overload" in args.phases:
        beside, flood = Results(), Results()
        calm = Results()
        await open_loop(server, "127.0.0.1", small, rate * 0.1, time.perf_counter() + max(10, args.seconds / 2), calm)
        before = metric(server, 'wn_tokens_total')
        began, left = time.perf_counter(), LeftForServer()
        until = began + args.seconds
        await asyncio.gather(open_loop(server, "127.0.0.1", small, rate * 0.1, until, beside),
                             open_loop(server, "127.0.0.2", small, rate * 5, until, flood, n=4000))
        took = time.perf_counter() - began
        per_request = capacity.tokens / len(capacity.times)
        goodput = (metric(server, "wn_tokens_total") - before) / took / (per_request * rate)
        overload_left = left.share()
        goodput_of_left = goodput * capacity_left / overload_left
        print(flood.line("overload: 5 times capacity"), flush=True)
        print(beside.line("quiet address meanwhile"), flush=True)
        print(f"goodput {goodput_of_left:.3f} of capacity (tokens {goodput:.3f}; the clients left {overload_left:.3f} of the "
              f"machine, before {capacity_left:.3f}); refused in p50 {flood.quantile(.5, flood.refused):.1f}, "
              f"p99 {flood.quantile(.99, flood.refused):.1f} ms; quiet p99 {beside.quantile(.99) / calm.quantile(.99):.2f} "
              f"times of alone ({calm.quantile(.99):.1f} ms)")
        client, began = Client(server, "127.0.0.1"), time.perf_counter()
        while (await client.ask(small.next()))[1] * 1e3 > 3 * calm.quantile(.5):
            await asyncio.sleep(0.05)
        print(f"as before again after {time.perf_counter() - began:.2f} s")
        if goodput_of_left < 0.9:
            failed.append(f"goodput is {goodput_of_left:.3f}, expected 0.9")
        if set(beside.codes) != {200}:
            failed.append(f"the quiet address: {beside.codes}")
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--phases", default="bulk,overload")
    p.add_argument("--model")
    args = p.parse_args()
    server = api_server.Server("--log-level", "error", "--score-cache", "0", "--vector-cache", "0", *(["--model", args.model] if args.model else []))
    fds, resident = metric(server, "process_open_fds "), metric(server, "process_resident_memory_bytes ")
    failed = asyncio.run(run(server, args))
    time.sleep(1)
    print(f"open files {fds:.0f} -> {metric(server, 'process_open_fds '):.0f}, "
          f"resident {resident / 2**20:.1f} -> {metric(server, 'process_resident_memory_bytes ') / 2**20:.1f} MiB")
    if server.stop() != 0:
        failed.append("the server did not end with 0: " + "".join(server.lines[-3:]))
    for line in failed:
        print("FAILED", line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
