import gc
import textwrap

import pytest

from gator.errors import Problem, SpecError
from gator.spec import load
from gator.spec.files.loader import Loaded
from gator.v1 import spec_pb2

TREE = """\
!JobGroup
  ident: top
  jobs:
  - !JobGroup
      ident: inner
      jobs:
      - !Job
          ident: say_hi
          command: echo
          args: ["hi"]
  - !JobArray
      ident: counting
      on_pass:
        - say_hi
      repeats: 4
      jobs:
      - !Job
          ident: echo_count
          command: echo
          args: ["$GATOR_ARRAY_INDEX"]
  - !Job
      ident: say_bye
      on_pass:
        - counting
      command: echo
      args: ["bye"]
"""


def loaded(text: str, file: str = "spec.yaml") -> Loaded:
    return load(textwrap.dedent(text), file=file)


def job(text: str) -> spec_pb2.Job:
    return loaded(text).spec.job


def problems(text: str | bytes, file: str = "spec.yaml") -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(textwrap.dedent(text) if isinstance(text, str) else text, file=file)
    return [str(problem) for problem in caught.value.problems]


def test_a_tree_of_groups_arrays_and_jobs_loads_as_written() -> None:
    top = loaded(TREE).spec.group
    assert top.ident == "top"
    assert top.jobs[0].group.jobs[0].job.ident == "say_hi"
    array = top.jobs[1].array
    assert (array.ident, array.repeats, array.order.on_pass[0].name) == ("counting", 4, "say_hi")
    assert list(array.jobs[0].job.args) == ["$GATOR_ARRAY_INDEX"]
    assert [r.name for r in top.jobs[2].job.order.on_pass] == ["counting"]


def test_every_node_and_reference_knows_where_it_stands() -> None:
    top = loaded(TREE).spec.group
    place = top.jobs[1].array.order.on_pass[0].position
    assert (place.file, place.line, place.column) == ("spec.yaml", 14, 11)
    assert (top.position.line, top.jobs[2].job.position.line) == (1, 21)


def test_idents_left_out_are_the_stem_of_the_file_and_the_place_among_siblings() -> None:
    top = loaded(
        "!JobGroup\njobs:\n- !Job {command: a}\n- !Job {command: b}\n", "deep/night,run.yaml"
    ).spec.group
    assert top.ident == "night_run"
    assert [child.job.ident for child in top.jobs] == ["T0", "T1"]


def test_texts_stay_as_they_are_written() -> None:
    args = job("!Job\ncommand: 010\nargs: [1.10, on, 12:30, 0x10, null, ~, '', \"a\\tb\"]").args
    assert list(args) == ["1.10", "on", "12:30", "0x10", "null", "~", "", "a\tb"]


def test_environment_values_stay_as_they_are_written_and_null_removes() -> None:
    env = job("!Job\ncommand: x\nenv: {1: on, B: 1.10, C: null, D: '', E: '~', F: $HOME}").settings.env
    assert [(v.name, v.value if v.HasField("value") else None) for v in env] == [
        ("1", "on"),
        ("B", "1.10"),
        ("C", None),
        ("D", ""),
        ("E", "~"),
        ("F", "$HOME"),
    ]


def test_null_and_nothing_count_as_left_out() -> None:
    found = job("!Job\nident: ~\ncommand: x\nargs:\ncwd: null\nresources:\non_pass: ~\n")
    assert found == spec_pb2.Job(ident="spec", command="x", position=found.position)


def test_a_byte_order_mark_and_line_ends_of_windows_are_fine() -> None:
    found = load(b"\xef\xbb\xbf!Job\r\nident: a\r\ncommand: x\r\nshell:\r\n", file="x.yaml").spec.job
    assert (found.ident, found.command) == ("a", "x")


def test_positions_count_characters_behind_a_byte_order_mark_and_umlauts() -> None:
    assert problems("\ufeff!Job {command: ü, oops: 1}".encode()) == ["spec.yaml:1:19: unknown key 'oops'"]


def test_merges_keep_positions_and_the_nearer_key_wins() -> None:
    top = loaded("""\
        !JobGroup
        x-common: &common
          command: echo
          env: {A: 1}
        x-more: &more {command: other, cwd: /tmp}
        jobs:
        - !Job {<<: *common, ident: a}
        - !Job
          <<: [*common, *more]
          ident: b
          env: {A: 2}
        """).spec.group
    a, b = (child.job for child in top.jobs)
    assert (a.command, a.settings.env[0].value) == ("echo", "1")
    assert (b.command, b.settings.cwd, b.settings.env[0].value) == ("echo", "/tmp", "2")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("cmd", "command"),
        ("name", "ident"),
        ("On-Pass", "on_pass"),
        ("depends_on", "on_pass"),
        ("cores", "resources"),
    ],
)
def test_a_word_of_another_tool_leads_to_the_key_that_is_meant(word: str, meant: str) -> None:
    (problem,) = problems(f"!Job {{shell: ls, {word}: x}}")
    assert problem == f"spec.yaml:1:18: unknown key '{word}': did you mean '{meant}'?"


