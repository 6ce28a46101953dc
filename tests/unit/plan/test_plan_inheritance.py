"""What a node gets from the levels above."""

from gator.v1 import spec_pb2
from tests.unit.plan.plan_trees import array, env, group, job, plan


def variables(settings: spec_pb2.Settings) -> dict[str, str | None]:
    return {v.name: v.value if v.HasField("value") else None for v in settings.env}


def test_variables_merge_by_name_and_the_nearest_wins() -> None:
    made = plan(group("top", job("a", settings=env(B="near", C="c")), settings=env(A="a", B="far")))
    assert variables(made.nodes["top/a"].settings) == {"A": "a", "B": "near", "C": "c"}
    assert variables(made.root.settings) == {"A": "a", "B": "far"}


def test_a_variable_set_to_null_stays_as_a_removal() -> None:
    made = plan(group("top", job("a", settings=env(A=None)), settings=env(A="a")))
    assert variables(made.nodes["top/a"].settings) == {"A": None}


def test_the_job_carries_the_merged_settings() -> None:
    made = plan(group("top", job("a"), settings=spec_pb2.Settings(cwd="/x", setup="module load y")))
    settings = made.resolve(made.nodes["top/a"], "top/a").settings
    assert (settings.cwd, settings.setup) == ("/x", "module load y")


def test_the_nearest_working_directory_wins_and_is_never_joined() -> None:
    inner = group("g", job("a"), settings=spec_pb2.Settings(cwd="sub"))
    made = plan(group("top", inner, settings=spec_pb2.Settings(cwd="/x")))
    assert made.nodes["top/g/a"].settings.cwd == "sub"


def test_single_values_are_taken_whole_from_the_nearest_level() -> None:
    far = spec_pb2.Settings(
        timeout_millis=1000, grace_millis=5, tty=True, nice=3, stderr=spec_pb2.STDERR_MODE_MERGE
    )
    near = spec_pb2.Settings(timeout_millis=0, tty=False)
    settings = plan(group("top", job("a", settings=near), settings=far)).nodes["top/a"].settings
    assert settings.HasField("timeout_millis")
    assert settings.timeout_millis == 0
    assert (settings.grace_millis, settings.tty, settings.nice) == (5, False, 3)
    assert settings.stderr == spec_pb2.STDERR_MODE_MERGE


def test_scratch_is_replaced_as_a_whole() -> None:
    far = spec_pb2.Settings(scratch=spec_pb2.Scratch(enabled=True, root="/fast"))
    near = spec_pb2.Settings(scratch=spec_pb2.Scratch(enabled=True, keep=spec_pb2.SCRATCH_KEEP_ALL))
    scratch = plan(group("top", job("a", settings=near), settings=far)).nodes["top/a"].settings.scratch
    assert scratch == spec_pb2.Scratch(enabled=True, keep=spec_pb2.SCRATCH_KEEP_ALL)


def test_limits_ulimits_and_retries_merge_by_their_parts() -> None:
    far = spec_pb2.Settings(
        limits=spec_pb2.Limits(warning=3, error=2),
        ulimit={"core": 0, "nofile": 10},
        retries=spec_pb2.Retries(lost=2),
    )
    near = spec_pb2.Settings(limits=spec_pb2.Limits(error=0), ulimit={"core": 5})
    settings = plan(group("top", job("a", settings=near), settings=far)).nodes["top/a"].settings
    assert settings.limits == spec_pb2.Limits(warning=3, error=0)
    assert dict(settings.ulimit) == {"core": 5, "nofile": 10}
    assert settings.retries.lost == 2


def test_tags_are_the_union_with_those_above() -> None:
    made = plan(
        group(
            "top",
            job("a", settings=spec_pb2.Settings(tags=["b", "a"])),
            settings=spec_pb2.Settings(tags=["b", "c"]),
        )
    )
    assert made.nodes["top/a"].tags == ("a", "b", "c")
    assert made.root.tags == ("b", "c")


def test_weight_is_the_sum_of_priorities_on_the_way_down() -> None:
    made = plan(group("top", group("g", job("a", priority=3), priority=-1), priority=10))
    assert [node.weight for node in made.nodes.values()] == [10, 9, 12]


def test_a_job_holds_one_core_unless_it_says_otherwise() -> None:
    free = job("free", resources=spec_pb2.Resources(cores=0))
    big = job("big", resources=spec_pb2.Resources(memory_bytes=5, licenses={"tool": 2}, enforce_memory=True))
    made = plan(group("top", job("a"), free, big))
    assert made.nodes["top/a"].demand.cores == 1
    assert made.nodes["top/free"].demand.cores == 0
    demand = made.nodes["top/big"].demand
    assert (demand.cores, demand.memory_bytes, dict(demand.licenses)) == (1, 5, {"tool": 2})
    assert made.nodes["top/big"].enforce_memory
    assert not made.root.demand.cores


def test_repeats_are_counted_and_never_made() -> None:
    made = plan(group("top", array("a", 100_000, job("x"), array("b", 3, job("y")))))
    assert len(made.nodes) == 5
    assert made.root.jobs == 100_000 * 4
    assert made.nodes["top/a/b"].jobs == 3
    assert made.nodes["top/a/b/y"].jobs == 1
    assert made.nodes["top/a/x"].indices == range(100_000)
    assert made.nodes["top/a"].repeats is None
    assert made.nodes["top/a"].indices == ()


def test_empty_groups_and_arrays_stay_in_the_plan() -> None:
    made = plan(group("top", group("nothing"), array("never", 0, job("x"))))
    assert list(made.nodes) == ["top", "top/nothing", "top/never", "top/never/x"]
    assert made.root.jobs == 0


def test_the_spec_of_the_request_is_never_changed() -> None:
    spec = group("top", job("a", "${{ seed }}", settings=env(A="${{ env.A }}")), settings=env(A="x"))
    before = spec.SerializeToString(deterministic=True)
    made = plan(spec)
    made.resolve(made.nodes["top/a"], "top/a")
    assert spec.SerializeToString(deterministic=True) == before
