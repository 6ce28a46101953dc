import pytest

from gator.core.history.cause_rules import CauseRules, root_causes
from gator.core.history.failure_groups import FailedJob, grouped
from gator.v1 import common_pb2, event_pb2, plan_pb2, query_pb2
from gator.v1.spec_pb2 import CauseRule


def named(rules: list[CauseRule], path: str, text: str) -> str:
    rule = CauseRules(rules).rule_for(path, [text])
    return rule.name if rule is not None else ""


GRANT = CauseRule(name="grant", match="waiting for (grant|credit)", paths="pcie/**", ticket="HW-12")


def test_a_rule_applies_if_the_text_and_the_path_match() -> None:
    assert named([GRANT], "top/pcie/a", "ERROR: waiting for credit 7") == "grant"
    assert named([GRANT], "top/usb/a", "ERROR: waiting for credit 7") == ""
    assert named([GRANT], "top/pcie/a", "ERROR: crc") == ""


def test_a_rule_without_a_pattern_takes_all_failures_of_its_paths() -> None:
    assert named([CauseRule(name="flaky lab", paths="lab/*")], "top/lab/x", "anything") == "flaky lab"


def test_the_first_rule_that_applies_counts() -> None:
    other = CauseRule(name="other", match="waiting")
    assert named([GRANT, other], "top/pcie/a", "waiting for grant") == "grant"
    assert named([other, GRANT], "top/pcie/a", "waiting for grant") == "other"
    assert named([GRANT, other], "top/usb/a", "waiting for grant") == "other"


def test_a_rule_with_signatures_applies_to_those_that_a_failure_has_or_had() -> None:
    rules = CauseRules([CauseRule(name="old", signatures=["s0-1", "s1-2"])])
    assert rules.rule_for("a", [""], ["s1-2"])
    assert rules.rule_for("a", [""], ["s1-9", "s0-1"])
    assert rules.rule_for("a", [""], ["s1-9"]) is None


def test_a_failure_without_a_first_error_is_named_by_the_sentence_about_it() -> None:
    rules = CauseRules([CauseRule(name="slow", match="longer than its timeout")])
    node = query_pb2.Node(path="a", signature="s1-1", message="ran longer than its timeout of 1s")
    rules.apply(node)
    assert node.cause == "slow"
    result = event_pb2.Result(signature="s1-1", message="exited with code 1")
    assert rules.key_of("a", result) == "s1-1"


def test_rules_merge_and_split_signatures() -> None:
    jobs = [
        FailedJob("a", "s1-1", 1, cause="grant"),
        FailedJob("b", "s1-2", 2, cause="grant"),
        FailedJob("c", "s1-2", 3),
    ]
    assert [(group.first.key, group.jobs) for group in grouped(jobs)] == [("grant", 2), ("s1-2", 1)]


def test_rules_of_a_spec_come_before_those_of_its_project() -> None:
    request = plan_pb2.PlanRequest()
    request.above.causes.add(name="project")
    request.spec.group.causes.add(name="spec")
    assert [rule.name for rule in root_causes(request)] == ["spec", "project"]


TRACEBACK = event_pb2.ErrorMessage(
    severity=common_pb2.SEVERITY_ERROR,
    text="Traceback (most recent call last):\n  File \"lab/lookup.py\", line 3, in f\nKeyError: 'clk'",
    message="KeyError: 'clk'",
    file="lab/lookup.py",
    file_line=3,
    item="test_clock",
)


def cause_of_traceback(match: str) -> query_pb2.Node:
    node = query_pb2.Node(path="a", signature="s1-1", first_error=TRACEBACK)
    CauseRules([CauseRule(name="clock", match=match)]).apply(node)
    return node


@pytest.mark.parametrize("match", ["^test_clock: KeyError", r"'clk' \(lab/lookup\.py:3\)$", "KeyError"])
def test_a_rule_matches_the_line_that_is_shown(match: str) -> None:
    node = cause_of_traceback(match)
    assert (node.cause, node.cause_line) == ("clock", "")


def test_a_rule_that_matches_another_line_says_which() -> None:
    assert cause_of_traceback("line 3").cause_line == 'File "lab/lookup.py", line 3, in f'
    assert cause_of_traceback("line 4").cause == ""
