"""Finds the variables of the launch that a spec uses; a rerun elsewhere has to set them again."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gator.core.redact import hide, is_secret, secret_names, secret_values
from gator.plan import Plan
from gator.spec.expand import used_in
from gator.v1 import query_pb2, spec_pb2

MAX_VALUE: Final = 1000
"""Maximum number of characters of a value that is printed."""
_SESSION_WORDS: Final = "HOME HOST HOSTNAME LANG LOGNAME OLDPWD PATH PWD SHELL SHLVL TERM TMPDIR UID USER _"
_SESSION: Final = frozenset(_SESSION_WORDS.split())
_SESSION_START: Final = ("GATOR_", "LC_", "XDG_")
"""Variables that every session sets itself."""
_USE: Final = re.compile(r"(?<!\\)\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_FILLED: Final = re.compile(r"\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def launch_variables(plan: Plan, environment: Mapping[str, str]) -> dict[str, str | None]:
    """Returns the launch's variables used by jobs; the value is None if it must not be printed."""
    named = secret_names(plan.request)
    secrets = secret_values(environment.items(), named)
    variables: dict[str, str | None] = {}
    for name in sorted(set(_used(plan))):
        value = environment.get(name)
        if value is None or name in _SESSION or name.startswith(_SESSION_START):
            continue
        hidden = (
            is_secret(name)
            or name in named
            or len(value) > MAX_VALUE
            or not value.isprintable()
            or hide([value], secrets) != [value]
        )
        variables[name] = None if hidden else value
    return variables


def unset_variables(plan: Plan, environment: Mapping[str, str]) -> list[str]:
    """Returns the variables that commands and arguments use and that are not set, without a session's own.

    Scripts are left out, as most of their variables are their own.
    """
    used = {
        name
        for node in plan.nodes.values()
        if node.job is not None
        for text in (node.job.command, *node.job.args)
        if "$" in text
        for name in used_in(text)
        if all(variable.name != name for variable in node.settings.env)
    }
    return sorted(
        name for name in used.difference(environment, _SESSION) if not name.startswith(_SESSION_START)
    )


def differing_variables(before: query_pb2.Run, now: Mapping[str, str]) -> list[str]:
    """Returns how the variables that the jobs of a run used differ now, such as `MODE is not set (was fast)`.

    Values that were not recorded, because they may be secrets, are only compared in whether they are set.
    """
    differences: list[str] = []
    for name, value in sorted(before.variables.items()):
        if name not in now:
            differences.append(f"{name} is not set (was {value})")
        elif now[name] != value:
            differences.append(f"{name} has another value (was {value})")
    differences += [f"{name} is not set" for name in before.unkept_variables if name not in now]
    differences += [f"{name} is set (was not)" for name in before.unset_variables if name in now]
    return differences


def changed_variables(before: query_pb2.Run, after: query_pb2.Run) -> list[str]:
    """Returns how the variables that jobs use differed in a rerun: `MODE=bad, then MODE=good`.

    A variable that the rerun did not record was not set, or none of its jobs uses it.
    """
    changed: list[str] = []
    for name in sorted({*before.variables, *after.variables}):
        if name in before.unkept_variables or name in after.unkept_variables:
            continue
        values = [before.variables.get(name), after.variables.get(name)]
        if values[0] != values[1]:
            was, then = (f"{name} not set" if value is None else f"{name}={value}" for value in values)
            changed.append(f"{was}, then {then}")
    return changed


def _used(plan: Plan) -> Iterator[str]:
    settings: dict[int, frozenset[str]] = {}
    for node in plan.nodes.values():
        own = settings.get(id(node.settings))
        if own is None:
            own = settings[id(node.settings)] = frozenset(variable.name for variable in node.settings.env)
            yield from (name for name in _USE.findall(node.settings.setup) if name not in own)
        if node.job is None:
            continue
        for text in (node.job.command, *node.job.args, node.job.shell):
            if "$" in text:
                yield from (name for name in _USE.findall(text) if name not in own)
                yield from _FILLED.findall(text)
    if b"env." in plan.request.spec.SerializeToString():
        yield from _filled(plan.request.spec)


def _filled(spec: spec_pb2.Spec) -> Iterator[str]:
    """Yields the variables used as `${{ env.NAME }}` in settings, which a plan holds already expanded."""
    waiting = [spec]
    while waiting:
        arm = waiting.pop()
        kind = arm.WhichOneof("node")
        if kind is None:
            continue
        node: spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray = getattr(arm, kind)
        own = node.settings
        reports = [report.file for report in own.results.list]
        values = [variable.value for variable in own.env]
        for text in (own.cwd, own.setup, own.scratch.root, *reports, *values):
            yield from _FILLED.findall(text)
        if not isinstance(node, spec_pb2.Job):
            waiting += node.jobs
