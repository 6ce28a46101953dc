"""Ends many programs that use the client in every possible way, and reports those that hang.

    python tests/benchmarks/client_exit_stress.py 20000

A program that has not ended after `--limit` seconds counts as hung. There are three parents: one that
answers, one that is gone, and one that accepts and never answers. Every tenth program has its own
interpreter.
"""

import argparse
import asyncio
import collections
import json
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.client_exit_programs import PROGRAMS, expected  # noqa: E402
from tests.component.link.fakes import JOB_TOKEN, PATH, Parent, serving  # noqa: E402


class Outcome(Struct):
    """How the programs of one kind ended."""

    ended: int = 0
    hung: int = 0
    wrong: int = 0
    longest: float = 0.0


class Forgetful(Parent):
    """A parent that discards all messages, so that it can receive many."""

    def on_message(self, child: Any, message: Any) -> None:
        super().on_message(child, message)
        self.messages.clear()
        self.kept.clear()

    def on_detached(self, child: Any) -> None:
        self.children.clear()


async def run(count: int, at_once: int, limit: float) -> int:
    """Runs `count` programs. Returns the number of those that hung or ended with a wrong exit code."""
    outcomes: dict[tuple[str, str], Outcome] = collections.defaultdict(Outcome)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="g") as name, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{name}/silent")
        silent.listen(4096)
        addresses = {
            "answers": f"unix:{name}/s",
            "gone": f"unix:{name}/nowhere",
            "silent": f"unix:{name}/silent",
        }
        programs = _programs(count, addresses)
        async with serving(Forgetful(), Path(name)):
            parts = [programs[number::at_once] for number in range(at_once)]
            await asyncio.gather(*(_work(part, limit, outcomes) for part in parts if part))
    for (program, parent), outcome in sorted(outcomes.items()):
        print(
            f"{program:20} parent {parent:8} {outcome.ended:6} ended, {outcome.hung} hung, "
            f"{outcome.wrong} wrong, longest {outcome.longest:.1f} s"
        )
    ended = sum(outcome.ended for outcome in outcomes.values())
    hung = sum(outcome.hung for outcome in outcomes.values())
    wrong = sum(outcome.wrong for outcome in outcomes.values())
    print(f"{ended} programs in {time.monotonic() - began:.0f} s: {hung} hung, {wrong} ended otherwise")
    return hung + wrong + count - ended


def _programs(count: int, addresses: Mapping[str, str]) -> list[tuple[str, str, str, bool]]:
    # Most parents answer.
    parents = ["answers"] * 3 + ["gone", "silent"]
    kinds = [(program, parent) for program in PROGRAMS for parent in parents]
    wanted = [kinds[number % len(kinds)] for number in range(count)]
    random.shuffle(wanted)
    return [
        (program, parent, addresses[parent], number % 10 == 0)
        for number, (program, parent) in enumerate(wanted)
    ]


async def _work(
    programs: Sequence[tuple[str, str, str, bool]], limit: float, outcomes: dict[tuple[str, str], Outcome]
) -> None:
    """Starts a process that runs programs one after another."""
    process = await asyncio.create_subprocess_exec(  # noqa: TID251 - no usage is wanted here
        sys.executable,
        str(Path(__file__).with_name("client_exit_programs.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "GATOR_TOKEN": JOB_TOKEN,
            "GATOR_PATH": PATH,
            "GATOR_ATTEMPT": "1",
        },
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"limit": limit, "programs": programs}).encode() + b"\n")
    while line := await process.stdout.readline():
        program, parent, code, seconds = json.loads(line)
        outcome = outcomes[program, parent]
        outcome.ended += 1
        outcome.longest = max(outcome.longest, seconds)
        if sum(each.ended for each in outcomes.values()) % 1000 == 0:
            print(f"{sum(each.ended for each in outcomes.values())} programs", flush=True)
        if code is None:
            outcome.hung += 1
            print(f"hung: {program}, parent {parent}", flush=True)
        elif code != expected(program, parent):
            outcome.wrong += 1
            print(f"{program}, parent {parent}: exit code {code}", flush=True)
    await process.wait()


def main() -> int:
    """Runs the programs that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Ends many programs that use the client.")
    parser.add_argument("count", type=int, nargs="?", default=1000, help="number of programs")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a program hangs")
    given = parser.parse_args()
    return 1 if asyncio.run(run(given.count, given.at_once, given.limit)) else 0


if __name__ == "__main__":
    sys.exit(main())
