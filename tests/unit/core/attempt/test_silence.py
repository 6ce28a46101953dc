"""An attempt that is silent for too long is investigated, and ended if there is no sign of life."""

import signal

from gator.core.attempt.actions import Action, Investigate, LookAtFile, Signal
from gator.core.attempt.hang.evidence import Evidence, ProcessEvidence, hang_of, masked, text_of
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.state import State
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import OUT, SECOND, end_of, events_of, finish, left, running

SETTINGS = spec_pb2.Settings(silence=spec_pb2.Silence(millis=10_000))
WAITING = ProcessEvidence(pid=8, parent=7, name="sim", state="sleeping", channel="pipe_read")
SHELL = ProcessEvidence(pid=7, parent=1, name="bash", state="sleeping", channel="do_wait")
FOUND = Evidence([SHELL, WAITING])


def silent(until: int = 10 * SECOND) -> Wrapper:
    wrapper = running(SETTINGS)
    assert wrapper.wake_at == until
    assert wrapper.on_time(until) == [Investigate()]
    assert wrapper.wake_at is None
    return wrapper


def ended(wrapper: Wrapper, evidence: Evidence = FOUND) -> event_pb2.AttemptFinished:
    wrapper.on_evidence(11 * SECOND, evidence)
    return end_of(finish(wrapper, 12 * SECOND, left(None, signal.SIGTERM)))


def test_the_reason_is_a_hang_and_the_message_says_where_it_waits() -> None:
    end = ended(silent())
    assert end.reason == common_pb2.REASON_HANG
    assert end.message.startswith("no output for 10s: sim waits in pipe_read; raise `silence:`")
    assert end.first_error.text == "sim waits in pipe_read"


def test_the_evidence_is_recorded_before_the_processes_are_ended() -> None:
    first, second = silent().on_evidence(11 * SECOND, FOUND)
    (event,) = events_of([first])
    assert event.log.logger == "gator"
    assert "\n8 sim: waits in pipe_read, 1 thread" in event.log.text
    assert second == Signal(signal.SIGTERM)


def test_output_puts_the_end_off() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_output(4 * SECOND, OUT, b"a\n")
    assert Investigate() not in wrapper.on_time(10 * SECOND)
    assert Investigate() in wrapper.on_time(14 * SECOND)
    wrapper.on_output(15 * SECOND, OUT, b"b\n")
    assert wrapper.on_evidence(16 * SECOND, FOUND) == []
    assert wrapper.state is State.RUNNING
    assert Investigate() in wrapper.on_time(25 * SECOND)


def test_requested_stacks_do_not_end_a_silence() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_output(0, OUT, b"go\n")
    wrapper.on_time(10 * SECOND)
    wrapper.on_output(11 * SECOND, OUT, b"Full thread dump\n")
    end = ended(wrapper, Evidence([WAITING], prints_stacks=True))
    assert end.reason == common_pb2.REASON_HANG
    assert end.first_error.text == "sim waits in pipe_read\ngo"


WATCHING = spec_pb2.Settings(silence=spec_pb2.Silence(millis=8_000, watch="sim.log"))


def test_growth_of_the_watched_file_is_a_sign_of_life() -> None:
    wrapper = running(WATCHING)
    assert wrapper.on_time(0) == [LookAtFile()]
    assert wrapper.on_file(0, (10, 1)) == []
    for second in (2, 4, 6):
        assert wrapper.on_time(second * SECOND) == [LookAtFile()]
        assert wrapper.on_file(second * SECOND, (10 + second, 1)) == []
    for second in (8, 10, 12):
        assert wrapper.on_time(second * SECOND) == [LookAtFile()]
        assert wrapper.on_file(second * SECOND, (16, 1)) == []
    assert wrapper.on_time(14 * SECOND) == [LookAtFile()]
    assert wrapper.on_file(14 * SECOND, (16, 1)) == [Investigate()]


def test_a_file_that_appears_or_is_replaced_is_a_sign_of_life() -> None:
    wrapper = running(WATCHING)
    for second, state in ((0, None), (2, (0, 1)), (4, (0, 2))):
        wrapper.on_time(second * SECOND)
        wrapper.on_file(second * SECOND, state)
    wrapper.on_time(11 * SECOND)
    assert wrapper.on_file(11 * SECOND, (0, 2)) == []
    wrapper.on_time(12 * SECOND)
    assert wrapper.on_file(12 * SECOND, (0, 2)) == [Investigate()]


