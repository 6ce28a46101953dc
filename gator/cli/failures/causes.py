"""Finds the failures of a run, or of a run with its reruns, and their causes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gator.cli.history.sightings import Sightings
from gator.cli.runs.paging import pages
from gator.cli.sources.failure_overlay import FailedIn, OverlaidRun
from gator.cli.sources.open import OpenRun
from gator.core.causes.failed_tests import causes_in
from gator.core.history.failure_groups import FailedJob, cause_of, grouped, headline, number_of_jobs
from gator.core.outcomes import FAILURES, has_failed_itself
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_COMPARED_CAUSES: Final = 1000
"""Maximum number of causes that are compared with those of other runs."""


def sightings_in(failed: FailedIn) -> Sightings:
    """Returns the earlier failures of the run of a failure."""
    return failed.source.sightings(failed.run)


class CauseOf(Struct, frozen=True):
    """Failures of one cause."""

    jobs: int
    allowed: int
    """Number of these jobs whose failure is allowed."""
    example: FailedIn

    tickets: Sequence[str] = ()
    notes: Sequence[query_pb2.CauseNote] = ()

    @property
    def key(self) -> str:
        """The name that a rule gives to the cause, else the signature."""
        return cause_of(self.example.node)

    @property
    def all_tickets(self) -> Sequence[str]:
        """The ticket of the rule, and those that users of a hub have added."""
        return list(dict.fromkeys(filter(None, [self.example.node.ticket, *self.tickets])))

    @property
    def is_allowed(self) -> bool:
        """Whether all failures are allowed."""
        return self.jobs == self.allowed


class Wanted(Struct, frozen=True):
    """The failures that a user wants to see."""

    paths: Sequence[str]
    """Nodes and globs as they were written."""
    globs: Sequence[str]
    cause: str
    """The name of a cause, its ticket, or the beginning of a signature; empty for all."""
    order: qs.NodeOrder.ValueType
    new: bool = False
    """Whether only new causes are wanted, and those that came back if `back` is set too."""
    back: bool = False
    """Whether only causes that came back are wanted, and new ones if `new` is set too."""

    def has_state(self, failed: FailedIn) -> bool:
        """Returns whether the cause of a failure is new or came back, as far as that is wanted."""
        if not (self.new or self.back):
            return True
        sightings = sightings_in(failed)
        causes = list(map(cause_of, causes_in(failed.node)))
        is_new, is_back = map(sightings.is_new, causes), map(sightings.is_back, causes)
        return (self.new and any(is_new)) or (self.back and any(is_back))


class FoundCauses(Struct, frozen=True):
    """The causes of failures."""

    jobs: int
    """Number of failures that are not allowed."""
    causes: int
    """Number of their causes."""
    allowed: int
    """Number of allowed failures."""
    groups: Sequence[CauseOf]
    left_out: int
    """Number of causes that are counted but not listed."""

    def headline(self) -> str:
        """Returns `37 failures, 3 causes, 1 new since run 25cb5c26 (commits a1b2c3d4..c3d4e5f6)`."""
        counting = [group for group in self.groups if not group.is_allowed]
        if not counting:
            return headline(self.jobs, self.causes, self.allowed)
        sightings = sightings_in(counting[0].example)
        some = "at least " if self.left_out else ""
        about = sightings.headline([group.key for group in counting], some=some)
        return headline(self.jobs, self.causes, self.allowed, earlier=about)


def failed_jobs(opened: OpenRun, overlaid: OverlaidRun | None, wanted: Wanted) -> Iterator[FailedIn]:
    """Yields the wanted failures in their order."""
    known = _named(opened, wanted.cause)
    for failed in _all_failed(opened, overlaid, wanted):
        if _has_cause(failed.node, wanted.cause, known) and wanted.has_state(failed):
            yield failed


def _all_failed(opened: OpenRun, overlaid: OverlaidRun | None, wanted: Wanted) -> Iterator[FailedIn]:
    if overlaid is not None:
        yield from overlaid.failed(wanted.globs, wanted.order)
        return
    request = qs.ListNodesRequest(
        path=opened.run.ident,
        scope=qs.SCOPE_SUBTREE,
        globs=wanted.globs,
        outcomes=sorted(FAILURES),
        order=wanted.order,
    )
    for page in pages(opened.api.list_nodes, request):
        for node in filter(has_failed_itself, page.nodes):
            yield FailedIn(node, opened.run, opened.source)


def _named(opened: OpenRun, name: str) -> Collection[str]:
    """Returns the causes in the run that `name` stands for.

    It may be a signature of an earlier version, or a ticket that is about the cause.
    """
    if not name:
        return ()
    for request in (qs.ListFailuresRequest(cause=name), qs.ListFailuresRequest()):
        groups = [group for page in pages(opened.api.list_failures, request) for group in page.groups]
        named = groups if request.cause else [group for group in groups if name in group.tickets]
        if named:
            return {cause_of(group) for group in named}
    return ()


def _has_cause(node: query_pb2.Node, name: str, known: Collection[str]) -> bool:
    if node.failed_tests.list and any(_has_cause(one, name, known) for one in causes_in(node)):
        return True
    return (
        cause_of(node) in known
        or any(each.startswith(name) for each in (node.signature, node.former_signature))
        or name in (node.cause, node.ticket)
    )


def find_causes(opened: OpenRun, overlaid: OverlaidRun | None, wanted: Wanted) -> FoundCauses:
    """Returns the causes of the wanted failures."""
    if overlaid is None and not wanted.cause:
        causes = _listed(opened, wanted.globs)
    else:
        known = _named(opened, wanted.cause)
        causes = _grouped(
            [
                replace(failed, node=one)
                for failed in failed_jobs(opened, overlaid, wanted)
                for one in causes_in(failed.node)
                if _has_cause(one, wanted.cause, known)
            ]
        )
    groups = sorted(causes.groups, key=_rank)
    if not (wanted.new or wanted.back):
        return _with(causes, groups)
    new = [group for group in groups if wanted.has_state(group.example)]
    counting = [group for group in new if not group.is_allowed]
    allowed = sum(group.allowed for group in new)
    return FoundCauses(
        sum(group.jobs for group in new) - allowed, len(counting), allowed, new, causes.left_out
    )


def _with(causes: FoundCauses, groups: Sequence[CauseOf]) -> FoundCauses:
    return FoundCauses(causes.jobs, causes.causes, causes.allowed, groups, causes.left_out)


def _rank(group: CauseOf) -> tuple[bool, int]:
    return group.is_allowed, sightings_in(group.example).rank(group.key)


def in_order(failed: Iterable[FailedIn]) -> list[FailedIn]:
    """Returns a few failures, new ones first and allowed ones last."""
    return sorted(failed, key=lambda one: (one.node.allow_failure, min(_ranks(one))))


def _ranks(failed: FailedIn) -> Iterable[int]:
    """Yields the sort keys of the causes of a failure, by which new ones are first."""
    sightings = sightings_in(failed)
    return (sightings.rank(cause_of(one)) for one in causes_in(failed.node))


def _listed(opened: OpenRun, globs: Sequence[str]) -> FoundCauses:
    """Returns the causes in one run, as listed by its folder or hub."""
    request = qs.ListFailuresRequest(path=opened.run.ident, globs=globs, page_size=_MAX_COMPARED_CAUSES)
    page = opened.api.list_failures(request)
    groups = [
        CauseOf(
            group.jobs,
            group.allowed,
            FailedIn(group.example, opened.run, opened.source),
            group.tickets,
            group.notes,
        )
        for group in page.groups
    ]
    return FoundCauses(
        page.jobs - page.allowed,
        page.causes - page.allowed_causes,
        page.allowed,
        groups,
        page.causes - len(groups),
    )


def _grouped(failed: Sequence[FailedIn]) -> FoundCauses:
    """Returns the causes of failures in one or several runs; a failure is given once for each cause."""
    by_cause = {(one.node.path, cause_of(one.node)): one for one in failed}
    jobs = [
        FailedJob(
            path,
            one.node.signature,
            one.node.first_failure_unix_nanos,
            is_allowed=one.node.allow_failure,
            cause=one.node.cause,
        )
        for (path, _), one in by_cause.items()
    ]
    groups = grouped(jobs)
    number, allowed = number_of_jobs(jobs)
    return FoundCauses(
        number - allowed,
        sum(not group.is_allowed for group in groups),
        allowed,
        [
            CauseOf(group.jobs, group.allowed, by_cause[group.path, group.first.key])
            for group in groups[:_MAX_COMPARED_CAUSES]
        ],
        max(len(groups) - _MAX_COMPARED_CAUSES, 0),
    )
