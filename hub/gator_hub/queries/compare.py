"""Compares two runs of the hub.

Invariant: the database joins the jobs. It returns those that did not pass in both runs, and details only of
the jobs that a page shows.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

import peewee as pw
from msgspec import Struct

from gator.core.history import compare
from gator.core.history.cause_rules import NO_RULES, CauseRules
from gator.v1 import common_pb2, hub_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.database.database import Database
from gator_hub.queries.own_signatures import HubCatalogue
from gator_hub.queries.run_rows import RUN_NAMES, rows_of_runs, run_of

_MAX_KEPT = 8
_PIECE = 200
_MAX_BYTES = 1024 * 1024
"""Size in bytes at which a page ends. The piece of jobs that reaches it is complete."""
_MAX_PATHS = 500_000
"""Maximum number of paths in all cached comparisons. The last comparison is always kept."""
_KIND_JOB = int(common_pb2.NODE_KIND_JOB)
_PASSED = int(common_pb2.OUTCOME_PASSED)
_GOING = common_pb2.OUTCOME_UNSPECIFIED
_STILL = hub_pb2.CHANGE_STILL_PASSING
# n is a job of one run, m the same job of the other. The conditions allow m to be missing, so that the
# planner of a database never begins with the other run.
_BOTH_PASSED = f"n.outcome = {_PASSED} AND coalesce(m.outcome, 0) = {_PASSED}"
_NOT_BOTH = f"(n.outcome IS NULL OR n.outcome <> {_PASSED} OR m.outcome IS NULL OR m.outcome <> {_PASSED})"

_Job = tuple[str, str]
"""Sort key and path below the root. The key is that of the newer run, else of the older one."""
PageKey = tuple[int, str]
"""Change and path of the last job of a page."""


class Page(Struct, frozen=True):
    """Some of the jobs of two runs, the total number of jobs by change, and of those that are left out."""

    differences: Sequence[hub_pb2.Difference]
    counts: Sequence[hs.ChangeCount]
    unselected: int
    """Number of jobs that are left out because only one of the runs selected them."""
    next: PageKey | None
    """Start of the next page; None at the end."""


class _Comparison(Struct, frozen=True):
    """The changes of the jobs of two runs."""

    jobs: Mapping[compare.Change, Sequence[_Job]]
    """Jobs by change, in the order of their sort keys, without those that passed in both runs."""
    counts: Sequence[hs.ChangeCount]
    unselected: int

    def __len__(self) -> int:
        return sum(map(len, self.jobs.values()))


class _Run(Struct, frozen=True):
    """One of two runs: the number of its row, and the ident of its root."""

    id: int
    ident: str
    more: CauseRules
    """Rules that name causes where those of the run do not."""

    def full(self, path: str) -> str:
        """Returns the full path of a path below the root."""
        return f"{self.ident}/{path}" if path else self.ident


class Comparisons:
    """Compares runs. Recent comparisons are cached for their next pages, until one of the runs changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], _Comparison] = OrderedDict()

    def page(
        self,
        before: int,
        after: int,
        changes: Collection[compare.Change],
        at: PageKey | None,
        size: int,
        more: CauseRules = NO_RULES,
    ) -> Page:
        """Returns at most `size` jobs of two runs, sorted by change, then in the order of the spec.

        The runs are given by their numbers. Returns fewer jobs if they are large. Without `changes`, all
        but the uninteresting ones are included. Rules of `more` name causes that the rules of a run do not.
        """
        old, new = self._run(before, more), self._run(after, more)
        comparison = self._of(old, new)
        last, path = at or (0, None)
        shown: list[compare.Changed] = []
        for change in sorted(set(changes) or set(hub_pb2.Change.values()) - compare.UNINTERESTING):
            if change < last or len(shown) > size:
                continue
            begin = path if change == last else None
            if change == _STILL:
                some = self._both_passed(old, new, begin, size + 1 - len(shown))
            else:
                holder = old if change == hub_pb2.CHANGE_GONE else new
                some = _beyond(
                    comparison.jobs.get(change, ()), self._key(holder, begin), size + 1 - len(shown)
                )
            shown += [compare.Changed(difference, change) for difference in some]
        differences: list[hub_pb2.Difference] = []
        written = 0
        while len(differences) < min(size, len(shown)) and written < _MAX_BYTES:
            some = self._differences(old, new, shown[len(differences) : min(len(differences) + _PIECE, size)])
            differences += some
            written += sum(difference.ByteSize() for difference in some)
        last = shown[len(differences) - 1] if differences else None
        next_position = (int(last.change), last.path) if last and len(shown) > len(differences) else None
        return Page(differences, comparison.counts, comparison.unselected, next_position)

    def _of(self, old: _Run, new: _Run) -> _Comparison:
        # A run that was removed and imported again has other stores; one that continues has other positions.
        key = (old.id, new.id, *self._positions(old), *self._positions(new))
        with self._lock:
            comparison = self._kept.get(key)
            if comparison is not None:
                self._kept.move_to_end(key)
                return comparison
        comparison = self._compare(old, new)
        with self._lock:
            self._kept[key] = comparison
            while len(self._kept) > 1 and not self._is_little():
                self._kept.popitem(last=False)
        return comparison

    def _is_little(self) -> bool:
        return len(self._kept) <= _MAX_KEPT and sum(map(len, self._kept.values())) <= _MAX_PATHS

    def _compare(self, old: _Run, new: _Run) -> _Comparison:
        jobs: dict[compare.Change, list[_Job]] = {change: [] for change in hub_pb2.Change.values()}
        columns = "n.sort, n.outcome, m.kind, m.outcome, m.sort"
        for path, sort_key, before, kind, after, newer in self._pairs(old, new, columns, _NOT_BOTH):
            change = compare.change_of(before or _GOING, None if kind is None else after or _GOING)
            jobs[change].append((sort_key if kind is None else newer, path))
        gone = len(jobs[hub_pb2.CHANGE_GONE])
        both = self._jobs(old) - gone
        if self._jobs(new) > both:
            # Otherwise each job of the new run has a counterpart, and this query is not needed.
            added = self._pairs(new, old, "n.sort", "m.kind IS NULL")
            jobs[hub_pb2.CHANGE_NEW] = [(sort_key, path) for path, sort_key in added]
        for some in jobs.values():
            some.sort()
        numbers = {change: len(some) for change, some in jobs.items()}
        # The jobs of a run that continues or is being removed were counted later, so this may be negative.
        numbers[_STILL] = max(both - sum(numbers.values()) + gone + numbers[hub_pb2.CHANGE_NEW], 0)
        unknown = compare.unknown_changes(self._described(old), self._described(new))
        for change in unknown:
            del jobs[change]
        counts = [
            hs.ChangeCount(change=change, jobs=number)
            for change, number in sorted(numbers.items())
            if number and change not in unknown
        ]
        return _Comparison(jobs, counts, sum(numbers[change] for change in unknown))

    def _both_passed(self, old: _Run, new: _Run, begin: str | None, limit: int) -> list[str]:
        """Returns jobs that passed in both runs, after a path."""
        condition = f"{_BOTH_PASSED} AND n.sort > ?"
        rows = self._pairs(new, old, "", condition, self._key(new, begin), limit=limit)
        return [path for (path,) in rows]

    def _key(self, run: _Run, path: str | None) -> str:
        """Returns the sort key of a path below the root; empty for none."""
        if path is None:
            return ""
        return HubCatalogue(self._database.query, run.id).sort_key(run.full(path))

    def _pairs(
        self, run: _Run, other: _Run, columns: str, condition: str, *values: object, limit: int | None = None
    ) -> list[Any]:
        """Returns jobs of one run in the order of its spec, joined with the same jobs of the other.

        Each row has the path below the root and columns of the job n of the one and m of the other.
        """
        same, mapped = "n.path", list[object]()
        if run.ident != other.ident:
            same, mapped = "? || substr(n.path, ?)", [other.ident, len(run.ident) + 1]
        sql = (
            f"SELECT substr(n.path, ?){', ' * bool(columns)}{columns} FROM nodes AS n"  # noqa: S608 - constants
            f" LEFT JOIN nodes AS m ON m.run = ? AND m.path = {same} AND m.kind = {_KIND_JOB}"
            f" WHERE n.run = ? AND n.kind = {_KIND_JOB} AND {condition} ORDER BY n.sort"
        )
        given = [len(run.ident) + 2, other.id, *mapped, run.id, *values]
        if limit is None:
            return self._database.query(sql, given)
        return self._database.query(f"{sql} LIMIT ?", [*given, limit])

    def _jobs(self, run: _Run) -> int:
        nodes = self._database.models.nodes
        jobs = nodes.select(pw.fn.count(pw.SQL("*"))).where(nodes.run == run.id, nodes.kind == _KIND_JOB)
        return self._database.rows(jobs)[0][0]

    def _positions(self, run: _Run) -> list[object]:
        stores = self._database.models.stores
        query = stores.select(stores.store, stores.states_seq).where(stores.run == run.id)
        return [value for row in self._database.rows(query.order_by(stores.id)) for value in row]

    def _run(self, run: int, more: CauseRules) -> _Run:
        runs = self._database.models.runs
        rows = self._database.rows(runs.select(runs.ident).where(runs.id == run))
        return _Run(run, rows[0][0] if rows else "", more)

    def _described(self, run: _Run) -> query_pb2.Run:
        rows = rows_of_runs(self._database, [run.id], RUN_NAMES)
        return run_of(rows[run.id]) if rows else query_pb2.Run()

    def _differences(
        self, old: _Run, new: _Run, changed: Sequence[compare.Changed]
    ) -> list[hub_pb2.Difference]:
        """Returns changed jobs with the details of both runs."""
        paths = [change.path for change in changed]
        before, after = self._sides(old, paths), self._sides(new, paths)
        return [
            compare.difference(change, before.get(change.path), after.get(change.path)) for change in changed
        ]

    def _sides(self, run: _Run, paths: Sequence[str]) -> dict[str, hub_pb2.Side]:
        full = [run.full(path) for path in paths]
        catalogue = HubCatalogue(self._database.query, run.id)
        nodes: list[query_pb2.Node] = catalogue.by_paths(full)
        catalogue.name_more(run.more, nodes)
        metrics = catalogue.metrics(full)
        return {
            compare.below_root(node.path): compare.side_of(node, metrics.get(node.path, [])) for node in nodes
        }


def _beyond(jobs: Sequence[_Job], key: str, limit: int) -> Sequence[str]:
    """Returns the paths of up to `limit` jobs after a key; `jobs` are in the order of their sort keys."""
    first = bisect_right(jobs, key, key=itemgetter(0))
    return [path for _, path in jobs[first : first + limit]]
