"""The parameters of a run and of its reruns, which inherit those of the run that they repeat.

Invariant: values are compared as they are written on the command lines, with secrets masked.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from gator.core.launch.rerun import launched
from gator.v1 import query_pb2

PARAM: Final = "--param"
SCALE: Final = "--scale"


def options_of(argv: Sequence[str], name: str) -> list[str]:
    """Returns the values of an option on the command line of a `gator run`, in its order."""
    options = launched(argv).options
    return [value for option, value in zip(options[::2], options[1::2], strict=True) if option == name]


def by_name(texts: Iterable[str]) -> dict[str, str]:
    """Returns the values of `--param` options by the name of the parameter, the last one of each."""
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def params_of_reruns(
    repeated: query_pb2.Run, reruns: Iterable[query_pb2.Run]
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Returns the names and values of the parameters of a run and its reruns by run, sorted by name.

    The runs must have their command lines.
    """
    inherited = by_name(options_of(repeated.argv, PARAM))
    params = {run.id: inherited | by_name(options_of(run.argv, PARAM)) for run in reruns}
    return {run: tuple(sorted(values.items())) for run, values in ({repeated.id: inherited} | params).items()}
