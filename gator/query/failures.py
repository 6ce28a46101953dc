"""Answers which jobs of a run failed, by their causes."""

from collections.abc import Sequence

from gator.core.causes.failed_tests import causes_in
from gator.core.history.cause_rules import CauseRules
from gator.core.history.failure_groups import FailureCount, cause_of, grouped, number_of_jobs
from gator.path_patterns import PathPattern
from gator.query import tokens
from gator.query.more_rules import checked_rules
from gator.query.page_limits import MAX_PAGE_BYTES, page_size
from gator.query.reader import Reader
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

_GROUPS_AT_ONCE = 100
"""Number of failure groups whose examples are read at once; each may have 10 KB of text."""


def list_failures(reader: Reader, request: qs.ListFailuresRequest, path: str) -> qs.ListFailuresResponse:
    """Returns a page of the failed and lost jobs below a node, by cause."""
    position = tokens.decode(request, request.page_token, tokens.AfterCount)
    start = position.after if position else 0
    patterns = [PathPattern(glob) for glob in request.globs]
    renamed = reader.renamed(request.cause) if request.cause else ()
    rules, more = checked_rules(request.rules), checked_rules(request.more_rules)
    if not rules and more:
        more = reader.rules().followed_by(more)
    failed = [
        job
        for job in reader.failed(path, rules or more or None)
        if (job.is_named(request.cause) or job.signature in renamed)
        and (not patterns or any(pattern.matches(job.path) for pattern in patterns))
    ]
    groups = grouped(failed)
    size = page_size(request.page_size)
    jobs, allowed = number_of_jobs(failed)
    response = qs.ListFailuresResponse(
        jobs=jobs,
        causes=len(groups),
        allowed=allowed,
        allowed_causes=sum(group.is_allowed for group in groups),
    )
    written, end = 0, min(start + size, len(groups))
    while start < end and written < MAX_PAGE_BYTES:
        some = _with_examples(reader, groups[start : min(start + _GROUPS_AT_ONCE, end)], rules or more)
        if not rules:
            _add_sightings(reader, some, more or None)
        response.groups.extend(some)
        written += sum(group.ByteSize() for group in some)
        start += len(some)
    if len(groups) > start:
        response.next_page_token = tokens.encode(request, {"after": start})
    return response


def _with_examples(
    reader: Reader, groups: Sequence[FailureCount], rules: CauseRules
) -> list[query_pb2.FailureGroup]:
    """Returns the groups with their examples, as `rules` name them if there are any."""
    paths = list(dict.fromkeys(group.path for group in groups))
    examples = {(node.path, one.signature): one for node in reader.by_paths(paths) for one in causes_in(node)}
    named = rules or reader.rules()
    for node in examples.values() if named else ():
        named.apply(node)
    return [_group_of(group, examples.get((group.path, group.first.signature))) for group in groups]


def _add_sightings(
    reader: Reader, groups: Sequence[query_pb2.FailureGroup], rules: CauseRules | None
) -> None:
    """Adds the sightings of causes that are named by `rules`; None stands for those of the run."""
    keys = [key for group in groups if (key := cause_of(group))]
    sightings = reader.sightings(keys, rules)
    for group in groups:
        if (key := cause_of(group)) in sightings:
            group.MergeFrom(sightings[key])


def _group_of(group: FailureCount, example: query_pb2.Node | None) -> query_pb2.FailureGroup:
    """Returns the failures of one cause, without sightings."""
    message = query_pb2.FailureGroup(
        signature=group.first.signature,
        jobs=group.jobs,
        allowed=group.allowed,
        example=example,
        cause=group.first.cause,
    )
    if example is not None and example.ticket:
        message.tickets.append(example.ticket)
    return message
