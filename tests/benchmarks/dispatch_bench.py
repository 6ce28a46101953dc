"""Measures the cost of the dispatcher per job: `python tests/benchmarks/dispatch_bench.py`."""

import time
from collections import deque

from gator.core.dispatch.actions import HandOut, Key, Ready, StartHost
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.hosts import host_count
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools

WINDOW = 2_000
"""Number of ready jobs at a time, as added by a tier."""


def simulate(demands: list[DemandKey], *, slots: int, memory_bytes: int, job_seconds: float) -> float:
    """Runs a list of jobs with a simulated clock. Returns the processor time in seconds."""
    dispatcher = Dispatcher(
        Ledger(Pools(slots, memory_bytes, False, {})),
        max_hosts=host_count(slots),
        slots=slots,
        fixed_host=None,
    )
    begin = time.process_time()
    now, added, done, hosts = 0.0, 0, 0, 0
    running: dict[int, deque[Key]] = {}
    while done < len(demands):
        while added < len(demands) and added - done < WINDOW:
            dispatcher.add(Ready((f"a/j[{added}]", 1), demands[added], 0, added), now)
            added += 1
        for action in dispatcher.poll(now):
            match action:
                case HandOut(lease_id=lease, key=key):
                    running.setdefault(lease, deque()).append(key)
                case StartHost(count=count):
                    for _ in range(count):
                        hosts += 1
                        dispatcher.on_host(f"h{hosts}", now)
                case _:
                    pass
        now += job_seconds
        for lease, keys in list(running.items()):
            key = keys.popleft()
            dispatcher.on_started(key, now)
            dispatcher.on_finished(key, now)
            done += 1
            if not keys:
                del running[lease]
    return time.process_time() - begin


def main() -> None:
    """Prints the microseconds per job for a few kinds of load."""
    one = DemandKey(1)
    loads = {
        "100,000 jobs of 2 ms, one demand, 2 slots": ([one] * 100_000, 2, 0, 0.002),
        "20,000 jobs of 1 s, one demand, 2 slots": ([one] * 20_000, 2, 0, 1.0),
        "20,000 jobs of 1 s, one demand, 64 slots": ([one] * 20_000, 64, 0, 1.0),
        "3,000 jobs of 1 s, as many demands, 8 slots": (
            [DemandKey(1, 1000 + at) for at in range(3_000)],
            8,
            10**9,
            1.0,
        ),
        "3,000 jobs of 1 s, as many demands, memory for 4 of 8": (
            [DemandKey(1, 1000 + at * 7919 % 3000) for at in range(3_000)],
            8,
            10_000,
            1.0,
        ),
    }
    for name, (demands, slots, memory, seconds) in loads.items():
        spent = simulate(demands, slots=slots, memory_bytes=memory, job_seconds=seconds)
        print(f"{name}: {spent / len(demands) * 1e6:.1f} µs a job")


if __name__ == "__main__":
    main()
