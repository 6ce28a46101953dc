"""Reads `hooks`: shell scripts that run before and after a node."""

from typing import Any

from gator.spec.builders import scalars, settings
from gator.spec.builders.scope import KeyContext, check_placeholders
from gator.spec.builders.values import known, mapping
from gator.spec.interpolation import PLACEHOLDERS, PLAN_TIME
from gator.v1 import spec_pb2


def read_hooks(message: Any, key: KeyContext) -> None:
    """Reads the hooks of a node; those of a group have only the names that are known before it starts."""
    context = key.context
    names = PLACEHOLDERS if isinstance(message, spec_pb2.Job) else PLAN_TIME
    for name, pair in known(context, mapping(context, key.value, "hooks"), "hooks", "hooks").items():
        if name == "timeout":
            millis = settings.positive_duration(context, pair.value, "timeout")
            if millis is not None:
                message.hooks.timeout_millis = millis
            continue
        what = f"hooks.{name}"
        text = scalars.filled_text(context, pair.value, what)
        if text is not None and scalars.fits_exec_limits(context, pair.value, text, what):
            check_placeholders(context, pair.value, text, names, key.scope)
            setattr(message.hooks, name, text)
