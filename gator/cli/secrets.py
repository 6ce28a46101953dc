"""Masks the secrets of this process's environment and of its spec in everything that it prints.

Invariant: text for stderr, a display or a text file passes `hide_secrets` first.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from gator.v1 import plan_pb2


_secrets: list[str] | None = None


def learn_secrets(variables: Sequence[tuple[str, str]], names: Sequence[str]) -> list[str]:
    """Returns the values to mask from now on: those of `variables` and of the environment.

    `names` are further variables that hold secrets besides those recognised by name.
    """
    from gator.core.redact import secret_values

    global _secrets  # noqa: PLW0603 - a process has one environment and at most one spec
    _secrets = secret_values([*os.environ.items(), *variables], names, os.path.exists)
    return _secrets


def learn_secrets_of(request: "plan_pb2.PlanRequest") -> None:
    """Adds the values of secret variables of a spec, and above it, to those that are masked."""
    from gator.core.redact import mask_variables, secret_names
    from gator.v1 import plan_pb2

    copy = plan_pb2.PlanRequest(spec=request.spec, above=request.above)
    names = secret_names(request)
    learn_secrets(mask_variables(copy, names), names)


def hide_secrets_within(plain: Any) -> Any:
    """Returns plain values, such as those for JSON, with all known secrets in their strings masked."""
    if isinstance(plain, str):
        return hide_secrets(plain)
    if isinstance(plain, dict):
        return {key: hide_secrets_within(value) for key, value in cast("dict[str, Any]", plain).items()}
    if isinstance(plain, list):
        return list(map(hide_secrets_within, cast("list[Any]", plain)))
    return plain


def hide_secrets(text: str) -> str:
    """Returns a string of Gator with all known secrets masked."""
    from gator.core.redact import hide

    known = learn_secrets((), ()) if _secrets is None else _secrets
    return hide([text], known)[0]
