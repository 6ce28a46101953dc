"""The parameters of a run and of its reruns.

Invariant: values are compared as they are written, with secrets masked.
"""

from collections.abc import Iterable, Mapping, Sequence
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


def value_of(params: Mapping[str, str], name: str) -> str | None:
    """Returns the value of a parameter by its name as in `--param`; None if there is none.

    A node without a value of its own has that of the nearest node above. PATH may be the end of a path.
    """
    if name in params:
        return params[name]
    path, colon, bare = name.rpartition(":")
    if not colon:
        return None
    ends = [params[key] for key in params if key.endswith(f"/{name}")]
    if len(ends) == 1:
        return ends[0]
    above = path.rpartition("/")[0]
    return value_of(params, f"{above}:{bare}" if above else bare)


def params_of_runs(runs: Iterable[query_pb2.Run]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Returns the names and values of the parameters of runs of one spec by run, sorted by name.

    A value counts and not whether it was given: one that is given explicitly may be the default. The runs
    must be full descriptions, not those of a list.
    """
    recorded = {run.id: run.params for run in runs}
    names = sorted({name for params in recorded.values() for name in params})
    return {
        run: tuple((name, value_of(params, name) or "") for name in names) for run, params in recorded.items()
    }
