"""A run of a part of a spec takes nothing from the runs of the whole: they are another series."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

from gator.store import RunStores
from gator.store.run.description import run_of
from gator.v1 import query_pb2
from tests.acceptance.support import Done, Gator

SPEC = """\
!JobGroup
ident: nightly
jobs:
- !Job {ident: good, tags: [smoke], shell: "exit 0"}
- !Job {ident: bad, tags: [smoke], shell: "echo broken; [ -e mended ]"}
- !Job {ident: random, shell: "echo $GATOR_SEED; [ -e mended ] || [ $GATOR_SEED != 5 ]", seed: 5}
- !Job {ident: worse, shell: "exit 3"}
"""
FAILING = ["nightly/bad", "nightly/random", "nightly/worse"]


def described(gator: Gator, folder: Path | None = None) -> query_pb2.Run:
    """What the newest run, or that in a folder, recorded of itself."""
    with RunStores.open(folder or gator.folder) as reader:
        return run_of(reader.root, folder or gator.folder)


def planned(gator: Gator, *options: str) -> list[str]:
    """The jobs that a run with these options would have."""
    lines = gator("run", *options, "--dry-run", "spec.yaml").expect(0).out.splitlines()
    return sorted(
        word for line in lines for word in ("good", "bad", "random", "worse") if word in line.split()
    )


def failing(gator: Gator, *options: str) -> list[str]:
    """The paths that `gator failures` shows."""
    lines = gator("failures", "--json", *options).expect(0).out.splitlines()
    return sorted(json.loads(line)["path"] for line in lines)


def again_of(done: Done, path: str) -> list[str]:
    """The arguments of the `again:` line of a job."""
    (line,) = {line for line in done.out.splitlines() if "again:" in line and f"/{path} " in line}
    return shlex.split(line.split("again: ", 1)[1])[1:]


def test_jobs_that_a_run_did_not_select_are_neither_new_nor_gone(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    gator("run", "--only", "@failed", "spec.yaml").expect(1)
    for names, counts in (
        (("-2", "-1"), "0 newly failing, 0 fixed, 3 still failing, 0 new, 0 gone,"),
        (("-1", "-2"), "0 newly failing, 0 fixed, 3 still failing, 0 new, 0 gone,"),
    ):
        done = gator("diff", *names).expect(0)
        assert counts in done.out
        assert "good" not in done.out
        assert "omitted: 1 job that only one run selected, so neither new nor gone" in done.err
        assert "good" not in gator("diff", *names, "--json").expect(0).out
    # A job that was removed from the spec is gone all the same.
    gator("run", "--only", "/nightly/bad", "spec.yaml").expect(1)
    gator.spec("\n".join(line for line in SPEC.splitlines() if "ident: bad" not in line))
    gator("run", "spec.yaml").expect(1)
    assert "bad" in gator("diff", "-4", "-1").expect(0).out.partition("gone:")[2]


def test_a_selection_is_the_same_however_its_letters_are_written(gator: Gator) -> None:
    spec = gator.spec("!JobGroup {ident: top, jobs: [!Job {ident: caf\u00e9, command: 'true'}]}")
    for name in ("caf\u00e9", "cafe\u0301"):
        gator("run", "--only", f"/top/{name}", spec).expect(0)
    # The run before it in its series is found.
    assert "1 still passing" in gator("diff").expect(0).out
    assert described(gator).selection == query_pb2.Selection(only=["/top/caf\u00e9"])


def test_a_run_of_one_job_changes_nothing_of_the_whole(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    whole = described(gator)
    gator("run", "--only", "/nightly/worse", "spec.yaml").expect(1)
    part = described(gator)
    assert (whole.selection, whole.parent) == (query_pb2.Selection(), "")
    assert (list(part.selection.only), part.parent) == (["/nightly/worse"], "")
    assert planned(gator, "--only", "@failed") == ["bad", "random", "worse"]
    assert planned(gator, "--skip", "@passed") == ["bad", "random", "worse"]
    assert failing(gator) == FAILING
    assert failing(gator, "-r", "nightly") == FAILING
    assert failing(gator, "-r", part.id) == ["nightly/worse"]
    said = gator("failures").expect(0).err
    assert "for the newer run of --only /nightly/worse (failed): gator failures -r" in said
    assert "worse" in gator("tree").expect(0).out
    assert "random" not in gator("tree").out, "without -r the run that was started last is shown"


def test_a_run_without_failures_is_named_if_a_later_part_failed(gator: Gator) -> None:
    spec = "!JobGroup\nident: top\njobs:\n- !Job {ident: a, shell: '! test -e broken'}\n"
    gator("run", gator.spec(spec)).expect(0)
    whole = described(gator)
    (gator.root / "broken").touch()
    gator("run", "--only", "top/a", "spec.yaml").expect(1)
    shown = gator("failures").expect(0)
    assert shown.out == f"nothing failed in run {whole.id[:8]}\n"
    assert "for the newer run of --only top/a (failed): gator failures -r" in shown.err


def test_a_tag_has_a_history_of_its_own(gator: Gator) -> None:
    gator("run", "--tag", "smoke", gator.spec(SPEC)).expect(1)
    smoke = described(gator)
    gator("run", "spec.yaml").expect(1)
    assert planned(gator, "--tag", "smoke", "--only", "@failed") == ["bad"]
    assert planned(gator, "--tag", "smoke", "--tag", "smoke", "--skip", "@passed") == ["bad"]
    assert planned(gator, "--only", "@failed") == ["bad", "random", "worse"]
    (gator.root / "mended").touch()
    gator("run", "--tag", "smoke", "spec.yaml").expect(0)
    history = json.loads(gator("trend", "nightly/bad", "--tag", "smoke", "--json").expect(0).out)
    assert [entry["outcome"] for entry in history["entries"]] == ["passed", "failed"]
    assert history["entries"][1]["run"]["run"] == smoke.id
    whole = json.loads(gator("trend", "nightly/bad", "--json").expect(0).out)
    assert [entry["outcome"] for entry in whole["entries"]] == ["failed"]


def test_without_a_run_of_the_tag_it_is_said_which_is_missing(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    said = gator("run", "--tag", "smoke", "--only", "@failed", "spec.yaml").expect(2).err
    assert "--only @failed: no run of nightly with --tag smoke in" in said
    assert planned(gator, "--skip", "/nightly/good", "--only", "@failed") == ["bad", "random", "worse"]


def test_the_printed_line_repeats_a_job_and_is_laid_over_its_run(gator: Gator) -> None:
    done = gator("run", gator.spec(SPEC)).expect(1)
    whole = described(gator)
    (gator.root / "mended").touch()
    gator(*again_of(done, "nightly/bad")).expect(0)
    repeat = described(gator)
    assert repeat.parent == whole.id
    assert failing(gator) == ["nightly/random", "nightly/worse"]
    assert "overlaid with 1 rerun" in gator("failures").out
    assert failing(gator, "-r", whole.id) == FAILING, "a run that is named is shown as it was"
    assert planned(gator, "--only", "@failed") == ["random", "worse"]
    assert planned(gator, "--skip", "@passed") == ["random", "worse"]
    assert f"repeats {whole.id[:8]}" in gator("runs").out
    assert f"repeats {whole.id[:8]}" in gator("status").out
    assert json.loads(gator("status", "-r", "latest", "--json").out)["run"]["id"] == whole.id


def test_a_failed_run_names_the_rerun_in_which_its_failures_passed(gator: Gator) -> None:
    gator("run", gator.spec(SPEC.replace("exit 3", "[ -e mended ]"))).expect(1)
    gator("run", "--only", "@failed", "spec.yaml").expect(1)
    assert "failures passed" not in gator("runs").out + gator("status", "-r", "latest").out
    (gator.root / "mended").touch()
    gator("run", "--only", "@failed", "spec.yaml").expect(0)
    text = f"failures passed in rerun {described(gator).id[:8]}"
    (line,) = (line for line in gator("runs").expect(0).out.splitlines() if text in line)
    assert "repeats" not in line, "it is that of the first run"
    assert text in gator("status", "-r", "latest").expect(0).out


def test_repeats_of_repeats_are_laid_over_the_first_run(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    whole = described(gator)
    done = gator("run", "--only", "@failed", "spec.yaml").expect(1)
    first = described(gator)
    assert (first.parent, first.seed) == (whole.id, whole.seed)
    (gator.root / "mended").touch()
    gator(*again_of(done, "nightly/bad")).expect(0)
    assert described(gator).parent == whole.id
    gator("run", "--repeat", first.id[:12], "--only", "/nightly/random", "spec.yaml").expect(0)
    assert described(gator).parent == whole.id
    assert failing(gator) == ["nightly/worse"]


def test_a_repeat_with_another_seed_mends_nothing_and_with_the_same_it_does(gator: Gator) -> None:
    spec = SPEC.replace(", seed: 5}", "}").replace("[ $GATOR_SEED != 5 ]", "false")
    gator("run", "--seed", "7", gator.spec(spec)).expect(1)
    (gator.root / "mended").touch()
    gator("run", "--only", "@failed", "--seed", "8", "spec.yaml").expect(1)
    assert failing(gator) == FAILING
    gator("run", "--only", "@failed", "spec.yaml").expect(1)
    assert failing(gator) == ["nightly/worse"]
    assert described(gator).seed == 7


def test_a_job_fails_again_with_the_seed_with_which_it_failed(gator: Gator) -> None:
    spec = '!JobGroup\nident: top\njobs:\n- !Job {ident: x, shell: "echo $GATOR_SEED >> seeds; false"}\n'
    done = gator("run", "--seed", "top/x=99", gator.spec(spec)).expect(1)
    repeated = gator("run", "--only", "@failed", "spec.yaml").expect(1)
    gator(*again_of(repeated, "top/x")).expect(1)
    gator(*again_of(done, "top/x")).expect(1)
    assert (gator.root / "seeds").read_text().split() == ["99"] * 4


def test_a_run_that_is_gone_is_recorded_as_the_parent_all_the_same(gator: Gator) -> None:
    done = gator("run", gator.spec(SPEC)).expect(1)
    whole, folder = described(gator), gator.folder
    words = again_of(done, "nightly/worse")
    shutil.rmtree(folder)
    gator(*words).expect(1)
    assert described(gator).parent == whole.id
    said = gator("run", "--repeat", "nosuch", "spec.yaml").expect(2).err
    assert "--repeat nosuch: there is no such run in" in said


def test_a_repeat_of_another_ident_is_refused(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    run = described(gator)
    said = gator("run", "--id", "other", "--repeat", run.id, "spec.yaml").expect(2).err
    assert "it ran 'nightly' and this spec is 'other'; name a run of 'other' or use --id nightly" in said


def test_jobs_that_a_repeat_did_not_run_keep_their_outcome(gator: Gator) -> None:
    spec = SPEC.replace("exit 3", "if [ -e mended ]; then sleep 60.7; fi; exit 3")
    gator("run", gator.spec(spec)).expect(1)
    (gator.root / "mended").touch()
    gator("run", "--only", "@failed", "--deadline", "2s", "spec.yaml").expect(1)
    assert failing(gator) == ["nightly/worse"]


def test_diff_and_sightings_stay_within_the_series(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    first = described(gator)
    gator("run", "--tag", "smoke", "spec.yaml").expect(1)
    assert "new (first run of this series)" in gator("failures", "-r", described(gator).id).out
    gator("run", "spec.yaml").expect(1)
    second = described(gator)
    gator("run", "--only", "@failed", "spec.yaml").expect(1)
    gator("run", "--tag", "smoke", "spec.yaml").expect(1)
    seen: dict[str, Any] = json.loads(gator("failures", "--json", "-r", second.id).out.splitlines()[0])
    assert (seen["new"], seen["runs"], seen["before"]["run"]) == (False, 2, first.id)
    lines = gator("diff").expect(0).out.splitlines()
    assert (lines[0].split()[3], lines[1].split()[3]) == (first.id[:8], second.id[:8])
    assert "different parts" in gator("diff", "-1", second.id).err


def test_failures_with_repeats_laid_over_come_in_the_order_that_is_asked_for(gator: Gator) -> None:
    gator.spec(
        "!JobGroup\nident: top\njobs:\n"
        "- !Job {ident: z, command: 'false', on_done: a}\n"
        "- !Job {ident: a, command: 'false', on_done: m}\n"
        "- !Job {ident: m, command: 'false'}\n"
    )
    gator("run", "spec.yaml").expect(1)

    def listed(*options: str) -> list[str]:
        lines = gator("failures", "--json", *options).expect(0).out.splitlines()
        return [json.loads(line)["path"] for line in lines]

    before = {order: listed("--sort", order) for order in ("spec", "start", "end")}
    assert before["spec"] == ["top/z", "top/a", "top/m"]
    assert before["end"] == ["top/m", "top/a", "top/z"]
    gator("run", "--only", "@failed", "spec.yaml").expect(1)
    assert "overlaid with 1 rerun" in gator("failures").expect(0).out
    assert {order: listed("--sort", order) for order in ("spec", "start", "end")} == before
    gator("run", "--only", "m", "--repeat", "top", "spec.yaml").expect(1)
    assert listed() == before["spec"]
    assert listed("--sort", "end") == before["end"][1:] + before["end"][:1]


PARAMS = """\
!JobGroup
ident: top
params:
  hang: {type: bool, default: false}
  token: {default: none}
