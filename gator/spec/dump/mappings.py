"""Writes keys of jobs, groups and arrays whose values are lists or mappings of their own form."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gator.enum_names import enum_name
from gator.spec.dump.scalars import count_text, mapping, scalar, sequence
from gator.units import duration_text
from gator.v1 import common_pb2, spec_pb2

_KEEP = {
    spec_pb2.SCRATCH_KEEP_FAILED: "failed",
    spec_pb2.SCRATCH_KEEP_ALL: "all",
    spec_pb2.SCRATCH_KEEP_NONE: "none",
}


def _pools(name: str, pools: Mapping[str, int]) -> Iterator[str]:
    yield from mapping(name, sorted((license_name, str(number)) for license_name, number in pools.items()))


def _labels(name: str, labels: Mapping[str, str]) -> Iterator[str]:
    yield from mapping(name, sorted((label, scalar(text)) for label, text in labels.items()))


def _resources(name: str, held: spec_pb2.Resources) -> Iterator[str]:
    items: list[str] = []
    if held.HasField("cores"):
        items.append(f"!Cores {held.cores}")
    if held.HasField("memory_bytes"):
        enforce = ", enforce: true" if held.enforce_memory else ""
        items.append(f"!Memory {{size: {held.memory_bytes}, unit: B{enforce}}}")
    items += [
        f"!License [{scalar(license_name)}, {count}]" for license_name, count in sorted(held.licenses.items())
    ]
    if items:
        yield f"{name}: [{', '.join(items)}]"


def _environment(name: str, variables: Iterable[spec_pb2.EnvVariable]) -> Iterator[str]:
    env = [(each.name, scalar(each.value) if each.HasField("value") else "null") for each in variables]
    yield from mapping(name, env)


def _ulimit(name: str, limits: Mapping[str, int]) -> Iterator[str]:
    yield from mapping(name, sorted((each, count_text(number)) for each, number in limits.items()))


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


def _limits(name: str, limits: spec_pb2.Limits) -> Iterator[str]:
    given = [
        f"{severity}: {count_text(getattr(limits, severity))}"
        for severity in ("warning", "error", "critical")
        if limits.HasField(severity)
    ]
    if given:
        yield f"{name}: {{{', '.join(given)}}}"


def _artefacts(name: str, artefacts: spec_pb2.JobArtefacts) -> Iterator[str]:
    yield f"{name}:"
    if artefacts.produces:
        yield "  produces:"
    for product in artefacts.produces:
        parts = [f"path: {scalar(product.path)}"]
        parts += ["keep: false"] if product.discard else []
        parts += ["optional: true"] if product.optional else []
        parts += [f"max: {product.max_bytes}B"] if product.max_bytes else []
        yield f"    {product.name}: {{{', '.join(parts)}}}"
    if artefacts.consumes:
        yield "  consumes:"
    for used in artefacts.consumes:
        parts = [f"from: {scalar(f'{used.job.name}.{used.name}')}"]
        parts += ["when: done"] if used.when_done else []
        parts += ["any: true"] if used.any else []
        parts += ["as: copy"] if used.copy else []
        yield f"  - {{{', '.join(parts)}}}"
    if artefacts.collect:
        yield f"  collect: {sequence(artefacts.collect)}"


def _runner(name: str, runner: spec_pb2.Runner) -> Iterator[str]:
    if runner.options.map.entries:
        yield f"{name}: {{{runner.name}: {_option(runner.options)}}}"
    else:
        yield f"{name}: {runner.name}"


def _option(value: spec_pb2.RunnerValue) -> str:
    match value.WhichOneof("value"):
        case "map":
            return f"{{{', '.join(f'{scalar(e.name)}: {_option(e.value)}' for e in value.map.entries)}}}"
        case "list":
            return f"[{', '.join(_option(item) for item in value.list.items)}]"
        case "plain":
            return value.plain
        case _:
            return scalar(value.text)


def _hooks(name: str, hooks: spec_pb2.Hooks) -> Iterator[str]:
    yield f"{name}:"
    for hook in ("before", "after", "passed", "failed"):
        if text := getattr(hooks, hook):
            yield f"  {hook}: {scalar(text)}"
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
        parts.append(f"root: {scalar(scratch.root)}")
    yield f"{name}: {{{', '.join(parts)}}}" if parts else f"{name}: true"


def _params(name: str, params: Iterable[spec_pb2.Param]) -> Iterator[str]:
    """Yields declarations with all of their keys."""
    items: list[tuple[str, str]] = []
    for param in params:
        parts = [f"type: {enum_name(spec_pb2.ParamType.DESCRIPTOR, param.type)}"]
        if param.required:
            parts.append("required: true")
        elif param.type == spec_pb2.PARAM_TYPE_LIST:
            parts.append(f"default: {sequence(param.values)}")
        else:
            parts.append(f"default: {scalar(param.values[0])}")
        parts += [f"choices: {sequence(param.choices)}"] if param.choices else []
        parts += [f"help: {scalar(param.help)}"] if param.help else []
        items.append((param.name, f"{{{', '.join(parts)}}}"))
    yield from mapping(name, items)


def _matrix(name: str, matrix: spec_pb2.Matrix) -> Iterator[str]:
    if matrix.axes:
        yield from mapping(name, [(axis.name, sequence(axis.values)) for axis in matrix.axes])
    else:
        yield f"{name}:"
        for row in matrix.rows:
            pairs = zip(matrix.names, row.values, strict=True)
            yield f"- {{{', '.join(f'{each}: {scalar(value)}' for each, value in pairs)}}}"


def _exclude(name: str, rules: Iterable[spec_pb2.MatrixExclude]) -> Iterator[str]:
    yield f"{name}:"
    for rule in rules:
        pairs = sorted(rule.values.items())
        yield f"- {{{', '.join(f'{each}: {scalar(value)}' for each, value in pairs)}}}"


def _quarantine(name: str, quarantine: spec_pb2.Quarantine) -> Iterator[str]:
    pairs = ((key, getattr(quarantine, key)) for key in ("owner", "reason", "until"))
    yield f"{name}: {{{', '.join(f'{key}: {scalar(text)}' for key, text in pairs if text)}}}"


WRITERS: Final[dict[str, Callable[[str, Any], Iterator[str]]]] = {
    "artefacts": _artefacts,
    "environment": _environment,
    "exclude": _exclude,
    "hooks": _hooks,
    "labels": _labels,
    "limits": _limits,
    "matrix": _matrix,
    "params": _params,
    "pools": _pools,
    "quarantine": _quarantine,
    "resources": _resources,
    "retries": _retries,
    "runner": _runner,
    "scratch": _scratch,
    "ulimit": _ulimit,
}
"""Functions that yield the lines of a key with its value, by the type of the value."""
