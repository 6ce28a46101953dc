"""Fills in each `${{ name }}` that is known before a job starts; leaves all others as written.

Invariant: the result stays escaped. `$${{` is unescaped only when an attempt starts, and inserted values are
escaped, so that they are never interpreted.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from gator.v1 import spec_pb2

Lookup = Callable[[str], str | None]

_REFERENCE = re.compile(r"\$?\$\{\{\s*([^{}]*?)\s*\}\}")
_PLAIN = re.compile(r"[A-Za-z0-9_./:=,@%+-]*")


class UnsafeValueError(ValueError):
    """A value is not one plain word to a shell."""


def escape(value: str) -> str:
    """Returns the text that gives `value` when it is filled in."""
    return value.replace("${{", "$${{")


def names(text: str) -> list[str]:
    """Returns every name that the text refers to."""
    return [m[1] for m in _REFERENCE.finditer(text) if not m[0].startswith("$$")]


def partly(text: str, lookup: Lookup, *, script: bool = False) -> str:
    """Returns the text with the names filled in that `lookup` knows; its answers are escaped.

    With `script`, a value that is not a plain word raises UnsafeValueError.
    """
    if "${{" not in text:
        return text

    def put(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0]
        value = lookup(match[1])
        if value is None:
            return match[0]
        if script and not _is_plain(value):
            raise UnsafeValueError(match[1])
        return value

    return _REFERENCE.sub(put, text)


def _is_plain(value: str) -> bool:
    """Returns whether a script may contain a value; names filled in later are checked then."""
    return (
        _PLAIN.fullmatch(_REFERENCE.sub(lambda m: m[0] if m[0].startswith("$$") else "", value)) is not None
    )


class Scope(Struct, frozen=True):
    """Values that are the same for every node of a plan."""

    environment: Mapping[str, str]
    """Environment of the launch."""
    constants: Mapping[str, str]
    """Values by name, such as `spec.dir`."""

    def lookup(self, settings: spec_pb2.Settings) -> Lookup:
        """Returns a lookup of the values that are the same in every repeat of a node with these settings."""

        def find(name: str) -> str | None:
            if name.startswith("env."):
                return self.variable(name.removeprefix("env."), settings)
            return self.constants.get(name)

        return find

    def variable(self, name: str, settings: spec_pb2.Settings) -> str:
        """Returns a variable as a level with these merged settings has it; empty if it is unset."""
        for variable in settings.env:
            if variable.name == name:
                return variable.value
        return escape(self.environment.get(name, ""))


class EnvironmentAbove(Struct, frozen=True):
    """Looks up `env.NAME` on the level above the one whose variables are being filled in."""

    scope: Scope
    above: spec_pb2.Settings

    def filled(self, variable: spec_pb2.EnvVariable) -> spec_pb2.EnvVariable:
        """Returns the variable with the values of the level above filled in."""
        if "${{" not in variable.value:
            return variable
        return spec_pb2.EnvVariable(name=variable.name, value=partly(variable.value, self))

    def __call__(self, name: str) -> str | None:
        """Returns the escaped value of `env.NAME`; None for every other name."""
        kind, dot, rest = name.partition(".")
        return self.scope.variable(rest, self.above) if kind == "env" and dot else None
