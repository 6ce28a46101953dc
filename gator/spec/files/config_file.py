"""Loads a gator.toml. Few runs need it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from msgspec import Struct
from yaml.nodes import MappingNode, Node

from gator.errors import Problem, SpecError
from gator.spec.builders.context import FindParser, Read, Runners, SpecContext
from gator.spec.builders.include import Includes
from gator.spec.builders.nodes import read_inherited
from gator.spec.builders.recognition.causes import read_causes
from gator.spec.keys import GROUP, KEYS_OF
from gator.spec.suggestions import nearest
from gator.spec.toml import nodes as toml_nodes
from gator.spec.yaml.nodes import decode
from gator.v1 import spec_pb2

_CAUSES: Final = "causes"
_RUN: Final = "run"
"""The table of gator.toml with options of `gator run`."""


class ConfigFile(Struct, frozen=True):
    """The content of a gator.toml."""

    above: spec_pb2.JobGroup
    """The keys of the spec, as those of a group above the root."""
    run: Mapping[str, Any]
    """The values of the table [run], by the names of options."""
    positions: Mapping[str, tuple[int, int]]
    """Line and column of each of these values."""
    values: Mapping[str, Any]
    """All values by their key at the top of the file; those of [run] as `run.NAME`."""
    problems: tuple[Problem, ...] = ()
    """The problems; if there are any, the rest is incomplete."""


def load_config(
    text: bytes,
    file: str,
    read: Read | None,
    find_parser: FindParser | None = None,
    runners: Runners | None = None,
) -> ConfigFile:
    """Loads a gator.toml as `gator.spec.load_config` describes."""
    config = load_config_partly(text, file, read, find_parser, runners)
    if config.problems:
        raise SpecError(config.problems)
    return config


def load_config_partly(
    text: bytes,
    file: str,
    read: Read | None,
    find_parser: FindParser | None = None,
    runners: Runners | None = None,
) -> ConfigFile:
    """Loads a gator.toml as `gator.spec.load_config_partly` describes."""
    context = SpecContext(find_parser, runners)
    above = spec_pb2.JobGroup()
    try:
        decoded = decode(text, file)
        Includes(context, read)
        context.begin(file, decoded)
        root, values = toml_nodes.compose(decoded, file)
    except SpecError as error:
        return ConfigFile(above, {}, {}, {}, tuple(error.problems))
    others = read_inherited(context, root, above)
    positions: dict[str, tuple[int, int]] = {}
    for name, pair in others.items():
        if name == _RUN and isinstance(pair.value, MappingNode):
            positions = {key.value: _at(key) for key, _ in pair.value.value}
        elif name == _RUN:
            context.problem(pair.key, "'run' must be a table: put its options under [run]")
        else:
            near = nearest(name, (*KEYS_OF[GROUP], _RUN))
            hint = f": did you mean '{near}'?" if near else ": options of gator run belong in [run]"
            context.problem(pair.key, f"'{name}' is not a key of gator.toml{hint}")
    table = values.pop(_RUN, {})
    run = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    problems = tuple(sorted(set(context.problems)))
    return ConfigFile(above, run, positions, values | {f"{_RUN}.{name}": run[name] for name in run}, problems)


def load_causes(text: bytes, file: str) -> Sequence[spec_pb2.CauseRule]:
    """Loads the rules for causes as `gator.spec.load_causes` describes."""
    context = SpecContext()
    decoded = decode(text, file)
    context.begin(file, decoded)
    root, _ = toml_nodes.compose(decoded, file)
    rules = [
        rule for key, value in root.value if key.value == _CAUSES for rule in read_causes(context, value)
    ]
    if context.problems:
        raise SpecError(tuple(sorted(set(context.problems))))
    return rules


def _at(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
