"""Commands on the folders of runs, as text and as JSON."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from gator.errors import NotFoundError, UsageError
from gator.run_folder import LockHolder, RunFolder
from gator.spec import load
from tests.component.query import runs
from tests.component.query.conftest import values

Gator = Callable[..., Result]


@pytest.mark.usefixtures("folder")
def test_status_says_what_came_of_the_run(gator: Gator) -> None:
    text = gator("status").stdout
    assert text.startswith("top  failed after 2.00s: it returned 1\n1 passed, 1 failed, 1 pruned\n")
    (answer,) = values(gator("status", "good", "--json"))
    assert answer["node"]["path"] == "top/good"
    assert answer["node"]["outcome"] == "passed"
    assert answer["run"]["state"] == "ended"


def test_status_of_a_live_run_says_what_waits_for_what(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1))
    builder.write_elsewhere(runs.started("top/good", 1))
    text = gator("status").stdout
    builder.end()
    assert "1 running, 2 waiting, 0 passed" in text
    assert "running longest:\n  top/good" in text
    assert "top/last  1 job  for top/good to pass (1 job left), for top/bad to pass (1 job left)" in text
    assert "top/bad   1 job  for 1 core, 0 free" in text


def test_a_run_whose_store_does_not_exist_yet_is_not_a_fault_of_gator(tracking: Path, gator: Gator) -> None:
    folder = RunFolder.create(tracking, "top", "20261122-120000")
    folder.lock(LockHolder.this_process("r1"))
    (folder.stores / "root.db").touch()
    error = gator("status", code=1).exception
    folder.unlock()
    assert isinstance(error, NotFoundError)
    assert "has just started" in str(error)


@pytest.mark.usefixtures("folder")
def test_tree_shows_each_node_with_its_outcome(gator: Gator) -> None:
    assert gator("tree").stdout.splitlines() == [
        "top  failed  2.00s  (1 passed, 1 failed, 1 pruned)",
        "  good  passed  2.00s",
        "  bad  failed  2.00s  it returned 1",
        "  last  pruned  it waits for bad to pass, which failed",
    ]
    assert [node["path"] for node in values(gator("tree", "--outcome", "passed", "--json"))] == ["top/good"]
    assert len(gator("tree", "--depth", "0").stdout.splitlines()) == 1


def test_failures_say_what_to_do_next(folder: Path, gator: Gator) -> None:
    text = gator("failures").stdout
    assert "failed top/bad: it returned 1" in text
    assert "err:2 error: boom: it broke" in text
    assert f"gator logs top/bad -r {folder}" in text
    assert f"gator run --only /top/bad --repeat {runs.RUN_ID} --seed 7 nightly.yaml" in text
    (failure,) = values(gator("failures", "top", "--json"))
    assert failure["first_error"]["text"] == "boom: it broke"
    assert failure["reproduce"] == f"gator run --only /top/bad --repeat {runs.RUN_ID} --seed 7 nightly.yaml"
    assert gator("failures", "good").stdout == "nothing failed\n"
    for command in (("failures", "god"), ("grep", "x", "god"), ("failures", "good", "god")):
        assert "there is no node 'god' in top" in str(gator(*command, code=1).exception)


@pytest.mark.usefixtures("folder")
def test_logs_are_byte_for_byte_what_was_written(gator: Gator) -> None:
    assert gator("logs", "good").stdout_bytes == b"hello\nworld\n\xff\x00bytes\n"
    assert gator("logs", "bad", "--stream", "stderr").stdout_bytes == b"hm\nboom: it broke\n\n"
    both = b"hello\nworld\n\xff\x00bytes\none\ntwo\nhm\nboom: it broke\n\nthree\n"
    assert gator("logs", "top", "--raw").stdout_bytes == both


def test_logs_of_a_single_job_need_no_path(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.job("top", 0.1))
    builder.write_elsewhere(runs.started("top", 1), runs.block("top", 1.5, b"hello\n"))
    builder.end()
    assert gator("logs").stdout == "hello\n"
    assert gator("logs", "--grep", "ell", "-r", "latest").stdout == "hello\n"


@pytest.mark.usefixtures("folder")
def test_logs_of_a_tree_without_a_path_say_what_may_be_meant(tracking: Path, gator: Gator) -> None:
    def said() -> str:
        return str(gator("logs", code=1).exception)

    assert said() == "PATH is missing: name one that failed (top/bad), a group, or top for all"
    builder = runs.RunBuilder(tracking, "20261123-000000")
    builder.write(runs.group("top", 0, 7, 7), *(runs.job(f"top/{name}", 1) for name in "abcdefg"))
    five = "top/a, top/b, top/c, top/d, top/e"
    assert said() == f"PATH is missing: name one of its jobs ({five}, …), a group, or top for all"
    builder.end()


@pytest.mark.usefixtures("folder")
def test_logs_are_filtered_line_by_line(gator: Gator) -> None:
    assert gator("logs", "bad", "--severity", "error").stdout == "hm\nboom: it broke\n"
    assert gator("logs", "bad", "--grep", "^t").stdout == "two\nthree\n"
    assert gator("logs", "bad", "--first-error").stdout == "boom: it broke\n"
    assert gator("logs", "top", "--first-error", "-C", "1").stdout.count("\n") == 3
    assert gator("logs", "good", "--tail", "1").stdout == "\\xff\\x00bytes\n"
    assert gator("logs", "good", "--tail", "1", "--raw").stdout_bytes == b"\xff\x00bytes\n"
    assert "warning  tool: " in gator("logs", "good", "--long").stdout
    assert "err:1- hm" in gator("logs", "bad", "--long", "--grep", "boom", "-C", "1").stdout
    assert values(gator("logs", "bad", "--grep", "boom", "--json"))[0]["number"] == 2


@pytest.mark.usefixtures("folder")
def test_logs_of_what_passed_has_no_first_error(gator: Gator) -> None:
    assert "top/good passed, so it has no first error" in str(
        gator("logs", "good", "--first-error", code=1).exception
    )


@pytest.mark.usefixtures("folder")
def test_following_an_ended_job_ends(gator: Gator) -> None:
    assert gator("logs", "-f", "good").stdout_bytes == b"hello\nworld\n\xff\x00bytes\n"
    assert gator("logs", "-f", "--grep", "o", "good").stdout == "hello\nworld\n"


@pytest.mark.usefixtures("folder")
def test_grep_finds_lines_of_all_jobs(gator: Gator) -> None:
    assert gator("grep", "^(hello|two|boom)").stdout.splitlines() == [
        "top/good out:1: hello",
        "top/bad out:2: two",
        "top/bad err:2: boom: it broke",
    ]
    assert gator("grep", "-c", "o", "bad").stdout == "top/bad: 3\n"
    assert gator("grep", "-l", "-i", "HELLO").stdout == "top/good\n"
    gator("grep", "nowhere", code=1)
    assert [line["text"] for line in values(gator("grep", "hello", "--json"))] == ["hello"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("args", [["logs", "good", "--grep", "(a"], ["grep", "(a"], ["grep", "-i", "(a"]])
def test_a_wrong_expression_is_quoted_as_it_was_typed(args: list[str], gator: Gator) -> None:
    said = str(gator(*args, code=1).exception)
    assert said == "the regular expression '(a' is refused: a ( is not closed (character 1)"


@pytest.mark.usefixtures("folder")
def test_metrics_and_resources_are_shown(gator: Gator) -> None:
    assert "\ntop/good  cycles  1200.5  cycles" in gator("metrics").stdout
    assert values(gator("metrics", "good", "--json"))[0]["metrics"][0]["kind"] == "max"
    assert gator("metrics", "--name", "cylces").stdout == "no metrics named cylces: did you mean 'cycles'?\n"
    assert gator("metrics", "--name", "speed").stdout == "no metrics named speed; there are cycles\n"
    assert "3.146 MB" in gator("resources", "good").stdout
    (job,) = values(gator("resources", "good", "--json"))
    assert len(job["samples"]) == 2


@pytest.mark.usefixtures("folder")
def test_show_tells_everything_but_secrets(gator: Gator) -> None:
    result = gator("show", "bad")
    for part in ("echo 'a b'", "MODE=fast", "API_TOKEN=***", "exit code       1", "here, process 4711"):
        assert part in result.stdout
    assert "first failure" not in result.stdout
    assert "messages        0 warnings, " in result.stdout
    assert result.stdout.count("it returned 1") == 1
    assert "  outcome         failed\n" in result.stdout
    assert "hidden-value" not in result.stdout + gator("show", "bad", "--json").stdout
    (answer,) = values(gator("show", "bad", "--json"))
    assert answer["attempts"][0]["finished"]["exit_code"] == 1


def test_show_prints_every_key_of_a_job_that_is_set(tracking: Path, gator: Gator) -> None:
    text = """\
