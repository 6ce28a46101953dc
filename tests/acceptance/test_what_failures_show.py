"""What commands and the summary show of the first error of a failure."""

import pytest

from tests.acceptance.support import Gator

SPEC = """
!JobGroup
ident: top
causes:
- {name: lookup, match: 'in find$'}
jobs:
- !Job {ident: quiet, shell: 'echo begin; echo the end; exit 3'}
- !Job {ident: loud, shell: 'echo "ERROR: it broke"; exit 3'}
- !Job
  ident: trace
  shell: |
    printf '%s\\n' 'def find(key):' '    return {}[key]' 'find("clk")' > lookup.py
    python3 lookup.py
"""


@pytest.fixture
def summary(gator: Gator) -> str:
    return gator("run", gator.spec(SPEC)).expect(1).out


def test_the_last_output_of_a_job_without_messages_is_called_so(gator: Gator, summary: str) -> None:
    assert "last line: out:2: the end" in summary
    assert "first error: out:1: ERROR: it broke" in summary
    failures = gator("failures").expect(0).out
    assert "  out:2 last line: the end" in failures
    assert "  out:1 error: ERROR: it broke" in failures
    assert "last line       the end" in gator("show", "quiet").expect(0).out
    assert "first error     ERROR: it broke" in gator("show", "loud").expect(0).out


def test_a_first_error_has_the_file_that_tells_causes_apart(gator: Gator, summary: str) -> None:
    shown = "KeyError: 'clk' (lookup.py:2)"
    assert shown in summary
    for command in (("failures",), ("failures", "--causes"), ("show", "trace")):
        assert shown in gator(*command).expect(0).out


@pytest.mark.usefixtures("summary")
def test_the_line_that_a_rule_matched_is_shown_if_it_is_another_one(gator: Gator) -> None:
    line = 'File "'
    assert "cause:  lookup, matched by: " + line in gator("failures", "trace").expect(0).out
    assert "cause matched   " + line in gator("show", "trace").expect(0).out
