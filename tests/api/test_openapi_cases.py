#!/usr/bin/env python3
"""Requests made from the server's own OpenAPI description, with values as a hostile client would choose them: every
answer is a success in the shape that is described, or a documented mistake; never a 5xx, never a broken body.
WINNOW_CASES sets how many (400 without it)."""
import atexit, http.client, json, os, shutil, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

try:
    from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
except ImportError:
    # The system's interpreter may have what the first one on the path lacks.
    system = "/usr/bin/python3"
    if os.path.exists(system) and not os.path.samefile(sys.executable, system):
        os.execv(system, [system, *sys.argv])
    st = None

CASES = int(os.environ.get("WINNOW_CASES", "400"))
MISTAKES = {400, 404, 409, 413, 415, 422, 429}


def strategies():
    """(scalars, texts, anything): what a client may put where another thing belongs."""
    numbers = st.one_of(st.sampled_from([0, -1, 1, 2**31, 2**31 - 1, 2**53, 2**63, -2**63, 2**64, 10**30, 1e308, -1e308, 1e-320,
                                         0.5, -0.0, 1.5]), st.integers(-10, 10), st.floats(allow_nan=False, allow_infinity=False))
    text = st.one_of(
        st.text(max_size=80),
        st.sampled_from(["", " ", "\0", "[SEP]", "[CLS] [MASK] [PAD]", "</s><s>", "\u202e\u2066", "\ufeff", "\ufffe\uffff",
                         "a" + "\u0301" * 2000, "x" * 5000, "\U0010ffff", "\u0000a\u0000", "\x7f\x80\x9f", "%s%n", "../../etc/passwd",
                         "'; DROP TABLE keys;--", "\r\nX-Evil: 1", "\u2028", "{{}}", "a\tb\nc"]))
    scalar = st.one_of(st.none(), st.booleans(), numbers, text)
    anything = st.recursive(scalar, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
                            max_leaves=8)
    return text, anything


def value_for(schema, text, anything):
    """Mostly what the schema asks for, sometimes anything else."""
    kinds = schema.get("type", "any")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "anyOf" in schema:
        good = st.one_of(*(value_for(option, text, anything) for option in schema["anyOf"]))
    elif "array" in kinds:
        item = st.one_of(text, st.fixed_dictionaries({"text": text})) if "object" in str(schema.get("items")) else text
        good = st.lists(item, min_size=1, max_size=6)
    elif "object" in kinds:
        good = st.fixed_dictionaries({name: value_for(part, text, anything) for name, part in schema.get("properties", {}).items()})
    elif "integer" in kinds:
        good = st.integers(-2, 12)
    elif "number" in kinds:
        good = st.floats(-2, 2)
    elif "boolean" in kinds:
        good = st.booleans()
    elif "string" in kinds:
        good = text
    else:
        good = anything
    return st.integers(0, 19).flatmap(lambda i: anything if i == 19 else good)


def bodies(schema, text, anything):
    """Objects with any of the schema's fields; those that are required are mostly there."""
    required, parts = schema.get("required", []), schema.get("properties", {})
    values = {name: value_for(part, text, anything) for name, part in parts.items()}
    if "model" in values:
        values["model"] = st.one_of(st.none(), st.sampled_from(["jina-reranker-v3", "BAAI/bge-reranker-base"]), values["model"])
    full = st.fixed_dictionaries({name: values[name] for name in required},
                                 optional={name: values[name] for name in values if name not in required})
    odd = st.one_of(st.fixed_dictionaries({}, optional=values), anything)
    return st.integers(0, 9).flatmap(lambda i: odd if i == 9 else full)


def conforms(value, schema, where="answer"):
    """The parts of JSON Schema that our descriptions use."""
    if "anyOf" in schema:
        problems = []
        for option in schema["anyOf"]:
            try:
                return conforms(value, option, where)
            except AssertionError as problem:
                problems.append(str(problem))
        raise AssertionError("; ".join(problems))
    if "const" in schema:
        assert value == schema["const"], f"{where} is {value!r}"
    kind = schema.get("type")
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    assert kind is None or isinstance(value, types[kind]), f"{where} is {value!r}, expected {kind}"
    if kind == "object":
        for name in schema.get("required", []):
            assert name in value, f"{where} has no {name}: {value!r}"
        for name, part in schema.get("properties", {}).items():
            if name in value:
                conforms(value[name], part, f"{where}.{name}")
    if kind == "array" and "items" in schema:
        for item in value:
            conforms(item, schema["items"], f"{where}[]")


def schema_of(content):
    return content["content"]["application/json"]["schema"]


def run(server):
    text, anything = strategies()
    _, _, description = server.request("GET", "/openapi.json")
    operations = []
    for path, methods in json.loads(description)["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                schema = schema_of(operation["requestBody"])
                for body in schema.get("anyOf", [schema]):
                    operations.append((method.upper(), path.replace("{id}", "Abcdefgh"), operation, body))
    cases = st.sampled_from(range(len(operations))).flatmap(
        lambda i: st.tuples(st.just(i), bodies(operations[i][3], text, anything)))
    counts, connection = {}, http.client.HTTPConnection(server.host, server.port, timeout=60)

    @seed(20260101)
    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink])
    @given(cases)
    def one(case):
        method, path, operation, _ = operations[case[0]]
        data = json.dumps(case[1]).encode()
        connection.request(method, path, data, {"Content-Type": "application/json", "Authorization": "Bearer k3y"})
        answer = connection.getresponse()
        got = json.loads(answer.read())
        counts[answer.status] = counts.get(answer.status, 0) + 1
        responses = operation["responses"]
        assert str(answer.status) in responses or answer.status in MISTAKES, (path, data[:500], answer.status, got)
        conforms(got, schema_of(responses.get(str(answer.status), responses["default"])))

    one()
    print(f"# {sum(counts.values())} requests: {dict(sorted(counts.items()))}")
    assert counts.get(200, 0) > CASES // 20, counts


def test_every_answer_is_a_success_or_a_documented_mistake():
    if st is None:
        raise tap.Skip("python3-hypothesis is not installed")
    state = tempfile.mkdtemp(prefix="winnow-openapi-")
    atexit.register(shutil.rmtree, state)
    server = api_server.Server("--log-level", "error", "--admin-key", "k3y", "--state-dir", state)
    try:
        run(server)
        assert server.stop() == 0, "".join(server.lines)
    finally:
        server.process.kill()


if __name__ == "__main__":
    tap.main(globals())
