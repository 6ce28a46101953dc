"""Functions that write a key with its value, by the type of the value."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from gator.enum_names import enum_name
from gator.spec.dump import mappings, recognition
from gator.spec.dump.scalars import block, scalar, sequence
from gator.units import duration_text
from gator.v1 import spec_pb2


def _plain(name: str, value: object) -> Iterator[str]:
    yield f"{name}: {value}"


def _boolean(name: str, value: bool) -> Iterator[str]:
    yield f"{name}: {'true' if value else 'false'}"


def _word(name: str, value: str) -> Iterator[str]:
    yield f"{name}: {scalar(value)}"


def _words(name: str, values: Iterable[str]) -> Iterator[str]:
    yield f"{name}: {sequence(values)}"


def _references(name: str, references: Iterable[spec_pb2.Reference]) -> Iterator[str]:
    yield f"{name}: {sequence(reference.name for reference in references)}"


def _duration(name: str, millis: int) -> Iterator[str]:
    yield f"{name}: {duration_text(millis)}"


def _time_limit(name: str, millis: int) -> Iterator[str]:
    yield f"{name}: {duration_text(millis) if millis else 'none'}"


def _max_fail(name: str, number: int) -> Iterator[str]:
    yield f"{name}: {number or 'none'}"


def _stderr(name: str, mode: spec_pb2.StderrMode.ValueType) -> Iterator[str]:
    yield f"{name}: {enum_name(spec_pb2.StderrMode.DESCRIPTOR, mode)}"


def _flaky(name: str, mode: spec_pb2.FlakyMode.ValueType) -> Iterator[str]:
    yield f"{name}: {enum_name(spec_pb2.FlakyMode.DESCRIPTOR, mode)}"


def _jobserver(name: str, mode: spec_pb2.JobserverMode.ValueType) -> Iterator[str]:
    word = enum_name(spec_pb2.JobserverMode.DESCRIPTOR, mode)
    yield f"{name}: {'true' if word == 'auto' else word}"


def _log_files(name: str, logs: spec_pb2.AlsoLog) -> Iterator[str]:
    yield f"{name}: {sequence(logs.files)}"


WRITERS: Final[dict[str, Callable[[str, Any], Iterator[str]]]] = {
    **mappings.WRITERS,
    **recognition.WRITERS,
    "arguments": _words,
    "boolean": _boolean,
    "duration": _duration,
    "flaky": _flaky,
    "folder": _word,
    "ident": _word,
    "integer": _plain,
    "jobserver": _jobserver,
    "log_files": _log_files,
    "max_fail": _max_fail,
    "names": _words,
    "nice": _plain,
    "program": _word,
    "references": _references,
    "repeats": _plain,
    "script": block,
    "seed": _plain,
    "setup": block,
    "stderr": _stderr,
    "tags": _words,
    "text": _word,
    "time_limit": _time_limit,
    "when": _word,
}
"""Functions that yield the lines of a key with its value, by the type of the value."""
