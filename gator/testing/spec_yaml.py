"""Writes a `Spec` as YAML.

Invariant: loading the YAML gives the same message, except for positions. Every text is quoted unless it is a
plain word without a special meaning in YAML.
"""

import json
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from gator.enum_names import enum_name
from gator.spec import keys
from gator.units import duration_text
from gator.v1 import common_pb2, event_pb2, spec_pb2

Value: TypeAlias = str | Sequence[str]
_Written: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray

_PLAIN = re.compile(r"[A-Za-z0-9_./$][A-Za-z0-9_./$%+@=-]*")
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "~", "<<"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BLOCK_LINE = re.compile(r"[\x20-\x7e\t\xa0-\u2027\u2030-\ud7ff]*")
_KEEP = {
    spec_pb2.SCRATCH_KEEP_FAILED: "failed",
    spec_pb2.SCRATCH_KEEP_ALL: "all",
    spec_pb2.SCRATCH_KEEP_NONE: "none",
}


def dump(spec: spec_pb2.Spec) -> str:
    """Returns the spec as YAML; raises ValueError if it has no node."""
    return "\n".join(_node(spec, "", "")) + "\n"


def _node(spec: spec_pb2.Spec, first: str, rest: str) -> Iterator[str]:
    """Yields the lines of a node: its tag after `first`, its keys after `rest`."""
    written: _Written
    match spec.WhichOneof("node"):
        case "job":
            tag, written = keys.JOB, spec.job
        case "group":
            tag, written = keys.GROUP, spec.group
        case "array":
            tag, written = keys.ARRAY, spec.array
        case _:
            raise ValueError("a spec without a node cannot be written")
    yield f"{first}{tag}"
    for line in _keys(tag, written):
        yield rest + line if line else ""
    if not isinstance(written, spec_pb2.Job):
        yield f"{rest}jobs:{'' if written.jobs else ' []'}"
        for child in written.jobs:
            yield from _node(child, f"{rest}- ", f"{rest}  ")


def _keys(tag: str, written: _Written) -> Iterator[str]:
    for key in keys.KEYS_OF[tag].values():
        within, attribute = key.path
        message: Any = getattr(written, within) if within else written
        if key.type == "repeats" and isinstance(written, spec_pb2.JobArray) and written.repeats_text:
            yield f"repeats: {_text(written.repeats_text)}"
            continue
        if key.type != "nodes" and _is_set(message, attribute, key.type):
            yield from WRITERS[key.type](key.name, getattr(message, attribute))


def _is_set(message: Any, attribute: str, type_name: str) -> bool:
    if message.DESCRIPTOR.fields_by_name[attribute].has_presence:
        return message.HasField(attribute)
    # An array with 0 repeats differs from one without the key.
    return bool(getattr(message, attribute)) or type_name == "repeats"


def _plain(name: str, value: object) -> Iterator[str]:
    yield f"{name}: {value}"


def _boolean(name: str, value: bool) -> Iterator[str]:
    yield f"{name}: {'true' if value else 'false'}"


def _word(name: str, value: str) -> Iterator[str]:
    yield f"{name}: {_text(value)}"


def _words(name: str, values: Iterable[str]) -> Iterator[str]:
    yield f"{name}: {_list(values)}"


def _references(name: str, references: Iterable[spec_pb2.Reference]) -> Iterator[str]:
    yield f"{name}: {_list(reference.name for reference in references)}"


def _duration(name: str, millis: int) -> Iterator[str]:
    yield f"{name}: {duration_text(millis)}"


def _time_limit(name: str, millis: int) -> Iterator[str]:
    yield f"{name}: {duration_text(millis) if millis else 'none'}"


def _max_fail(name: str, number: int) -> Iterator[str]:
    yield f"{name}: {number or 'none'}"


def _pools(name: str, pools: Mapping[str, int]) -> Iterator[str]:
    yield from _mapping(name, sorted((license_name, str(number)) for license_name, number in pools.items()))


def _causes(name: str, rules: Iterable[spec_pb2.CauseRule]) -> Iterator[str]:
    items = [
        [(key, _text(text)) for key in ("name", "match", "paths", "ticket") if (text := getattr(rule, key))]
        for rule in rules
    ]
    if items:
        shown = ("{" + ", ".join(f"{key}: {text}" for key, text in pairs) + "}" for pairs in items)
        yield f"{name}: [{', '.join(shown)}]"


