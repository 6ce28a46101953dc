"""Where the failures of a run were seen before, as a hub knows it.

Rule: what no hub was asked about is never called new.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from gator.cli import output
from gator.core.amounts import plural
from gator.v1 import hub_pb2, query_pb2


class Sightings(Struct, frozen=True):
    """The failures of one run over all runs of a hub."""

    run: query_pb2.Run
    before: query_pb2.Run | None
    """The run of the same ident before it; None if it is the first."""
    groups: Mapping[str, hub_pb2.FailureGroup]
    """By signature."""

    def is_new(self, signature: str) -> bool:
        """Whether no run before had such a failure."""
        group = self.groups.get(signature)
        return group is not None and group.first.run == self.run.id

    def headline(self, signatures: Iterable[str]) -> str:
        """`1 new since run 3a700579`."""
        return f"{sum(map(self.is_new, signatures))} new{self._since()}"

    def _since(self) -> str:
        return f" since run {self.before.id[:8]}" if self.before is not None else ""

    def words(self, signature: str) -> str:
        """`new since run 3a700579`, or when there were such failures and in how many runs."""
        group = self.groups.get(signature)
        if group is None:
            return "not known yet"
        if group.first.run == self.run.id:
            return output.paint(f"new{self._since() or ', in the first run of its name'}", "warning")
        last = f", last in {sighting(group.before)}" if group.HasField("before") else ""
        first = f", first in {sighting(group.first)}" if group.first != group.before else ""
        return f"in {plural(group.runs, 'run')}{last}{first}"

    def values(self, signature: str) -> dict[str, Any]:
        """The same for JSON."""
        group = self.groups.get(signature)
        return {
            "new": self.is_new(signature),
            "runs": group.runs if group is not None else 0,
            "first": output.to_values(group.first) if group is not None else None,
            "before": output.to_values(group.before)
            if group is not None and group.HasField("before")
            else None,
        }


def sighting(seen: hub_pb2.Sighting) -> str:
    """A run of the past: `run 3a700579 of 2026-11-22 12:58:30, commit 3f2a91c0 on main`."""
    commit = f", {output.commit(seen.git)}" if seen.git.commit else ""
    return f"run {seen.run[:8]} of {output.moment(seen.started_unix_nanos)}{commit}"
