"""Artefacts as users see them: made, used by other jobs, listed, copied out and removed with the run."""

import json
from pathlib import Path

import pytest

from tests.acceptance.real_hub import RealHub
from tests.acceptance.support import Gator

SPEC = """\
!JobGroup
ident: top
jobs:
- !Job
  ident: build
  scratch: true
  shell: |
    mkdir -p out/lib
    printf '#!/bin/sh\\necho "sim $*"\\n' > out/simv
    chmod +x out/simv
    echo a > out/lib/a
    echo "::gator artefact name=sim path=out/simv::the simulator"
  artefacts:
    produces: {sim: out/simv, lib: {path: out/lib, keep: false}, none: {path: none, optional: true}}
    collect: ['*.none']
- !JobArray
  ident: sims
  repeats: 3
  jobs:
  - !Job
    ident: run
    command: ${{ artefacts.build.sim }}
    args: [$GATOR_ARRAY_INDEX]
    artefacts: {consumes: [build.sim, build.none]}
  - !Job
    ident: cov
    scratch: true
    shell: |
      echo $GATOR_ARRAY_INDEX > cov.db
      test $GATOR_ARRAY_INDEX != 1
    artefacts: {produces: {db: cov.db}}
- !Job
  ident: merge
  shell: cat $(cat ${{ artefacts.cov.db }}) > merged; cat merged
  scratch: true
  artefacts: {consumes: {from: cov.db, when: done}, produces: {all: merged}}
- !Job
  ident: writes
  shell: echo b > "$GATOR_ARTEFACT_BUILD_LIB/b"; ls "$GATOR_ARTEFACT_BUILD_LIB"
  artefacts: {consumes: {from: build.lib, as: copy}}
- !Job {ident: missing, command: "true", artefacts: {produces: {log: no/such.log}}}
- !Job {ident: fails, shell: exit 1, artefacts: {produces: {log: no/such.log}}}
- !Job {ident: after, command: "true", artefacts: {consumes: missing.log}}
"""


@pytest.mark.parametrize("placement", ["auto", "inline", "daemons", "tiers"])
def test_jobs_use_what_others_made(gator: Gator, placement: str) -> None:
    gator("run", gator.spec(SPEC), "--placement", placement).expect(1)
    rows = [json.loads(line) for line in gator("tree", "--json").expect(0).out.splitlines()]
    found = {row["path"].removeprefix("top/"): (row["outcome"], row["reason"]) for row in rows}
    assert found["missing"] == ("failed", "artefact")
    assert found["fails"] == ("failed", "exit")
    assert found["after"] == ("pruned", "dependency")
    failed = {name for name, (outcome, _) in found.items() if outcome == "failed"}
    assert failed == {"top", "sims", "sims/cov[1]", "missing", "fails"}
    assert gator("logs", "sims/run[2]").expect(0).out == "sim 2\n"
    assert gator("logs", "merge").expect(0).out == "0\n2\n"
    assert gator("logs", "writes").expect(0).out == "a\nb\n"
    (message,) = [row["message"] for row in rows if row["path"] == "top/missing"]
    assert message.startswith("the artefact log is missing: no/such.log: there is no such file or folder")


RERUN = """\
!JobGroup
ident: again
jobs:
- !Job
  ident: build
  scratch: true
  shell: 'date +%s%N > sim; mkdir lib; echo l > lib/l'
  artefacts: {produces: {sim: sim, lib: lib}}
- !JobArray
  ident: runs
  repeats: 3
  jobs:
  - !Job
    ident: run
    scratch: true
    shell: |
      cat "$GATOR_ARTEFACT_BUILD_LIB/l" > cov
      echo $GATOR_ARRAY_INDEX >> cov
      test -e ok || test $GATOR_ARRAY_INDEX != 1
    artefacts: {consumes: [build.sim, build.lib], produces: {cov: cov}}
- !Job {ident: merge, shell: 'cat $(cat "$GATOR_ARTEFACT_RUN_COV")', artefacts: {consumes: run.cov}}
"""