def test_messages_of_the_job_are_signs_of_life() -> None:
    wrapper = running(SETTINGS)
    message = event_pb2.Event(log=event_pb2.LogEvent(severity=common_pb2.SEVERITY_INFO, text="alive"))
    wrapper.on_client_event(9 * SECOND, message)
    assert Investigate() not in wrapper.on_time(18 * SECOND)
    wrapper.on_client_event(18 * SECOND, event_pb2.Event(log=message.log), notice=True)
    assert Investigate() in wrapper.on_time(19 * SECOND)


def test_a_time_in_which_the_host_stood_still_is_not_silence() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_late_wake(5 * SECOND)
    assert wrapper.on_time(14 * SECOND) == []
    assert wrapper.on_time(15 * SECOND) == [Investigate()]


def test_a_job_that_ends_during_the_investigation_keeps_its_verdict() -> None:
    wrapper = silent()
    assert end_of(finish(wrapper, 11 * SECOND)).outcome == common_pb2.OUTCOME_PASSED
    assert wrapper.on_evidence(12 * SECOND, FOUND) == []


def test_a_job_that_is_told_to_end_is_not_investigated() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_stop(5 * SECOND, attach_pb2.Stop(mode=attach_pb2.STOP_MODE_GRACEFUL))
    assert Investigate() not in wrapper.on_time(14 * SECOND)


def test_the_processor_time_of_the_silence_is_told() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_sample(2 * SECOND, event_pb2.Sample(cores=1.0), 0)
    wrapper.on_output(4 * SECOND, OUT, b"a\n")
    wrapper.on_sample(7 * SECOND, event_pb2.Sample(cores=0.5), 0)
    actions: list[Action] = wrapper.on_time(14 * SECOND)
    actions = wrapper.on_evidence(14 * SECOND, FOUND)
    assert "in which its processes used 1.50s of processor time" in events_of(actions)[0].log.text


def test_hangs_at_different_places_or_after_different_words_have_different_signatures() -> None:
    def signature(evidence: Evidence, words: bytes = b"") -> str:
        wrapper = running(SETTINGS)
        if words:
            wrapper.on_output(0, OUT, words)
        wrapper.on_time(10 * SECOND)
        return ended(wrapper, evidence).signature

    elsewhere = Evidence([SHELL, ProcessEvidence(pid=8, parent=7, name="sim", channel="futex_wait")])
    other_run = Evidence([ProcessEvidence(pid=99, parent=7, name="sim", channel="pipe_read")])
    computing = [
        Evidence([ProcessEvidence(pid=8, parent=7, name="sim", cores=cores)]) for cores in (0.9, 0.4)
    ]
    assert signature(FOUND) == signature(other_run)
    assert signature(computing[0]) == signature(computing[1])
    seen = [FOUND, elsewhere, computing[0]]
    assert len({signature(each) for each in seen}) == len(seen)
    assert signature(FOUND, b"waiting for grant\n") != signature(FOUND, b"waiting for reset\n")
    assert signature(FOUND, b"waiting for grant at 100 ns\n") == signature(
        FOUND, b"waiting for grant at 250 ns\n"
    )


def test_a_message_of_the_job_explains_a_hang_better() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_output(0, OUT, b"UVM_ERROR tb.sv(3) @ 5: top [SB] mismatch\n")
    wrapper.on_time(10 * SECOND)
    end = ended(wrapper)
    assert end.reason == common_pb2.REASON_HANG
    assert end.first_error.message == "mismatch"


def test_a_process_that_computes_is_named_first_and_secrets_are_masked() -> None:
    busy = ProcessEvidence(pid=9, parent=7, name="solver", cores=0.98, command="solver --key=S3cret")
    lines = [f"step {number} {'x' * 295}S3cret" for number in range(60)]
    evidence = Evidence([SHELL, busy, WAITING], omitted=2, file="run.log", file_end="\n".join(lines))
    assert hang_of(evidence, 10, None).summary == "solver computes on 1.0 cores"
    text = text_of(masked(evidence, lambda line: line.replace("S3cret", "***")), "10s", "9s")
    assert "S3cret" not in text
    assert "and 2 more of its processes" in text
    assert "S3" not in text
    assert "end of the watched file run.log:\n  step 10 xxx" in text
    assert text.splitlines()[-1].startswith("  step 59 xxx")
    missing = text_of(Evidence([WAITING], file="none.log"), "10s", "9s")
    assert "the watched file none.log does not exist or cannot be read" in missing