def test_a_mistake_in_what_is_merged_is_told_where_it_is_written() -> None:
    assert problems("""\
        !JobGroup
        x-common: &c
          command: echo
          tiemout: 3
        jobs:
        - !Job {<<: *c, ident: a}
        - !Job {<<: *c, ident: b}
        """) == ["spec.yaml:4:3: unknown key 'tiemout': did you mean 'timeout'?"]


def test_a_bomb_of_aliases_is_refused_in_bounded_time() -> None:
    def level(n: int) -> str:
        nine = ", ".join(f"!JobGroup {{<<: *l{n - 1}, ident: i{i}}}" for i in range(9))
        return f"x-{n}: &l{n} {{jobs: [{nine}]}}\n"

    levels = "".join(level(n) for n in range(1, 12))
    text = f"!JobGroup\nx-0: &l0 {{jobs: []}}\n{levels}<<: *l11\n"
    assert "aliases and merges expand this text beyond the limit" in problems(text)[0]


def test_a_mapping_that_merges_itself_is_refused() -> None:
    assert any("contains itself" in line for line in problems("!Job &a\ncommand: x\n<<: *a\n"))


def test_deep_nesting_is_refused() -> None:
    assert "nested more than" in problems("[" * 100_000)[0]
    assert "nested more than" in problems("- " * 100_000 + "x")[0]


def test_groups_nest_as_deep_as_messages_can_be_read() -> None:
    def nested(depth: int) -> str:
        return "!JobGroup {jobs: [" * depth + "!Job {command: x, env: {A: b}}" + "]}" * depth

    spec = loaded(nested(39)).spec
    assert spec_pb2.Spec.FromString(spec.SerializeToString()) == spec
    assert "nested more than 40 deep" in problems(nested(40))[0]


def test_all_problems_come_at_once_in_the_order_of_the_text() -> None:
    found = problems("!JobGroup\nrepeats: 3\njobs:\n- !Job {ident: a/b}\n- !Jobb {}\n")
    assert [line.split(" ")[0] for line in found] == [
        "spec.yaml:2:1:",
        "spec.yaml:4:3:",
        "spec.yaml:4:16:",
        "spec.yaml:5:3:",
    ]


def test_orders_on_the_root_are_ignored_with_a_warning() -> None:
    found = loaded("!Job\ncommand: x\non_pass: unknown\n")
    assert not found.spec.job.HasField("order")
    message = "on_pass on the root has no effect: there is nothing beside it"
    assert found.warnings == (Problem("spec.yaml", 3, 1, message),)


def test_what_runs_nothing_is_a_warning() -> None:
    found = loaded("""\
        !JobGroup
        jobs:
        - !JobGroup {ident: a, jobs: []}
        - !JobArray {ident: b, repeats: 0, jobs: [!Job {command: x}]}
        """)
    assert [str(w) for w in found.warnings] == [
        "spec.yaml:3:3: 'a' has no jobs: it passes immediately",
        "spec.yaml:4:33: 'b' has 0 repeats: it passes immediately",
    ]


def test_setting_a_variable_of_gator_is_a_warning() -> None:
    found = loaded("!Job\ncommand: x\nenv: {GATOR_SEED: 1}\n")
    message = "GATOR_SEED is set by Gator itself: the value here has no effect"
    assert found.warnings == (Problem("spec.yaml", 3, 7, message),)


def test_reading_many_rows_collects_no_garbage() -> None:
    rows = "\n".join(f"- {{test: test_{number}, n: 1}}" for number in range(5000))
    text = f"!JobArray\nmatrix:\n{rows}\njobs: [!Job {{command: echo}}]\n"
    loaded(TREE)  # imports what loading needs
    collections: list[str] = []

    def count(phase: str, info: dict[str, int]) -> None:
        del info
        collections.append(phase)

    gc.callbacks.append(count)
    try:
        loaded(text)
    finally:
        gc.callbacks.remove(count)
    # There may be one when the pause ends.
    assert collections.count("start") <= 2
    assert gc.isenabled()
