"""Makes the message, metric, progress or artefact of a command."""

from math import isfinite, isnan
from typing import Final, TypeVar

from gator.core.attempt.commands.grammar import CommandError, OutputCommand
from gator.core.text import cut, without_nul
from gator.spec.metric_names import NAME_RULE, is_metric_name
from gator.v1 import common_pb2, event_pb2

PARSER: Final = "commands"
"""Name of the parser in messages of commands."""
_T = TypeVar("_T")

MAX_PATH: Final = 4096
"""Maximum number of characters of the path of an artefact."""

_SEVERITIES: Final = {
    "debug": common_pb2.SEVERITY_DEBUG,
    "info": common_pb2.SEVERITY_INFO,
    "warning": common_pb2.SEVERITY_WARNING,
    "error": common_pb2.SEVERITY_ERROR,
    "critical": common_pb2.SEVERITY_CRITICAL,
}
_KINDS: Final = {
    "last": event_pb2.METRIC_KIND_LAST,
    "sum": event_pb2.METRIC_KIND_SUM,
    "min": event_pb2.METRIC_KIND_MIN,
    "max": event_pb2.METRIC_KIND_MAX,
    "mean": event_pb2.METRIC_KIND_MEAN,
}


def log_of(command: OutputCommand, stream: common_pb2.Stream.ValueType, line: int) -> event_pb2.LogEvent:
    """Converts a `log` command. Unknown keys become fields. Raises CommandError."""
    if not command.text:
        raise CommandError("log text", "log needs a message: write it after ::")
    fields = dict(command.fields)
    severity = _one_of("severity", fields.pop("severity", "info"), _SEVERITIES)
    return event_pb2.LogEvent(
        severity=severity,
        text=without_nul(command.text),
        stream=stream,
        line=line,
        logger=without_nul(fields.pop("logger", "")),
        file=without_nul(fields.pop("file", "")),
        file_line=_position("line", fields.pop("line", "")),
        file_column=_position("col", fields.pop("col", "")),
        code=without_nul(fields.pop("code", "")),
        parser=PARSER,
        fields={key: without_nul(value) for key, value in fields.items()},
    )


def metric_of(command: OutputCommand) -> event_pb2.Metric:
    """Converts a `metric` command. Raises CommandError."""
    _known(command, ("name", "value", "kind", "unit"))
    name = _needed(command, "name")
    if not is_metric_name(name):
        raise CommandError("metric name", f"{NAME_RULE}, not {cut(name, 140)!r}")
    value = _number("value", _needed(command, "value"))
    if isnan(value):
        raise CommandError("metric nan", f"the value of the metric {name} is NaN")
    kind = _one_of("kind", command.fields.get("kind", "last"), _KINDS)
    return event_pb2.Metric(
        name=name, value=value, kind=kind, unit=without_nul(command.fields.get("unit", ""))
    )


def progress_of(command: OutputCommand) -> event_pb2.Progress:
    """Converts a `progress` command. Raises CommandError."""
    _known(command, ("value", "total"))
    progress = event_pb2.Progress(text=cut(without_nul(command.text or "")))
    if "value" in command.fields:
        total = command.fields.get("total", "")
        progress.done = _amount(
            "value", command.fields["value"] if total else command.fields["value"].rstrip("%")
        )
        progress.total = _amount("total", total) if total else 100
        if progress.total <= 0:
            raise CommandError("progress total", "total must be above 0")
        if progress.done > progress.total:
            raise CommandError("progress value", f"value must be at most the total {progress.total:g}")
    elif "total" in command.fields or not progress.text:
        raise CommandError("progress value", "progress needs value=NUMBER, or a message after ::")
    return progress


def artefact_of(command: OutputCommand) -> event_pb2.Artefact:
    """Converts an `artefact` command. Raises CommandError."""
    _known(command, ("name", "path"))
    path = _needed(command, "path")
    if len(path) > MAX_PATH:
        raise CommandError("artefact path", f"a path is limited to {MAX_PATH:,} characters")
    if any(character < " " or character == "\x7f" for character in path):
        raise CommandError("artefact path", f"path must not contain control characters: {cut(path, 40)!r}")
    name = command.fields.get("name") or path.rstrip("/").rpartition("/")[2]
    if not is_metric_name(name):
        raise CommandError("artefact name", f"{NAME_RULE}, not {cut(name, 140)!r}")
    return event_pb2.Artefact(name=name, file=without_nul(path), text=cut(without_nul(command.text or "")))


def title_of(command: OutputCommand) -> str:
    """Returns the title of a `group` command. Raises CommandError."""
    _known(command, ("name",))
    title = command.text or command.fields.get("name", "")
    if not title:
        raise CommandError("group", "group needs a title: write it after ::")
    return without_nul(title)


def _needed(command: OutputCommand, key: str) -> str:
    value = command.fields.get(key, "")
    if not value:
        raise CommandError(f"{command.verb} {key}", f"{command.verb} needs {key}=…")
    return value


def _known(command: OutputCommand, keys: tuple[str, ...]) -> None:
    for key in command.fields:
        if key not in keys:
            raise CommandError(
                f"{command.verb} keys",
                f"unknown key {cut(key, 40)!r} of {command.verb}: use {', '.join(keys)}",
            )


def _one_of(key: str, word: str, values: dict[str, _T]) -> _T:
    value = values.get(word.lower())
    if value is None:
        raise CommandError(key, f"{key} is one of {', '.join(values)}, not {cut(word, 40)!r}")
    return value


def _number(key: str, text: str) -> float:
    try:
        # float() also takes 1_0 as 10, which is a mistake here.
        return float("" if "_" in text else text)
    except ValueError:
        raise CommandError(f"{key} number", f"{key} is a number, not {cut(text, 40)!r}") from None


def _amount(key: str, text: str) -> float:
    number = _number(key, text)
    if not isfinite(number) or number < 0:
        raise CommandError(f"{key} number", f"{key} is a number from 0 on, not {cut(text, 40)!r}")
    return number


def _position(key: str, text: str) -> int:
    if text and not (text.isascii() and text.isdecimal()):
        raise CommandError(f"{key} number", f"{key} is a whole number, not {cut(text, 40)!r}")
    return min(int(text[:10]), 2**31 - 1) if text else 0
