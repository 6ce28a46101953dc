"""Hooks of groups and arrays, run in a simulated world."""

from hypothesis import given
from hypothesis import strategies as st

from gator.testing.world import World, array, group, job, order, request
from gator.v1 import attach_pb2, common_pb2, spec_pb2

ALL = spec_pb2.Hooks(before="b", after="a", passed="p", failed="f")


def hooked(spec: spec_pb2.Spec, hooks: spec_pb2.Hooks = ALL) -> spec_pb2.Spec:
    (spec.group if spec.HasField("group") else spec.array).hooks.CopyFrom(hooks)
    return spec


def steps(world: World) -> list[str]:
    return [f"{what} {path}" for what, path, _ in world.steps if what != "handed out"]


def test_hooks_run_around_the_children_of_a_group() -> None:
    world = World(request(group("top", hooked(group("g", job("a"))), job("z", order(on_pass=["g"])))))
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert steps(world) == [
        "hook before top/g",
        "started top/g/a",
        "ended top/g/a",
        "hook passed top/g",
        "hook after top/g",
        "started top/z",
        "ended top/z",
    ]


def test_every_repeat_of_a_group_has_its_hooks() -> None:
    world = World(request(group("top", array("arr", 2, hooked(group("g", job("a")))))))
    world.run()
    assert [step for step in steps(world) if "before" in step] == [
        "hook before top/arr/g[0]",
        "hook before top/arr/g[1]",
    ]


def test_nothing_starts_in_a_group_whose_hook_before_failed() -> None:
    spec = group("top", hooked(group("g", job("a"), group("h", job("b")))), job("z", order(on_fail=["g"])))
    world = World(request(spec), hook_code=lambda path, name: 3 if name == "before" else 0)
    assert world.run().outcome == common_pb2.OUTCOME_FAILED
    results = world.results()
    assert (results["top/g"].outcome, results["top/g"].reason) == (
        common_pb2.OUTCOME_FAILED,
        common_pb2.REASON_HOOK,
    )
    assert results["top/g"].message == "the hook 'before' of top/g exited with code 3"
    assert world.ended is not None
    assert world.ended.message == results["top/g"].message
    assert results["top/g/h/b"].outcome == common_pb2.OUTCOME_PRUNED
    assert steps(world) == [
        "hook before top/g",
        "hook failed top/g",
        "hook after top/g",
        "started top/z",
        "ended top/z",
    ]


def test_hooks_after_a_group_know_its_outcome_and_do_not_change_it() -> None:
    world = World(
        request(hooked(group("top", job("a")))),
        lambda path, attempt: common_pb2.OUTCOME_FAILED,
        hook_code=lambda path, name: 1 if name == "after" else 0,
    )
    assert world.run().reason == common_pb2.REASON_CHILD
    assert steps(world)[-2:] == ["hook failed top", "hook after top"]
    warnings = [event.log.text for event in world.events if event.log.severity == common_pb2.SEVERITY_WARNING]
    assert warnings == ["the hook 'after' exited with code 1"]


def test_a_stop_during_the_hook_before_cancels_the_group() -> None:
    world = World(request(group("top", hooked(group("g", job("a"))))))

    def stop(world: World) -> None:
        world.stop()

    world.on_step = stop
    assert world.run().outcome == common_pb2.OUTCOME_CANCELLED
    assert steps(world) == ["hook before top/g", "hook after top/g"]


def test_a_stop_at_once_runs_no_further_hook() -> None:
    world = World(request(group("top", hooked(group("g", job("a"))))))

    def stop(world: World) -> None:
        world.stop(mode=attach_pb2.STOP_MODE_NOW)

    world.on_step = stop
    assert world.run().outcome == common_pb2.OUTCOME_CANCELLED
    assert steps(world) == ["hook before top/g"]


@given(st.data())
def test_every_node_ends_once_whatever_its_hooks_do(data: st.DataObject) -> None:
    inner = group("g", job("a"), hooked(array("arr", 2, job("b"))), job("c", order(on_done=["arr"])))
    spec = hooked(group("top", hooked(inner), job("z", order(on_pass=["a"]))))
    world = World(
        request(spec),
        lambda path, attempt: data.draw(
            st.sampled_from([common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED])
        ),
        pick=lambda number: data.draw(st.integers(0, number - 1)),
        hook_code=lambda path, name: data.draw(st.sampled_from([0, 0, 1])),
    )
    world.run()
    assert set(world.results()) >= {"top", "top/g", "top/g/a", "top/g/arr", "top/g/arr/b[1]", "top/z"}
