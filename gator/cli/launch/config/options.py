"""Fills options that were not given with the values of gator.toml files.

Precedence: command line, environment, spec, the project's file, the user's file, built-in default.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

import typer
from msgspec import structs

from gator.cli.launch.config.files import Config, unknown_options
from gator.cli.launch.options import ON_ROOT, LaunchOptions, PlanOptions
from gator.errors import OptionError, UsageError

Given = TypeVar("Given", bound=PlanOptions)

_OF_ONE_RUN: Final = "use it on the command line"
_ELSEWHERE: Final = {
    **dict.fromkeys(("only", "skip", "tag", "seed", "id", "repeat", "directory", "dry-run"), _OF_ONE_RUN),
    **dict.fromkeys(("help-params", "scale"), _OF_ONE_RUN),
    "param": "write NAME = VALUE below [params]",
    **dict.fromkeys(("tracking", "parent"), _OF_ONE_RUN),
    **{name.replace("_", "-"): "write it as a key of the spec, above [run]" for name in ON_ROOT},
    "parser": "write parsers = [...] above [run]",
    "license": "write NAME = N below [licenses]",
    "limit-warning": "write warning = N below [limits]",
    "limit-error": "write error = N below [limits]",
    "limit-critical": "write critical = N below [limits]",
}
"""Options that [run] cannot have, and what to do instead."""
_MAX_NUMBER: Final = 1_000_000
_VARIABLES: Final = {"hub": "GATOR_HUB", "hub_ca": "GATOR_HUB_CA", "jobs": "GATOR_CORES"}
"""Variables of the environment that take precedence over the files, by the field of the option."""


def configured(
    options: Given, config: Config, given: Collection[str], environment: Mapping[str, str]
) -> tuple[Given, Config]:
    """Returns options with the values of the files for those that are not in `given`.

    The problems of names and values are added to those of the files.
    """
    names = dict(_names())
    problems = unknown_options(config, names, _ELSEWHERE)
    values: dict[str, Any] = {}
    for name, option in config.options.items():
        if name not in names:
            continue
        field = names[name]
        try:
            value = _converted(option.value, _kind(field), Path(option.file).parent)
            _check(name, value)
        except ValueError as error:
            problems.append(option.problem(f"{name}: {error}"))
            continue
        except UsageError as error:
            reason = error.reason if isinstance(error, OptionError) else str(error)
            problems.append(option.problem(f"{name}: {reason}"))
            continue
        is_open = field not in given and not environment.get(_VARIABLES.get(field, ""))
        if is_open and field in options.__struct_fields__:
            values[field] = value
    extended = structs.replace(config, problems=(*config.problems, *problems))
    return structs.replace(options, **values), extended


def given_options(context: typer.Context) -> frozenset[str]:
    """Returns the names of the parameters that the command line has."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(name for name, source in sources.items() if source and source.name == "COMMANDLINE")


def _check(name: str, value: Any) -> None:
    """Raises UsageError for a value that `gator run` would refuse."""
    from gator.cli.options import values
    from gator.cli.options.labels import labels_of
    from gator.cli.runs.hub_names import NO_HUB
    from gator.hub_access.address import full_address
    from gator.scheduler.registry import check_name, parse_arguments

    match name:
        case "memory":
            values.bytes_of(value, "--memory")
        case "hub-wait":
            values.millis_of(value, "--hub-wait")
        case "interval":
            LaunchOptions(interval=value).sample_interval_millis()
        case "log-cap":
            LaunchOptions(log_cap=value).log_cap_bytes()
        case "label":
            labels_of(value)
        case "sched-arg":
            parse_arguments(value)
        case "scheduler":
            check_name(value)
        case "hub" if value.strip().lower() not in ("", NO_HUB):
            full_address(value)
        case _:
            pass


def _names() -> Iterator[tuple[str, str]]:
    """Yields the long name of each option without dashes, and its field."""
    for field, hint in get_type_hints(LaunchOptions, include_extras=True).items():
        for metadata in getattr(hint, "__metadata__", ()):
            # In an annotation the first declaration takes the place of the default.
            for declared in (metadata.default, *(metadata.param_decls or ())):
                long = str(declared).split("/")[0]
                if long.startswith("--") and long.removeprefix("--") not in _ELSEWHERE:
                    yield long.removeprefix("--"), field


def _kind(field: str) -> Any:
    return get_type_hints(LaunchOptions)[field]


def _converted(value: Any, kind: Any, folder: Path) -> Any:
    """Returns a value of TOML as the type of an option. Raises ValueError with what is expected.

    Paths are relative to `folder`.
    """
    if get_origin(kind) is list:
        items = cast("list[Any]", value) if isinstance(value, list) else [value]
        return [_converted(item, get_args(kind)[0], folder) for item in items]
    kinds = [each for each in get_args(kind) if each is not NoneType] or [kind]
    wanted = kinds[0]
    if isinstance(value, dict | list):
        raise ValueError("write one value")
    if wanted is bool:
        if not isinstance(value, bool):
            raise ValueError("write true or false")
        return value
    if wanted is int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_NUMBER:
            raise ValueError(f"write a whole number from 1 to {_MAX_NUMBER:,}")
        return value
    if isinstance(value, bool):
        raise ValueError("write a string in quotes")
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        words = [str(word.value) for word in wanted]
        if str(value).lower() not in words:
            raise ValueError(f"write one of {', '.join(words)}")
        return wanted(str(value).lower())
    return folder / str(value) if wanted is Path else str(value)
