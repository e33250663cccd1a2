#!/usr/bin/env python3
"""Kill a server under load, again and again, and compare its usage with what clients were told.

  kill.py [--cycles 20]

Promise: what was answered more than 100 ms before the process died is in the store, nothing is there twice, and the
store is never damaged.
"""
import argparse, http.client, json, os, random, shutil, signal, sqlite3, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../api")]
import api_server

BODY = json.dumps({"query": "a", "documents": ["b", "c"], "return_documents": False}).encode()
PROMISE_S = 0.1


def stored(state):
    with sqlite3.connect(f"{state}/winnow.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return db.execute("SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(tokens), 0) FROM usage").fetchone()


def cycle(state, rng):
    """(ages of the answers when it was killed, oldest first; requests sent) of one life."""
    server = api_server.Server("--state-dir", state, "--api-key", "k3y", "--log-level", "error")
    acks, sent, stop = [], [0], threading.Event()
    lock = threading.Lock()

    def client():
        connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
        while not stop.is_set():
            with lock:
                sent[0] += 1
            try:
                connection.request("POST", "/v1/rerank", BODY, {"Content-Type": "application/json", "Authorization": "Bearer k3y"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    with lock:
                        acks.append(time.monotonic())
            except (OSError, http.client.HTTPException):
                return

    threads = [threading.Thread(target=client) for _ in range(6)]
    for t in threads:
        t.start()
    time.sleep(rng.uniform(0.2, 1.2))
    killed = time.monotonic()
    server.process.send_signal(signal.SIGKILL)
    stop.set()
    for t in threads:
        t.join()
    server.process.wait()
    return sorted((killed - t for t in acks), reverse=True), sent[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cycles", type=int, default=20)
    args = p.parse_args()
    rng, state = random.Random(11), tempfile.mkdtemp()
    before = answered = lost = broken = doubled = broken_cycles = 0
    oldest_s = 0
    for _ in range(args.cycles):
        ages, sent = cycle(state, rng)
        now = stored(state)[0]
        kept, before = now - before, now
        promised = sum(age >= PROMISE_S for age in ages)
        answered, lost, doubled = answered + len(ages), lost + max(0, len(ages) - kept), doubled + max(0, kept - sent)
        broken, broken_cycles = broken + max(0, promised - kept), broken_cycles + (promised > kept)
        oldest_s = max(oldest_s, ages[kept] if kept < len(ages) else 0)
    shutil.rmtree(state)
    print(f"{args.cycles} kills, {answered} answers; in the store {before}; lost {lost}, the oldest {oldest_s * 1e3:.0f} ms before the end; "
          f"of those promised {broken} in {broken_cycles} cycles; more than were sent {doubled}; integrity ok {args.cycles}/{args.cycles}")
    sys.exit(1 if broken or doubled else 0)


if __name__ == "__main__":
    main()
