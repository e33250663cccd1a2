#!/usr/bin/env python3
"""Restart, reload and exchange the models of three servers behind HAProxy, one by one, under load.

  rolling.py [--requests 50000] [--clients 8]

Promise: no request fails, and every answer has the scores of the one model that it names.
"""
import argparse, asyncio, collections, json, os, random, re, signal, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../api"), os.path.join(HERE, "../support")]
import api_server, front

MODELS = [None, os.path.join(HERE, "../golden/models/bert")]
WORDS = "river bank water house market price of the in a paris london".split()
PLAIN = ((r"bind :(\d+) ssl.*", r"bind 127.0.0.1:\1"), (r"inter 500ms", "inter 200ms"))


def requests(n):
    rng = random.Random(5)
    for _ in range(n):
        documents = [" ".join(rng.choices(WORDS, k=rng.randint(1, 30))) for _ in range(rng.randint(1, 6))]
        yield json.dumps({"query": " ".join(rng.choices(WORDS, k=3)), "documents": documents, "return_documents": False}).encode()


def start(port, model):
    return api_server.Server("--port", str(port), "--drain-delay", "600", "--log-level", "error", *(["--model", model] if model else []))


def scores_of(server, bodies):
    """(model, [results]) by asking it directly."""
    answers = [server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], body) for body in bodies]
    return dict(answers[0][1])["X-Winnow-Model"], [json.loads(answer[2])["results"] for answer in answers]


class Load:
    def __init__(self, port, bodies, expected, clients):
        self.port, self.bodies, self.expected = port, bodies, expected
        self.statuses, self.models, self.wrong, self.over = collections.Counter(), collections.Counter(), [], False
        self.times, self.clients = [], clients

    async def ask(self, stream, i):
        """Returns whether the connection goes on."""
        reader, writer = stream
        writer.write(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(self.bodies[i]), self.bodies[i]))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        answer = await reader.readexactly(int(re.search(r"\ncontent-length: (\d+)", head)[1]))
        self.statuses[int(head[9:12])] += 1
        if head[9:12] == "200":
            model = re.search(r"\nx-winnow-model: (\S+)", head)[1]
            self.models[model] += 1
            if json.loads(answer)["results"] != self.expected[model][i]:
                self.wrong.append((model, i))
        return "\nconnection: close" not in head

    async def client(self, seed):
        rng, stream = random.Random(seed), None
        while not self.over:
            began = time.perf_counter()
            try:
                stream = stream or await asyncio.open_connection("127.0.0.1", self.port)
                if not await self.ask(stream, rng.randrange(len(self.bodies))):
                    stream[1].close()
                    stream = None
            except (OSError, asyncio.IncompleteReadError) as error:
                self.statuses[type(error).__name__] += 1
                stream = None
            self.times.append(time.perf_counter() - began)
        if stream:
            stream[1].close()

    async def run(self):
        await asyncio.gather(*(self.client(i) for i in range(self.clients)))


async def roll(servers, ports, load, n):
    """Round after round until n requests are done; returns how many restarts and reloads there were."""
    restarts = reloads = 0
    loop = asyncio.get_running_loop()
    while load.statuses.total() < n or restarts < 12:
        for i, server in enumerate(servers):
            server.process.send_signal(signal.SIGHUP)
            reloads += 1
            await asyncio.sleep(0.3)
            code = await loop.run_in_executor(None, server.stop, signal.SIGTERM)
            assert code == 0, (code, server.lines)
            servers[i] = await loop.run_in_executor(None, start, ports[i], MODELS[(restarts // 3 + 1) % 2])
            restarts += 1
            await asyncio.sleep(1)  # the proxy's next looks at it
    load.over = True
    return restarts, reloads


async def main_async(args):
    ports = [front.free_port() for _ in range(3)]
    bodies, expected = list(requests(200)), {}
    for model in MODELS[::-1]:
        server = start(front.free_port(), model)
        name, results = scores_of(server, bodies)
        expected[name] = results
        server.stop()
    servers = [start(port, MODELS[0]) for port in ports]
    third = (r"( *server) b (127.0.0.1:\d+)", rf"\1 b \2\n\1 c 127.0.0.1:{ports[2]}")
    proxy = front.haproxy(ports, (*PLAIN, third), tls=False)
    load, began = Load(proxy.port, bodies, expected, args.clients), time.monotonic()
    (restarts, reloads), _ = await asyncio.gather(roll(servers, ports, load, args.requests), load.run())
    took = time.monotonic() - began
    failed = load.statuses.total() - load.statuses[200]
    times = sorted(load.times)
    print(f"{load.statuses.total()} requests in {took:.0f} s, {failed} failed {dict(load.statuses)}; {restarts} restarts, {reloads} reloads; "
          f"answers by model {dict(load.models)}, {len(load.wrong)} with scores of another; p50 {times[len(times) // 2] * 1e3:.1f}, "
          f"p99 {times[int(len(times) * 0.99)] * 1e3:.1f}, most {times[-1] * 1e3:.0f} ms")
    proxy.stop()
    codes = [server.stop() for server in servers]
    return failed == 0 and not load.wrong and codes == [0, 0, 0] and len(load.models) == 2


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--requests", type=int, default=50000)
    p.add_argument("--clients", type=int, default=8)
    sys.exit(0 if asyncio.run(main_async(p.parse_args())) else 1)


if __name__ == "__main__":
    main()
