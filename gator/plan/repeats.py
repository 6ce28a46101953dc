"""Determines how often the children of an array run: its repeats and its matrix, with values filled in."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from gator.plan import interpolate
from gator.plan.matrix import Matrix, make, repeated
from gator.spec.literal import unmarked
from gator.spec.suggestions import did_you_mean
from gator.units import parse_integer
from gator.v1 import spec_pb2

T = TypeVar("T")
MAX_REPEATS: Final = 2**31 - 1
MAX_LISTED: Final = 5_000_000
"""Maximum number of combinations of a matrix that has rows, exclusions or different numbers of repeats."""


class RepeatsError(ValueError):
    """An array has no valid number of repeats; the message says why."""


def instances_of(
    written: spec_pb2.JobArray, settings: spec_pb2.Settings, scope: interpolate.Scope, scale: float
) -> tuple[int, Matrix | None]:
    """Returns the number of instances of each child, and the matrix that names them.

    Raises RepeatsError.
    """
    lookup = scope.lookup(settings)
    if not written.HasField("matrix"):
        return _scaled(_count(written, lookup, {}), scale), None
    matrix = _matrix(written.matrix, settings, lookup)
    named = interpolate.names(written.repeats_text)
    used = [name.removeprefix("matrix.") for name in named if name.startswith("matrix.")]
    if not used:
        matrix = repeated(matrix, [_scaled(_count(written, lookup, {}), scale)])
    elif len(matrix.kept) > MAX_LISTED:
        raise RepeatsError(
            f"the matrix has {len(matrix.kept):,} combinations; "
            f"repeats of a matrix value support at most {MAX_LISTED:,}"
        )
    else:
        matrix = repeated(matrix, _counts(written, matrix, lookup, scale, used) or [0])
    if matrix.total > MAX_REPEATS:
        raise RepeatsError(f"a child has {matrix.total:,} instances; the maximum is {MAX_REPEATS:,}")
    return matrix.total, matrix


def _counts(
    written: spec_pb2.JobArray,
    matrix: Matrix,
    lookup: interpolate.Lookup,
    scale: float,
    used: Sequence[str],
) -> list[int]:
    """Returns the number of repeats of each combination, which depends on these names of the matrix."""
    return of_each(matrix, used, lambda values: _scaled(_count(written, lookup, values), scale))


def of_each(matrix: Matrix, used: Sequence[str], make_value: Callable[[dict[str, str]], T]) -> list[T]:
    """Returns what follows from the values of each combination, if it depends on these names only."""
    at = [matrix.names.index(name) for name in used if name in matrix.names]
    made: dict[tuple[str, ...], T] = {}
    values: list[T] = []
    for combination in matrix.combinations():
        key = tuple([combination[index] for index in at])
        if key not in made:
            made[key] = make_value(dict(zip(matrix.names, combination, strict=True)))
        values.append(made[key])
    return values


def _text(text: str, lookup: interpolate.Lookup, values: dict[str, str]) -> str:
    """Returns a string with the values of parameters and of a combination filled in."""

    def find(name: str) -> str | None:
        kind, _, rest = name.partition(".")
        return interpolate.escape(values[rest]) if kind == "matrix" and rest in values else lookup(name)

    return unmarked(interpolate.partly(text, find)).strip()


def _scaled(count: int, scale: float) -> int:
    return count if not scale or not count else max(1, round(count * scale))


def _count(written: spec_pb2.JobArray, lookup: interpolate.Lookup, values: dict[str, str]) -> int:
    """Returns the number of repeats of a combination with these values."""
    if not written.repeats_text:
        return written.repeats
    text = _text(written.repeats_text, lookup, values)
    number = parse_integer(text)
    if number is None or not 0 <= number <= MAX_REPEATS:
        raise RepeatsError(
            f"{written.repeats_text} is '{text}': repeats must be a number from 0 to {MAX_REPEATS:,}"
        )
    return number


def _matrix(written: spec_pb2.Matrix, settings: spec_pb2.Settings, lookup: interpolate.Lookup) -> Matrix:
    if written.rows:
        names: Sequence[str] = list(written.names)
        filled = [_filled(row.values, settings, lookup) for row in written.rows]
        axes = [[row[at] for row in filled] for at in range(len(names))]
        _check_distinct(names[0], axes[0], f"two rows have the {names[0]}")
    else:
        names = [axis.name for axis in written.axes]
        axes = [_filled(axis.values, settings, lookup) for axis in written.axes]
        for name, values in zip(names, axes, strict=True):
            _check_distinct(name, values, f"the matrix has the {name}")
    exclude = _exclude(written, names, axes)
    total = 1
    for values in axes if not written.rows else axes[:1]:
        total *= len(values)
    if exclude and total > MAX_LISTED:
        raise RepeatsError(
            f"the matrix has {total:,} combinations; 'exclude' supports at most {MAX_LISTED:,}"
        )
    return make(names, axes, is_rows=bool(written.rows), exclude=exclude, numbered=written.numbered)


def _exclude(
    written: spec_pb2.Matrix, names: Sequence[str], axes: Sequence[Sequence[str]]
) -> list[dict[str, str]]:
    """Returns the rules that exclude combinations.

    A value that is not in the matrix is a mistake, unless the values follow from a parameter or variable,
    which may leave it out.
    """
    rules: list[dict[str, str]] = []
    for rule in written.exclude:
        unknown = [
            (name, value) for name, value in rule.values.items() if value not in axes[names.index(name)]
        ]
        for name, value in unknown:
            if not any("${{" in text for text in _written(written, names.index(name))):
                suggestion = did_you_mean(value, axes[names.index(name)])
                raise RepeatsError(f"exclude: '{value}' is not a value of '{name}'{suggestion}")
        if not unknown:
            rules.append(dict(rule.values))
    return rules


def _written(written: spec_pb2.Matrix, at: int) -> Sequence[str]:
    """Returns the values of a name as they are in the spec."""
    return [row.values[at] for row in written.rows] if written.rows else written.axes[at].values


def _filled(texts: Sequence[str], settings: spec_pb2.Settings, lookup: interpolate.Lookup) -> list[str]:
    """Returns the values of strings; what only a job knows cannot be among them."""
    if not any("${{" in text for text in texts):
        # Nearly all strings are values already, and there may be many.
        return [unmarked(text) for text in texts]
    filled = list[str]()
    for value in interpolate.filled_items(texts, lookup, settings):
        if left := interpolate.names(value):
            raise RepeatsError(
                f"${{{{ {left[0]} }}}} is not known yet in a matrix: only params, env and the run are"
            )
        filled.append(unmarked(value))
    return filled


def _check_distinct(name: str, values: Sequence[str], what: str) -> None:
    seen = set[str]()
    for value in values:
        if value in seen:
            raise RepeatsError(f"{what} '{value}' twice: remove one of them")
        seen.add(value)