jobs:
- !Job {ident: a, shell: "[ ${{ params.hang }} = false ] || [ -e mended ]"}
- !JobArray {ident: many, repeats: 10, jobs: [!Job {ident: m, command: "true"}]}
"""


def test_a_rerun_inherits_the_parameters_and_the_scale(gator: Gator) -> None:
    gator("run", gator.spec(PARAMS), "--param", "hang=true", "--scale", "0.2").expect(1)
    whole = described(gator)
    again = gator("run", "spec.yaml", "--only", "@failed").expect(1)
    assert f"as in run {whole.id[:8]}: --param hang=true --scale 0.2" in again.out + again.err
    # Commands of the rerun name the values, because the repeated run may be removed.
    assert "--param hang=true --scale 0.2" in shlex.join(again_of(again, "top/a"))
    assert "--param hang=true --scale 0.2" in gator("failures").expect(0).out
    rest = gator("run", "spec.yaml", "--skip", "@passed", "--dry-run").expect(0).out
    assert "many" not in rest, "all repeats of the scaled run passed"
    (gator.root / "mended").touch()
    gator(*again_of(again, "top/a")).expect(0)
    assert failing(gator) == []


def test_a_repeat_of_a_run_that_is_not_there_says_that_its_parameters_are_unknown(gator: Gator) -> None:
    done = gator("run", gator.spec(PARAMS), "--only", "/top/a", "--repeat", "ab" * 16).expect(0)
    assert f"run abababab is not in {gator.root / 'tracking'}: its parameters" in done.out + done.err


def test_a_pass_with_other_parameters_does_not_clear_a_failure(gator: Gator) -> None:
    gator("run", gator.spec(PARAMS), "--param", "hang=true").expect(1)
    whole = described(gator)
    done = gator("run", "spec.yaml", "--only", "@failed", "--param", "hang=false").expect(0)
    said = f"run {whole.id[:8]} had hang=true: a job that passes with other parameters keeps its failure"
    assert said in done.out + done.err
    assert failing(gator) == ["top/a"]
    why = (
        f"  passed: in rerun {described(gator).id[:8]} with hang=false instead of true, which does not count"
    )
    assert why in gator("failures").expect(0).out.splitlines()
    (gator.root / "mended").touch()
    gator("run", "spec.yaml", "--only", "@failed", "--param", "hang=true").expect(0)
    assert failing(gator) == []


def test_a_default_that_is_given_explicitly_is_the_same_parameter(gator: Gator) -> None:
    gator("run", gator.spec(PARAMS.replace("default: false", "default: true"))).expect(1)
    assert json.loads(gator("runs", "--json").expect(0).out)["params"] == {"hang": "true", "token": "***"}
    (gator.root / "mended").touch()
    done = gator("run", "spec.yaml", "--only", "@failed", "--param", "hang=true").expect(0)
    assert "keeps its failure" not in done.out + done.err
    assert failing(gator) == []


def test_a_secret_parameter_of_the_repeated_run_has_to_be_given_again(gator: Gator) -> None:
    gator("run", gator.spec(PARAMS), "--param", "hang=true", "--param", "token=abcdefgh").expect(1)
    whole = described(gator)
    said = gator("run", "spec.yaml", "--only", "@failed").expect(2).err
    assert f"run {whole.id[:8]} had a secret value of token, which is not recorded: use --param" in said
    (gator.root / "mended").touch()
    gator("run", "spec.yaml", "--only", "@failed", "--param", "token=abcdefgh").expect(0)
    assert failing(gator) == []


def test_the_trend_overlays_reruns_on_their_runs(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    gator("run", "spec.yaml").expect(1)
    (gator.root / "mended").touch()
    gator("run", "spec.yaml", "--only", "/nightly/bad", "--repeat", "nightly").expect(0)
    rerun = described(gator).id
    history = json.loads(gator("trend", "nightly/bad", "--json").expect(0).out)
    assert [entry["outcome"] for entry in history["entries"]] == ["passed", "failed"]
    assert [entry["passed_in_rerun"] for entry in history["entries"]] == [rerun, None]
    assert history["first_bad"] is None
    said = gator("trend", "nightly/bad").expect(0).out
    assert "F.  1 of 2 passed" in said
    assert f"in rerun {rerun[:8]}" in said
    assert "failing since" not in said
    # Another job of the same run still fails.
    assert "FF  0 of 2 passed" in gator("trend", "nightly").expect(0).out


def test_a_failure_that_passed_in_a_rerun_is_back_when_it_fails_again(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    (gator.root / "mended").touch()
    gator("run", "spec.yaml", "--only", "/nightly/bad", "--repeat", "nightly").expect(0)
    rerun = described(gator).id
    (gator.root / "mended").unlink()
    summary = gator("run", "spec.yaml", "--seed", str(described(gator).seed)).expect(1).out
    assert "0 new, 1 back since" in summary
    found = {
        values["path"]: values
        for values in map(json.loads, gator("failures", "--json").expect(0).out.splitlines())
    }
    bad, worse = found["nightly/bad"], found["nightly/worse"]
    assert (bad["cause_state"], bad["good"]["run"], bad["runs"]) == ("back", rerun, 2)
    assert worse["cause_state"] == "known"
    said = gator("failures", "--back").expect(0).out
    assert f"seen:   back after run {rerun[:8]}" in said
    assert "nightly/worse" not in said
