"""Finds the commands in the output of one attempt.

Invariant: what is commands depends on the bytes of each stream alone, never on where a read ended.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, TypeAlias, assert_never

from msgspec import Struct, field

from gator.core.attempt.commands import verbs
from gator.core.attempt.commands.grammar import CommandError, OutputCommand, parse_command
from gator.core.attempt.commands.progress import ProgressFilter
from gator.core.attempt.commands.starts import has_command, may_begin, starts_of
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.quota import Quota
from gator.core.attempt.severity import Messages
from gator.core.causes.first_error import Candidate, key_of, location_of
from gator.core.text import cut
from gator.enum_names import enum_name
from gator.parsers import percent, visible
from gator.v1 import common_pb2, event_pb2, spec_pb2

OutputPayload: TypeAlias = event_pb2.LogEvent | event_pb2.Metric | event_pb2.Progress | event_pb2.Artefact
"""A payload that the output of an attempt can contain."""
PARSER: Final = verbs.PARSER
MAX_ARTEFACTS: Final = 100
"""Maximum number of names of artefacts of an attempt."""
MAX_WARNINGS: Final = 20
"""Maximum number of warnings about lines that are not valid commands."""

_OTHERS: Final = ("error", "warning", "notice", "debug", "group", "endgroup", "stop-commands")
"""Commands of GitHub's runner. The parser `github` recognises the first four."""
_INFO: Final = common_pb2.SEVERITY_INFO
_WARNING: Final = common_pb2.SEVERITY_WARNING


class _Replacement(Enum):
    """The text that parsers get in place of a line that begins with `::`."""

    UNCHANGED = auto()
    EMPTY = auto()
    """An empty line, for a command that was carried out."""
    INDENTED = auto()
    """The line after a blank, so that no parser recognises a command in it."""


