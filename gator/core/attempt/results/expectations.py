"""Checks whether an attempt met the expectations of `expect` in the spec."""

from collections.abc import Callable

from msgspec import Struct

from gator.core.attempt.output.line_patterns import matched_lines
from gator.core.metrics import broken_message, check_contracts
from gator.core.text import cut
from gator.units import signal_name
from gator.v1 import common_pb2, event_pb2, spec_pb2


class ForbiddenLine(Struct, frozen=True):
    """A line that a pattern of `not_log` matches."""

    pattern: str
    message: event_pb2.ErrorMessage


class Expectations:
    """The expectations of one attempt; an observer of its output."""

    __slots__ = ("_contracts", "_expect", "_missing", "forbidden")

    def __init__(self, expect: spec_pb2.Expect) -> None:
        self._expect = expect
        self._missing = dict.fromkeys(expect.log)
        self._contracts: list[event_pb2.ContractResult] = []
        self.forbidden: ForbiddenLine | None = None
        """The first line that may not occur; None if there is none."""

    def on_lines(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes
    ) -> list[event_pb2.LogEvent]:
        """Searches whole lines for the patterns; there is nothing to record."""
        for pattern in list(self._missing):
            if next(matched_lines(pattern, first_line, data), None) is not None:
                del self._missing[pattern]
        for pattern in self._expect.not_log if self.forbidden is None else ():
            line = next(matched_lines(pattern, first_line, data), None)
            if line is not None:
                severity = common_pb2.SEVERITY_ERROR
                text = cut(line.text)
                message = event_pb2.ErrorMessage(
                    severity=severity, text=text, message=text, stream=stream, line=line.number
                )
                self.forbidden = ForbiddenLine(pattern, message)
                break
        return []

    def permits(self, exit_code: int | None, signal: int | None) -> bool:
        """Returns whether the command may end in this way."""
        expect = self._expect
        if signal is not None:
            return signal in expect.signals
        codes = expect.exit_codes or ([] if expect.signals else [0])
        return exit_code in codes

    @property
    def wanted_end(self) -> str:
        """How the command may end, as `0 or 3`; empty if nothing is written."""
        expect = self._expect
        names = [*map(str, expect.exit_codes), *(f"signal {signal_name(each)}" for each in expect.signals)]
        return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))

    @property
    def pattern_problem(self) -> str:
        """One sentence about the lines that are missing or forbidden; empty if all is well."""
        if self.forbidden is not None:
            text = cut(" ".join(self.forbidden.message.text.split()), 200)
            return f"wrote a line that `not_log: {self.forbidden.pattern}` forbids: {text}"
        if not self._missing:
            return ""
        first, *more = self._missing
        rest = f", nor of {len(more)} more patterns" if more else ""
        return f"wrote no line of the expected pattern {first}{rest}"

    def check(self, total_of: Callable[[str], event_pb2.MetricTotal | None]) -> None:
        """Checks the contracts on metrics; `total_of` returns the metric of a name."""
        if self._expect.contracts:
            self._contracts = check_contracts(self._expect.contracts, total_of)

    @property
    def contract_problem(self) -> str:
        """One sentence about the contracts that do not hold; empty if all do."""
        return broken_message(self._contracts)

    @property
    def contracts(self) -> event_pb2.ContractResults | None:
        """The outcomes of the contracts; None if there are none."""
        return event_pb2.ContractResults(list=self._contracts) if self._contracts else None
