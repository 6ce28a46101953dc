"""The output of one attempt: its streams, the messages in them, and how much of it is stored.

Invariant: output that is not stored is still counted and still shown to the observers.
"""

from collections import deque
from collections.abc import Sequence
from functools import partial

from gator.core.attempt.commands import OutputPayload, payload_event
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.lines import BlockBuilder
from gator.core.attempt.output.observers import LineAssembler, OutputObserver
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.output.stream_rules import log_stream, stream_rules
from gator.core.attempt.severity import Messages
from gator.units import size_text
from gator.v1 import attach_pb2, common_pb2, event_pb2

MIN_TAIL_BYTES = 1024 * 1024
"""Minimum number of bytes stored from the end of the output beyond the cap."""
_OBSERVED_BYTES = 6 * 1024
"""Number of bytes of an open block that are shown to the observers at once. A whole block of messages would
take seconds, in which nothing else runs; the caller of `feed` chooses how many bytes it adds."""

_STDOUT = common_pb2.STREAM_STDOUT
_STDERR = common_pb2.STREAM_STDERR


class Output:
    """The streams of an attempt. Times are in nanoseconds: `now` monotonic, `wall` since 1970.

    `cap` is the maximum number of bytes that are stored, apart from the end; 0 means all.
    """

    __slots__ = (
        "_assemblers",
        "_attempt",
        "_builders",
        "_cap",
        "_files",
        "_make_parser",
        "_messages",
        "_observed",
        "_observers",
        "_parser",
        "_path",
        "_payloads",
        "_rules",
        "_stored",
        "_tail",
        "_tail_size",
        "_wall",
        "dropped",
    )

    def __init__(
        self,
        launch: attach_pb2.LaunchNode,
        cap: int,
        messages: Messages,
        metrics: AttemptMetrics,
        observers: Sequence[OutputObserver] = (),
    ) -> None:
        self._path, self._attempt = path, attempt = launch.path, launch.attempt
        settings = launch.job.settings
        self._rules = stream_rules(settings)
        self._files = settings.also_log.files
        self._builders = {
            stream: BlockBuilder(path, attempt, stream, rule.severity, rule.filter_severity)
            for stream, rule in self._rules.items()
        }
        self._make_parser = partial(LineParser, settings, messages, metrics)
        self._parser: LineParser | None = None
        """Made when there is output, because many short jobs print nothing."""
        self._assemblers = {stream: LineAssembler() for stream in self._builders}
        self._observers = observers
        self._observed = dict.fromkeys(self._builders, 0)
        """Number of bytes that were shown to the observers, by stream."""
        self._payloads: dict[common_pb2.Stream.ValueType, list[OutputPayload]] = {
            stream: [] for stream in self._builders
        }
        """Payloads of the open blocks, which are recorded after them."""
        self._messages = messages
        self._cap = cap
        self._stored = 0
        self._tail: deque[event_pb2.Event] = deque()
        self._tail_size = 0
        self._wall = 0
        """Time of the last read."""
        self.dropped = 0
        """Number of bytes that will not be stored."""

    @property
    def streams(self) -> tuple[common_pb2.Stream.ValueType, ...]:
        """The streams to read; only stdout if stderr is merged into it."""
        return tuple(self._builders)

    @property
    def pipes(self) -> tuple[common_pb2.Stream.ValueType, ...]:
        """The streams that are pipes, and have an end; the others are files."""
        return tuple(stream for stream in self._builders if stream <= common_pb2.STREAM_STDERR)

    @property
    def log_files(self) -> event_pb2.LogFiles | None:
        """The files of `also_log`; None if there are none."""
        if not self._files:
            return None
        streams = [log_stream(index) for index in range(len(self._files))]
        named = zip(streams, self._files, strict=True)
        return event_pb2.LogFiles(
            list=[
                event_pb2.LogFile(stream=stream, file=file, lines=self.lines(stream))
                for stream, file in named
            ]
        )

    @property
    def due(self) -> int | None:
        """When to call `flush_due`; None if there is nothing to flush."""
        dues = [builder.due for builder in self._builders.values() if builder.due is not None]
        return min(dues) if dues else None

    def last_words(self) -> event_pb2.ErrorMessage | None:
        """Returns the last whole lines so far; None without output."""
        return self._parser.last_words() if self._parser is not None else None

    @property
    def artefacts(self) -> event_pb2.Artefacts | None:
        """The artefacts that the output announced; None if there are none."""
        return self._parser.artefacts if self._parser is not None else None

    @property
    def invalid_commands(self) -> int:
        """Number of lines that look like commands but are not valid."""
        return self._parser.invalid_commands if self._parser is not None else 0

    def lines(self, stream: common_pb2.Stream.ValueType) -> int:
        """Returns the number of lines read from a stream."""
        builder = self._builders.get(stream)
        return builder.counter.lines if builder is not None else 0

    def feed(
        self, stream: common_pb2.Stream.ValueType, data: bytes, now: int, wall: int
    ) -> list[event_pb2.Event]:
        """Adds bytes that were read; returns events to store."""
        self._wall = wall
        builder = self._builders[stream]
        counter = builder.counter
        before = counter.messages
        full = builder.feed(data, now, wall)
        if counter.messages > before:
            self._messages.add(builder.severity, counter.messages - before, counts=self._rules[stream].counts)
        events = self._process(full) if full else full
        if builder.fresh_bytes >= _OBSERVED_BYTES:
            first_line, fresh, counts = builder.take_fresh()
            self._observed[stream] += len(fresh)
            self._payloads[stream] += self._show(stream, first_line, fresh, counts)
        return events

    def flush_due(self, now: int) -> list[event_pb2.Event]:
        """Closes the blocks that are due; returns events to store."""
        blocks: list[event_pb2.Event] = []
        for builder in self._builders.values():
            if builder.due is not None and builder.due <= now:
                blocks.extend(builder.flush())
        return self._process(blocks) if blocks else blocks

    def settle(self) -> list[event_pb2.Event]:
        """Stops later output from explaining a failure, because Gator is ending the attempt.

        What a program prints when it is told to end is not the reason why it was. Returns events to store.
        """
        blocks: list[event_pb2.Event] = []
        for builder in self._builders.values():
            blocks.extend(builder.flush())
        events = self._process(blocks)
        partial = {stream: each.partial() for stream, each in self._assemblers.items()}
        partial = {stream: data for stream, data in partial.items() if data.strip()}
        if self._parser is None and partial:
            self._parser = self._make_parser()
        if self._parser is not None:
            events.extend(self._events(self._parser.settle(partial), self._wall))
        self._messages.is_settled = True
        return events

    def finish(self) -> list[event_pb2.Event]:
        """Closes all blocks; returns the last events to store, including the end beyond the cap."""
        blocks: list[event_pb2.Event] = []
        for builder in self._builders.values():
            blocks.extend(builder.flush())
        events = self._process(blocks)
        # The log events of the last lines come after the blocks, whose time they have.
        last = max((event.time_unix_nanos for event in (*events, *self._tail)), default=0)
        events.extend(self._tail)
        self._tail.clear()
        for stream, assembler in self._assemblers.items():
            line, rest = assembler.finish()
            if rest:
                payloads = self._observe(stream, line, rest, common_pb2.Counts())
                events.extend(self._events(payloads, last))
        if self._parser is not None:
            events.extend(self._events(self._parser.finish(), last))
        return events

    def cap_warning(self) -> str:
        """Returns the warning that output was dropped; empty if none was."""
        if not self.dropped:
            return ""
        return (
            f"more than {size_text(self._cap)} of output: {size_text(self.dropped)} were counted but not "
            "stored (raise it with --log-cap)"
        )

    def _process(self, blocks: list[event_pb2.Event]) -> list[event_pb2.Event]:
        """Shows the rest of closed blocks to the observers; returns the events to store, in order."""
        events: list[event_pb2.Event] = []
        for event in blocks:
            block = event.block
            stream, data, first_line = block.stream, block.data, block.first_line
            payloads, self._payloads[stream] = self._payloads[stream], []
            if seen := self._observed[stream] - block.offset_bytes:
                first_line += data.count(b"\n", 0, seen)
                data = data[seen:]
            self._observed[stream] += len(data)
            if data:
                payloads += self._show(stream, first_line, data, block.counts)
            events.extend(self._admit([event]))
            events.extend(self._events(payloads, event.time_unix_nanos))
        return events

    def _show(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes, counts: common_pb2.Counts
    ) -> list[OutputPayload]:
        """Shows the lines that are complete with these bytes; returns what to record."""
        lines = self._assemblers[stream].take(first_line, data)
        return self._observe(stream, first_line, lines, counts) if lines else []

    def _observe(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes, counts: common_pb2.Counts
    ) -> list[OutputPayload]:
        """Shows complete lines to the parser, which corrects the counts of their block, and the observers."""
        if self._parser is None:
            self._parser = self._make_parser()
        payloads = self._parser.parse(stream, first_line, data, counts)
        for observer in self._observers:
            payloads += observer.on_lines(stream, first_line, data)
        return payloads

    def _events(self, payloads: Sequence[OutputPayload], wall: int) -> list[event_pb2.Event]:
        return [payload_event(self._path, self._attempt, wall, payload) for payload in payloads]

    def _admit(self, blocks: list[event_pb2.Event]) -> list[event_pb2.Event]:
        """Returns the blocks below the cap; the others are kept as the possible end."""
        if not self._cap or not blocks:
            return blocks
        admitted: list[event_pb2.Event] = []
        for event in blocks:
            if self._stored + event.block.size_bytes <= self._cap and not self._tail:
                self._stored += event.block.size_bytes
                admitted.append(event)
                continue
            self._tail.append(event)
            self._tail_size += event.block.size_bytes
            while self._tail_size - self._tail[0].block.size_bytes >= MIN_TAIL_BYTES:
                size = self._tail.popleft().block.size_bytes
                self._tail_size -= size
                self.dropped += size
        return admitted