def test_a_rerun_uses_artefacts_of_jobs_that_it_does_not_repeat(gator: Gator) -> None:
    mended = gator.root / "mended"
    spec = gator.spec(RERUN.replace("test -e ok", f"test -e {mended}"))
    gator("run", spec).expect(1)
    gator("run", spec, "--skip", "@passed").expect(1)
    assert "the artefact" not in gator("failures").expect(0).out
    mended.touch()
    gator("run", spec, "--skip", "@passed").expect(0)
    assert gator("logs", "merge").expect(0).out == "l\n0\nl\n1\nl\n2\n"


def test_artefacts_are_listed_and_copied_out(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    listed = [json.loads(line) for line in gator("artefacts", "--json").expect(0).out.splitlines()]
    made = {(each["path"], each["name"]): each for each in listed}
    assert set(made) == {
        ("top/build", "sim"),
        ("top/build", "lib"),
        ("top/sims/cov[0]", "db"),
        ("top/sims/cov[1]", "db"),
        ("top/sims/cov[2]", "db"),
        ("top/merge", "all"),
    }
    sim = made["top/build", "sim"]
    assert (sim["text"], sim["file"], len(sim["sha256"])) == ("the simulator", "out/simv", 64)
    assert made["top/build", "lib"]["discarded"]
    assert "the simulator" in gator("artefacts", "build").expect(0).out
    assert "artefact" in gator("show", "build").expect(0).out
    assert gator("get", "build", "sim").expect(0).out == f"simv ({sim['size_bytes']} B)\n"
    assert (gator.root / "simv").stat().st_mode & 0o777 == 0o755
    assert gator("get", "merge", "all", "-o", "-").expect(0).out == "0\n2\n"
    for arguments, text in (
        (("build", "sim"), "simv already exists"),
        (("build", "lib", "-o", "x"), "was not kept after the run (`keep: false`)"),
        (("build", "simm"), "did you mean 'sim'?"),
        (("fails", "log"), "top/fails has no artefact 'log'"),
    ):
        done = gator("get", *arguments)
        assert done.code == 2 or done.code == 1, done
        assert text in done.err
    assert not list((gator.folder / "objects").rglob("lib"))
    kept = gator.folder / sim["object"]
    kept.chmod(0o755)
    kept.write_bytes(b"x" * sim["size_bytes"])
    changed = gator("get", "build", "sim", "-o", "changed").expect(2)
    assert "the artefact sim of top/build was changed after it was made" in changed.err
    assert not (gator.root / "changed").exists()


def test_artefacts_are_removed_with_their_run(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    folder = gator.folder
    assert (folder / "objects").is_dir()
    gator("clean", "--keep", "0").expect(0)
    assert not folder.exists()


def test_a_hub_lists_artefacts_and_has_small_contents(gator: Gator, hub: RealHub, tmp_path: Path) -> None:
    hub.start()
    spec = """\
!JobGroup
ident: top
jobs:
- !Job {ident: small, shell: echo hello > small.txt, artefacts: {produces: {text: small.txt}}}
- !Job {ident: large, shell: head -c 400000 /dev/zero > large.bin, artefacts: {produces: {data: large.bin}}}
- !Job {ident: huge, shell: head -c 900000 /dev/zero > huge.bin, artefacts: {produces: {data: huge.bin}}}
"""
    hub.command("run", gator.spec(spec), "--hub-artefacts", "500KB", "--hub-wait", "60s").wait().expect(0)
    shown = hub.command("artefacts", "-r", "hub:top").wait().expect(0).out
    assert "small.txt" in shown and "huge.bin" in shown
    get = ("get", "-r", "hub:top")
    assert hub.command(*get, "small", "text", "-o", "-").wait().expect(0).out == "hello\n"
    hub.command(*get, "large", "data", "-o", "copy.bin").wait().expect(0)
    assert (gator.root / "copy.bin").read_bytes() == bytes(400_000)
    done = hub.command(*get, "huge", "data", "-o", "no.bin").wait()
    assert done.code == 1 or done.code == 2
    assert "it stays where the run was" in done.err
    assert not (gator.root / "no.bin").exists()
