"""Specs that are built in Python are read by the same code as YAML, with the positions of the calls."""

from pathlib import Path

import pytest

from gator import spec
from gator.errors import SpecError, UsageError
from gator.v1 import common_pb2, spec_pb2

YAML = """\
!JobGroup
ident: top
env: {A: null, B: "1"}
licenses: {ToolA: 2}
jobs:
- !Job
  ident: a
  command: echo
  args: ["1", "${{ seed }}", "null", ""]
  resources: [!Cores {count: 2}, !Memory {size: 2GB, enforce: true}, !License {name: ToolA, count: 1}]
  timeout: 90
  tty: true
  limits: {error: 3}
- !JobArray
  ident: many
  repeats: 3
  on_pass: [a]
  jobs: [!Job {ident: b, shell: "true", artefacts: {produces: {x: y}}}]
"""


def written() -> spec.JobGroup:
    return spec.JobGroup(
        "top",
        env={"A": None, "B": "1"},
        licenses={"ToolA": 2},
        jobs=[
            spec.Job(
                "a",
                command="echo",
                args=["1", "${{ seed }}", "null", ""],
                resources=[spec.Cores(2), spec.Memory("2GB", enforce=True), spec.License("ToolA")],
                timeout=90,
                tty=True,
                limits={"error": 3},
                deadline=None,
            ),
            spec.JobArray(
                "many",
                repeats=3,
                on_pass=["a"],
                jobs=(spec.Job(ident="b", shell="true", artefacts={"produces": {"x": Path("y")}}),),
            ),
        ],
    )


def without_positions(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip().split(":")[0] not in PLACES)


PLACES = ("file", "line", "column")


def test_a_spec_is_the_same_as_its_text() -> None:
    built = spec.load_written(written()).spec
    read = spec.load(YAML, file="x.yaml").spec
    assert without_positions(str(built)) == without_positions(str(read))


def test_nodes_have_the_positions_of_their_calls() -> None:
    line = written.__code__.co_firstlineno
    group = spec.load_written(written()).spec.group
    assert group.position == common_pb2.SourcePosition(file=__file__, line=line + 1, column=12)
    assert group.jobs[0].job.position.line == line + 6
    assert group.jobs[0].job.position.column == 13


def test_every_problem_has_its_place() -> None:
    here = test_every_problem_has_its_place.__code__.co_firstlineno
    wrong = spec.JobGroup(
        "top",
        jobs=[
            spec.Job("a", comand="x"),
            spec.Job("a", shell="echo ${{ nope }}"),
            spec.Job("c", command="x", resources=[spec.Memory("lots")]),
        ],
    )
    with pytest.raises(SpecError) as caught:
        spec.load_written(wrong)
    found = [(problem.line - here, problem.message) for problem in caught.value.problems]
    assert found == [
        (5, "unknown key 'comand': did you mean 'command'?"),
        (6, f"the ident 'a' is taken by a sibling, on line {here + 5}: rename one of them"),
        (6, "unknown name ${{ nope }}"),
        (7, "'size' must be a size such as 2GB, 1.5GiB or 512, not 'lots'"),
    ]


def test_a_value_that_no_spec_can_have_is_refused() -> None:
    with pytest.raises(TypeError, match="object cannot be a value of a spec"):
        spec.load_written(spec.Job("a", command=object()))
    with pytest.raises(TypeError, match="given twice"):
        spec.Job("a", ident="b", command="x")


def test_a_root_without_an_ident_takes_the_name_of_its_script() -> None:
    assert spec.load_written(spec.Job(command="x")).spec.job.ident == "test_spec_written"


def test_a_file_of_it_is_read_again() -> None:
    loaded = spec.load_written(written())
    data = spec.to_bytes(loaded)
    assert data.startswith(spec.BUILT)
    assert spec.load_built(data, file="x").spec == loaded.spec
    for damaged in (spec.BUILT, spec.BUILT + b"\xff\xff", data[:-3]):
        with pytest.raises(UsageError, match="the spec x is damaged"):
            spec.load_built(damaged, file="x")


def test_thousands_of_nodes_have_no_maximum() -> None:
    jobs = [spec.Job(f"j{number}", command="x", args=[1, 2, 3]) for number in range(20_000)]
    loaded = spec.load_written(spec.JobGroup("top", jobs=jobs))
    assert len(loaded.spec.group.jobs) == 20_000
    assert isinstance(loaded.spec, spec_pb2.Spec)
