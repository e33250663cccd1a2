#!/usr/bin/env python3
"""Several models in one server, and models that take each other's place while requests come."""
import atexit, http.client, json, os, shutil, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

GOLDEN = os.path.abspath(os.path.join(HERE, "../golden/models"))
DOCUMENTS = ["a b c", "the quick brown fox", "x", "lazy dog " * 40]
root = tempfile.mkdtemp(prefix="winnow-models-")
atexit.register(shutil.rmtree, root)
for name in ("bert", "bert-relu", "xlmr"):
    shutil.copytree(os.path.join(GOLDEN, name), os.path.join(root, name))
os.mkdir(os.path.join(root, "broken"))
with open(os.path.join(root, "broken", "config.json"), "w") as f:
    f.write("{}")
os.symlink(GOLDEN, os.path.join(root, "outside"))
os.symlink("bert", os.path.join(root, "inside"))

server = api_server.Server("--model", f"first={root}/bert", "--model", f"{root}/xlmr", "--model-root", root, "--admin-key", "root",
                           "--tokenization-workers", "3", "--drain-delay", "0", "--score-cache", "0")
atexit.register(server.process.kill)


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = [("Authorization", "Bearer root")] + ([("Content-Type", "application/json")] if body is not None else [])
    status, fields, text = server.request(method, path, headers, data)
    return status, {name.lower(): value for name, value in fields}, json.loads(text)


def rank(model=None):
    body = {"query": "fox", "documents": DOCUMENTS, "return_documents": False, "return_logits": True}
    return call("POST", "/v1/rerank", {**body, "model": model} if model else body)


def scores(model=None):
    status, _, answer = rank(model)
    assert status == 200, (status, answer)
    return [(r["index"], r["logit"]) for r in answer["results"]]


def load(name, path, want="ready", seconds=60, **more):
    """Load and wait for the outcome."""
    status, fields, answer = call("POST", "/v1/admin/models", {"name": name, "path": path, **more})
    assert status == 202 and fields["location"] == "/v1/admin/models/" + name, (status, answer)
    assert answer["name"] == name and answer["state"] in ("loading", "ready", "failed"), answer
    deadline = time.time() + seconds
    while True:
        facts = call("GET", "/v1/admin/models/" + name)[2]
        if facts["state"] != "loading":
            assert facts["state"] == want, facts
            return facts
        assert time.time() < deadline, facts
        time.sleep(0.01)


def test_each_model_has_its_own_dtype():
    facts = load("narrow", "bert", dtype="int8")
    assert facts["dtype"] == "int8" and "dtype" not in load("wide", "bert"), facts
    exact, rounded = dict(scores("wide")), dict(scores("narrow"))
    assert exact == dict(scores("first")) and rounded != exact, (exact, rounded)
    assert all(abs(exact[i] - rounded[i]) < 0.2 for i in exact), (exact, rounded)
    assert {m["id"]: m["dtype"] for m in call("GET", "/v1/models")[2]["data"]} == {"first": "f32", "xlmr": "f32", "narrow": "int8", "wide": "f32"}
    status, _, answer = call("POST", "/v1/admin/models", {"name": "narrow", "path": "bert", "dtype": "int4"})
    assert status == 422 and "f32, bf16, int8 or auto" in json.dumps(answer), answer
    for name in ("narrow", "wide"):
        assert call("DELETE", "/v1/admin/models/" + name)[0] == 200


def test_the_built_in_model_in_several_dtypes():
    other = api_server.Server("--model", "exact=built-in", "--model", "fast=built-in,dtype=int8")
    body = json.dumps({"query": "capital of France", "documents": ["Berlin is in Germany.", "Paris is the capital of France."]}).encode()[:-1]
    logits = {}
    for model in ("exact", "fast"):
        status, _, answer = other.request("POST", "/v1/rerank", [("Content-Type", "application/json")],
                                          body + f', "model": "{model}", "return_logits": true}}'.encode())
        assert status == 200, answer
        logits[model] = [r["logit"] for r in json.loads(answer)["results"]]
    other.process.kill()
    assert logits["exact"] != logits["fast"], logits
    assert all(abs(a - b) < 0.05 * a for z in logits.values() for a, b in zip(z, logits["exact"])), logits


