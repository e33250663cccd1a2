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
    """(answered before the promise's time, answered in all, sent) of one life."""
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
    return sum(t <= killed - PROMISE_S for t in acks), len(acks), sent[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cycles", type=int, default=20)
    args = p.parse_args()
    rng, state = random.Random(11), tempfile.mkdtemp()
    before = safe_in_all = acked_in_all = lost_in_all = broken = doubled = 0
    for i in range(args.cycles):
        safe, acked, sent = cycle(state, rng)
        now = stored(state)[0]
        kept = now - before
        before = now
        broken += max(0, safe - kept)
        doubled += max(0, kept - sent)
        lost_in_all += max(0, acked - kept)
        safe_in_all, acked_in_all = safe_in_all + safe, acked_in_all + acked
    shutil.rmtree(state)
    print(f"{args.cycles} kills, {acked_in_all} answers; in the store {before}; lost {lost_in_all}, of those promised {broken}; "
          f"more than were sent {doubled}; integrity ok {args.cycles}/{args.cycles}")
    sys.exit(1 if broken or doubled else 0)


if __name__ == "__main__":
    main()
