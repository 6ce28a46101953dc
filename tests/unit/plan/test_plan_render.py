"""The three forms in which a plan is shown."""

import json

from gator.plan.render import mermaid, to_json, tree_text
from gator.v1 import spec_pb2
from tests.unit.plan.plan_trees import array, group, job, plan

HEAVY = spec_pb2.Resources(cores=2, memory_bytes=1_500_000_000, licenses={"tool": 1}, enforce_memory=True)
TREE = group(
    "top",
    group("inner", job("say_hi", resources=HEAVY)),
    array("counting", 4, job("echo_count", resources=spec_pb2.Resources(cores=0)), on_pass=["say_hi"]),
    job("say_bye", on_pass=["counting"], on_fail=["echo_count[2]"]),
)


def test_the_tree_shows_resources_and_dependencies() -> None:
    assert tree_text(plan(TREE, seed=7)) == (
        "top\n"
        "├─ inner\n"
        "│  └─ say_hi      2 cores, 1.5 GB at most, 1 tool\n"
        "├─ counting                                        after inner/say_hi passed\n"
        "│  └─ echo_count  × 4, 0 cores\n"
        "└─ say_bye        1 core                           "
        "after counting passed, counting/echo_count[2] failed\n"
        "\n"
        "6 jobs, seed 7\n"
    )


def test_the_tree_shows_what_is_picked_and_what_is_not_selected() -> None:
    shown = tree_text(plan(TREE, only=["echo_count[0]", "echo_count[1]", "echo_count[3]"], skip=["inner"]))
    assert shown == (
        "top\n"
        "└─ counting                               after inner/say_hi passed (not selected)\n"
        "   └─ echo_count  [0-1, 3] of 4, 0 cores\n"
        "\n"
        "3 jobs, seed 1\n"
    )


def test_sizes_are_shown_in_decimal_units_as_everywhere() -> None:
    sizes = [512, 1_000, 2 * 2**20, 3 * 2**30, 1_500_000]
    jobs = (job(f"j{n}", resources=spec_pb2.Resources(memory_bytes=size)) for n, size in enumerate(sizes))
    shown = tree_text(plan(group("top", *jobs)))
    for text in ("512 B", "1 KB", "2.097 MB", "3.221 GB", "1.5 MB"):
        assert f"1 core, {text}\n" in shown


def test_a_diagram_has_groups_as_subgraphs_and_an_arrow_for_each_edge() -> None:
    assert mermaid(plan(TREE)) == (
        "flowchart LR\n"
        '  subgraph n0 ["top"]\n'
        '    subgraph n1 ["inner"]\n'
        '      n2["say_hi"]\n'
        "    end\n"
        '    subgraph n3 ["counting"]\n'
        '      n4["echo_count × 4"]\n'
        "    end\n"
        '    n5["say_bye"]\n'
        "  end\n"
        "  n2 -->|passed| n3\n"
        "  n3 -->|passed| n5\n"
        "  n4 -->|failed| n5\n"
    )


def test_names_are_quoted_in_a_diagram() -> None:
    assert 'n0["a#quot;#35;"]' in mermaid(plan(job('a"#')))


def test_the_json_form_has_everything_that_decides() -> None:
    values = to_json(plan(TREE, only=["say_bye"], skip=["echo_count[0]"]))
    assert json.loads(json.dumps(values)) == values
    assert (values["jobs"], values["seed"], values["warnings"]) == (5, 1, [])
    inner, counting, bye = values["root"]["children"]
    assert inner["children"][0]["licenses"] == {"tool": 1}
    assert counting["waits"] == [{"on": "on_pass", "path": "top/inner/say_hi", "selected": True}]
    assert (counting["children"][0]["repeats"], counting["children"][0]["indices"]) == (4, [1, 2, 3])
    assert bye["waits"][1] == {
        "on": "on_fail",
        "path": "top/counting/echo_count",
        "index": [2],
        "selected": True,
    }
    assert (bye["kind"], bye["command"], bye["cores"]) == ("job", "echo", 1)
