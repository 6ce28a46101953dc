"""Reports of tests that jobs name decide their verdict, and say which test failed."""

import json

import pytest

from tests.acceptance.support import Gator

SPEC = """\
!JobGroup
ident: top
jobs:
- !Job {ident: passes, shell: "printf '1..2\\nok 1\\nok 2\\n' > a.tap", results: a.tap}
- !Job
  ident: fails
  results: ['${{ slug }}-*.xml']
  shell: |
    cat > $GATOR_SLUG-1.xml <<'END'
    <testsuite><testcase classname="test_a" name="test_adds">
    <failure message="assert 3 == 2">test_a.py:4: AssertionError</failure></testcase>
    <testcase classname="test_a" name="test_ok"/></testsuite>
    END
- !Job
  ident: exits
  shell: "printf 'not ok 1 - opens\\n# no disk\\n' > b.tap; exit 3"
  results: {file: b.tap}
- !Job {ident: missing, limits: {warning: 0}, command: "true", results: none.xml}
- !Job {ident: required, command: "true", results: {file: none.xml, format: junit, required: true}}
- !Job {ident: broken, shell: "echo '<testsuite>' > c.xml", results: c.xml}
- !Job {ident: old, command: "true", results: old.tap}
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_the_failures_in_reports_decide_and_explain(gator: Gator, placement: str) -> None:
    (gator.root / "old.tap").write_text("not ok 1\n")
    gator("run", gator.spec(SPEC), "--placement", placement).expect(1)
    rows = [json.loads(line) for line in gator("tree", "--json").expect(0).out.splitlines()]
    nodes = {row["path"]: row for row in rows}
    outcomes = {path.removeprefix("top/"): (node["outcome"], node["reason"]) for path, node in nodes.items()}
    del outcomes["top"]
    assert {name: reason for name, (outcome, reason) in outcomes.items() if outcome == "failed"} == {
        "fails": "limit",
        "exits": "exit",
        "required": "limit",
    }
    assert sum(outcome == "passed" for outcome, _ in outcomes.values()) == 4
    error = nodes["top/fails"]["first_error"]
    assert (error["item"], error["message"]) == ("test_a.test_adds", "assert 3 == 2")
    assert (error["file"], error["file_line"]) == ("test_a.py", 4)
    assert nodes["top/exits"]["first_error"]["item"] == "opens"
    metrics = gator("metrics", "top/fails").expect(0).out.split()
    assert metrics.count("1") == 1 and "tests" in metrics and "failures" in metrics
    shown = gator("failures", "top/fails").expect(0).out
    # The sentence has the first line of the message only.
    assert "the first: test_a.test_adds: assert 3 == 2\n" in shown
    assert "  error: test_a.test_adds: assert 3 == 2 (test_a.py:4)\n" in shown
    whole = gator("logs", "top/fails", "--first-error").expect(0).out.splitlines()
    assert whole == ["test_a.test_adds: assert 3 == 2", "test_a.py:4: AssertionError"]
    for path, text in (
        ("missing", "there is no test report none.xml"),
        ("broken", "the test report c.xml is not valid junit"),
        ("old", "the test report old.tap is older than the attempt"),
    ):
        assert text in gator("logs", f"top/{path}", "--long").expect(0).out
