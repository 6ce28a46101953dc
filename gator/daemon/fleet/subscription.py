"""The subscription of a root to the store of a daemon."""

from typing import Final

from gator.event_kinds import PARENT_KINDS
from gator.v1 import attach_pb2, common_pb2

SUBSCRIPTION: Final = 1
"""Number of the root's subscription, the only one of a daemon."""
PARENT_FILTER: Final = attach_pb2.EventFilter(
    kinds=PARENT_KINDS,
    severity=common_pb2.SEVERITY_WARNING,
    logs_per_attempt=20,
)
