"""Merges the settings of a node with those of the level above.

Invariant: a message that was passed in is never changed.
"""

from typing import Any, Final

from gator.plan import interpolate
from gator.spec.keys import NODE_KEYS, Inheritance
from gator.v1 import common_pb2, spec_pb2

_RULES: Final = {key.path[1]: key.inherits for key in NODE_KEYS.values() if key.path[0] == "settings"}
_UNITED: Final = tuple(field for field, rule in _RULES.items() if rule is Inheritance.UNION)
_WHOLE: Final = tuple(
    field
    for field, rule in _RULES.items()
    if rule is Inheritance.NEAREST and spec_pb2.Settings.DESCRIPTOR.fields_by_name[field].message_type
)
"""Messages that are not merged. MergeFrom of protocol buffers implements all other rules."""


def merge(above: spec_pb2.Settings, own: spec_pb2.Settings, scope: interpolate.Scope) -> spec_pb2.Settings:
    """Returns the settings of a node: its own over those of the level above.

    The table of keys has the rule of each. `${{ env.NAME }}` in the value of a variable refers to the level
    above, so it is filled in here, where that level is known. A node without settings shares the message of
    its parent.
    """
    if not own.ByteSize():
        return above
    merged = spec_pb2.Settings()
    merged.CopyFrom(above)
    # Names of fields are literals for type checkers.
    given: Any = own
    result: Any = merged
    for field in _WHOLE:
        if given.HasField(field):
            result.ClearField(field)
    if own.retries.reasons:
        merged.retries.ClearField("reasons")
    merged.MergeFrom(own)
    if own.env:
        _overlay(merged, above, own, scope)
    if own.params:
        merged.ClearField("params")
        merged.params.extend(interpolate.params_over(above, own, scope))
    for field in _UNITED:
        if getattr(given, field):
            entries = getattr(result, field)
            entries[:] = sorted(set(entries))
    return merged


def merge_settings(above: spec_pb2.Settings, own: spec_pb2.Settings) -> spec_pb2.Settings:
    """Returns the settings of a level over those of the level above; values are not filled in."""
    return merge(above, own, interpolate.Scope({}, {}, fills_params=False))


def _overlay(
    merged: spec_pb2.Settings, above: spec_pb2.Settings, own: spec_pb2.Settings, scope: interpolate.Scope
) -> None:
    """Merges variables by name, in the order of their first occurrence; keeps removals for the launch."""
    values = {variable.name: variable for variable in above.env}
    level = interpolate.EnvironmentAbove(scope, above)
    for variable in own.env:
        values[variable.name] = level.filled(variable)
    merged.ClearField("env")
    merged.env.extend(values.values())


def demand(resources: spec_pb2.Resources) -> common_pb2.Demand:
    """Returns the demand of a job: one core by default, and no accounted memory."""
    held = common_pb2.Demand(cores=1, memory_bytes=resources.memory_bytes)
    if resources.HasField("cores"):
        held.cores = resources.cores
    if resources.licenses:
        held.licenses.update(resources.licenses)
    return held
