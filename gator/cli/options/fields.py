"""Options of a command as one struct, which the command line fills and everything below receives.

Invariant: a field of the struct is an option; its annotation and default are those of the option.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, get_type_hints

from msgspec import Struct

Options = TypeVar("Options", bound=Struct)


def with_options(kind: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator for a command with a parameter `options`, which receives a filled struct.

    Typer sees the fields of the struct in place of that parameter.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def filled(**values: Any) -> None:
            options = kind(**{name: values.pop(name) for name in kind.__struct_fields__})
            command(**values, options=options)

        parameters = list(_parameters(command, kind))
        filled.__name__, filled.__doc__, filled.__module__ = (
            command.__name__,
            command.__doc__,
            command.__module__,
        )
        filled.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        filled.__dict__["__signature__"] = inspect.Signature(parameters)
        return filled

    return decorate


def _parameters(command: Callable[..., None], kind: type[Struct]) -> Iterator[inspect.Parameter]:
    """Yields the parameters of a command, with the fields of the struct in place of `options`."""
    annotations, defaults = get_type_hints(kind, include_extras=True), kind()
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name != "options":
            yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        for name in kind.__struct_fields__:
            yield inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=getattr(defaults, name),
                annotation=annotations[name],
            )
