"""The pools of a run, and the demand of a job as a key. Data only."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from gator.v1 import attach_pb2, common_pb2


class Pools(Struct, frozen=True):
    """The amounts that a run may use at a time.

    `memory_given` says that the user set the memory, so that a job that wants more is an error and not a
    warning. A license that is not in `licenses` is unlimited.
    """

    cores: int
    memory_bytes: int
    memory_given: bool
    licenses: Mapping[str, int]

    @classmethod
    def of(cls, pools: attach_pb2.RunPools) -> "Pools":
        """Returns the pools of a message."""
        return cls(pools.cores, pools.memory_bytes, pools.memory_given, dict(pools.licenses))

    def message(self) -> attach_pb2.RunPools:
        """Returns these pools as a message."""
        return attach_pb2.RunPools(
            cores=self.cores,
            memory_bytes=self.memory_bytes,
            memory_given=self.memory_given,
            licenses=dict(self.licenses),
        )


class DemandKey(NamedTuple):
    """A `Demand` as a key: jobs with the same key are the same to the ledger.

    `licenses` is sorted by name and has no zeros.
    """

    cores: int = 1
    memory_bytes: int = 0
    licenses: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, demand: common_pb2.Demand) -> "DemandKey":
        """Returns the key of a message."""
        licenses = demand.licenses
        pairs = tuple(sorted((name, count) for name, count in licenses.items() if count)) if licenses else ()
        return cls(demand.cores, demand.memory_bytes, pairs)

    def message(self) -> common_pb2.Demand:
        """Returns the key as a message."""
        return common_pb2.Demand(
            cores=self.cores, memory_bytes=self.memory_bytes, licenses=dict(self.licenses)
        )