!Job
ident: top
command: echo
args: [hi]
deadline: 5m
priority: 4
flaky: fail
grace: 3s
retries: {count: 2, delay: 1s}
setup: |
  export X=1
  export Y=2
hooks: {before: echo before}
metrics: {cycles: {match: 'ran (.*)'}}
expect: {exit: [0, 3], log: hi}
first_error: {match: '^boom'}
results: {file: junit.xml}
stderr: info
tty: true
nice: 1
ulimit: {core: 0}
scratch: true
artefacts: {produces: {out: {path: out.txt, optional: true}}}
allow_failure: true
runner: {container: {image: debian}}
"""
    builder = runs.RunBuilder(tracking, root=load(text, file="top.yaml").spec)
    builder.write(runs.job("top", 0.1), runs.started("top", 1))
    shown = gator("show").stdout
    builder.end()
    rows = [line[2:18].rstrip() for line in shown.partition("\nspec\n")[2].splitlines()]
    keys = set(yaml.safe_load(text.replace("!Job", ""))) - {"ident", "args"}
    assert keys <= set(rows), keys - set(rows)
    assert "  setup           export X=1\n                  export Y=2\n" in shown
    assert "  expect          {log: [hi], exit: [0, 3]}\n" in shown


def test_an_attempt_that_does_not_exist_is_an_error(folder: Path, gator: Gator) -> None:
    def error(*args: str) -> str:
        return str(gator(*args, "--attempt", "9", code=1).exception)

    assert error("logs", "bad") == "top/bad has no attempt 9: it has 1"
    assert error("logs", "bad", "--grep", "boom") == "top/bad has no attempt 9: it has 1"
    assert error("logs", "last") == "top/last has no attempt 9: it has none"
    assert error("logs", "top") == "no job of top has an attempt 9: see `gator tree`"
    assert error("get", "bad", "sim") == "top/bad has no attempt 9: it has 1"
    assert gator("logs", "top", "--attempt", "1").stdout


def test_a_run_without_failures_gets_no_note_about_earlier_runs(tracking: Path, gator: Gator) -> None:
    runs.ended_run(tracking, stamp="20261121-000000", run="aaaa" * 8)
    builder = runs.RunBuilder(tracking, stamp="20261122-000000", run="bbbb" * 8)
    builder.write(runs.group("top", 0, 1, 1), runs.job("top/good", 0.1), runs.started("top/good", 1))
    builder.write(runs.finished("top/good", 2), runs.result("top/good", 2), runs.result("top", 3))
    builder.end()
    result = gator("failures", "--new")
    assert (result.stdout, result.stderr) == ("no cause is new\n", "")


def test_runs_are_listed_the_newest_first(tracking: Path, gator: Gator) -> None:
    runs.ended_run(tracking, stamp="20261122-125830")
    runs.ended_run(tracking, stamp="20261122-125830")
    runs.ended_run(tracking, stamp="20261121-000000")
    folders = [run["folder"].rpartition("/")[2] for run in values(gator("runs", "--json"))]
    assert folders == ["20261122-125830-top.2", "20261122-125830-top", "20261121-000000-top"]
    assert len(gator("runs", "-n", "1").stdout.splitlines()) == 2


def test_a_run_that_cannot_be_read_is_listed_too(tracking: Path, folder: Path, gator: Gator) -> None:
    broken = tracking / "20270101-000000-broken"
    broken.mkdir()
    shutil.copy(folder / "run.lock", broken)
    assert "unreadable" in gator("runs").stdout
    assert "contains no record" in values(gator("runs", "--json"))[0]["fault"]


def test_a_run_is_chosen_by_number_id_ident_name_and_folder(tracking: Path, gator: Gator) -> None:
    old = runs.ended_run(tracking, stamp="20261121-000000", run="aaaa" * 8)
    new = runs.ended_run(tracking, stamp="20261122-000000", run="bbbb" * 8)
    for wanted, folder in (
        ("latest", new),
        ("-1", new),
        ("-2", old),
        ("aaaaa", old),
        ("top", new),
        (old.name, old),
        (str(old), old),
    ):
        (answer,) = values(gator("status", "-r", wanted, "--json"))
        assert answer["run"]["folder"] == str(folder), wanted
    assert "there are only 2 runs in" in str(gator("status", "-r", "-3", code=1).exception)
    assert "there is no run 'zzz'" in str(gator("status", "-r", "zzz", code=1).exception)


def test_clean_removes_old_runs_and_never_live_ones(tracking: Path, gator: Gator) -> None:
    old = runs.ended_run(tracking, stamp="20260101-000000")
    live = runs.simple_run(tracking, stamp="20260102-000000")
    new = runs.ended_run(tracking, stamp="20261122-000000")
    assert f"would remove {old}" in gator("clean", "--keep", "1", "--dry-run").stdout
    assert old.exists()
    text = gator("clean", "--keep", "1").stdout
    assert f"kept {live.folder.path}: it is live" in text
    assert (old.exists(), live.folder.path.exists(), new.exists()) == (False, True, True)
    live.end()
    gator("clean", "--older", "99999d")
    assert live.folder.path.exists()
    gator("clean", "--older", "1s", "--keep", "1")
    assert not live.folder.path.exists()
    assert "no runs are selected" in str(gator("clean", code=1).exception)


def test_clean_names_a_folder_as_removed_only_once_it_is_gone(
    tracking: Path, gator: Gator, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = runs.ended_run(tracking, stamp="20260101-000000")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("gator.daemon.artefacts.objects.remove_tree", refuse)
    for options in ([], ["--json"]):
        done = gator("clean", "--keep", "0", *options, code=1)
        assert f"cannot remove {old}: permission denied" in str(done.exception)
        assert "removed" not in done.stdout


def test_a_run_further_back_than_the_only_one_is_none(folder: Path, gator: Gator) -> None:
    said = str(gator("status", "-r", "-2", code=1).exception)
    assert said == f"there is only 1 run in {folder.parent}: use -1"


def test_stopping_an_ended_run_is_a_mistake(folder: Path, gator: Gator) -> None:
    assert f"nothing to stop: the run in {folder} has ended" in str(gator("stop", code=1).exception)


@pytest.mark.usefixtures("folder")
def test_an_unknown_or_unclear_path_is_explained(gator: Gator) -> None:
    assert "there is no node 'nothing'" in str(gator("show", "nothing", code=1).exception)
    assert "--outcome bad: must be one of passed, failed" in str(
        gator("tree", "--outcome", "bad", code=1).exception
    )


@pytest.mark.usefixtures("folder")
def test_an_unknown_option_of_diff_is_not_a_name_of_a_run(gator: Gator) -> None:
    for given in (("-r", "x"), ("-1", "-x"), ("--only", "x")):
        (option,) = {each for each in given if each in ("-r", "-x", "--only")}
        error = gator("diff", *given, code=1).exception
        assert isinstance(error, UsageError)
        assert str(error) == f"unknown option {option}: see gator diff -h"


@pytest.mark.usefixtures("folder")
def test_a_trend_without_runs_of_the_selection_says_so(gator: Gator) -> None:
    error = str(gator("trend", "top", "--only", "x", code=1).exception)
    assert error.startswith("no run of 'top' in ")
    assert "was started with --only x: omit --only x, or see gator runs --ident top --tracking " in error
    unknown = str(gator("trend", "nothing", "--only", "x", code=1).exception)
    assert "no run of --only x in " in unknown and "has nothing: write the whole path" in unknown


def test_the_default_run_of_each_command_is_in_its_help(gator: Gator) -> None:
    for name in ("status", "logs", "close"):
        text = " ".join(gator(name, "--help").stdout.replace("│", " ").split())
        assert "default: the run started last" in text, text
    text = " ".join(gator("failures", "--help").stdout.replace("│", " ").split())
    assert "default: latest, with its reruns overlaid" in text
