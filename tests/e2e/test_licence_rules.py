#!/usr/bin/env python3
"""The licence page and `winnow licence` judge alike: every known licence, every use."""
import concurrent.futures, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from api_server import PLAIN_ENV, WINNOW

JUDGE = """async () => {
    const { judge, known } = await import('/ui/app/licences.js');
    return known.map((word) => [word, ['own', 'service', 'shipped'].flatMap((where) => [false, true].map((commercial) =>
        ({ where, commercial, ...judge(word, { where, commercial }) })))]);
}"""


def of_program(word):
    done = subprocess.run([WINNOW, "licence", word, "--json"], env=PLAIN_ENV, capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_the_page_and_the_program_judge_alike():
    with browser.opened("/ui/icon.svg", ready=False) as page:
        judged = page.evaluate(JUDGE)
    assert len(judged) > 60
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (word, uses), said in zip(judged, pool.map(of_program, [word for word, _ in judged])):
            assert said["kind"] == uses[0]["kind"], (word, said, uses)
            assert [{**use, "kind": said["kind"]} for use in said["uses"]] == uses, (word, said, uses)


if __name__ == "__main__":
    tap.main(globals())
