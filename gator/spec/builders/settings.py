"""Readers of settings, which every level may have, and of plain values; one function per type of value."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from yaml.nodes import MappingNode, Node, SequenceNode

from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null
from gator.spec.builders.scope import KeyContext, check_placeholders
from gator.spec.builders.values import known, mapping, text_or_texts
from gator.spec.interpolation import PLACEHOLDERS, PLAN_TIME
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

_STDERR = {
    "auto": spec_pb2.STDERR_MODE_AUTO,
    "info": spec_pb2.STDERR_MODE_INFO,
    "warning": spec_pb2.STDERR_MODE_WARNING,
    "error": spec_pb2.STDERR_MODE_ERROR,
    "merge": spec_pb2.STDERR_MODE_MERGE,
}
_JOBSERVERS = {"fifo": spec_pb2.JOBSERVER_MODE_FIFO, "pipe": spec_pb2.JOBSERVER_MODE_PIPE}
_KEEP = {
    "failed": spec_pb2.SCRATCH_KEEP_FAILED,
    "all": spec_pb2.SCRATCH_KEEP_ALL,
    "none": spec_pb2.SCRATCH_KEEP_NONE,
}


def _env(settings: spec_pb2.Settings, key: KeyContext) -> None:
    for name, pair in mapping(key.context, key.value, "env").items():
        if not name or "=" in name or "\0" in name:
            key.context.problem(pair.key, f"'{name}' cannot be the name of a variable")
            continue
        if name.startswith("GATOR_"):
            key.context.warn(pair.key, f"{name} is set by Gator itself: the value here has no effect")
        if is_null(pair.value):
            settings.env.add(name=name)
            continue
        text = scalars.text(key.context, pair.value, name)
        if text is not None and scalars.fits_exec_limits(
            key.context, pair.value, f"{name}={text}", f"the variable {name}"
        ):
            check_placeholders(key.context, pair.value, text, PLACEHOLDERS, key.scope)
            settings.env.add(name=name, value=text)


def _cwd(settings: spec_pb2.Settings, key: KeyContext) -> None:
    text = scalars.text(key.context, key.value, "cwd")
    if text:
        check_placeholders(key.context, key.value, text, PLACEHOLDERS, key.scope)
        settings.cwd = text


def _setup(settings: spec_pb2.Settings, key: KeyContext) -> None:
    text = scalars.text(key.context, key.value, "setup")
    if text:
        check_placeholders(key.context, key.value, text, PLAN_TIME, key.scope)
        settings.setup = text


def _grace(settings: spec_pb2.Settings, key: KeyContext) -> None:
    if scalars.is_none_word(key.value):
        key.context.problem(key.value, "'grace' cannot be none: use a duration such as 10s")
        return
    millis = scalars.duration(key.context, key.value, "grace")
    if millis is not None:
        settings.grace_millis = millis


def positive_duration(context: SpecContext, value: Node, what: str) -> int | None:
    """Returns the milliseconds of a time limit; 0 for `none`, while a written 0 is a problem."""
    millis = scalars.duration(context, value, what)
    if millis == 0 and not scalars.is_none_word(value):
        context.problem(value, f"'{what}' cannot be 0: write none for no limit")
        return None
    return millis


def _stderr(settings: spec_pb2.Settings, key: KeyContext) -> None:
    word = scalars.choice(key.context, key.value, "stderr", keys.STDERR_MODES)
    if word is not None:
        settings.stderr = _STDERR[word]


def _parsers(settings: spec_pb2.Settings, key: KeyContext) -> None:
    # Most specs name no parsers, and reading them needs more modules.
    from gator.spec.builders.recognition.parsers import read_parsers

    parsers = read_parsers(key.context, key.value)
    if parsers is not None:
        settings.parsers.CopyFrom(parsers)


def _runner(settings: spec_pb2.Settings, key: KeyContext) -> None:
    # Most specs name no runner.
    from gator.spec.builders.jobs.runner import read_runner

    read_runner(settings, key)


def _line_pattern(settings: spec_pb2.Settings, key: KeyContext) -> None:
    """Reads a mapping whose only key is `match`, the pattern of a line."""
    pairs: dict[str, Pair] = {}
    if isinstance(key.value, MappingNode):
        pairs = known(key.context, mapping(key.context, key.value, key.name), key.name, key.entry.type)
    if "match" not in pairs:
        key.context.problem(key.value, f"'{key.name}' requires 'match', a pattern: write {{match: PATTERN}}")
        return
    from gator.spec.builders.recognition.patterns import parser_pattern_problem

    pattern = scalars.filled_text(key.context, pairs["match"].value, "match")
    if pattern is not None and (problem := parser_pattern_problem(pattern)):
        key.context.problem(pairs["match"].value, f"match: {problem}")
    elif pattern is not None:
        getattr(settings, key.field).match = pattern


def _params(settings: spec_pb2.Settings, key: KeyContext) -> None:
    # Most specs have no parameters, and reading them needs another module.
    from gator.spec.builders.jobs.params import read_params

    settings.params.extend(read_params(key))


def _results(settings: spec_pb2.Settings, key: KeyContext) -> None:
    items = list(key.value.value) if isinstance(key.value, SequenceNode) else [key.value]
    settings.results.SetInParent()
    for item in items:
        if not isinstance(item, MappingNode):
            _add_report(settings, key, item, {})
            continue
        pairs = known(key.context, mapping(key.context, item, "results"), "results", "results")
        if "file" in pairs:
            _add_report(settings, key, pairs["file"].value, pairs)
        else:
            key.context.problem(item, "'results' requires the path of a report: write {file: junit.xml}")


def _log_files(settings: spec_pb2.Settings, key: KeyContext) -> None:
    settings.also_log.SetInParent()
    files = settings.also_log.files
    for node, file in text_or_texts(key.context, key.value, "also_log"):
        if not file.strip():
            key.context.problem(node, "also_log: a path cannot be empty")
        elif file in files:
            key.context.problem(node, f"also_log names '{file}' twice")
        elif len(files) == keys.MAX_LOG_FILES:
            key.context.problem(node, f"also_log can have at most {keys.MAX_LOG_FILES} files")
            return
        else:
            check_placeholders(key.context, node, file, PLAN_TIME, key.scope)
            files.append(file)


def _add_report(settings: spec_pb2.Settings, key: KeyContext, node: Node, pairs: dict[str, Pair]) -> None:
    context = key.context
    file = scalars.filled_text(context, node, "results")
    if file is None:
        return
    check_placeholders(context, node, file, PLAN_TIME, key.scope)
    report = settings.results.list.add(file=file)
    if "format" in pairs:
        report.format = scalars.choice(context, pairs["format"].value, "format", keys.RESULT_FORMATS) or ""
    if "required" in pairs:
        report.required = scalars.boolean(context, pairs["required"].value, "required") or False


def _scratch(settings: spec_pb2.Settings, key: KeyContext) -> None:
    if not isinstance(key.value, MappingNode):
        enabled = scalars.boolean(
            key.context, key.value, "scratch", alternative=" or {keep: WHICH, root: PATH}"
        )
        if enabled is not None:
            settings.scratch.CopyFrom(spec_pb2.Scratch(enabled=enabled))
        return
    scratch = spec_pb2.Scratch(enabled=True)
    for name, pair in known(
        key.context, mapping(key.context, key.value, "scratch"), "scratch", "scratch"
    ).items():
        if name == "keep":
            word = scalars.choice(key.context, pair.value, "keep", keys.KEEPS)
            scratch.keep = _KEEP[word] if word is not None else scratch.keep
            continue
        root = scalars.filled_text(key.context, pair.value, "root")
        if root is not None:
            check_placeholders(key.context, pair.value, root, PLAN_TIME, key.scope)
            scratch.root = root
    settings.scratch.CopyFrom(scratch)


def _silence(settings: spec_pb2.Settings, key: KeyContext) -> None:
    if not isinstance(key.value, MappingNode):
        millis = positive_duration(key.context, key.value, "silence")
        if millis is not None:
            settings.silence.CopyFrom(spec_pb2.Silence(millis=millis))
        return
    pairs = known(key.context, mapping(key.context, key.value, "silence"), "silence", "silence")
    if "for" not in pairs:
        key.context.problem(key.value, "'silence' requires 'for', a duration: write {for: 10m, watch: FILE}")
        return
    silence = spec_pb2.Silence(millis=positive_duration(key.context, pairs["for"].value, "for") or 0)
    if "watch" in pairs:
        watch = scalars.filled_text(key.context, pairs["watch"].value, "watch")
        if watch is not None and scalars.has_no_placeholder(
            key.context, pairs["watch"].value, watch, "watch"
        ):
            silence.watch = watch
    settings.silence.CopyFrom(silence)


def _ulimit(settings: spec_pb2.Settings, key: KeyContext) -> None:
    for name, pair in mapping(key.context, key.value, "ulimit").items():
        if name == "locks":
            key.context.problem(pair.key, "the limit 'locks' is reserved by Gator: remove it")
        elif name not in keys.ULIMITS:
            hint = did_you_mean(name, keys.ULIMITS) or ": use a name of setrlimit(2)"
            key.context.problem(pair.key, f"unknown limit '{name}' in 'ulimit'{hint}")
        elif scalars.is_none_word(pair.value):
            settings.ulimit[name] = -1
        elif not is_null(pair.value):
            if keys.ULIMITS[name]:
                number = scalars.size(key.context, pair.value, name, "B")
            else:
                number = scalars.integer(
                    key.context, pair.value, name, 0, 2**63 - 1, alternative=" or unlimited"
                )
            if number is not None:
                settings.ulimit[name] = number


def _retries(settings: spec_pb2.Settings, key: KeyContext) -> None:
    # Few specs have retries, and reading them needs another module.
    from gator.spec.builders.retries import read_retries

    read_retries(settings.retries, key)


def _flaky(settings: spec_pb2.Settings, key: KeyContext) -> None:
    word = scalars.choice(key.context, key.value, "flaky", keys.FLAKY_MODES)
    if word is not None:
        settings.flaky = spec_pb2.FLAKY_MODE_FAIL if word == "fail" else spec_pb2.FLAKY_MODE_PASS


def _jobserver(settings: spec_pb2.Settings, key: KeyContext) -> None:
    mode = _JOBSERVERS.get(str(key.value.value))
    if mode is None:
        enabled = scalars.boolean(key.context, key.value, "jobserver", alternative=" or a form (fifo, pipe)")
        if enabled is None:
            return
        mode = spec_pb2.JOBSERVER_MODE_AUTO if enabled else spec_pb2.JOBSERVER_MODE_OFF
    settings.jobserver = mode


def _limits(settings: spec_pb2.Settings, key: KeyContext) -> None:
    for name, pair in known(
        key.context, mapping(key.context, key.value, "limits"), "limits", "limits"
    ).items():
        if scalars.is_none_word(pair.value):
            count = -1
        else:
            count = scalars.integer(key.context, pair.value, name, 0, 2**53, alternative=" or none")
        if count is None:
            continue
        match name:
            case "warning":
                settings.limits.warning = count
            case "error":
                settings.limits.error = count
            case _:
                settings.limits.critical = count


def _tags(settings: spec_pb2.Settings, key: KeyContext) -> None:
    for node, tag in text_or_texts(key.context, key.value, "tags"):
        if not tag.strip():
            key.context.problem(node, "a tag cannot be empty")
        elif scalars.has_no_placeholder(key.context, node, tag, "tags") and tag not in settings.tags:
            settings.tags.append(tag)


def _time_limit(message: Any, key: KeyContext) -> None:
    millis = positive_duration(key.context, key.value, key.name)
    if millis is not None:
        setattr(message, key.field, millis)


def _boolean(message: Any, key: KeyContext) -> None:
    enabled = scalars.boolean(key.context, key.value, key.name)
    if enabled is not None:
        setattr(message, key.field, enabled)


def _text(message: Any, key: KeyContext) -> None:
    text = scalars.text(key.context, key.value, key.name)
    if text is not None and scalars.has_no_placeholder(key.context, key.value, text, key.name):
        setattr(message, key.field, text)


def _integer(message: Any, key: KeyContext) -> None:
    number = scalars.integer(key.context, key.value, key.name, *keys.RANGES[key.entry.type])
    if number is not None:
        setattr(message, key.field, number)


Reader: TypeAlias = Callable[[Any, KeyContext], None]
"""Reads the value of a key into the message that has its field."""

READERS: Final[dict[str, Reader]] = {
    "boolean": _boolean,
    "duration": _grace,
    "environment": _env,
    "first_error": _line_pattern,
    "flaky": _flaky,
    "folder": _cwd,
    "integer": _integer,
    "jobserver": _jobserver,
    "limits": _limits,
    "log_files": _log_files,
    "nice": _integer,
    "params": _params,
    "parsers": _parsers,
    "results": _results,
    "retries": _retries,
    "runner": _runner,
    "scratch": _scratch,
    "setup": _setup,
    "silence": _silence,
    "starts": _line_pattern,
    "stderr": _stderr,
    "tags": _tags,
    "text": _text,
    "time_limit": _time_limit,
    "ulimit": _ulimit,
}
"""Readers of settings and of plain values, by the type of the value."""
