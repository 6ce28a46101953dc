"""Fills in each `${{ name }}` that is known before a job starts; leaves all others as written.

Invariant: the result stays a template. `$${{` is replaced only when an attempt starts, and inserted values
are marked (`gator.spec.literal`) where they could be interpreted, so that nothing is evaluated twice.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from gator.spec.literal import ESCAPED, MARK, MARKED, MARKED_EMPTY, marked
from gator.spec.params import text_of
from gator.v1 import spec_pb2

Lookup = Callable[[str], str | None]

_REFERENCE = re.compile(MARKED + "|" + ESCAPED + r"|\$\{\{\s*([^{}]*?)\s*\}\}")
_PLAIN = re.compile(r"[A-Za-z0-9_./:=,@%+-]*")
_SPECIAL = re.compile(r"[${}\\]")


class UnsafeValueError(ValueError):
    """A value is not one plain word to a shell."""


def escape(value: str) -> str:
    """Returns the template that gives `value` when it is filled in."""
    return marked(value) if _SPECIAL.search(value) else value


def names(text: str) -> list[str]:
    """Returns every name that the text refers to."""
    return [match[1] for match in _REFERENCE.finditer(text) if not _is_literal(match[0])]


def only_name(text: str) -> str | None:
    """Returns the name of a string that is exactly one `${{ name }}`; else None."""
    match = _REFERENCE.fullmatch(text) if "${{" in text else None
    return None if match is None or _is_literal(match[0]) else match[1]


def partly(text: str, lookup: Lookup, *, script: bool = False, expands: bool = False) -> str:
    """Returns the text with the names filled in that `lookup` knows; its answers are templates.

    With `script`, a value that is not a plain word raises UnsafeValueError. With `expands`, variables of the
    text will be expanded, so that values are marked unless they cannot be changed by that.
    """
    if "${{" not in text:
        return text
    marks = expands and _has_special(text)

    def put(match: re.Match[str]) -> str:
        if _is_literal(match[0]):
            return match[0]
        value = lookup(match[1])
        if value is None:
            return match[0]
        if script and not is_plain(value):
            raise UnsafeValueError(match[1])
        if not marks and not _has_special(value):
            return value
        # Without a mark, `$A${{ params.empty }}B` would become the variable AB.
        return closed(value) or MARKED_EMPTY

    return _REFERENCE.sub(put, text)


def closed(template: str) -> str:
    """Returns a template in which only `${{ name }}` is still replaced; all other text is marked."""
    if not _SPECIAL.search(template) and MARK not in template:
        return marked(template)
    parts: list[str] = []
    position = 0
    for match in _REFERENCE.finditer(template):
        parts.append(marked(template[position : match.start()]))
        parts.append(marked("${{") if match[0].startswith("$$") else match[0])
        position = match.end()
    parts.append(marked(template[position:]))
    return "".join(parts)


def _has_special(template: str) -> bool:
    """Returns whether a template has characters besides its names that could be interpreted."""
    return _SPECIAL.search(_REFERENCE.sub("", template)) is not None


def _is_literal(token: str) -> bool:
    """Returns whether a match is a marked text or a literal `${{`."""
    return token[0] == MARK or token.startswith("$$")


def is_plain(value: str) -> bool:
    """Returns whether a script may contain a value; names filled in later are checked then."""
    return _PLAIN.fullmatch(_REFERENCE.sub(lambda m: m[0] if _is_literal(m[0]) else "", value)) is not None


class Scope(Struct, frozen=True):
    """Values that are the same for every node of a plan."""

    environment: Mapping[str, str]
    """Environment of the launch."""
    constants: Mapping[str, str]
    """Values by name, such as `spec.dir`."""
    today: str = ""
    """Date of the launch, as YYYY-MM-DD."""
    fills_params: bool = True
    """Whether names in the values of parameters are filled in."""

    def lookup(self, settings: spec_pb2.Settings) -> Lookup:
        """Returns a lookup of the values that are the same in every repeat of a node with these settings."""

        def find(name: str) -> str | None:
            if name.startswith("env."):
                return self.variable(name.removeprefix("env."), settings)
            if name.startswith("params."):
                return param_text(name, settings)
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
        """Returns the template of `env.NAME`; None for every other name."""
        kind, dot, rest = name.partition(".")
        return self.scope.variable(rest, self.above) if kind == "env" and dot else None


def params_over(above: spec_pb2.Settings, own: spec_pb2.Settings, scope: Scope) -> list[spec_pb2.Param]:
    """Returns the parameters of a level, in the order of their first declaration.

    `${{ }}` in their values refers to the level above, and is filled in here as far as it is known.
    """
    known = scope.lookup(above)
    params = {param.name: param for param in above.params}
    for param in own.params:
        if scope.fills_params and any("${{" in value for value in param.values):
            filled = spec_pb2.Param()
            filled.CopyFrom(param)
            filled.values[:] = filled_items(param.values, known, above)
            params[param.name] = filled
        else:
            params[param.name] = param
    return list(params.values())


def filled_items(texts: Sequence[str], lookup: Lookup, settings: spec_pb2.Settings) -> list[str]:
    """Returns strings with names filled in; a string that is exactly the name of a list becomes its items."""
    filled: list[str] = []
    for text in texts:
        items = list_items(text, settings)
        filled += [partly(text, lookup)] if items is None else items
    return filled


def list_items(text: str, settings: spec_pb2.Settings) -> Sequence[str] | None:
    """Returns the items of the list that a string names; None if it is not exactly `${{ params.LIST }}`."""
    name = only_name(text)
    if name is None or not name.startswith("params."):
        return None
    for param in settings.params:
        if param.name == name[7:] and param.type == spec_pb2.PARAM_TYPE_LIST:
            return param.values
    return None


def param_text(name: str, settings: spec_pb2.Settings) -> str | None:
    """Returns the template of `params.NAME` on a level with these merged settings; None if it has none."""
    for param in settings.params:
        if param.name == name[7:]:
            return text_of(param)
    return None
