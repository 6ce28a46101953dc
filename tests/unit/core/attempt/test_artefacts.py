"""What an attempt made is kept after its end, and decides its outcome."""

from gator.core.attempt.actions import Action, Collect
from gator.core.attempt.artefacts import Collected, merged, variable_of
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.state import COLLECT_NANOS, State
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import OFFSET, OUT, end_of, finish, kinds_of, left

MADE = event_pb2.Artefact(name="sim", file="b/simv", sha256="ab", object="objects/ab/c.f/simv", size_bytes=7)


def running() -> Wrapper:
    artefacts = spec_pb2.JobArtefacts(produces=[spec_pb2.Product(name="sim", path="b/simv")])
    job = spec_pb2.Job(command="x", artefacts=artefacts)
    wrapper = Wrapper(attach_pb2.LaunchNode(path="top/x", attempt=1, job=job), OFFSET, 0)
    wrapper.on_spawned(0, event_pb2.Started(pid=7))
    return wrapper


def collects(actions: list[Action]) -> list[bool]:
    return [action.passed for action in actions if isinstance(action, Collect)]


def test_artefacts_are_kept_before_the_verdict() -> None:
    wrapper = running()
    wrapper.on_output(3, OUT, b"hello\n")
    actions = finish(wrapper, 5)
    assert (kinds_of(actions), collects(actions)) == (["block"], [True])
    part = event_pb2.ArtefactContent(sha256="ab", data=b"x")
    actions = wrapper.on_artefacts(9, Collected([MADE], warnings=["w"], contents=[part]))
    assert kinds_of(actions) == ["artefact", "artefact_content", "log", "attempt_finished"]
    end = end_of(actions)
    assert (end.outcome, list(end.artefacts.list)) == (common_pb2.OUTCOME_PASSED, [MADE])
    assert end.stdout_lines == 1


def test_a_missing_artefact_fails_an_attempt_that_passed_so_far() -> None:
    wrapper = running()
    finish(wrapper, 5)
    end = end_of(wrapper.on_artefacts(9, Collected(problems=["a is missing", "b is too large"])))
    assert (end.outcome, end.reason) == (common_pb2.OUTCOME_FAILED, common_pb2.REASON_ARTEFACT)
    assert end.message == "a is missing; b is too large"


def test_a_failed_attempt_keeps_its_reason() -> None:
    wrapper = running()
    assert collects(finish(wrapper, 5, left(3))) == [False]
    end = end_of(wrapper.on_artefacts(9, Collected([MADE])))
    assert (end.reason, len(end.artefacts.list)) == (common_pb2.REASON_EXIT, 1)


def test_a_stopped_attempt_keeps_nothing() -> None:
    wrapper = running()
    wrapper.on_stop(3, attach_pb2.Stop(mode=attach_pb2.STOP_MODE_NOW))
    assert end_of(finish(wrapper, 5, left(None, 9))).outcome == common_pb2.OUTCOME_CANCELLED


def test_a_file_system_that_does_not_answer_fails_the_attempt() -> None:
    wrapper = running()
    finish(wrapper, 5)
    assert wrapper.wake_at == 5 + COLLECT_NANOS
    assert "within 10m" in end_of(wrapper.on_time(5 + COLLECT_NANOS)).message
    assert wrapper.on_artefacts(6 + COLLECT_NANOS, Collected([MADE])) == []


def test_a_stop_at_once_does_not_wait_for_artefacts() -> None:
    wrapper = running()
    finish(wrapper, 5)
    assert wrapper.state is State.COLLECTING
    end_of(wrapper.on_stop(6, attach_pb2.Stop(mode=attach_pb2.STOP_MODE_NOW)))


def test_what_was_announced_and_kept_is_one_artefact() -> None:
    announced = event_pb2.Artefacts(
        list=[event_pb2.Artefact(name="sim", file="x", text="the simulator"), event_pb2.Artefact(name="log")]
    )
    both = merged(announced, [event_pb2.Artefact(name="sim", file="b/simv", sha256="ab")])
    assert both is not None
    assert [(each.name, each.file, each.text) for each in both.list] == [
        ("sim", "b/simv", "the simulator"),
        ("log", "", ""),
    ]
    assert merged(None, []) is None


def test_names_of_variables_are_in_capitals() -> None:
    assert variable_of("my-build.sim_1") == "GATOR_ARTEFACT_MY_BUILD_SIM_1"
