"""The earlier runs in which the failures of a run were seen.

Invariant: a failure is called new only if an earlier run of the same series is known, or a hub was asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from gator.cli import output
from gator.cli.json_output import to_values
from gator.console import describe
from gator.ports import History
from gator.units import plural
from gator.v1 import query_pb2


class Sightings(Struct, frozen=True):
    """The failures of one run in the runs of its series."""

    run: query_pb2.Run
    before: query_pb2.Run | None
    """The previous run of the series, for a rerun its parent; None if it is the first."""
    groups: Mapping[str, query_pb2.FailureGroup]
    """By signature."""

    def is_new(self, signature: str) -> bool:
        """Returns whether no earlier run of the series had such a failure."""
        group = self.groups.get(signature)
        return group is not None and group.first.run == self.run.id

    def headline(self, signatures: Iterable[str]) -> str:
        """Returns `1 new since run 3a700579`; empty if the earlier sightings are not known."""
        if not self.groups:
            return ""
        return f"{sum(map(self.is_new, signatures))} new{self._since()}"

    def _since(self) -> str:
        return f" since run {self.before.id[:8]}" if self.before is not None else ""

    def describe(self, signature: str) -> str:
        """Returns `new since run 3a700579`, or when and in how many runs of the series it occurred."""
        group = self.groups.get(signature)
        if group is None:
            return "not known"
        return self._describe(group) + elsewhere(group.elsewhere)

    def _describe(self, group: query_pb2.FailureGroup) -> str:
        if group.first.run == self.run.id:
            return output.paint(f"new{self._since() or ', in the first run of its series'}", "warning")
        last = f", last in {sighting(group.before)}" if group.HasField("before") else ""
        first = f", first in {sighting(group.first)}" if group.first != group.before else ""
        return f"in {plural(group.runs, 'run')}{last}{first}"

    def values(self, signature: str) -> dict[str, Any]:
        """Returns the same for JSON."""
        group = self.groups.get(signature)
        values: dict[str, Any] = {
            "new": self.is_new(signature),
            "runs": group.runs if group is not None else 0,
        }
        for name in ("first", "before", "elsewhere"):
            known = group is not None and group.HasField(name)
            values[name] = to_values(getattr(group, name)) if known else None
        return values


def sightings_of(history: History, run: query_pb2.Run) -> Sightings:
    """Returns where the failures of a run were seen before."""
    return Sightings(run, history.previous(run), history.sightings(run))


def sighting(seen: query_pb2.Sighting) -> str:
    """Returns a run of the past: `run 3a700579 of 2026-11-22 12:58:30, commit 3f2a91c0 on main`."""
    commit = f", {describe.commit(seen.git)}" if seen.git.commit else ""
    return f"run {seen.run[:8]} of {describe.moment(seen.started_unix_nanos)}{commit}"


def elsewhere(seen: query_pb2.Elsewhere) -> str:
    """Returns `; also in 3 runs of projectA since 2026-11-20 08:00:00`; empty if there are none."""
    if not seen.runs:
        return ""
    since = describe.moment(seen.first.started_unix_nanos)
    return f"; also in {plural(seen.runs, 'run')} of {', '.join(seen.idents)} since {since}"
