"""Runs Python programs that use the client, as a job would."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.component.link.fakes import JOB_TOKEN, PATH

ROOT = Path(__file__).parents[3]


def environment(folder: Path, token: str = JOB_TOKEN) -> dict[str, str]:
    return {
        "GATOR_PARENT": f"unix:{folder / 's'}",
        "GATOR_TOKEN": token,
        "GATOR_PATH": PATH,
        "GATOR_ATTEMPT": "1",
    }


async def run_program(folder: Path, text: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Runs a Python program, given as text or as the path of its file, as a job would be."""
    environ = {**os.environ, **environment(folder), "PYTHONPATH": str(ROOT), **more}
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *([text] if text.endswith(".py") else ["-c", text])],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
