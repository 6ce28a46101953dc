"""Writes keys about what a job prints and reports: parsers, causes, metrics, expectations, silence."""

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gator.enum_names import enum_name
from gator.spec.dump.scalars import mapping, scalar, sequence
from gator.units import duration_text
from gator.v1 import common_pb2, event_pb2, spec_pb2


def _causes(name: str, rules: Iterable[spec_pb2.CauseRule]) -> Iterator[str]:
    items = [
        [(key, scalar(text)) for key in ("name", "match", "paths", "ticket") if (text := getattr(rule, key))]
        for rule in rules
    ]
    if items:
        shown = ("{" + ", ".join(f"{key}: {text}" for key, text in pairs) + "}" for pairs in items)
        yield f"{name}: [{', '.join(shown)}]"


def _parsers(name: str, parsers: spec_pb2.Parsers) -> Iterator[str]:
    """Yields built-in parsers as names and others as mappings with their entries."""
    items = [
        f"{{name: {scalar(parser.name)}, entries: [{', '.join(_entry(entry) for entry in parser.entries)}]}}"
        if parser.entries
        else scalar(parser.name)
        for parser in parsers.list
    ]
    yield f"{name}: [{', '.join(items)}]"


def _entry(entry: spec_pb2.ParserEntry) -> str:
    parts = [f"match: {scalar(entry.match)}"]
    severity = enum_name(common_pb2.Severity.DESCRIPTOR, entry.severity)
    rank = enum_name(spec_pb2.ParserRank.DESCRIPTOR, entry.rank)
    parts += [f"severity: {severity}", f"rank: {rank}", f"decisive: {'true' if entry.decisive else 'false'}"]
    for field in ("continues", "until", "key", "root", "joins", "metric"):
        if value := getattr(entry, field):
            parts.append(f"{field}: {scalar(value)}")
    if entry.words:
        parts.append(f"words: {sequence(entry.words)}")
    return f"{{{', '.join(parts)}}}"


def _line_pattern(name: str, line: spec_pb2.FirstError | spec_pb2.Starts) -> Iterator[str]:
    yield f"{name}: {{match: {scalar(line.match)}}}"


def _expect(name: str, expect: spec_pb2.Expect) -> Iterator[str]:
    parts = [f"{key}: {sequence(values)}" for key in ("log", "not_log") if (values := getattr(expect, key))]
    exits = [*map(str, expect.exit_codes), *(signal.Signals(number).name for number in expect.signals)]
    if exits:
        parts.append(f"exit: [{', '.join(exits)}]")
    figures: dict[str, dict[str, list[str]]] = {}
    for contract in expect.contracts:
        figures.setdefault(contract.metric, {}).setdefault(contract.figure, []).append(contract.text)
    metrics = [
        f"{scalar(metric)}: {{{', '.join(f'{figure}: {sequence(texts)}' for figure, texts in by.items())}}}"
        for metric, by in figures.items()
    ]
    if metrics:
        parts.append(f"metrics: {{{', '.join(metrics)}}}")
    yield f"{name}: {{{', '.join(parts)}}}"


def _metrics(name: str, rules: Mapping[str, spec_pb2.MetricRule]) -> Iterator[str]:
    items: list[tuple[str, str]] = []
    for metric, rule in sorted(rules.items()):
        if not rule.match:
            items.append((metric, "null"))
            continue
        parts = [f"match: {scalar(rule.match)}"]
        if rule.kind:
            parts.append(f"kind: {enum_name(event_pb2.MetricKind.DESCRIPTOR, rule.kind)}")
        if rule.unit:
            parts.append(f"unit: {scalar(rule.unit)}")
        items.append((metric, f"{{{', '.join(parts)}}}"))
    yield from mapping(name, items)


def _results(name: str, results: spec_pb2.Results) -> Iterator[str]:
    yield f"{name}:{'' if results.list else ' []'}"
    for report in results.list:
        parts = [f"file: {scalar(report.file)}"]
        parts += [f"format: {report.format}"] if report.format else []
        parts += ["required: true"] if report.required else []
        yield f"- {{{', '.join(parts)}}}"


def _silence(name: str, silence: spec_pb2.Silence) -> Iterator[str]:
    limit = duration_text(silence.millis) if silence.millis else "none"
    watch = f", watch: {scalar(silence.watch)}" if silence.watch else ""
    yield f"{name}: {{for: {limit}{watch}}}" if watch else f"{name}: {limit}"


WRITERS: Final[dict[str, Callable[[str, Any], Iterator[str]]]] = {
    "causes": _causes,
    "expect": _expect,
    "first_error": _line_pattern,
    "metrics": _metrics,
    "parsers": _parsers,
    "results": _results,
    "silence": _silence,
    "starts": _line_pattern,
}
"""Functions that yield the lines of a key with its value, by the type of the value."""
