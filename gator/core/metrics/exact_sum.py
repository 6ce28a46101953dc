"""Sums of doubles without rounding.

A double is an integer divided by a power of two, so a sum of doubles is as well, and integers have any number
of digits. `math.fsum` rounds once per call, so sums of sums would depend on the levels between.

Invariant: equal multisets of values give equal sums, whatever the order and the partial sums.
"""

from math import inf, isinf, nan
from typing import Final

from gator.v1 import event_pb2

_MAX_SHIFT: Final = 1100
"""Maximum number of binary digits after the point: the smallest double has 1,074."""
_MAX_BYTES: Final = 300
"""Maximum size of a mantissa: the largest double takes 265 bytes in units of the smallest one."""


class ExactSum:
    """A sum; infinite values absorb finite ones, and the sum of both infinities is NaN."""

    __slots__ = ("_has_minus", "_has_plus", "_mantissa", "_shift")

    def __init__(self) -> None:
        self._mantissa = 0
        self._shift = 0
        self._has_plus = False
        self._has_minus = False

    def add(self, value: float) -> None:
        """Adds a value. NaN stands for both infinities."""
        if value != value or isinf(value):
            self._has_plus = self._has_plus or not value < 0
            self._has_minus = self._has_minus or not value > 0
            return
        numerator, denominator = value.as_integer_ratio()
        self._add(numerator, denominator.bit_length() - 1)

    def add_rounded(self, value: float, exact: event_pb2.ExactNumber | None) -> None:
        """Adds a sum from a message, given as its rounded value and, if that differs, its exact one."""
        if exact is None or exact.shift > _MAX_SHIFT or len(exact.mantissa) > _MAX_BYTES:
            # A hub reads messages of any origin; a large shift would take gigabytes.
            self.add(value)
            return
        self._add(int.from_bytes(exact.mantissa, signed=True), exact.shift)

    def _add(self, mantissa: int, shift: int) -> None:
        if shift > self._shift:
            self._mantissa <<= shift - self._shift
            self._shift = shift
        self._mantissa += mantissa << (self._shift - shift)

    @property
    def value(self) -> float:
        """The sum, rounded to the nearest double."""
        if self._has_plus or self._has_minus:
            return nan if self._has_plus and self._has_minus else inf if self._has_plus else -inf
        return divided(self._mantissa, 1 << self._shift)

    def mean(self, count: int) -> float:
        """Returns the sum divided by a number of values, rounded once."""
        if self._has_plus or self._has_minus:
            return self.value
        return divided(self._mantissa, count << self._shift)

    @property
    def exact(self) -> event_pb2.ExactNumber | None:
        """The exact sum; None if `value` is exact, or not finite because of its terms."""
        mantissa, shift = self._mantissa, self._shift
        if self._has_plus or self._has_minus or not mantissa:
            return None
        rounded = self.value
        if not isinf(rounded):
            numerator, denominator = rounded.as_integer_ratio()
            if numerator << shift == mantissa * denominator:
                return None
        # The mantissa of a message is odd, so that equal sums give equal messages.
        even = min((mantissa & -mantissa).bit_length() - 1, shift)
        mantissa, shift = mantissa >> even, shift - even
        size = mantissa.bit_length() // 8 + 1
        return event_pb2.ExactNumber(mantissa=mantissa.to_bytes(size, signed=True), shift=shift)


def divided(numerator: int, denominator: int) -> float:
    """Returns a quotient rounded to the nearest double, infinite if that is too large."""
    try:
        return numerator / denominator
    except OverflowError:
        return inf if numerator > 0 else -inf
