"""A run and what it recorded, read by the same queries as by the commands."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from gator.cli.runs.paging import pages
from gator.cli.sources.open import OpenRun, open_run
from gator.console import describe
from gator.enum_names import enum_name, enum_value
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_NANOS = 1e9


class Failure(Struct, frozen=True):
    """The message that explains a failure."""

    text: str
    file: str
    line: int
    """Line in the file, from 1; 0 if it is not known."""
    code: str


class Node(Struct, frozen=True):
    """A job, group or array of a run."""

    path: str
    kind: str
    """`job`, `group` or `array`."""
    outcome: str
    """`passed`, `failed`, `lost`, `pruned` or `cancelled`; empty while it has not ended."""
    reason: str
    """Why it did not pass, such as `exit`; empty if it passed."""
    message: str
    attempts: int
    seed: int
    seconds: float
    """Time from its start to its end; 0 if it has not run."""
    first_error: Failure | None

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.outcome == "passed"


class Metric(Struct, frozen=True):
    """The combined value of a metric of a node."""

    path: str
    name: str
    value: float
    unit: str
    count: int
    """Number of values that were combined."""


class Line(Struct, frozen=True):
    """A line of output, or a message."""

    path: str
    attempt: int
    stream: str
    """`out` or `err`; empty for a message."""
    number: int
    """Number of the line in its stream, from 1; 0 for a message."""
    severity: str
    text: str
    time: float
    """Seconds since 1970 UTC."""
    logger: str


class Run(Struct, frozen=True):
    """A run that has ended."""

    folder: Path
    exit_code: int
    """0 if it passed, else 1."""

    @property
    def passed(self) -> bool:
        """Whether the run passed."""
        return self.exit_code == 0

    @property
    def id(self) -> str:
        """The id of the run."""
        with self._opened() as opened:
            return opened.run.id

    @property
    def outcome(self) -> str:
        """The outcome of the root."""
        return self.node().outcome

    def node(self, path: str | None = None) -> Node:
        """Returns a node by its path or the end of it; the root for none. Raises NotFoundError."""
        with self._opened() as opened:
            request = qs.GetNodeRequest(path=opened.path_of(path))
            return node_of(opened.api.get_node(request).node)

    @property
    def nodes(self) -> Sequence[Node]:
        """All nodes, in the order of the spec."""
        return self.below()

    @property
    def failures(self) -> Sequence[Node]:
        """The jobs that failed or were lost, in the order of the spec."""
        return self.below(outcomes=("failed", "lost"), kinds=("job",))

    def below(
        self, path: str | None = None, *, outcomes: Sequence[str] = (), kinds: Sequence[str] = ()
    ) -> Sequence[Node]:
        """Returns a node and all below it that have one of the outcomes and kinds, if any are given."""
        with self._opened() as opened:
            request = qs.ListNodesRequest(
                path=opened.path_of(path),
                scope=qs.SCOPE_SUBTREE,
                order=qs.NODE_ORDER_SPEC,
                outcomes=[enum_value(common_pb2.Outcome, word) for word in outcomes],
                kinds=[enum_value(common_pb2.NodeKind, word) for word in kinds],
            )
            return [node_of(node) for page in pages(opened.api.list_nodes, request) for node in page.nodes]

    @property
    def metrics(self) -> Sequence[Metric]:
        """The metrics of all nodes; those of a group combine those of its jobs."""
        with self._opened() as opened:
            request = qs.ListMetricsRequest(path=opened.run.ident)
            return [
                Metric(node.path, metric.name, metric.value, metric.unit, metric.count)
                for page in pages(opened.api.list_metrics, request)
                for node in page.nodes
                for metric in node.metrics
            ]

    def lines(self, path: str | None = None, *, regex: str = "", severity: str = "") -> Iterator[Line]:
        """Yields lines and messages of a job, or of all jobs at and below a node, in the order of the spec.

        `regex` is in the syntax of RE2; `severity` is the lowest, such as `warning`.
        """
        with self._opened() as opened:
            request = qs.ListLinesRequest(path=opened.path_of(path), regex=regex, messages=True)
            if severity:
                request.severity = enum_value(common_pb2.Severity, severity)
            for page in pages(opened.api.list_lines, request):
                yield from map(_line, page.lines)

    @contextmanager
    def _opened(self) -> Generator[OpenRun]:
        with open_run(str(self.folder), None) as opened:
            yield opened


def node_of(node: query_pb2.Node) -> Node:
    """Returns a node from the message of a query."""
    kind = enum_name(common_pb2.NodeKind.DESCRIPTOR, node.kind)
    return Node(
        path=node.path,
        kind=kind,
        outcome=describe.outcome(node.outcome),
        reason=describe.reason(node.reason),
        message=node.message,
        attempts=node.attempts,
        seed=node.seed,
        seconds=node.usage.wall_nanos / _NANOS,
        first_error=_failure(node.first_error) if node.HasField("first_error") else None,
    )


def _failure(error: event_pb2.ErrorMessage) -> Failure:
    return Failure(error.text, error.file, error.file_line, error.code)


def _line(line: query_pb2.Line) -> Line:
    return Line(
        path=line.path,
        attempt=line.attempt,
        stream=describe.stream(line.stream),
        number=line.number,
        severity=describe.severity(line.severity),
        text=line.text,
        time=line.time_unix_nanos / _NANOS,
        logger=line.logger,
    )
