"""The display of a single job: its live output between a few lines of Gator's own.

Invariant: only lines that overwrite themselves are held back, nothing is printed twice, and there is no
Python step per line of output.
"""

import shlex
from collections.abc import Sequence

from gator.console import describe
from gator.console.summary import again, launch_to_rerun
from gator.console.terminal import Terminal
from gator.core.attempt.results.verdict import limit_advice, without_quote
from gator.core.text import cut
from gator.core.visible import visible, visible_lines
from gator.ports import LiveState, RunInfo
from gator.store import decode_block
from gator.units import plural
from gator.v1 import attach_pb2, common_pb2, event_pb2

_MAX_HELD = 1 << 16
"""Maximum number of bytes of an unfinished line; beyond it only the last state is held."""


class SingleDisplay:
    """Prints what the original Gator prints for one job."""

    def __init__(self, terminal: Terminal, *, verbose: bool) -> None:
        self._terminal = terminal
        self._verbose = verbose
        self._launched = False
        self._open: common_pb2.Stream.ValueType = common_pb2.STREAM_UNSPECIFIED
        """The stream inside of the unfinished line that was printed last."""
        self._held: dict[common_pb2.Stream.ValueType, tuple[bytes, common_pb2.Severity.ValueType]] = {}
        """By stream, the start of a line that may still overwrite itself or be inside an escape sequence."""

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """All events of the job that are shown."""
        return attach_pb2.EventFilter(
            kinds=[
                attach_pb2.EVENT_KIND_STARTED,
                attach_pb2.EVENT_KIND_LOG,
                attach_pb2.EVENT_KIND_BLOCK,
                attach_pb2.EVENT_KIND_METRIC,
                attach_pb2.EVENT_KIND_ATTEMPT_FINISHED,
                attach_pb2.EVENT_KIND_RESULT,
            ],
            severity=common_pb2.SEVERITY_DEBUG if self._verbose else common_pb2.SEVERITY_INFO,
        )

    def ready(self) -> bool:
        """Returns whether everything was written."""
        return self._terminal.ready()

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """Prints the first line."""
        del state
        self._info = info
        self._say("Starting Gator 🐊")

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Prints the output, messages and steps of the job."""
        for event in events:
            match event.WhichOneof("payload"):
                case "started":
                    number = f", attempt {event.attempt}" if event.attempt > 1 else ""
                    self._launch(event.started)
                    self._say(f"Monitoring task{number}")
                case "block":
                    # Log files of tools repeat what they print.
                    if event.block.stream <= common_pb2.STREAM_STDERR:
                        self._print(event.block)
                case "log":
                    self._say(event.log.text, event.log.severity)
                case "metric":
                    metric = event.metric
                    self._say(f"Metric {metric.name} = {metric.value:g} {metric.unit}".rstrip())
                case "attempt_finished":
                    self._end_attempt(event.attempt_finished)
                case _:
                    pass

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Prints a notice."""
        self._say(text, common_pb2.SEVERITY_WARNING if warning else common_pb2.SEVERITY_INFO)

    def on_change(self, now: float) -> float | None:
        """Does nothing: nothing is redrawn."""
        del now
        return None

    def on_terminal_changed(self, now: float) -> None:
        """Does nothing: printed lines stay where they are."""

    def on_end(self, result: event_pb2.Result) -> None:
        """Prints the reason of a failure, and how to run the job again."""
        self._print_held()
        self._launch(None)
        if result.outcome != common_pb2.OUTCOME_PASSED:
            # All messages were printed above, so the reason does not quote them.
            reason = without_quote(result.message, result.first_error)
            self._say(
                f"Task {describe.outcome(result.outcome)}: {visible(reason)}", common_pb2.SEVERITY_ERROR
            )
            if advice := limit_advice(result):
                self._say(advice)
        if self._verbose or result.outcome != common_pb2.OUTCOME_PASSED:
            self._say(f"The record is in {self._info.folder}")
            self._say(f"To run it again: {again(self._info)}")
            if needs := launch_to_rerun(self._info).needs:
                self._say(f"That needs {needs}")

    def _launch(self, started: event_pb2.Started | None) -> None:
        """Prints the command line once: as started, else as written in the spec."""
        if self._launched:
            return
        self._launched = True
        skipped = self._info.own_words
        whole = (
            self._info.command if started is None or skipped is None else shlex.join(started.argv[skipped:])
        )
        self._say(f"Launching task: {visible(cut(whole))}")

    def _end_attempt(self, end: event_pb2.AttemptFinished) -> None:
        self._print_held()
        self._launch(None)
        if end.HasField("exit_code"):
            self._say(f"Task completed with return code {end.exit_code}")
        elif end.HasField("signal"):
            self._say(f"Task was killed by signal {end.signal}")
        errors = end.counts.error + end.counts.critical
        self._say(f"Recorded {plural(end.counts.warning, 'warning')} and {plural(errors, 'error')}")

    def _print(self, block: event_pb2.Block) -> None:
        data = self._held.pop(block.stream, (b"", block.severity))[0] + decode_block(block)
        start = data.rfind(b"\n") + 1
        if b"\r" in data[start:] or b"\x1b" in data[start:]:
            self._held[block.stream] = data[start:], block.severity
            if len(data) - start > _MAX_HELD:
                self._held[block.stream] = _last_state(data[start:]), block.severity
            data = data[:start]
        self._print_lines(block.stream, block.severity, data, continues=block.continues)

    def _print_lines(
        self,
        stream: common_pb2.Stream.ValueType,
        severity: common_pb2.Severity.ValueType,
        data: bytes,
        *,
        continues: bool,
    ) -> None:
        if not data:
            return
        self._launch(None)
        head = self._terminal.head(severity)
        text = visible_lines(data, colours=self._terminal.colour)
        whole = text.endswith("\n")
        body = text.removesuffix("\n").replace("\n", "\n" + head)
        # Text that overwrites the unfinished line gets a line of its own.
        if continues and self._open == stream and b"\r" not in data.partition(b"\n")[0].rstrip(b"\r"):
            head = ""
        self._close_line(keep=not head)
        self._terminal.write(f"{head}{body}\n" if whole else head + body)
        self._open = common_pb2.STREAM_UNSPECIFIED if whole else stream

    def _print_held(self) -> None:
        """Prints the unfinished lines."""
        held, self._held = self._held, {}
        for stream, (data, severity) in held.items():
            self._print_lines(stream, severity, data, continues=True)

    def _say(self, text: str, severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_INFO) -> None:
        self._close_line()
        self._terminal.message(severity, text)

    def _close_line(self, *, keep: bool = False) -> None:
        """Ends the unfinished line unless the next text continues it."""
        if self._open and not keep:
            self._terminal.write("\n")
            self._open = common_pb2.STREAM_UNSPECIFIED


def _last_state(line: bytes) -> bytes:
    r"""Returns the text after the last `\r` that is not at the end."""
    return line[line.rstrip().rfind(b"\r") + 1 :]
