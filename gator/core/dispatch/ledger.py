"""The ledger of a run: how much of its cores, memory and licenses is taken.

Invariant: the shares that are out never exceed the pools. The ledger knows amounts, not jobs.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from gator.core.dispatch.pools import DemandKey, Pools
from gator.errors import GatorError
from gator.units import plural, size_text

CORES = 0
CORELESS = 1
MEMORY = 2
FIRST_LICENSE = 3


class Need(Struct, frozen=True):
    """The amounts that the ledger sets aside for a demand.

    `amounts` are pairs of the index of a pool and a number above 0; `cores` is the number the job may use.
    """

    amounts: tuple[tuple[int, int], ...]
    cores: int


class Share(Struct, frozen=True):
    """Amounts that were taken and have to be given back exactly once."""

    number: int
    need: Need

    @property
    def cores(self) -> int:
        """Number of cores for the job; fewer than it asked for if the pool is smaller."""
        return self.need.cores


class Findings(Struct, frozen=True):
    """Problems with the demands of a run, found before anything starts."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


class Ledger:
    """Reserves shares of the pools and returns them.

    A job that wants more cores than there are gets all of them and so runs alone; likewise for memory,
    unless the user set the pool. A job without cores takes none, but at most max(64, 8 x cores) of them run
    at a time.
    """

    def __init__(self, pools: Pools) -> None:
        if pools.cores < 1:
            raise ValueError("a run needs at least one core")
        self.pools = pools
        self._licenses = {name: FIRST_LICENSE + at for at, name in enumerate(sorted(pools.licenses))}
        self._size = [pools.cores, max(64, 8 * pools.cores), pools.memory_bytes]
        self._size += [pools.licenses[name] for name in self._licenses]
        self._free = list(self._size)
        self._needs: dict[DemandKey, Need] = {}
        self._out: set[int] = set()
        self._number = 0

    @property
    def free(self) -> Sequence[int]:
        """The free amount of each pool, by its index. A live view."""
        return self._free

    @property
    def size(self) -> Sequence[int]:
        """The size of each pool, by its index."""
        return self._size

    def pool_of(self, license_name: str) -> int | None:
        """Returns the index of a license's pool; None if it is unlimited."""
        return self._licenses.get(license_name)

    def need(self, demand: DemandKey) -> Need:
        """Returns the amounts for a demand; raises GatorError if it can never be met."""
        need = self._needs.get(demand)
        if need is None:
            if errors := self._errors(demand):
                raise GatorError(f"cannot place a job: {'; '.join(errors)}")
            need = self._needs[demand] = self._compute_need(demand)
        return need

    def fits(self, demand: DemandKey) -> bool:
        """Returns whether `take` would succeed now."""
        return not self._errors(demand) and self.has(self.need(demand))

    def has(self, need: Need) -> bool:
        """Returns whether these amounts are free."""
        free = self._free
        return all(free[pool] >= amount for pool, amount in need.amounts)

    def has_after(self, need: Need, given: Need) -> bool:
        """Returns whether these amounts would be free if `given` were given back."""
        back = dict(given.amounts)
        return all(self._free[pool] + back.get(pool, 0) >= amount for pool, amount in need.amounts)

    def lacking(self, need: Need) -> tuple[int, ...]:
        """Returns the indices of the pools with too small a free amount."""
        free = self._free
        return tuple(pool for pool, amount in need.amounts if free[pool] < amount)

    def take(self, demand: DemandKey) -> Share | None:
        """Reserves a share for a demand; returns None if it does not fit now."""
        need = self.need(demand)
        if not self.has(need):
            return None
        for pool, amount in need.amounts:
            self._free[pool] -= amount
        self._number += 1
        self._out.add(self._number)
        return Share(self._number, need)

    def give(self, share: Share) -> None:
        """Releases a share; raises ValueError if it was released before."""
        if share.number not in self._out:
            raise ValueError(f"share {share.number} is not out")
        self._out.remove(share.number)
        for pool, amount in share.need.amounts:
            self._free[pool] += amount

    def problems(self, demands: Iterable[DemandKey]) -> Findings:
        """Returns the problems with the demands of a run, each string once."""
        errors: dict[str, None] = {}
        warnings: dict[str, None] = {}
        notes: dict[str, None] = {}
        for demand in dict.fromkeys(demands):
            errors.update(dict.fromkeys(self._errors(demand)))
            warnings.update(dict.fromkeys(self._warnings(demand)))
            unlimited = (name for name, _ in demand.licenses if name not in self._licenses)
            notes.update(dict.fromkeys(f"license {name} has no pool and is unlimited" for name in unlimited))
        return Findings(tuple(errors), tuple(warnings), tuple(notes))

    def _warnings(self, demand: DemandKey) -> list[str]:
        texts: list[str] = []
        pools = self.pools
        if demand.cores > pools.cores:
            have = plural(pools.cores, "core")
            texts.append(
                f"{plural(demand.cores, 'core')} wanted, but the run has {have}: such a job runs alone"
            )
        if demand.memory_bytes > pools.memory_bytes and not pools.memory_given:
            want, have = size_text(demand.memory_bytes), size_text(pools.memory_bytes)
            texts.append(f"{want} of memory wanted, but the run has {have}: such a job runs alone")
        return texts

    def shortage(self, need: Need) -> list[str]:
        """Returns what these amounts wait for, one string per pool, such as `3 cores, 1 free`."""
        return [self._shortage(pool, dict(need.amounts)[pool]) for pool in self.lacking(need)]

    def name_of(self, pool: int) -> str:
        """Returns the name of a pool for users."""
        if pool >= FIRST_LICENSE:
            return f"license {tuple(self._licenses)[pool - FIRST_LICENSE]}"
        return ("cores", "jobs without cores", "memory")[pool]

    def _shortage(self, pool: int, amount: int) -> str:
        free, size = self._free[pool], self._size[pool]
        if pool == CORES:
            return f"{plural(amount, 'core')}, {free} free"
        if pool == MEMORY:
            return f"memory: {size_text(amount)} wanted, {size_text(free)} of {size_text(size)} free"
        if pool == CORELESS:
            return f"jobs without cores: {size} run, no more at a time"
        return f"{self.name_of(pool)}: {amount} wanted, {free} of {size} free"

    def _errors(self, demand: DemandKey) -> list[str]:
        errors: list[str] = []
        pools = self.pools
        if demand.memory_bytes > pools.memory_bytes and pools.memory_given:
            want, have = size_text(demand.memory_bytes), size_text(pools.memory_bytes)
            errors.append(f"{want} of memory wanted, but the run was given {have}: raise --memory")
        for name, count in demand.licenses:
            size = pools.licenses.get(name)
            if size is not None and count > size:
                errors.append(
                    f"license {name}: {count} wanted, but the pool has {size}: "
                    "raise `licenses` of the root, or --license"
                )
        return errors

    def _compute_need(self, demand: DemandKey) -> Need:
        cores = min(demand.cores, self.pools.cores)
        amounts: dict[int, int] = {CORES: cores} if cores else {CORELESS: 1}
        if demand.memory_bytes > self.pools.memory_bytes:
            # It would push everything beside it out of memory, accounted or not, so it takes all cores.
            amounts[CORES] = self.pools.cores
        amounts[MEMORY] = min(demand.memory_bytes, self.pools.memory_bytes)
        for name, count in demand.licenses:
            if name in self._licenses:
                amounts[self._licenses[name]] = count
        return Need(tuple((pool, amount) for pool, amount in sorted(amounts.items()) if amount), cores)
