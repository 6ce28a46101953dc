"""The earlier runs in which the failures of a run were seen.

Invariant: folders and hubs say the same; in the first run of a series each cause is new.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from gator.cli import output
from gator.cli.json_output import to_values
from gator.console import describe
from gator.core.history.sightings import BACK, NEW
from gator.enum_names import enum_name
from gator.ports import History
from gator.units import plural, span
from gator.v1 import query_pb2

_UNKNOWN = query_pb2.FailureGroup()
_FIRST = " (first run of this series)"
_RANKS = {NEW: 0, BACK: 1}


class Sightings(Struct, frozen=True):
    """The failures of one run in the runs of its series."""

    run: query_pb2.Run
    """The run, or that which it repeats."""
    before: query_pb2.Run | None
    """The previous run of the series, for a rerun that of the repeated run; None if it is the first."""
    groups: Mapping[str, query_pb2.FailureGroup]
    """By cause: the name that a rule gives to it, else the signature."""

    @property
    def is_known(self) -> bool:
        """Whether the earlier runs could be read."""
        return any(group.state for group in self.groups.values())

    def is_new(self, cause: str) -> bool:
        """Returns whether no earlier run of the series had such a failure."""
        return self._group(cause).state == NEW

    def is_back(self, cause: str) -> bool:
        """Returns whether earlier runs of the series had such a failure, but a later one did not."""
        return self._group(cause).state == BACK

    def rank(self, cause: str) -> int:
        """Returns a sort key: new causes first, then those that came back."""
        return _RANKS.get(self._group(cause).state, 2)

    def headline(self, causes: Iterable[str], *, some: str = "") -> str:
        """Returns `, 1 new, 2 back since run 3a700579 (commits 25cb5c26..6f1f22ec)`; empty if not known.

        For the first run of a series it is ` (first run of this series)`.

        `some` precedes the numbers, such as `at least `. Causes that came back are mentioned only if
        there are any. The run is the oldest of those after which the causes appeared.
        """
        if not self.is_known:
            return ""
        if self.before is None:
            return _FIRST
        groups = [group for cause in causes if (group := self._group(cause)).state in (NEW, BACK)]
        states = [group.state for group in groups]
        back = f", {count} back" if (count := states.count(BACK)) else ""
        return f", {some}{states.count(NEW)} new{back}{self._since(groups)}"

    def _since(self, groups: Sequence[query_pb2.FailureGroup]) -> str:
        """Returns since when causes are new or came back; empty if no earlier run ran their jobs."""
        if not groups and self.before is not None:
            return since_run(self.before.id, self.before.git, self.run)
        good = min(
            (group.good for group in groups if group.HasField("good")),
            key=lambda run: run.started_unix_nanos,
            default=None,
        )
        return "" if good is None else since_run(good.run, good.git, self.run)

    def state(self, cause: str) -> str:
        """Returns `new`, `back` or `known`; empty if it is not known."""
        return enum_name(query_pb2.CauseState.DESCRIPTOR, self._group(cause).state)

    def age(self, cause: str) -> str:
        """Returns the number of runs of the series with such a failure: `4 runs`; empty if not known."""
        runs = self._group(cause).runs
        return plural(runs, "run") if runs else ""

    def describe(self, cause: str) -> str:
        """Returns `new since run 3a700579`, or when and in how many runs of the series it occurred."""
        group = self._group(cause)
        if not group.state:
            return "not known"
        return self._describe(group) + elsewhere(group.elsewhere)

    def _describe(self, group: query_pb2.FailureGroup) -> str:
        if group.state == NEW:
            return output.paint(f"new{self._start_of_new(group)}", "warning")
        last = f", last in {sighting(group.before)}" if group.HasField("before") else ""
        is_known = group.first == group.before or (group.state != BACK and group.first.run == group.since.run)
        first = "" if is_known else f", first in {sighting(group.first)}"
        if group.state == BACK:
            gone = f"back after run {group.good.run[:8]}{commits_in_brackets(group)}"
            return f"{output.paint(gone, 'warning')}, in {plural(group.runs, 'run')}{last}{first}"
        return f"{self._start_of(group)}; in {plural(group.runs, 'run')}{last}{first}"

    def _start_of_new(self, group: query_pb2.FailureGroup) -> str:
        """Returns ` since run 3a700579 (commits a..b)`: the last run in which the job ran to its end."""
        if self.before is None:
            return f"{_FIRST}{_of_commit(group.since)}"
        return self._since([group]) or f": no earlier run ran the job to its end{_of_commit(group.since)}"

    def _start_of(self, group: query_pb2.FailureGroup) -> str:
        """Returns `first seen in run 77e01b9c (commits a..b), 2d23h before`, for consecutive runs."""
        since = group.since
        begin = "first seen in" if since.run in ("", group.first.run) else "in all runs since"
        nanos = self.run.started_unix_nanos - since.started_unix_nanos
        age = f", {span(nanos)} before" if nanos > 0 else ""
        return f"{begin} run {since.run[:8]}{commits_in_brackets(group)}{age}"

    def values(self, cause: str) -> dict[str, Any]:
        """Returns the same for JSON."""
        group = self._group(cause)
        values: dict[str, Any] = {
            "new": group.state == NEW,
            "cause_state": self.state(cause) or None,
            "runs": group.runs,
        }
        for name in ("first", "before", "since", "good", "elsewhere"):
            values[name] = to_values(getattr(group, name)) if group.HasField(name) else None
        return values

    def _group(self, cause: str) -> query_pb2.FailureGroup:
        return self.groups.get(cause, _UNKNOWN)


def since_run(good: str, git: query_pb2.Git, run: query_pb2.Run) -> str:
    """Returns ` since run 25cb5c26 (commits a1b2c3d4..c3d4e5f6)` for the id and commit of an earlier run."""
    return f" since run {good[:8]}{_in_brackets(git, run.git)}"


def sightings_of(history: History, run: query_pb2.Run) -> Sightings:
    """Returns where the failures of a run were seen before; for a rerun, before the run that it repeats."""
    # A cause begins in the repeated run: the commit of a rerun says nothing about that.
    repeated = history.repeated(run)
    return Sightings(repeated, history.previous(repeated), history.sightings(run))


def sighting(seen: query_pb2.Sighting) -> str:
    """Returns a run of the past: `run 3a700579 of 2026-11-22 12:58:30, commit 3f2a91c0 on main`."""
    return f"run {seen.run[:8]} of {describe.moment(seen.started_unix_nanos)}{_of_commit(seen)}"


def _of_commit(seen: query_pb2.Sighting) -> str:
    return f", {describe.commit(seen.git)}" if seen.git.commit else ""


def commits_in_brackets(group: query_pb2.FailureGroup) -> str:
    """Returns ` (commits 25cb5c26..6f1f22ec)`, in which a failure began; empty if they are not known."""
    return _in_brackets(group.good.git, group.since.git)


def _in_brackets(good: query_pb2.Git, bad: query_pb2.Git) -> str:
    commits = describe.commits(good, bad)
    return f" ({commits})" if commits else ""


def elsewhere(seen: query_pb2.Elsewhere) -> str:
    """Returns `; also in 3 runs of projectA since 2026-11-20 08:00:00`; empty if there are none."""
    if not seen.runs:
        return ""
    since = describe.moment(seen.first.started_unix_nanos)
    return f"; also in {plural(seen.runs, 'run')} of {', '.join(seen.idents)} since {since}"