def test_a_model_may_be_served_for_each_of_its_tasks():
    path = os.path.join(GOLDEN, "jina-v3")
    other = api_server.Server("--model", f"plain={path}", "--model", f"query={path},dtype=f32,task=retrieval.query",
                              "--model", f"apart={path},task=separation,dtype=int8")
    logits = []
    for model in ("plain", "query", "apart"):
        status, _, answer = other.request("POST", "/v1/rerank", [("Content-Type", "application/json")], json.dumps(
            {"model": model, "query": "latok", "documents": ["polan", "bamer ceztok"], "return_logits": True}).encode())
        assert status == 200, answer
        logits.append(tuple(sorted(r["logit"] for r in json.loads(answer)["results"])))
    other.process.kill()
    assert len(set(logits)) == 3, logits


def freed():
    return sum("event=model_freed" in line for line in server.lines)


def test_each_model_answers_by_its_name_and_the_first_without_one():
    listed = call("GET", "/v1/models")[2]["data"]
    assert [m["id"] for m in listed] == ["first", "xlmr"] and [m["family"] for m in listed] == ["bert", "xlm-roberta"], listed
    assert scores() == scores("first") != scores("xlmr")
    for asked, named, used in ((None, "first", "first"), ("xlmr", "xlmr", "xlmr"), ("org/XLMR", "org/XLMR", "xlmr"),
                               ("jina-reranker-v3", "jina-reranker-v3", "first")):
        status, fields, answer = rank(asked)
        assert (status, answer["model"], fields["x-winnow-model"]) == (200, named, used), (asked, answer, fields)
    status, _, answer = rank("nobody")
    assert status == 400 and answer["code"] == "INPUT_MODEL_NOT_FOUND" and "first, xlmr" in answer["detail"], answer
    assert call("GET", "/v1/models/xlmr")[2]["family"] == "xlm-roberta"
    assert call("GET", "/v1/models/jina-reranker-v3")[2]["id"] == "first"
    assert call("GET", "/v1/models/nobody")[0] == 404


def test_states_are_told():
    facts = call("GET", "/v1/admin/models")[2]["data"]
    assert [(m["name"], m["default"], m["state"], m["serving"], m["loads"]) for m in facts] == [
        ("first", True, "ready", True, 1), ("xlmr", False, "ready", True, 1)], facts
    assert facts[0]["path"] == f"{root}/bert" and facts[0]["bytes"] > 10000 and facts[0]["in_flight"] == 0, facts


def test_a_new_name_answers_when_it_is_ready_and_not_after_it_is_taken_away():
    assert rank("third")[0] == 400
    facts = load("third", "bert-relu")
    assert facts["path"] == f"{root}/bert-relu" and not facts["default"], facts
    assert scores("third") not in (scores("first"), scores("xlmr"))
    assert [m["id"] for m in call("GET", "/v1/models")[2]["data"]] == ["first", "xlmr", "third"]
    before = freed()
    assert call("DELETE", "/v1/admin/models/third") [2] == {"name": "third", "removed": True}
    assert rank("third")[0] == 400 and call("DELETE", "/v1/admin/models/third")[0] == 404
    wait_for_freed(before + 1)
    changes = [line for line in server.lines if " by=static01 " in line]
    assert "event=model_load_asked" in changes[-2] and "event=model_removed" in changes[-1] and "target=third" in changes[-1], changes
    load("a/b:c.d-e_f", "inside")
    assert scores("a/b:c.d-e_f") == scores("first")
    assert call("DELETE", "/v1/admin/models/a/b:c.d-e_f")[0] == 200


def wait_for_freed(n):
    deadline = time.time() + 20
    while freed() < n:
        assert time.time() < deadline, (freed(), n)
        time.sleep(0.01)


def test_a_model_that_cannot_be_loaded_leaves_the_old_one():
    old = scores("xlmr")
    facts = load("xlmr", "broken", want="failed")
    assert facts["serving"] and facts["loads"] == 1 and facts["error"] and facts["path"] == f"{root}/broken", facts
    assert scores("xlmr") == old
    facts = load("never", "broken", want="failed")
    assert not facts["serving"], facts
    assert rank("never")[0] == 503
    assert call("DELETE", "/v1/admin/models/never")[0] == 200
    assert load("xlmr", "xlmr")["loads"] == 2


