"""What a run may use at once, and what one job wants of it. Holds values only; decides nothing."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from gator.v1 import common_pb2


class Pools(Struct, frozen=True):
    """What a run may use at once.

    `memory_given` says that the user set the memory, so that a job that wants more is an error and no
    mere warning. A licence that is not in `licenses` is unlimited.
    """

    cores: int
    memory_bytes: int
    memory_given: bool
    licenses: Mapping[str, int]


class DemandKey(NamedTuple):
    """A `Demand` as a key: jobs of the same key are exchangeable for the ledger.

    `licenses` is sorted by name and has no zero in it.
    """

    cores: int = 1
    memory_bytes: int = 0
    licenses: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, demand: common_pb2.Demand) -> "DemandKey":
        """The key of a message."""
        licenses = demand.licenses
        pairs = tuple(sorted((name, count) for name, count in licenses.items() if count)) if licenses else ()
        return cls(demand.cores, demand.memory_bytes, pairs)

    def message(self) -> common_pb2.Demand:
        """The same as a message."""
        return common_pb2.Demand(
            cores=self.cores, memory_bytes=self.memory_bytes, licenses=dict(self.licenses)
        )
