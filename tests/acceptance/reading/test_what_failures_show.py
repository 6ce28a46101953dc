"""What commands and the summary show of the first error of a failure."""

import re
import subprocess
import sys

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


SILENT = """
!JobGroup
ident: top
jobs:
- !Job {ident: reset, shell: 'echo "::gator progress value=10::boot"; kill -SEGV $$'}
- !Job {ident: art, command: "true", artefacts: {produces: {o: out/none.bin}}}
- !Job {ident: exits, command: "false"}
"""


def test_the_output_is_named_of_jobs_that_wrote_and_only_of_them(gator: Gator) -> None:
    summary = gator("run", gator.spec(SILENT)).expect(1).out
    assert summary.count("       log: ") == 1
    assert f"       log: {gator.folder}/logs/top_reset-" in summary
    failures = gator("failures").expect(0).out
    assert failures.count("  output: ") == failures.count("  log:    ") == 1
    assert "  output: gator logs top/reset -r " in failures


MISTAKES = """
!JobGroup
ident: top
jobs:
- !JobGroup
  ident: sub
  jobs:
  - !Job {ident: a, shell: 'echo "::gator lgo::x"; echo "::gator lgo::y"'}
  - !Job {ident: b, shell: 'echo "::gator metric name=x"'}
- !JobArray
  ident: many
  repeats: 3
  jobs:
  - !Job {ident: c, parsers: [generic], shell: 'echo "ERROR: bad"'}
- !Job {ident: d, shell: 'echo "UVM_ERROR :    2"'}
"""


def test_notes_that_help_come_once_at_the_end_of_a_run(gator: Gator) -> None:
    end = gator("run", gator.spec(MISTAKES)).expect(1).out
    assert end.count("`limits: {error: none}` allows any number") == 1
    assert re.search(r"^top/many/c\[\d\] and 2 other jobs: `limits: ", end, re.MULTILINE)
    assert "3 lines look like commands but are not valid: `gator logs --long top/sub/" in end
    shown = gator("logs", "--long", "top/sub/a").expect(0)
    assert "is not a valid command and is kept as plain output" in shown.out
    assert "2 commands: gator logs --long" in gator("show", "a").expect(0).out


def test_the_statement_of_a_tool_that_it_failed_is_not_advised_away(gator: Gator) -> None:
    end = gator("run", gator.spec("!Job {ident: d, shell: 'echo \"UVM_ERROR :    2\"'}")).expect(1)
    assert "limits:" not in end.out + end.err


def test_a_node_that_a_rerun_did_not_run_is_looked_for_in_the_run_that_it_repeats(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    gator("run", spec).expect(1)
    first = gator.folder.name
    gator("run", "--only", "loud", "--repeat", "-1", spec).expect(1)
    message = gator("show", "quiet").expect(2).err
    assert "which repeats a part of run " in message
    whole = re.findall(r"\(-r (\w{8})\)", message)[0]
    assert "last line       the end" in gator("show", "quiet", "-r", whole).expect(0).out
    assert first != gator.folder.name


def test_the_description_of_a_job_has_its_parsers_and_limits(gator: Gator) -> None:
    gator(
        "run",
        gator.spec("""
!Job
ident: a
parsers: [gcc, {match: '^E: '}]
limits: {warning: 20, error: none}
shell: 'true'
"""),
    ).expect(0)
    shown = gator("show").expect(0).out
    assert "parsers         gcc, match ^E:" in shown
    assert "limits          20 warnings, any number of errors" in shown


def test_a_command_that_repeats_a_spec_of_stdin_says_what_stands_for_the_spec(gator: Gator) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "gator", "run", "-"],
        input=SPEC,
        text=True,
        cwd=gator.root,
        env=gator.env,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert " - < SPEC\n" in process.stdout
    needs = "SPEC, the file with the spec, which was read from stdin"
    assert f"\nneeds: {needs}\n" in process.stdout
    assert f"needs:  {needs}" in gator("failures").expect(0).out


def test_no_log_is_named_for_a_job_that_wrote_nothing(gator: Gator) -> None:
    jobs = "[!Job {ident: silent, shell: exit 3}, !Job {ident: loud, shell: 'echo no; exit 3'}]"
    done = gator("run", gator.spec(f"!JobGroup {{ident: top, jobs: {jobs}}}\n")).expect(1)
    (log,) = re.findall(r"log: +(\S+)", done.out)
    assert "top_loud" in log
    shown = gator("failures").expect(0).out
    assert re.findall(r"log: +(\S+)", shown) == [log]


WITHOUT_OUTPUT = """
!JobGroup
ident: top
jobs:
- !Job {ident: silent, command: "false"}
- !Job {ident: tap, shell: "echo 'not ok 1 - opens' > a.tap; echo done", results: a.tap}
- !JobArray
  ident: one
  expect: {metrics: {lat: {max: "<= 1"}}}
  metrics: {lat: {match: 'lat (\\d+)', kind: max}}
  jobs: [!Job {ident: sim, shell: echo lat 7}]
"""


def test_printed_logs_have_what_explains_a_failure(gator: Gator) -> None:
    summary = gator("run", gator.spec(WITHOUT_OUTPUT)).expect(1).out
    parts = dict(zip(("silent", "tap", "one"), _parts(summary), strict=True))
    assert "log:" not in parts["silent"] + parts["one"] + parts["tap"]
    assert "limits:" not in summary
    printed = f"gator logs --long top/tap -r {gator.folder}"
    assert f"output: {printed}\n" in parts["tap"]
    failures = gator("failures").expect(0).out
    assert f"  output: {printed}\n" in failures
    assert "gator logs top/silent" not in failures
    assert "opens" in gator(*printed.split()[1:]).expect(0).out


def _parts(summary: str) -> list[str]:
    """Returns the lines about each failure in the block at the end, in the order of the spec."""
    block = summary[summary.index("3 failures") :]
    return [
        re.split(r"\n(?! {7})", block[block.index(f"FAILED top/{name}:") :])[0] + "\n"
        for name in ("silent", "tap", "one")
    ]
