#!/usr/bin/env python3
"""Mixed load for a long time: requests of all sizes, mistakes, clients that leave, reloads.

  soak.py [--seconds 1800]

Promise: after it has warmed up, memory, descriptors, threads and times stay as they are, and nothing fails that need not.
"""
import argparse, asyncio, collections, json, os, random, signal, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../api"), HERE]
import api_server, load

WARM_UP = 0.25  # of the time
SAMPLE_S = 2
MIB = 2**20


def sample(server):
    with open(f"/proc/{server.process.pid}/status") as f:
        fields = dict(line.split(":", 1) for line in f if ":" in line)
    return (time.monotonic(), int(fields["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{server.process.pid}/fd")), int(fields["Threads"]))


def slope(points):
    """MiB an hour, least squares."""
    n = len(points)
    mean_t, mean_v = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    return 3600 * sum((p[0] - mean_t) * (p[1] - mean_v) for p in points) / sum((p[0] - mean_t) ** 2 for p in points)


async def mixed(server, until, seed, results):
    """A client that asks for this and that, mostly small things."""
    rng, client = random.Random(seed), load.Client(server, "127.0.0.1")
    while time.monotonic() < until:
        kind = rng.random()
        if kind < 0.8:
            data = load.body(rng.randint(1, 8), rng.randint(1, 100), rng)
        elif kind < 0.95:
            data = load.body(rng.randint(8, 100), rng.randint(1, 200), rng)
        elif kind < 0.97:
            data = load.body(1, 20000, rng)
        else:
            data = rng.choice([b"{", b'{"query":1}', b'{"query":"a","documents":[]}', b"\xff"])
        status, took, _ = await client.ask(data)
        results.append((time.monotonic(), kind < 0.8, status, took))
        await asyncio.sleep(client.retry_after or rng.random() * 0.05)
    client.close()


async def leaver(server, until, seed):
    """A client that sends a part, or all, and goes."""
    rng = random.Random(seed)
    while time.monotonic() < until:
        data = load.body(rng.randint(1, 300), 50, rng)
        data = b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
        _, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(data[:rng.choice([rng.randrange(len(data)), len(data)])])
        await asyncio.sleep(rng.random() * 0.2)
        writer.transport.abort()
        await asyncio.sleep(0.3)


async def watch(server, until, samples):
    n = 0
    while time.monotonic() < until:
        samples.append(sample(server))
        n += 1
        if n % 15 == 0:
            server.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(SAMPLE_S)


async def run(server, seconds):
    results, samples, until = [], [], time.monotonic() + seconds
    await asyncio.gather(watch(server, until, samples), *(mixed(server, until, i, results) for i in range(6)),
                         *(leaver(server, until, i) for i in range(2)))
    return results, samples


def p99(results):
    times = sorted(took for _, small, status, took in results if small and status == 200)
    return times[int(0.99 * len(times))] * 1e3


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=1800)
    args = p.parse_args()
    server = api_server.Server("--log-level", "error")
    began = time.monotonic()
    results, samples = asyncio.run(run(server, args.seconds))
    warm = began + WARM_UP * args.seconds
    middle = warm + (1 - WARM_UP) * args.seconds / 2
    samples = [s for s in samples if s[0] > warm]
    first, second = [r for r in results if warm < r[0] < middle], [r for r in results if r[0] >= middle]
    statuses = collections.Counter(r[2] for r in results)
    half = [s[1] for s in samples if s[0] < middle], [s[1] for s in samples if s[0] >= middle]
    grown = sorted(half[1])[len(half[1]) // 2] - sorted(half[0])[len(half[0]) // 2]
    fds, threads = [s[2] for s in samples], [s[3] for s in samples]
    print(f"{len(results)} requests in {args.seconds:.0f} s: {dict(sorted(statuses.items()))}; resident {samples[0][1]:.1f} to {samples[-1][1]:.1f} "
          f"MiB, {slope(samples):+.2f} MiB/h, median of the second half {grown:+.2f} MiB; descriptors {min(fds)} to {max(fds)}, "
          f"threads {min(threads)} to {max(threads)}; p99 of small ones {p99(first):.1f}, then {p99(second):.1f} ms")
    failed = [status for status in statuses if status not in (200, 400, 422, 503)]
    code = server.stop()
    good = not failed and code == 0 and grown < max(0.5, args.seconds / 3600) and max(threads) == min(threads) and max(fds) - min(fds) < 20
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
