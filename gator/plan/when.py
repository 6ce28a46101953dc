"""Evaluates `when`: which nodes and instances the spec itself leaves out.

Instances that the matrix of the array above leaves out do not exist. If `when` depends on a matrix further
up, instances of the levels between differ, so each is decided when its group starts.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from gator.plan import interpolate
from gator.plan.nodes import PlanNode
from gator.plan.repeats import MAX_LISTED, of_each
from gator.plan.values import MAX_VARIANTS, Fill, Matrix, combinations, values_at


class WhenError(ValueError):
    """A `when` has no truth value; the message says why."""


class InstanceCondition(Struct):
    """The `when` of a node that depends on a matrix further up than the array above it."""

    node: PlanNode
    text: str
    names: Sequence[str]
    """The names of matrices that it depends on, such as `matrix.test`."""
    lookup: interpolate.Lookup
    _selected: dict[tuple[str, ...], bool] = field(default_factory=dict[tuple[str, ...], bool])

    def selects(self, path: str) -> bool:
        """Returns whether an instance of the node is selected."""
        values = dict(values_at(self.node, path, self.names))
        key = tuple(values.get(name, "") for name in self.names)
        if key not in self._selected:
            self._selected[key] = _is_true(self.text, self.lookup, values)
        return self._selected[key]


def apply_when(node: PlanNode, when: str, scope: interpolate.Scope) -> None:
    """Sets which instances of a node are left out.

    Raises WhenError if a value is neither true nor false, or depends on too many combinations.
    """
    if not when:
        return
    lookup = scope.lookup(node.settings)
    names = sorted(set(_matrix_names(when, lookup)))
    matrix = node.matrix
    own = [f"matrix.{name}" for name in matrix.names] if matrix is not None else []
    if not names:
        node.is_left_out = not _is_true(when, lookup, {})
    elif matrix is not None and set(names) <= set(own):
        if len(matrix.kept) > MAX_LISTED:
            message = f"the matrix has {len(matrix.kept):,} combinations"
            raise WhenError(f"{message}; 'when' supports at most {MAX_LISTED:,}")
        node.left_out_repeats = _left_out_repeats(node, when, lookup, names)
    else:
        node.condition = InstanceCondition(node, when, names, lookup)
        _check(node, when, lookup, names)


def _left_out_repeats(
    node: PlanNode, when: str, lookup: interpolate.Lookup, names: Sequence[str]
) -> set[int]:
    """Returns the repeats of an array for whose values in its matrix `when` is false."""
    matrix = node.matrix
    assert matrix is not None, "the names are those of its matrix"

    def is_selected(values: dict[str, str]) -> bool:
        return _is_true(when, lookup, {f"matrix.{name}": value for name, value in values.items()})

    selected = of_each(matrix, [name.removeprefix("matrix.") for name in names], is_selected)
    return {
        index
        for place, is_meant in enumerate(selected)
        if not is_meant
        for index in range(matrix.starts[place], matrix.starts[place + 1])
    }


def _check(node: PlanNode, when: str, lookup: interpolate.Lookup, names: Sequence[str]) -> None:
    for number, values in enumerate(combinations(node, names)):
        if number == MAX_VARIANTS:
            used = ", ".join(names)
            message = f"'when' depends on more than {MAX_VARIANTS:,} combinations of {used}"
            raise WhenError(f"{message}: use fewer values")
        _is_true(when, lookup, values)


def _matrix_names(when: str, lookup: interpolate.Lookup) -> Iterator[str]:
    """Yields the names of matrices that a string depends on, also by way of parameters."""
    for name in interpolate.names(when):
        inner = [name] if name.startswith("matrix.") else interpolate.names(lookup(name) or "")
        yield from (each for each in inner if each.startswith("matrix."))


def _is_true(when: str, lookup: interpolate.Lookup, values: Matrix) -> bool:
    try:
        text = Fill(lookup, values).text(when).strip()
    except ValueError as error:
        raise WhenError(f"when: {error}") from None
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    raise WhenError(f"'when' must be true or false; {when} is '{text}'")
