"""Ends commands that ask a live run or a hub at random moments, and reports those that hang.

    python tests/benchmarks/reading_exit_stress.py 500

Starts a hub and a run that uploads to it for as long as the commands take. Every third command gets SIGTERM,
every third one SIGINT, and the others end by themselves. A command that has not ended after `--limit` seconds
counts as hung. A traceback, or an exit code that neither the command nor the signal explains, is wrong.
A traceback of the interpreter itself, because SIGINT came before it had found Gator, is not.
"""

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
GATOR = [sys.executable, "-m", "gator"]
SPEC = """\
!JobGroup
ident: busy
jobs:
- !JobArray
  ident: speaking
  repeats: 3
  jobs: [!Job {ident: one, resources: [!Cores 0], shell: "while sleep 0.1; do date; echo bad >&2; done"}]
- !JobArray
  ident: short
  repeats: 100000
  jobs: [!Job {ident: one, resources: [!Cores 1], shell: "echo hi; sleep 0.2"}]
"""
COMMANDS = (
    ("runs",),
    ("runs", "-r", "hub:"),
    ("status",),
    ("status", "-r", "hub:"),
    ("logs", "speaking/one[0]", "-n", "20"),
    ("logs", "-f", "speaking"),
    ("logs", "-r", "hub:", "-f", "speaking"),
    ("tree", "-d", "1"),
    ("tree", "-r", "hub:", "-d", "1"),
    ("grep", "hi", "-n", "5"),
    ("grep", "-r", "hub:", "hi", "-n", "5"),
    ("failures",),
    ("show", "busy/speaking"),
    ("diff", "hub:", "hub:"),
)
"""Commands to end. Those that follow output are always ended by a signal."""
SIGNALS = (None, signal.SIGTERM, signal.SIGINT)


class Outcome(Struct):
    """How the commands of one kind ended."""

    ended: int = 0
    hung: int = 0
    wrong: int = 0
    longest: float = 0.0


class Rules(Struct, frozen=True):
    """How commands are ended."""

    at_once: int = 6
    limit: float = 90.0
    """Seconds after which a command hangs."""
    within: float = 3.0
    """Longest time in seconds before a signal."""


def main() -> int:
    """Runs the commands that the arguments ask for."""
    rules = Rules()
    parser = argparse.ArgumentParser(description="Ends many commands that ask a live run or a hub.")
    parser.add_argument("count", type=int, nargs="?", default=300, help="number of commands")
    parser.add_argument("--at-once", type=int, default=rules.at_once)
    parser.add_argument(
        "--limit", type=float, default=rules.limit, help="seconds after which a command hangs"
    )
    parser.add_argument(
        "--within", type=float, default=rules.within, help="longest time in seconds before a signal"
    )
    given = parser.parse_args()
    # A shell starts background jobs with SIGINT ignored, and gator obeys that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return 1 if run(given.count, Rules(given.at_once, given.limit, given.within)) else 0


def run(count: int, rules: Rules) -> int:
    """Ends `count` commands. Returns the number of those that hung or ended wrong."""
    outcomes: dict[str, Outcome] = collections.defaultdict(Outcome)
    with live() as env, ThreadPoolExecutor(rules.at_once) as pool:
        work = [COMMANDS[number % len(COMMANDS)] for number in range(count)]
        ends = [pool.submit(end_one, words, env, rules, outcomes) for words in work]
        for end in ends:
            end.result()
    for name, outcome in sorted(outcomes.items()):
        print(
            f"{name:40} {outcome.ended:5} ended, {outcome.hung} hung, {outcome.wrong} wrong, "
            f"longest {outcome.longest:.1f} s after its signal or start"
        )
    bad = sum(outcome.hung + outcome.wrong for outcome in outcomes.values())
    print(f"{sum(outcome.ended for outcome in outcomes.values())} commands, {bad} hung or wrong")
    return bad


@contextmanager
def live() -> Generator[Mapping[str, str]]:
    """Starts a hub and a run that uploads to it; yields the environment of the commands."""
    with tempfile.TemporaryDirectory(prefix="gator-stress-") as name, ExitStack() as stack:
        folder = Path(name)
        env = {key: value for key, value in os.environ.items() if not key.startswith("GATOR_")}
        env |= {"XDG_DATA_HOME": f"{folder}/data", "GATOR_TRACKING": f"{folder}/tracking"}
        hub = stack.enter_context(
            subprocess.Popen(
                [*GATOR, "hub", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, env=env
            )
        )
        stack.callback(hub.terminate)
        assert hub.stdout is not None
        env["GATOR_HUB"] = hub.stdout.readline().rpartition("//")[2].strip()
        spec = folder / "busy.yaml"
        spec.write_text(SPEC)
        run = stack.enter_context(
            subprocess.Popen(
                [*GATOR, "run", "-j", "2", "--limit-error", "none", str(spec)],
                stdout=subprocess.DEVNULL,
                env=env,
            )
        )
        stack.callback(run.terminate)
        until_uploaded(env)
        yield env
        if run.poll() is not None or hub.poll() is not None:
            sys.exit(f"the run or the hub ended early, with codes {run.poll()} and {hub.poll()}")


def until_uploaded(env: Mapping[str, str]) -> None:
    """Waits until the hub has jobs of the run."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        done = subprocess.run([*GATOR, "tree", "-r", "hub:"], env=env, capture_output=True, check=False)
        if done.returncode == 0 and b"speaking" in done.stdout:
            return
        time.sleep(0.2)
    sys.exit("the hub has nothing of the run after two minutes")


def end_one(
    words: Sequence[str], env: Mapping[str, str], rules: Rules, outcomes: Mapping[str, Outcome]
) -> None:
    """Runs one command, sends it a signal perhaps, and notes how it ended."""
    outcome = outcomes[" ".join(words)]
    number = random.choice(SIGNALS[1:] if "-f" in words else SIGNALS)
    process = subprocess.Popen(
        [*GATOR, *words], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    began = time.monotonic()
    if number is not None:
        try:
            process.wait(random.uniform(0, rules.within))
        except subprocess.TimeoutExpired:
            began = time.monotonic()
            process.send_signal(number)
    try:
        _, said = process.communicate(timeout=rules.limit)
    except subprocess.TimeoutExpired:
        outcome.hung += 1
        print(f"hung: gator {' '.join(words)} after {number}, process {process.pid}", flush=True)
        process.kill()
        process.communicate()
        return
    outcome.ended += 1
    outcome.longest = max(outcome.longest, time.monotonic() - began)
    allowed = {0} if number is None else {0, -number, 128 + number}
    if "Traceback" in said and f"{ROOT / 'gator'}/" not in said and number == signal.SIGINT:
        return
    if process.returncode not in allowed or "Traceback" in said:
        outcome.wrong += 1
        print(f"gator {' '.join(words)} after {number}: code {process.returncode}: {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
