"""Dependencies that wait for each other, against a slow search of all ways."""

from hypothesis import given
from hypothesis import strategies as st

from gator.errors import SpecError
from gator.plan import Plan
from gator.v1 import spec_pb2
from tests.unit.plan.plan_trees import array, group, job, plan, problems


def test_two_jobs_that_wait_for_each_other_are_refused() -> None:
    assert problems(group("top", job("a", on_pass=["b"]), job("b", on_fail=["a"]))) == [
        "these wait for each other: 'top/a' waits for 'top/b', which waits for 'top/a'"
    ]


def test_a_loop_through_a_group_is_shown_with_the_group() -> None:
    spec = group("top", job("a", on_pass=["g"]), group("g", job("b", on_pass=["c"])), job("c", on_done=["a"]))
    assert problems(spec) == [
        "these wait for each other: 'top/a' waits for 'top/g', which contains 'top/g/b', "
        "which waits for 'top/c', which waits for 'top/a'"
    ]


def test_a_loop_through_the_start_of_a_group_is_shown() -> None:
    spec = group("top", group("g", job("b"), on_pass=["c"]), job("c", on_pass=["g/b"]))
    assert problems(spec) == [
        "these wait for each other: 'top/g' waits for 'top/c', which waits for 'top/g/b', "
        "which is inside 'top/g'"
    ]


def test_a_loop_between_repeats_is_found() -> None:
    spec = group("top", array("a", 3, job("x", on_pass=["y[0]"]), job("y", on_pass=["x[1]"])))
    assert len(problems(spec)) == 1


def test_every_loop_is_told() -> None:
    spec = group(
        "top",
        job("a", on_pass=["b"]),
        job("b", on_pass=["a", "c"]),
        job("c", on_pass=["b"]),
        job("d", on_pass=["e"]),
        job("e", on_pass=["d"]),
    )
    assert len(problems(spec)) == 3


def test_many_loops_are_cut_off() -> None:
    pairs = [(f"a{n}", f"b{n}") for n in range(50)]
    jobs = [spec for a, b in pairs for spec in (job(a, on_pass=[b]), job(b, on_pass=[a]))]
    assert len(problems(group("top", *jobs))) == 20


def test_a_long_chain_needs_no_recursion() -> None:
    jobs = [job(f"j{n}", on_pass=[f"j{n + 1}"]) for n in range(3000)]
    assert len(plan(group("top", *jobs, job("j3000"))).edges) == 3000


@st.composite
def trees(draw: st.DrawFn) -> tuple[spec_pb2.Spec, list[tuple[str, str]]]:
    """A tree of up to ten nodes with random waits by absolute path, and these waits."""
    count = draw(st.integers(2, 10))
    parents = [0, *(draw(st.integers(0, n - 1)) for n in range(1, count))]
    paths = ["n0"]
    for n in range(1, count):
        paths.append(f"{paths[parents[n]]}/n{n}")
    waits = draw(st.lists(st.tuples(st.sampled_from(paths[1:]), st.sampled_from(paths)), max_size=6))

    def spec(n: int) -> spec_pb2.Spec:
        children = [spec(m) for m in range(n + 1, count) if parents[m] == n]
        names = [f"/{awaited}" for waiting, awaited in waits if waiting == paths[n]]
        return group(f"n{n}", *children, on_done=names) if children or n == 0 else job(f"n{n}", on_done=names)

    return spec(0), waits


def can_end(paths: list[str], waits: list[tuple[str, str]]) -> bool:
    """Run the tree by hand: whether every node starts and ends."""
    started: set[str] = set()
    ended: set[str] = set()
    moved = True
    while moved:
        moved = False
        for path in paths:
            parent = path.rpartition("/")[0]
            free = all(awaited in ended for waiting, awaited in waits if waiting == path)
            if path not in started and free and (not parent or parent in started):
                started.add(path)
                moved = True
            inside = [p for p in paths if p.startswith(path + "/")]
            if path in started and path not in ended and all(p in ended for p in inside):
                ended.add(path)
                moved = True
    return len(ended) == len(paths)


def walk(spec: spec_pb2.Spec, above: str = "") -> list[str]:
    path = above + (spec.job.ident or spec.group.ident)
    return [path, *(below for child in spec.group.jobs for below in walk(child, f"{path}/"))]


@given(trees())
def test_exactly_those_trees_are_refused_that_could_not_end(
    tree: tuple[spec_pb2.Spec, list[tuple[str, str]]],
) -> None:
    spec, waits = tree
    made: Plan | None
    try:
        made = plan(spec)
    except SpecError:
        made = None
    assert (made is not None) == can_end(walk(spec), waits)
    if made is not None:
        assert {(e.waiting.template, e.awaited.template) for e in made.edges} == set(waits)