class BlockCommands(Struct):
    """The meaning of the commands in some lines of a stream."""

    data: bytes
    """The lines as parsers get them: commands are blank, and stopped ones begin with a blank."""
    payloads: list[OutputPayload] = field(default_factory=list[OutputPayload])
    severities: list[tuple[common_pb2.Severity.ValueType, bool]] = field(
        default_factory=list[tuple[common_pb2.Severity.ValueType, bool]]
    )
    """For each line that is a command: its severity, and whether it counts."""
    lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Number and text of the lines that are commands and no messages."""


class _Stream(Struct):
    """State of one stream."""

    word: str = ""
    """The word that ends a stop; empty if commands are not stopped."""
    is_cut: bool = False
    """Whether the last line was only the beginning of a long one."""


class CommandReader:
    """Reads the commands in the output of one attempt."""

    __slots__ = (
        "_artefacts",
        "_is_on",
        "_messages",
        "_metrics",
        "_progress",
        "_quota",
        "_streams",
        "_warned",
        "invalid",
    )

    def __init__(self, messages: Messages, metrics: AttemptMetrics, *, is_on: bool) -> None:
        self._messages, self._metrics, self._is_on = messages, metrics, is_on
        self._streams: dict[common_pb2.Stream.ValueType, _Stream] = {}
        self._progress = ProgressFilter()
        self._artefacts: dict[str, event_pb2.Artefact] = {}
        self._quota = Quota()
        self._warned: set[str] = set()
        self.invalid = 0
        """Number of lines that begin like a command but are not valid."""

    @property
    def artefacts(self) -> event_pb2.Artefacts | None:
        """The artefacts that were announced; None if there are none."""
        return event_pb2.Artefacts(list=self._artefacts.values()) if self._artefacts else None

    def take(self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes) -> BlockCommands | None:
        """Returns what the commands in lines mean; None if no line begins with `::`.

        `data` has whole lines, or a piece of a long line whose other pieces follow.
        """
        state = self._streams.get(stream)
        if state is not None and state.is_cut:
            state.is_cut = not data.endswith(b"\n")
            starts = starts_of(data) if b"::" in data else iter(())
            starts = (start for start in starts if start)
        elif not may_begin(data) and not has_command(data):
            if data.endswith(b"\n"):
                return None
            self._stream(stream).is_cut = True
            return None
        else:
            self._stream(stream).is_cut = not data.endswith(b"\n")
            starts = starts_of(data)
        return self._commands_in(stream, first_line, data, starts)

    def _stream(self, stream: common_pb2.Stream.ValueType) -> _Stream:
        return self._streams.setdefault(stream, _Stream())

    def _commands_in(
        self, stream: common_pb2.Stream.ValueType, number: int, data: bytes, starts: Iterator[int]
    ) -> BlockCommands:
        commands = BlockCommands(data)
        pieces: list[bytes] = []
        kept = counted = 0
        for start in starts:
            number += data.count(b"\n", counted, start)
            counted = start
            end = data.find(b"\n", start)
            end = end if end >= 0 else len(data)
            match self._line(stream, number, visible(data[start:end]), commands):
                case _Replacement.UNCHANGED:
                    pass
                case _Replacement.EMPTY:
                    pieces.append(data[kept:start])
                    kept = end
                case _Replacement.INDENTED:
                    pieces += (data[kept:start], b" ")
                    kept = start
        if pieces:
            commands.data = b"".join((*pieces, data[kept:]))
        return commands

    def _line(
        self, stream: common_pb2.Stream.ValueType, number: int, line: str, commands: BlockCommands
    ) -> _Replacement:
        """Reads a line that begins with `::`. Returns what takes its place for parsers."""
        state = self._stream(stream)
        if not self._is_on:
            return _indented_if_other(line)
        if state.word:
            if line == f"::{state.word}::":
                state.word = ""
                return self._silent(number, line, commands)
            return _indented_if_other(line)
        try:
            command = _command(line)
            if command is None:
                return _Replacement.UNCHANGED
            return self._run(command, stream, number, line, commands)
        except CommandError as error:
            self._warn(error, stream, number, commands)
            return _Replacement.UNCHANGED

    def _run(
        self,
        command: OutputCommand,
        stream: common_pb2.Stream.ValueType,
        number: int,
        line: str,
        commands: BlockCommands,
    ) -> _Replacement:
        """Carries out a command. Raises CommandError."""
        match command.verb:
            case "log":
                self._log(verbs.log_of(command, stream, number), commands)
                return _Replacement.EMPTY
            case "metric":
                metric = self._metrics.add(verbs.metric_of(command))
                if metric is not None:
                    commands.payloads.append(metric)
            case "artefact":
                self._artefact(verbs.artefact_of(command), commands)
            case "progress":
                self._show(self._progress.take(verbs.progress_of(command)), commands)
            case "group":
                self._show(self._progress.begin(stream, verbs.title_of(command)), commands)
            case "endgroup":
                self._show(self._progress.end(stream), commands)
            case "stop":
                word = (command.text or "").strip()
                if not word:
                    raise CommandError("stop", "stop needs a word: write it after ::")
                self._stream(stream).word = word
            case _:
                raise CommandError(
                    f"verb {command.verb[:40]}",
                    f"unknown verb {command.verb[:40]!r}: use log, metric, progress, artefact, "
                    "group, endgroup or stop",
                )
        return self._silent(number, line, commands)

    def _log(self, log: event_pb2.LogEvent, commands: BlockCommands) -> None:
        commands.severities.append((log.severity, True))
        if log.severity >= _WARNING:
            key = key_of(spec_pb2.PARSER_RANK_CAUSE, log.stream, log.line)
            location = location_of(log.file, log.file_line) if log.file else None
            if self._messages.wants(log.severity, key, location, counts=True):
                self._messages.offer(Candidate(key, location, _error_message(log)), counts=True)
        self._keep(str(log.severity), log, commands)

    def _artefact(self, artefact: event_pb2.Artefact, commands: BlockCommands) -> None:
        if artefact.name not in self._artefacts and len(self._artefacts) >= MAX_ARTEFACTS:
            raise CommandError("artefacts", f"an attempt is limited to {MAX_ARTEFACTS} artefacts")
        self._artefacts[artefact.name] = artefact
        self._keep("artefact", artefact, commands)

    def _show(self, progress: event_pb2.Progress | None, commands: BlockCommands) -> None:
        if progress is not None:
            self._keep("progress", progress, commands)

    def _keep(self, kind: str, payload: OutputPayload, commands: BlockCommands) -> None:
        if self._quota.admits(kind):
            commands.payloads.append(payload)

    def _silent(self, number: int, line: str, commands: BlockCommands) -> _Replacement:
        """Records a line that is a command but not a message."""
        commands.severities.append((_INFO, False))
        commands.lines.append((number, line))
        return _Replacement.EMPTY

    def _warn(
        self, error: CommandError, stream: common_pb2.Stream.ValueType, number: int, commands: BlockCommands
    ) -> None:
        """Records a warning of Gator about a line that is not a valid command: one for each mistake."""
        self.invalid += 1
        if error.kind in self._warned or len(self._warned) >= MAX_WARNINGS:
            return
        self._warned.add(error.kind)
        name = enum_name(common_pb2.Stream.DESCRIPTOR, stream)
        what = f"line {number} of {name} is not a valid command and is kept as plain output"
        text = f"{what}: {error} (docs/lines.md)"
        commands.payloads.append(event_pb2.LogEvent(severity=_WARNING, text=cut(text), logger="gator"))


def payload_event(path: str, attempt: int, time: int, payload: OutputPayload) -> event_pb2.Event:
    """Returns the event of a payload; `time` is in nanoseconds since 1970."""
    event = event_pb2.Event(path=path, attempt=attempt, time_unix_nanos=time)
    match payload:
        case event_pb2.LogEvent():
            event.log.CopyFrom(payload)
        case event_pb2.Metric():
            event.metric.CopyFrom(payload)
        case event_pb2.Progress():
            event.progress.CopyFrom(payload)
        case event_pb2.Artefact():
            event.artefact.CopyFrom(payload)
        case _:
            assert_never(payload)
    return event


def _command(line: str) -> OutputCommand | None:
    """Returns the command in a line, also in GitHub's form; None for other lines. Raises CommandError."""
    if line.startswith("::group::"):
        return OutputCommand("group", {}, percent.decode_text(line.removeprefix("::group::")))
    if line.startswith("::endgroup::"):
        return OutputCommand("endgroup")
    if line.startswith("::stop-commands::"):
        return OutputCommand("stop", {}, line.removeprefix("::stop-commands::"))
    return parse_command(line)


def _indented_if_other(line: str) -> _Replacement:
    """Returns what takes the place of a line while commands are off or stopped.

    Only commands of GitHub's runner are changed, because a parser recognises them.
    """
    word = line[2:40].partition("::")[0].partition(" ")[0]
    return _Replacement.INDENTED if word in _OTHERS else _Replacement.UNCHANGED


def _error_message(log: event_pb2.LogEvent) -> event_pb2.ErrorMessage:
    return event_pb2.ErrorMessage(
        severity=log.severity,
        text=cut(log.text),
        stream=log.stream,
        line=log.line,
        file=log.file,
        file_line=log.file_line,
        parser=PARSER,
        code=log.code,
    )