def test_paths_stay_below_the_root():
    for path in ("..", "../..", ".", "", "/", "/etc", "outside", "outside/bert", GOLDEN + "/bert", "nowhere", "bert/../../..", root, "bert\0",
                 "x" * 5000):
        status, _, answer = call("POST", "/v1/admin/models", {"name": "x", "path": path})
        assert status == 422 and answer["errors"][0]["field"] == "body -> path", (path, status, answer)
    for name in ("", "a b", "/a", "a/", "\u00e9", "a?b", "a#b", "n" * 128, "a\r\nb"):
        status, _, answer = call("POST", "/v1/admin/models", {"name": name, "path": "bert"})
        assert status == 422 and answer["errors"][0]["field"] == "body -> name", (name, status, answer)
    assert call("POST", "/v1/admin/models", {"name": "x"})[0] == 422
    status, _, answer = call("DELETE", "/v1/admin/models/first")
    assert status == 409 and "default" in answer["detail"], answer
    assert len(call("GET", "/v1/admin/models")[2]["data"]) == 2


def test_there_is_a_limit_of_names():
    for i in range(14):
        load(f"more{i}", "bert")
    status, _, answer = call("POST", "/v1/admin/models", {"name": "last", "path": "bert"})
    assert status == 409 and "16 models" in answer["detail"], answer
    for i in range(14):
        assert call("DELETE", f"/v1/admin/models/more{i}")[0] == 200


def test_swaps_under_load_fail_no_request():
    known = {"bert": scores("first"), "bert-relu": None}
    load("probe", "bert-relu")
    known["bert-relu"] = scores("probe")
    assert call("DELETE", "/v1/admin/models/probe")[0] == 200
    wrong, counts, ending = [], [0], threading.Event()
    body = json.dumps({"query": "fox", "documents": DOCUMENTS, "return_documents": False, "return_logits": True}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer root"}

    def work():
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        while not ending.is_set():
            connection.request("POST", "/v1/rerank", body, headers)
            answer = connection.getresponse()
            got = json.loads(answer.read())
            counts[0] += 1
            if answer.status != 200 or [(r["index"], r["logit"]) for r in got["results"]] not in known.values():
                wrong.append((answer.status, got))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    before, swaps = freed(), []
    for path in ("bert-relu", "bert", "bert-relu", "bert", "bert-relu"):
        at = counts[0]
        load("first", path)
        assert scores("first") == known[path], path
        while counts[0] < at + 50 and not wrong:
            time.sleep(0.005)
        swaps.append(counts[0] - at)
    ending.set()
    for thread in threads:
        thread.join()
    assert not wrong, (len(wrong), counts[0], wrong[:2])
    wait_for_freed(before + 5)
    print(f"# {counts[0]} requests during 5 swaps, 0 failed; by swap {swaps}")
    facts = call("GET", "/v1/admin/models/first")[2]
    assert facts["loads"] == 6 and facts["in_flight"] == 0 and facts["default"], facts


def test_metrics_and_log_tell_models_apart():
    assert rank("xlmr")[0] == 200 and rank("jina-reranker-v3")[0] == 200
    _, _, text = server.request("GET", "/metrics", [("Authorization", "Bearer root")])
    lines = text.decode().splitlines()
    counts = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}
    for model in ("first", "xlmr"):
        assert counts[f'wn_requests_total{{route="rerank",model="{model}",status="200"}}'] > 0
        assert counts[f'wn_request_seconds_count{{route="rerank",model="{model}"}}'] > 0
    info = sorted(line for line in lines if line.startswith("wn_model_info"))
    assert len(info) == 2 and 'model="first",family="bert"' in info[0] and 'model="xlmr",family="xlm-roberta"' in info[1], info
    load("again", "bert")
    _, _, text = server.request("GET", "/metrics", [("Authorization", "Bearer root")])
    assert b'wn_requests_total{route="rerank",model="again"' not in text
    assert call("DELETE", "/v1/admin/models/again")[0] == 200


def test_a_model_that_is_larger_than_the_memory_is_refused():
    big = os.path.join(root, "big")
    shutil.copytree(os.path.join(GOLDEN, "bert"), big)
    os.truncate(os.path.join(big, "model.safetensors"), 1 << 42)
    facts = load("big", "big", want="failed")
    assert "--memory-limit" in facts["error"], facts
    assert call("DELETE", "/v1/admin/models/big")[0] == 200


def test_it_ends_well_while_a_model_loads():
    call("POST", "/v1/admin/models", {"name": "late", "path": "bert"})
    assert server.stop() == 0, "".join(server.lines[-20:])


def test_without_a_root_no_model_is_loaded():
    plain = api_server.Server("--admin-key", "root")
    status, _, text = plain.request("POST", "/v1/admin/models", [("Authorization", "Bearer root"), ("Content-Type", "application/json")],
                                    json.dumps({"name": "x", "path": root + "/bert"}).encode())
    assert status == 409 and "--model-root" in json.loads(text)["detail"], text
    assert plain.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