def _resources(name: str, held: spec_pb2.Resources) -> Iterator[str]:
    items: list[str] = []
    if held.HasField("cores"):
        items.append(f"!Cores {held.cores}")
    if held.HasField("memory_bytes"):
        enforce = ", enforce: true" if held.enforce_memory else ""
        items.append(f"!Memory {{size: {held.memory_bytes}, unit: B{enforce}}}")
    items += [
        f"!License [{_text(license_name)}, {count}]" for license_name, count in sorted(held.licenses.items())
    ]
    if items:
        yield f"{name}: [{', '.join(items)}]"


def _environment(name: str, variables: Iterable[spec_pb2.EnvVariable]) -> Iterator[str]:
    env = [(each.name, _text(each.value) if each.HasField("value") else "null") for each in variables]
    yield from _mapping(name, env)


def _stderr(name: str, mode: spec_pb2.StderrMode.ValueType) -> Iterator[str]:
    yield f"{name}: {enum_name(spec_pb2.StderrMode.DESCRIPTOR, mode)}"


def _ulimit(name: str, limits: Mapping[str, int]) -> Iterator[str]:
    yield from _mapping(name, sorted((each, _count(number)) for each, number in limits.items()))


def _retries(name: str, retries: spec_pb2.Retries) -> Iterator[str]:
    parts = [f"{key}: {getattr(retries, key)}" for key in ("lost", "count") if retries.HasField(key)]
    if retries.reasons:
        words = (enum_name(common_pb2.Reason.DESCRIPTOR, reason) for reason in retries.reasons)
        parts.append(f"reasons: [{', '.join(words)}]")
    parts += [f"delay: {duration_text(retries.delay_millis)}"] if retries.HasField("delay_millis") else []
    parts += [f"backoff: {retries.backoff!r}"] if retries.HasField("backoff") else []
    if retries.HasField("reseed"):
        parts.append(f"reseed: {'true' if retries.reseed else 'false'}")
    if parts:
        yield f"{name}: {{{', '.join(parts)}}}"


def _flaky(name: str, mode: spec_pb2.FlakyMode.ValueType) -> Iterator[str]:
    yield f"{name}: {enum_name(spec_pb2.FlakyMode.DESCRIPTOR, mode)}"


def _jobserver(name: str, mode: spec_pb2.JobserverMode.ValueType) -> Iterator[str]:
    word = spec_pb2.JobserverMode.Name(mode).removeprefix("JOBSERVER_MODE_").lower()
    yield f"{name}: {'true' if word == 'auto' else word}"


def _limits(name: str, limits: spec_pb2.Limits) -> Iterator[str]:
    given = [
        f"{severity}: {_count(getattr(limits, severity))}"
        for severity in ("warning", "error", "critical")
        if limits.HasField(severity)
    ]
    if given:
        yield f"{name}: {{{', '.join(given)}}}"


def _parsers(name: str, parsers: spec_pb2.Parsers) -> Iterator[str]:
    """Yields built-in parsers as names and others as mappings with their entries."""
    items = [
        f"{{name: {_text(parser.name)}, entries: [{', '.join(_entry(entry) for entry in parser.entries)}]}}"
        if parser.entries
        else _text(parser.name)
        for parser in parsers.list
    ]
    yield f"{name}: [{', '.join(items)}]"


def _entry(entry: spec_pb2.ParserEntry) -> str:
    parts = [f"match: {_text(entry.match)}"]
    severity = enum_name(common_pb2.Severity.DESCRIPTOR, entry.severity)
    rank = enum_name(spec_pb2.ParserRank.DESCRIPTOR, entry.rank)
    parts += [f"severity: {severity}", f"rank: {rank}", f"decisive: {'true' if entry.decisive else 'false'}"]
    for field in ("continues", "until", "key", "root", "joins", "metric"):
        if value := getattr(entry, field):
            parts.append(f"{field}: {_text(value)}")
    if entry.words:
        parts.append(f"words: {_list(entry.words)}")
    return f"{{{', '.join(parts)}}}"


