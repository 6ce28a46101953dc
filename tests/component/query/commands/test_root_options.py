"""An option replaces the value of the root; a value on a node below wins, and notes say for how many jobs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gator.cli.launch.options import PlanOptions
from gator.cli.launch.request import replace_on_root
from gator.cli.main import app
from gator.errors import UsageError
from gator.spec import load
from gator.v1 import spec_pb2

SPEC = """\
!JobGroup
ident: top
seed: 3
timeout: 1h
deadline: 2h
max_fail: 5
limits: {warning: 1, error: 2, critical: 3}
jobs:
- !Job {ident: a, command: "true"}
- !JobArray
  ident: many
  repeats: 3
  seed: 9
  deadline: 10m
  max_fail: 2
  timeout: 5m
  limits: {error: none, warning: 7, critical: 8}
  jobs:
  - !Job {ident: b, command: "true"}
  - !Job {ident: c, command: "true", timeout: 2s, limits: {error: 4}}
"""
OPTIONS = PlanOptions(
    limit_warning="4",
    limit_error="none",
    limit_critical="5",
    timeout="2s",
    deadline="none",
    max_fail="unlimited",
    max_fail_per_cause="3",
)


def test_an_option_takes_the_place_of_what_the_root_says() -> None:
    root = load(SPEC, file="s.yaml").spec.group
    replace_on_root(root, OPTIONS, spec_pb2.Settings())
    assert root.settings.limits == spec_pb2.Limits(warning=4, error=-1, critical=5)
    assert (root.settings.timeout_millis, root.deadline_millis, root.max_fail) == (2000, 0, 0)
    assert root.max_fail_per_cause == 3
    assert root.jobs[1].array.settings.timeout_millis == 300_000


def test_an_option_that_is_not_given_changes_nothing() -> None:
    root = load(SPEC, file="s.yaml").spec.group
    before = root.SerializeToString(deterministic=True)
    replace_on_root(root, PlanOptions(), spec_pb2.Settings())
    assert root.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("text", ["-1", "", "x", "1.5", "٣", "9" * 30])
def test_text_that_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--limit-error .*must be a whole number"):
        replace_on_root(spec_pb2.Job(), PlanOptions(limit_error=text), spec_pb2.Settings())


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (["--timeout", "2s"], "--timeout 2s applies to 4 of 7 jobs: 3 keep their own"),
        (["--timeout", "5m"], "--timeout 5m applies to 4 of 7 jobs: 3 keep their own"),
        (["--limit-error", "none"], "--limit-error none applies to 4 of 7 jobs: 3 keep their own"),
        (["--limit-warning", "3"], "--limit-warning 3 applies to 1 of 7 jobs: 6 keep their own"),
        (["--seed", "5"], "--seed 5 applies to 1 of 7 jobs: 6 keep their own"),
        (
            ["--deadline", "1h"],
            "--deadline 1h applies to the whole run: 6 jobs are in a group with its own value",
        ),
        (
            ["--max-fail", "1"],
            "--max-fail 1 applies to the whole run: 6 jobs are in a group with its own value",
        ),
        (["--timeout", "2s", "--only", "a"], None),
        (["--limit-critical", "8"], None),
    ],
)
def test_a_plan_says_how_many_jobs_keep_their_own(
    options: list[str], note: str | None, tmp_path: Path
) -> None:
    spec = tmp_path / "s.yaml"
    spec.write_text(SPEC)
    for command in (["plan"], ["run", "--dry-run"]):
        result = CliRunner().invoke(app, [*command, str(spec), *options])
        assert result.exit_code == 0, result.output
        lines = result.stdout.splitlines()
        assert lines[lines.index("") + 2 :] == ([] if note is None else [note])
