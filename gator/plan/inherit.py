"""What a node gets from the level above. Never changes a message it was given."""

from gator.plan import interpolate
from gator.v1 import common_pb2, spec_pb2


def merge(above: spec_pb2.Settings, own: spec_pb2.Settings, scope: interpolate.Scope) -> spec_pb2.Settings:
    """Settings of a node: `own` over those of the level above.

    Variables, limits, ulimits and retries merge by name, tags are united, everything else is taken whole
    from the nearest level. `${{ env.NAME }}` in the value of a variable means the level above, so it is
    filled in here, where that level is known. A node that says nothing shares the message of its parent.
    """
    if not own.ByteSize():
        return above
    merged = spec_pb2.Settings()
    merged.CopyFrom(above)
    if own.HasField("scratch"):
        merged.ClearField("scratch")
    merged.MergeFrom(own)  # last wins for plain fields, present sub-keys win, maps merge by key
    if own.env:
        _overlay(merged, above, own, scope)
    if own.tags:
        merged.tags[:] = sorted(set(merged.tags))
    return merged


def _overlay(
    merged: spec_pb2.Settings, above: spec_pb2.Settings, own: spec_pb2.Settings, scope: interpolate.Scope
) -> None:
    """Variables by name in the order in which they first came; a removal is kept for the launch."""
    values = {variable.name: variable for variable in above.env}
    level = interpolate.EnvironmentAbove(scope, above)
    for variable in own.env:
        values[variable.name] = level.filled(variable)
    merged.ClearField("env")
    merged.env.extend(values.values())


def demand(resources: spec_pb2.Resources) -> common_pb2.Demand:
    """What a job holds: one core unless it says otherwise, and no accounted memory."""
    held = common_pb2.Demand(cores=1, memory_bytes=resources.memory_bytes)
    if resources.HasField("cores"):
        held.cores = resources.cores
    if resources.licenses:
        held.licenses.update(resources.licenses)
    return held
