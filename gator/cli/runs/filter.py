"""The filter of lists of runs, the same for folders and hubs.

Invariant: a condition that is not given lets every run pass.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from gator.v1 import common_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs


class Filter(Struct, frozen=True):
    """Conditions that must all hold."""

    user: str = ""
    ident: str = ""
    outcomes: Sequence[common_pb2.Outcome.ValueType] = field(
        default_factory=list[common_pb2.Outcome.ValueType]
    )
    """Outcomes to match; empty means any outcome, or none yet."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    since_unix_nanos: int = 0

    def matches(self, run: query_pb2.Run) -> bool:
        """Returns whether a run matches the filter."""
        return (
            self.user in ("", run.user)
            and self.ident in ("", run.ident)
            and (not self.outcomes or run.result.outcome in self.outcomes)
            and all(run.labels.get(name) == value for name, value in self.labels.items())
            and run.started_unix_nanos >= self.since_unix_nanos
        )

    def request(self, name: str) -> hs.ListRunsRequest:
        """Returns the same filter for a hub; `name` is an id, a prefix of one or an ident."""
        return hs.ListRunsRequest(
            name=name,
            user=self.user,
            ident=self.ident,
            outcomes=self.outcomes,
            labels=self.labels,
            from_unix_nanos=self.since_unix_nanos,
        )