def _artefacts(name: str, artefacts: spec_pb2.JobArtefacts) -> Iterator[str]:
    yield f"{name}:"
    if artefacts.produces:
        yield "  produces:"
    for product in artefacts.produces:
        parts = [f"path: {_text(product.path)}"]
        parts += ["keep: false"] if product.discard else []
        parts += ["optional: true"] if product.optional else []
        parts += [f"max: {product.max_bytes}B"] if product.max_bytes else []
        yield f"    {product.name}: {{{', '.join(parts)}}}"
    if artefacts.consumes:
        yield "  consumes:"
    for used in artefacts.consumes:
        parts = [f"from: {_text(f'{used.job.name}.{used.name}')}"]
        parts += ["when: done"] if used.when_done else []
        parts += ["any: true"] if used.any else []
        parts += ["as: copy"] if used.copy else []
        yield f"  - {{{', '.join(parts)}}}"
    if artefacts.collect:
        yield f"  collect: {_list(artefacts.collect)}"


def _runner(name: str, runner: spec_pb2.Runner) -> Iterator[str]:
    if runner.options.map.entries:
        yield f"{name}: {{{runner.name}: {_option(runner.options)}}}"
    else:
        yield f"{name}: {runner.name}"


def _option(value: spec_pb2.RunnerValue) -> str:
    match value.WhichOneof("value"):
        case "map":
            return f"{{{', '.join(f'{_text(e.name)}: {_option(e.value)}' for e in value.map.entries)}}}"
        case "list":
            return f"[{', '.join(_option(item) for item in value.list.items)}]"
        case "plain":
            return value.plain
        case _:
            return _text(value.text)


def _hooks(name: str, hooks: spec_pb2.Hooks) -> Iterator[str]:
    yield f"{name}:"
    for hook in ("before", "after", "passed", "failed"):
        if text := getattr(hooks, hook):
            yield f"  {hook}: {_text(text)}"
    if hooks.HasField("timeout_millis"):
        yield f"  timeout: {f'{hooks.timeout_millis}ms' if hooks.timeout_millis else 'none'}"


def _scratch(name: str, scratch: spec_pb2.Scratch) -> Iterator[str]:
    if not scratch.enabled:
        yield f"{name}: false"
        return
    parts: list[str] = []
    if scratch.keep:
        parts.append(f"keep: {_KEEP[scratch.keep]}")
    if scratch.root:
        parts.append(f"root: {_text(scratch.root)}")
    yield f"{name}: {{{', '.join(parts)}}}" if parts else f"{name}: true"


def _params(name: str, params: Iterable[spec_pb2.Param]) -> Iterator[str]:
    """Yields declarations with all of their keys."""
    items: list[tuple[str, str]] = []
    for param in params:
        parts = [f"type: {enum_name(spec_pb2.ParamType.DESCRIPTOR, param.type)}"]
        if param.required:
            parts.append("required: true")
        elif param.type == spec_pb2.PARAM_TYPE_LIST:
            parts.append(f"default: {_list(param.values)}")
        else:
            parts.append(f"default: {_text(param.values[0]) if param.values[0] else repr('')}")
        parts += [f"choices: {_list(param.choices)}"] if param.choices else []
        parts += [f"help: {_text(param.help)}"] if param.help else []
        items.append((param.name, f"{{{', '.join(parts)}}}"))
    yield from _mapping(name, items)


def _matrix(name: str, matrix: spec_pb2.Matrix) -> Iterator[str]:
    if matrix.axes:
        yield from _mapping(name, [(axis.name, _list(axis.values)) for axis in matrix.axes])
    else:
        yield f"{name}:"
        for row in matrix.rows:
            pairs = zip(matrix.names, row.values, strict=True)
            yield f"- {{{', '.join(f'{each}: {_quoted(value)}' for each, value in pairs)}}}"


def _exclude(name: str, rules: Iterable[spec_pb2.MatrixExclude]) -> Iterator[str]:
    yield f"{name}:"
    for rule in rules:
        pairs = sorted(rule.values.items())
        yield f"- {{{', '.join(f'{each}: {_quoted(value)}' for each, value in pairs)}}}"


def _quoted(text: str) -> str:
    return _text(text) or "''"


def _quarantine(name: str, quarantine: spec_pb2.Quarantine) -> Iterator[str]:
    pairs = ((key, getattr(quarantine, key)) for key in ("owner", "reason", "until"))
    yield f"{name}: {{{', '.join(f'{key}: {_text(text)}' for key, text in pairs if text)}}}"


