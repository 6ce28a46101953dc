"""`gator log` and `gator metric` as a job's script calls them."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.component.link.fakes import JOB_TOKEN, PATH, Parent, serving

ROOT = Path(__file__).parents[3]


async def gator(folder: Path, *args: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GATOR_PARENT": f"unix:{folder / 's'}",
        "GATOR_TOKEN": JOB_TOKEN,
        "GATOR_PATH": PATH,
        "GATOR_ATTEMPT": "1",
        **more,
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", "from gator.cli.main import main; main()", *args],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_log_records_a_message_with_its_fields(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await gator(folder, "log", "--severity", "error", "-f", "port=7", "disk", "full")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    event = parent.messages[0].record.event
    assert (event.log.text, event.log.severity) == ("disk full", 4)
    assert dict(event.log.fields) == {"port": "7"}


async def test_metric_records_a_value(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await gator(folder, "metric", "slack", "--kind", "min", "--unit", "ns", "--", "-3.5")
    assert (done.returncode, done.stderr) == (0, "")
    metric = parent.messages[0].record.event.metric
    assert (metric.name, metric.value, metric.kind, metric.unit) == ("slack", -3.5, 3, "ns")


async def test_a_wrong_word_is_a_wrong_use(folder: Path) -> None:
    for args, hint in (
        (("log", "--severity", "loud", "x"), "debug, info, warning, error, critical"),
        (("metric", "--kind", "big", "x", "1"), "last, sum, min, max, mean"),
        (("log", "--field", "x", "y"), "KEY=VALUE"),
    ):
        done = await gator(folder, *args)
        assert done.returncode == 2
        assert hint in " ".join(done.stderr.split())


async def test_outside_of_gator_they_succeed_and_say_that_nothing_is_recorded(folder: Path) -> None:
    done = await gator(folder, "log", "hi", GATOR_PARENT="")
    assert done.returncode == 0
    assert "nothing is recorded" in done.stderr


async def test_what_the_parent_refuses_is_a_failure(folder: Path) -> None:
    async with serving(Parent(), folder):
        done = await gator(folder, "log", "hi", GATOR_TOKEN="wrong")
    assert done.returncode == 3
    assert "the token is missing or not valid" in done.stderr


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("nan", "invalid value 'nan' for metric slack: must be a number"),
        ("3x", "invalid value '3x' for metric slack: must be a number"),
        ("1e999", "invalid value '1e999' for metric slack: must be at most 1.8e+308, or inf"),
        ("-1e999", "invalid value '-1e999' for metric slack: must be at most 1.8e+308, or inf"),
    ],
)
async def test_a_metric_that_is_not_a_number_is_refused(folder: Path, value: str, says: str) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await gator(folder, "metric", "slack", "--", value)
    assert (done.returncode, done.stderr) == (2, f"gator: {says}\n")
    assert not parent.messages


async def test_an_infinite_metric_is_recorded(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await gator(folder, "metric", "slack", "--", "-inf")
    assert (done.returncode, done.stderr) == (0, "")
    assert parent.messages[0].record.event.metric.value == float("-inf")
