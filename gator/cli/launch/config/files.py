"""The values of the gator.toml files of a project and of the user that hold for a run."""

import json
import os
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from gator.cli.config_files import NO_CONFIG, VARIABLE, files_for, read_config
from gator.cli.installed_parsers import find_parser, runners
from gator.cli.launch.spec_files import read_included
from gator.core.text import readable
from gator.errors import Problem
from gator.v1 import query_pb2, spec_pb2


class OptionValue(Struct, frozen=True):
    """The value of an option of `gator run` in a gator.toml, and where it is written."""

    value: Any
    file: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        """Returns a problem with the value."""
        return Problem(self.file, self.line, self.column, message)


class Config(Struct, frozen=True):
    """The values of the files: those of the project precede those of the user."""

    above: spec_pb2.JobGroup = field(default_factory=spec_pb2.JobGroup)
    """The keys of the spec, as those of a group above the root."""
    options: Mapping[str, OptionValue] = {}
    """Values of options of `gator run` by name, without dashes in front."""
    values: tuple[query_pb2.ConfigValue, ...] = ()
    """All values, for the record of the run."""
    problems: tuple[Problem, ...] = ()
    """Problems of the files, which are reported with those of the spec."""


def config_of(spec: str, environment: Mapping[str, str]) -> Config:
    """Returns the values of the gator.toml files that hold for a spec, with the problems of these files.

    Raises UsageError if one cannot be read.
    """
    files = files_for(_folder_of(spec), environment)
    if not files:
        return Config()
    from gator.plan import merge_settings
    from gator.runtime import loading

    above, options, values = spec_pb2.JobGroup(), dict[str, OptionValue](), list[query_pb2.ConfigValue]()
    problems: list[Problem] = []
    # From the user's file to the project's, whose values take precedence.
    for path in reversed(files):
        with loading.quickly():
            from gator.spec import load_config_partly

        name = readable(os.fsencode(path))
        file = load_config_partly(
            read_config(path), file=name, read=read_included, find_parser=find_parser, runners=runners
        )
        settings = merge_settings(above.settings, file.above.settings)
        causes = [*file.above.causes, *above.causes]
        above.MergeFrom(file.above)
        above.settings.CopyFrom(settings)
        del above.causes[:]
        above.causes.extend(causes)
        for key, value in file.run.items():
            options[key] = OptionValue(value, name, *file.positions.get(key, (0, 0)))
        values = [
            query_pb2.ConfigValue(file=name, key=key, value=json.dumps(value, default=str))
            for key, value in file.values.items()
        ] + values
        problems += file.problems
    return Config(above, options, tuple(values), tuple(problems))


def make_absolute(environment: MutableMapping[str, str]) -> None:
    """Makes the path of the user's file absolute."""
    named = environment.get(VARIABLE, "").strip()
    if named and named.lower() != NO_CONFIG:
        environment[VARIABLE] = str(Path(named).absolute())


def _folder_of(spec: str) -> Path:
    """Returns where the search begins: the folder of the spec, or of the launch for a stream."""
    path = Path(spec)
    try:
        is_stream = spec == "-" or not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        is_stream = False
    return Path.cwd() if is_stream else path.absolute().parent


def unknown_options(
    config: Config, allowed: Mapping[str, str], elsewhere: Mapping[str, str]
) -> list[Problem]:
    """Returns the problems with names in [run] that are not in `allowed`.

    `elsewhere` has advice for names of options that belong to another place.
    """
    from gator.spec.suggestions import did_you_mean

    problems: list[Problem] = []
    for name, option in config.options.items():
        if name in elsewhere:
            problems.append(option.problem(f"'{name}' is not a default of [run]: {elsewhere[name]}"))
        elif name not in allowed:
            hint = did_you_mean(name, allowed) or ": see `gator run --help`"
            problems.append(option.problem(f"unknown option '{name}' of gator run{hint}"))
    return problems