def _line_pattern(name: str, line: spec_pb2.FirstError | spec_pb2.Starts) -> Iterator[str]:
    yield f"{name}: {{match: {_text(line.match)}}}"


def _expect(name: str, expect: spec_pb2.Expect) -> Iterator[str]:
    parts = [f"{key}: {_list(values)}" for key in ("log", "not_log") if (values := getattr(expect, key))]
    exits = [*map(str, expect.exit_codes), *(signal.Signals(number).name for number in expect.signals)]
    if exits:
        parts.append(f"exit: [{', '.join(exits)}]")
    figures: dict[str, dict[str, list[str]]] = {}
    for contract in expect.contracts:
        figures.setdefault(contract.metric, {}).setdefault(contract.figure, []).append(contract.text)
    metrics = [
        f"{_text(metric)}: {{{', '.join(f'{figure}: {_list(texts)}' for figure, texts in by.items())}}}"
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
        parts = [f"match: {_text(rule.match)}"]
        if rule.kind:
            parts.append(f"kind: {enum_name(event_pb2.MetricKind.DESCRIPTOR, rule.kind)}")
        if rule.unit:
            parts.append(f"unit: {_text(rule.unit)}")
        items.append((metric, f"{{{', '.join(parts)}}}"))
    yield from _mapping(name, items)


def _results(name: str, results: spec_pb2.Results) -> Iterator[str]:
    yield f"{name}:{'' if results.list else ' []'}"
    for report in results.list:
        parts = [f"file: {_text(report.file)}"]
        parts += [f"format: {report.format}"] if report.format else []
        parts += ["required: true"] if report.required else []
        yield f"- {{{', '.join(parts)}}}"


def _silence(name: str, silence: spec_pb2.Silence) -> Iterator[str]:
    limit = duration_text(silence.millis) if silence.millis else "none"
    watch = f", watch: {_text(silence.watch)}" if silence.watch else ""
    yield f"{name}: {{for: {limit}{watch}}}" if watch else f"{name}: {limit}"


def _mapping(key: str, items: Sequence[tuple[str, str]]) -> Iterator[str]:
    if items:
        yield f"{key}:"
        for name, value in items:
            yield f"  {_text(name)}: {value}"


def _count(number: int) -> str:
    return str(number) if number >= 0 else "none"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """Returns a text as one YAML scalar on one line."""
    if _PLAIN.fullmatch(text) and text not in _NOT_PLAIN:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _script(key: str, text: str) -> Iterator[str]:
    """Yields a text of several lines as a block, if that keeps every character of it."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    plain = all(_BLOCK_LINE.fullmatch(line) and (not line or line.strip()) for line in lines)
    if "\n" not in text or not plain or not lines[0] or lines[0][0] in " \t" or not lines[-1]:
        yield f"{key}: {_text(text)}"
        return
    yield f"{key}: |" if text.endswith("\n") else f"{key}: |-"
    for line in lines:
        yield f"  {line}" if line else ""


WRITERS: Final[dict[str, Callable[[str, Any], Iterator[str]]]] = {
    "arguments": _words,
    "boolean": _boolean,
    "causes": _causes,
    "duration": _duration,
    "environment": _environment,
    "expect": _expect,
    "folder": _word,
    "artefacts": _artefacts,
    "hooks": _hooks,
    "runner": _runner,
    "ident": _word,
    "integer": _plain,
    "jobserver": _jobserver,
    "limits": _limits,
    "max_fail": _max_fail,
    "metrics": _metrics,
    "names": _words,
    "nice": _plain,
    "pools": _pools,
    "program": _word,
    "references": _references,
    "repeats": _plain,
    "resources": _resources,
    "retries": _retries,
    "scratch": _scratch,
    "script": _script,
    "seed": _plain,
    "setup": _script,
    "first_error": _line_pattern,
    "flaky": _flaky,
    "results": _results,
    "silence": _silence,
    "exclude": _exclude,
    "matrix": _matrix,
    "params": _params,
    "quarantine": _quarantine,
    "parsers": _parsers,
    "starts": _line_pattern,
    "stderr": _stderr,
    "tags": _words,
    "text": _word,
    "time_limit": _time_limit,
    "when": _word,
    "ulimit": _ulimit,
}
"""Functions that yield the lines of a key with its value, by the type of the value."""
