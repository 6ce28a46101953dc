"""Observers get each line of the output once, whole and with its number, however it was read or stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.observers import MAX_LINE_BYTES, LineAssembler, observers_of
from gator.core.attempt.output.output import Output
from gator.core.attempt.severity import Messages
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

OUT, ERR = common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR
MILLI = 1_000_000


class Recorder:
    """Records the lines by stream and number, and reports each that has an `!`."""

    def __init__(self) -> None:
        self.lines: dict[tuple[common_pb2.Stream.ValueType, int], bytes] = {}

    def on_lines(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes
    ) -> list[event_pb2.LogEvent]:
        logs: list[event_pb2.LogEvent] = []
        for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), first_line):
            self.lines[stream, number] = self.lines.get((stream, number), b"") + line
            if b"!" in line:
                logs.append(event_pb2.LogEvent(text=line.decode(), stream=stream, line=number))
        return logs


def _observed(
    reads: list[tuple[common_pb2.Stream.ValueType, bytes]], cap: int = 0
) -> tuple[Recorder, list[event_pb2.Event]]:
    recorder = Recorder()
    launch = attach_pb2.LaunchNode(path="top", attempt=2, job=spec_pb2.Job(command="x"))
    output = Output(launch, cap, Messages(), AttemptMetrics(), [recorder])
    events: list[event_pb2.Event] = []
    for at, (stream, data) in enumerate(reads):
        # Each third read is followed by a pause, which closes the block.
        now = (at // 3) * 100 * MILLI
        events += output.flush_due(now)
        events += output.feed(stream, data, now, now)
    return recorder, events + output.finish()


@given(st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.text("ab!\n", min_size=1)), max_size=30))
def test_each_line_comes_once_and_whole(reads: list[tuple[common_pb2.Stream.ValueType, str]]) -> None:
    recorder, events = _observed([(stream, text.encode()) for stream, text in reads])
    wanted: dict[tuple[common_pb2.Stream.ValueType, int], bytes] = {}
    for stream in (OUT, ERR):
        whole = "".join(text for each, text in reads if each == stream)
        if whole:
            for number, line in enumerate(whole.removesuffix("\n").split("\n"), 1):
                wanted[stream, number] = line.encode()
    assert recorder.lines == wanted
    logs = {(event.log.stream, event.log.line): event.log.text for event in events if event.HasField("log")}
    assert logs == {key: line.decode() for key, line in wanted.items() if b"!" in line}
    assert {(event.path, event.attempt) for event in events} <= {("top", 2)}


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_output_beyond_the_cap_is_observed(ending: bytes) -> None:
    recorder, events = _observed([(OUT, b"x" * 9_999 + b"\n")] * 400 + [(OUT, b"end!" + ending)], cap=1000)
    assert len(recorder.lines) == 401
    assert [event.log.text for event in events if event.HasField("log")] == ["end!"]


def test_a_line_that_is_too_long_comes_in_pieces_with_one_number() -> None:
    assembler = LineAssembler()
    piece = b"x" * (MAX_LINE_BYTES // 2)
    assert assembler.take(7, piece) == b""
    assert assembler.take(7, piece) == b""
    assert assembler.take(7, b"y") == piece + piece + b"y"
    assert assembler.take(7, b"z\nnext") == b"z\n"
    assert assembler.finish() == (8, b"next")


def test_a_large_block_is_parsed_while_it_is_read() -> None:
    """Parsing a whole block of messages at its end would hold the event loop for seconds."""
    launch = attach_pb2.LaunchNode(path="top", attempt=2, job=spec_pb2.Job(command="x"))
    messages = Messages()
    output = Output(launch, 0, messages, AttemptMetrics())
    lines = [f"m.c:{number}:1: error: broken\n".encode() for number in range(1, 4001)]
    for start in range(0, 4000, 100):
        assert output.feed(OUT, b"".join(lines[start : start + 100]), 0, 0) == []
    assert messages.counts().error > 3500
    (block, *logs) = output.finish()
    # The last message is still open when its block is closed.
    assert block.block.counts == common_pb2.Counts(info=1, error=3999)
    assert [log.log.line for log in logs] == list(range(1, 4001))


def test_metrics_of_lines_are_recorded_by_an_observer() -> None:
    job = spec_pb2.Job(command="x")
    job.settings.metrics["size"].match = "size (.*)"
    *_, observer = observers_of(job, AttemptMetrics())
    (value,) = observer.on_lines(OUT, 1, b"size 3\n")
    assert isinstance(value, event_pb2.Metric)
    assert (value.name, value.value) == ("size", 3.0)
