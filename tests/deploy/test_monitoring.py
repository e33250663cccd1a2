#!/usr/bin/env python3
"""Alert rules and board speak of metrics, labels and values that a running server has; promtool finds both right."""
import atexit, collections, json, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path[:0] = [os.path.join(HERE, "../api"), os.path.join(HERE, "../support")]
import api_server, tap

RULES, TESTS, BOARD = (os.path.join(ROOT, "deploy", name) for name in (
    "prometheus/winnow.rules.yml", "prometheus/winnow.test.yml", "grafana/winnow.json"))
BY_PROMETHEUS = {"job", "instance"}
SCORE = b'{"query": "a", "documents": ["b"]}'
scratch = tempfile.mkdtemp(prefix="winnow-monitoring-")
atexit.register(shutil.rmtree, scratch)


def promtool(*words):
    if shutil.which("promtool") is None:
        raise tap.Skip("promtool is not installed")
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def scrape():
    """/metrics of a server that has ranked and refused, which has every family."""
    server = api_server.Server("--state-dir", os.path.join(scratch, "state"))
    for body in (SCORE, b"{}"):
        server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], body)
    text = server.request("GET", "/metrics")[2].decode()
    assert server.stop() == 0
    return text


def read(path):
    with open(path) as f:
        return f.read()


def expressions():
    """(where, expression) of all rules and panels."""
    for alert, expression in re.findall(r"- alert: (\w+)\n\s+expr: (?:\|\n)?(.*?)\n\s+(?:for|labels):", read(RULES), re.S):
        yield alert, expression
    board = json.loads(read(BOARD))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        if isinstance(variable.get("query"), dict):
            yield variable["name"], variable["query"]["query"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


TEXT = scrape()
LABELS = collections.defaultdict(lambda: collections.defaultdict(set))  # name of a sample -> label -> values
for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? ", TEXT, re.M):
    for label, value in re.findall(r'(\w+)="([^"]*)"', labels) or [("", "")]:
        LABELS[name][label].add(value)


def test_the_server_tells_metrics_that_promtool_accepts():
    if shutil.which("promtool") is None:
        raise tap.Skip("promtool is not installed")
    done = subprocess.run(["promtool", "check", "metrics"], input=TEXT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr


def test_every_metric_of_rules_and_board_is_one_of_the_server():
    n = 0
    for where, expression in expressions():
        for name, matchers in re.findall(r"\b((?:wn|process)_[a-z_]+)(?:\{([^}]*)\})?", expression):
            n += 1
            assert name in LABELS, f"{where}: there is no metric {name}"
            for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers):
                if label in BY_PROMETHEUS:
                    continue
                assert label in LABELS[name], f"{where}: {name} has no label {label}"
                # statuses appear when they are given, routes, reasons and kinds always
                if label != "status" and "$" not in value:
                    for one in value.split("|"):
                        assert one in LABELS[name][label], f"{where}: {name} has no {label} {one}"
    assert n >= 50, n


def test_labels_that_are_kept_apart_exist():
    for where, expression in expressions():
        names = re.findall(r"\b((?:wn|process)_[a-z_]+)", expression)
        for labels in re.findall(r"\bby \(([^)]*)\)", expression):
            for label in re.split(r",\s*", labels):
                assert label in BY_PROMETHEUS or all(label in LABELS[name] for name in names), (where, label)


def test_rules_pass_their_own_tests():
    promtool("check", "rules", RULES)
    promtool("test", "rules", TESTS)
    alerts, tested = (set(re.findall(pattern, read(path))) for pattern, path in ((r"- alert: (\w+)", RULES), (r"alertname: (\w+)", TESTS)))
    assert alerts == tested and len(alerts) >= 10, alerts ^ tested


def test_rules_fail_their_tests_when_they_are_other_rules():
    if shutil.which("promtool") is None:
        raise tap.Skip("promtool is not installed")
    for before, after in (("== 0", "== 2"), ("> 0.02", "> 0.9"), ('kind="limit"', 'kind="used"')):
        path = os.path.join(scratch, "winnow.rules.yml")
        with open(path, "w") as f:
            f.write(read(RULES).replace(before, after))
        shutil.copy(TESTS, scratch)
        done = subprocess.run(["promtool", "test", "rules", os.path.join(scratch, "winnow.test.yml")], capture_output=True, timeout=60)
        assert done.returncode != 0, (before, after)


def test_the_expressions_of_the_board_are_promql():
    rules = []
    for i, (where, expression) in enumerate(expressions()):
        if expression.startswith("label_values"):
            continue
        expression = expression.replace("$__rate_interval", "5m").replace("$job", "winnow").replace("$instance", ".*")
        rules.append({"record": f"board:{i}", "expr": expression})
    path = os.path.join(scratch, "board.json")
    with open(path, "w") as f:
        json.dump({"groups": [{"name": "board", "rules": rules}]}, f)
    promtool("check", "rules", path)


def test_the_board_has_a_place_for_every_panel():
    panels = json.loads(read(BOARD))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, (panel["title"], taken.get((x, y)))
                taken[x, y] = panel["title"]


if __name__ == "__main__":
    tap.main(globals())
