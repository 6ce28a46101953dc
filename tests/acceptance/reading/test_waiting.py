"""Why jobs of a live run have not started, for each kind of resource that they may lack."""

import json

from tests.acceptance.support import Gator, until

SPEC = """\
!JobGroup
ident: top
licenses: {Sim: 2}
jobs:
- !Job
  ident: holder
  priority: 9
  resources: [!Cores 3, !Memory 800MB, !License [Sim, 2]]
  shell: "echo begun; until [ -e go ]; do sleep 0.02; done"
- !Job {ident: memory, resources: [!Cores 0, !Memory 300MB], command: "true"}
- !Job {ident: license, resources: [!Cores 0, !License Sim], command: "true"}
- !Job {ident: cores, resources: [!Cores 2], command: "true"}
- !Job {ident: all, resources: [!Cores 2, !Memory 300MB, !License Sim], command: "true"}
- !Job {ident: after, on_pass: [holder], command: "true"}
"""
REASONS = {
    "top/memory": ["memory"],
    "top/license": ["license"],
    "top/cores": ["cores"],
    "top/all": ["cores", "memory", "license"],
    "top/after": ["dependency"],
}


def test_each_job_says_what_it_lacks_and_who_holds_it(gator: Gator) -> None:
    run = gator.start("run", gator.spec(SPEC), "-j", 4, "--memory", "1GB")
    until(lambda: b"begun" in gator.output("top/holder"), "the job that holds everything")
    try:
        _check(gator)
    finally:
        (gator.root / "go").touch()
    run.wait().expect(0)


def _check(gator: Gator) -> None:
    nodes = [json.loads(line) for line in gator("tree", "--json").expect(0).out.splitlines()]
    assert {node["path"]: node["waiting_for"] for node in nodes if node["waiting_for"]} == REASONS
    (status,) = map(json.loads, gator("status", "--json").expect(0).out.splitlines())
    waiting = {entry["path"]: entry for entry in status["waiting"]}
    assert {path: entry["reasons"] for path, entry in waiting.items()} == REASONS
    assert {path for path, entry in waiting.items() if entry["holders"] == ["top/holder"]} == {
        "top/license",
        "top/all",
    }
    tree = gator("tree").expect(0).out
    for said in ("for memory", "for licenses", "for cores", "for cores and memory and licenses"):
        assert any(line.endswith(f"waiting  {said}") for line in tree.splitlines()), tree
    text = gator("status").expect(0).out
    assert "for memory: 300 MB wanted, 200 MB of 1 GB free" in text
    assert "for license Sim: 1 wanted, 0 of 2 free (held by top/holder)" in text
