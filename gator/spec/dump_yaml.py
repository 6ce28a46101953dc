"""A `Spec` as YAML: what is loaded from it is the same message, but for positions.

Rule: every text is quoted unless it is a plain word that YAML takes for nothing else.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from gator.spec import keys
from gator.units import duration_text
from gator.v1 import spec_pb2

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
    """The spec as YAML; raises ValueError for one that has no node."""
    return "\n".join(_node(spec, "", "")) + "\n"


def _node(spec: spec_pb2.Spec, first: str, rest: str) -> Iterator[str]:
    """Lines of a node: its tag behind `first`, its keys behind `rest`."""
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
    for line in _keys(written):
        yield rest + line if line else ""
    if not isinstance(written, spec_pb2.Job):
        yield f"{rest}jobs:{'' if written.jobs else ' []'}"
        for child in written.jobs:
            yield from _node(child, f"{rest}- ", f"{rest}  ")


def _keys(written: _Written) -> Iterator[str]:
    yield f"ident: {_text(written.ident)}"
    if isinstance(written, spec_pb2.Job):
        yield from _command(written)
    else:
        if isinstance(written, spec_pb2.JobArray):
            yield f"repeats: {written.repeats}"
        if written.HasField("max_fail"):
            yield f"max_fail: {written.max_fail or 'none'}"
        yield from _mapping("licenses", sorted((name, str(n)) for name, n in written.licenses.items()))
        if written.secrets:
            yield f"secrets: {_list(written.secrets)}"
    for name in ("on_pass", "on_fail", "on_done"):
        references: Sequence[spec_pb2.Reference] = getattr(written.order, name)
        if references:
            yield f"{name}: {_list(r.name for r in references)}"
    if written.allow_failure:
        yield "allow_failure: true"
    if written.priority:
        yield f"priority: {written.priority}"
    if written.HasField("seed"):
        yield f"seed: {written.seed}"
    if written.HasField("deadline_millis"):
        yield f"deadline: {_limited(written.deadline_millis)}"
    yield from _settings(written.settings)


def _command(job: spec_pb2.Job) -> Iterator[str]:
    if job.command:
        yield f"command: {_text(job.command)}"
    if job.args:
        yield f"args: {_list(job.args)}"
    if job.shell:
        yield from _script("shell", job.shell)
    held = job.resources
    items: list[str] = []
    if held.HasField("cores"):
        items.append(f"!Cores {held.cores}")
    if held.HasField("memory_bytes"):
        enforce = ", enforce: true" if held.enforce_memory else ""
        items.append(f"!Memory {{size: {held.memory_bytes}, unit: B{enforce}}}")
    items += [f"!License [{_text(name)}, {count}]" for name, count in sorted(held.licenses.items())]
    if items:
        yield f"resources: [{', '.join(items)}]"


def _settings(settings: spec_pb2.Settings) -> Iterator[str]:
    env = [(v.name, _text(v.value) if v.HasField("value") else "null") for v in settings.env]
    yield from _mapping("env", env)
    if settings.cwd:
        yield f"cwd: {_text(settings.cwd)}"
    if settings.setup:
        yield from _script("setup", settings.setup)
    if settings.HasField("timeout_millis"):
        yield f"timeout: {_limited(settings.timeout_millis)}"
    if settings.HasField("grace_millis"):
        yield f"grace: {duration_text(settings.grace_millis)}"
    if settings.stderr:
        mode = spec_pb2.StderrMode.Name(settings.stderr).removeprefix("STDERR_MODE_").lower()
        yield f"stderr: {mode}"
    if settings.HasField("scratch"):
        yield f"scratch: {_scratch(settings.scratch)}"
    if settings.HasField("tty"):
        yield f"tty: {'true' if settings.tty else 'false'}"
    if settings.HasField("nice"):
        yield f"nice: {settings.nice}"
    yield from _mapping("ulimit", sorted((name, _count(n)) for name, n in settings.ulimit.items()))
    if settings.retries.HasField("lost"):
        yield f"retries: {{lost: {settings.retries.lost}}}"
    limits = settings.limits
    said = [
        f"{name}: {_count(getattr(limits, name))}"
        for name in ("warning", "error", "critical")
        if limits.HasField(name)
    ]
    if said:
        yield f"limits: {{{', '.join(said)}}}"
    if settings.tags:
        yield f"tags: {_list(settings.tags)}"


def _mapping(key: str, items: Sequence[tuple[str, str]]) -> Iterator[str]:
    if items:
        yield f"{key}:"
        for name, value in items:
            yield f"  {_text(name)}: {value}"


def _scratch(scratch: spec_pb2.Scratch) -> str:
    if not scratch.enabled:
        return "false"
    parts: list[str] = []
    if scratch.keep:
        parts.append(f"keep: {_KEEP[scratch.keep]}")
    if scratch.root:
        parts.append(f"root: {_text(scratch.root)}")
    return f"{{{', '.join(parts)}}}" if parts else "true"


def _limited(millis: int) -> str:
    return duration_text(millis) if millis else "none"


def _count(number: int) -> str:
    return str(number) if number >= 0 else "none"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """A text as one YAML scalar on one line."""
    if _PLAIN.fullmatch(text) and text not in _NOT_PLAIN:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _script(key: str, text: str) -> Iterator[str]:
    """A text of several lines as a block, if that keeps every character of it."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    plain = all(_BLOCK_LINE.fullmatch(line) and (not line or line.strip()) for line in lines)
    if "\n" not in text or not plain or not lines[0] or lines[0][0] in " \t" or not lines[-1]:
        yield f"{key}: {_text(text)}"
        return
    yield f"{key}: |" if text.endswith("\n") else f"{key}: |-"
    for line in lines:
        yield f"  {line}" if line else ""
