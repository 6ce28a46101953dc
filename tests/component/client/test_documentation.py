"""What the pages on the protocol and the client show works as it stands."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.component.link.fakes import JOB_TOKEN, PATH, Parent, serving

ROOT = Path(__file__).parents[3]


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


async def run_as_job(folder: Path, argv: list[str]) -> "subprocess.CompletedProcess[str]":
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GATOR_PARENT": f"unix:{folder / 's'}",
        "GATOR_TOKEN": JOB_TOKEN,
        "GATOR_PATH": PATH,
        "GATOR_ATTEMPT": "1",
    }
    return await asyncio.to_thread(
        subprocess.run, argv, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def said(parent: Parent) -> list[str]:
    events = [message.record.event for message in parent.messages]
    return [event.log.text or f"{event.metric.name} {event.metric.value}" for event in events]


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")
async def test_the_protocol_can_be_spoken_by_hand(folder: Path) -> None:
    (example,) = examples("protocol.md", "sh")
    parent = Parent()
    async with serving(parent, folder):
        done = await run_as_job(folder, ["sh", "-c", example])
    assert done.returncode == 0, done.stderr
    assert said(parent) == ["from a shell", "cycles 7.0"]
    assert '"welcome"' in done.stdout
    assert '"recordAck"' in done.stdout


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, ["model loaded", "slack is small", "coverage 83.5"]),
        (1, ["3 lines were skipped"]),
    ],
)
async def test_the_python_examples_work(folder: Path, number: int, expected: list[str]) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await run_as_job(folder, [sys.executable, "-c", examples("client.md", "python")[number]])
    assert (done.returncode, done.stderr) == (0, "")
    assert said(parent) == expected


@pytest.mark.skipif(shutil.which("gator") is None, reason="the command gator is not installed")
async def test_the_shell_examples_work(folder: Path) -> None:
    (example,) = examples("client.md", "sh")
    parent = Parent()
    async with serving(parent, folder):
        done = await run_as_job(folder, ["sh", "-ec", example])
    assert (done.returncode, done.stderr) == (0, "")
    assert said(parent) == ["disk is nearly full", "started", "cycles 120000.0", "slack -3.5"]
