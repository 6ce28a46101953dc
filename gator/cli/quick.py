"""Values of options without pydantic, whose import would take longer than most commands.

Typer turns every value into its type through pydantic. For plain texts, numbers, paths and enums that are as
they should be, that is done here; everything else, wrong values with their messages included, is left to it.
"""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

_PLAIN = ("exists", "writable", "resolve_path", "allow_dash", "clamp", "parser", "formats", "path_type")
"""Wishes about a value that are left to Typer."""


def quicken(command: Any) -> Any:
    """Let a command of Typer take plain values directly; returns it."""
    for param in command.params:
        info = getattr(getattr(param, "type_descriptor", None), "parameter_info", None)
        slow: Callable[[], Any] | None = getattr(param, "get_runtime_param", None)
        if slow is None or info is None or any(getattr(info, wish, None) for wish in _PLAIN):
            continue
        param.get_runtime_param = _Quick(slow, param.type_descriptor.annotation, info).itself
    return command


class _Quick:
    """Stands where Typer keeps how a parameter's values become their type."""

    def __init__(self, slow: Callable[[], Any], annotation: Any, info: Any) -> None:
        self._slow, self._annotation, self._info = slow, annotation, info

    def itself(self) -> "_Quick":
        """What Typer asks for when a value is to become its type."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in its type."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        kind = get_args(self._annotation)[0] if get_origin(self._annotation) is list else self._annotation
        try:
            if many:
                return [self._one(kind, item) for item in value]
            return self._one(kind, value)
        except _NotPlainError:
            return self._slow().coerce(value, param=param, ctx=ctx)

    def _one(self, kind: Any, value: Any) -> Any:
        if not isinstance(kind, type):
            raise _NotPlainError
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise _NotPlainError
        if kind is int and value.isascii() and value.isdecimal():
            return self._within(int(value))
        if kind is Path:
            return Path(value)
        if issubclass(kind, Enum) and value in kind._value2member_map_:
            return kind(value)
        raise _NotPlainError

    def _within(self, number: int) -> int:
        least, most = self._info.min, self._info.max
        if (least is not None and number < least) or (most is not None and number > most):
            raise _NotPlainError
        return number


class _NotPlainError(Exception):
    """Typer has to look at the value."""
