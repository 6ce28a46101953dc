"""A dispatcher with hosts, and short ways to speak with it."""

from collections.abc import Iterable

from gator.core.dispatch.actions import Action, HandOut, Key, Ready
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools
from gator.v1 import attach_pb2

ONE = DemandKey(1)


def make(
    cores: int = 2,
    *,
    hosts: int = 1,
    fixed: bool = False,
    bridged: bool = False,
    memory: int = 100,
    **licenses: int,
) -> Dispatcher:
    """A dispatcher whose hosts are up; `bridged`: none is yet, and the root's own process stands in."""
    dispatcher = Dispatcher(
        Ledger(Pools(cores, memory, False, licenses)),
        max_hosts=hosts,
        slots=cores,
        fixed_host="inline" if fixed else None,
        bridge="inline" if bridged else None,
    )
    if not fixed and not bridged:
        for at in range(hosts):
            dispatcher.on_host(f"h{at}", 0)
    return dispatcher


def add_all(dispatcher: Dispatcher, items: Iterable[Ready], now: float) -> None:
    for item in items:
        dispatcher.add(item, now)


def jobs(prefix: str, count: int, demand: DemandKey = ONE, *, weight: int = 0, first: int = 0) -> list[Ready]:
    return [Ready((f"{prefix}{at}", 1), demand, weight, first + at) for at in range(count)]


def handed(actions: Iterable[Action]) -> list[str]:
    return [action.key[0] for action in actions if isinstance(action, HandOut)]


def key(path: str) -> Key:
    return (path, 1)


def finish(dispatcher: Dispatcher, path: str, now: float) -> None:
    dispatcher.on_started(key(path), now)
    dispatcher.on_finished(key(path), now)


def warm(dispatcher: Dispatcher, demand: DemandKey, seconds: float) -> float:
    """Runs one job of a demand for `seconds`, so that its mean is known; returns the time after it."""
    dispatcher.add(Ready(("warm", 1), demand), 0)
    dispatcher.poll(0)
    finish(dispatcher, "warm", seconds)
    return seconds


def request(demand: DemandKey, count: int, priority: int = 0) -> attach_pb2.RequestedLeases:
    return attach_pb2.RequestedLeases(demand=demand.message(), count=count, priority=priority)
