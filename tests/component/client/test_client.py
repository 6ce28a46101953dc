"""What a Python job says reaches its parent, whatever happens between them."""

import asyncio
import logging
import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gator import client
from gator.core.attempt.output.notices import find_notices, notice_line
from gator.link.server import parent_service
from gator.rpc.server import serve
from gator.v1 import attach_pb2
from tests.component.client.programs import ROOT, environment, run_program
from tests.component.link.fakes import JOB_TOKEN, PATH, Parent, authenticate, serving, until


def notices(printed: str) -> list[str]:
    """What the client said, when that is all that was printed."""
    data = printed.encode()
    found = find_notices(data)
    assert b"".join(map(notice_line, found)) == data
    return found


def records(parent: Parent) -> list[attach_pb2.Record]:
    return [message.record for message in parent.messages]


async def test_messages_and_metrics_arrive_with_all_they_have(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            job.log("ready", severity="WARNING", logger="me", fields={"port": 7})
            job.metric("cycles", 3.5, kind="max", unit="cycles")
            assert await asyncio.to_thread(job.flush, 10)
        first, second = (record.event for record in records(parent))
    assert (first.log.text, first.log.severity, first.log.logger) == ("ready", 3, "me")
    assert dict(first.log.fields) == {"port": "7"}
    assert first.time_unix_nanos > 0
    assert (second.metric.name, second.metric.value, second.metric.kind) == ("cycles", 3.5, 4)
    assert parent.children[0].hello.path == PATH


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_a_parent_may_listen_on_tcp(folder: Path, host: str) -> None:
    parent = Parent()
    server = await serve([parent_service(parent)], address=f"{host}:0", authenticate=authenticate)
    try:
        with client.connect({**environment(folder), "GATOR_PARENT": server.address}) as job:
            job.log("x" * 90_000)
            for number in range(100):
                job.log(f"{number}")
            assert await asyncio.to_thread(job.flush, 30)
    finally:
        await server.stop()
    assert len(parent.kept) == 101


async def test_a_wrong_word_is_said_at_once(folder: Path) -> None:
    job = client.connect({})
    with pytest.raises(ValueError, match="severity is one of debug, info"):
        job.log("x", severity="loud")
    with pytest.raises(ValueError, match="kind is one of last, sum"):
        job.metric("x", 1, kind="big")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (
            ("a", "3"),
            TypeError,
            "the value of the metric 'a' is a number, not the str '3': convert it with float",
        ),
        (("a", b"3"), TypeError, "the value of the metric 'a' is a number, not the bytes b'3'"),
        (("a", None), TypeError, "the value of the metric 'a' is a number, not NoneType"),
        (("a", 3j), TypeError, "the value of the metric 'a' is a number, not complex"),
        (("a", 10**400), ValueError, "the value of the metric 'a' is too large: a float holds at most 1.8e"),
        (("a", Fraction(10**400)), ValueError, "the value of the metric 'a' is too large"),
        ((7, 1), TypeError, "the name of a metric is a str, not int"),
    ],
)
async def test_a_metric_that_cannot_be_one_is_said_at_once(
    arguments: tuple[Any, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=re.escape(says)):
        client.connect({}).metric(*arguments)


@pytest.mark.parametrize("wrong", [{"kind": None}, {"unit": 7}])
async def test_an_argument_that_is_not_a_string_is_reported_at_once(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(TypeError, match=f"{name} is a str, not"):
        client.connect({}).metric("a", 1, **wrong)
    with pytest.raises(TypeError, match="logger is a str, not RootLogger"):
        client.connect({}).log("a", logger=logging.getLogger())  # pyright: ignore[reportArgumentType]


async def test_a_number_of_any_type_is_a_value(folder: Path) -> None:
    parent = Parent()
    numbers: list[Any] = [True, 2, 10**300, Fraction(7, 2), Decimal("4.25"), float("-inf")]
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            for number in numbers:
                job.metric("a", number)
            assert await asyncio.to_thread(job.flush, 10)
    assert [record.event.metric.value for record in records(parent)] == [float(one) for one in numbers]


async def test_a_value_that_is_not_a_string_is_sent_as_one(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            job.log(ValueError("é"))
            job.log(None)
            assert await asyncio.to_thread(job.flush, 10)
        assert [record.event.log.text for record in records(parent)] == ["é", "None"]


async def test_any_text_can_be_sent(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            for text in ("", "\0", "a\nb", "\udcff\u00e9", "\ud800", "x" * 250_000):
                job.log(text)
            assert await asyncio.to_thread(job.flush, 10)
    texts = [record.event.log.text for record in records(parent)]
    assert texts[:5] == ["", "\0", "a\nb", "\\xff\u00e9", "\\ud800"]
    assert [len(text) for text in texts[5:]] == [100_000, 100_000, 50_000]


async def test_the_server_may_come_up_after_the_client(folder: Path) -> None:
    parent = Parent()
    with client.connect(environment(folder)) as job:
        job.log("early")
        assert not await asyncio.to_thread(job.flush, 0.3)
        async with serving(parent, folder):
            assert await asyncio.to_thread(job.flush, 10)
    assert parent.kept == ["early"]


async def test_after_a_cut_everything_arrives_once_and_in_order(folder: Path) -> None:
    parent = Parent()
    parent.ack_records = False
    with client.connect(environment(folder)) as job:
        for turn in range(3):
            async with serving(parent, folder):
                for number in range(100):
                    job.log(f"{turn}.{number}")
                parent.ack_records = turn == 2
                await until(lambda turn=turn: len(parent.kept) == 100 * (turn + 1))
        async with serving(parent, folder):
            assert await asyncio.to_thread(job.flush, 10)
    assert parent.kept == [f"{turn}.{number}" for turn in range(3) for number in range(100)]
    assert len({child.hello.id for child in parent.children}) == 1


async def test_a_refusal_is_said_once_and_holds_nobody_up(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = Parent()
    parent.running = False
    async with serving(parent, folder):
        for token in (JOB_TOKEN, "wrong"):
            with client.connect(environment(folder, token)) as job:
                job.log("one")
                assert not await asyncio.to_thread(job.flush, 10)
                job.log("two")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "is not running" in said[0]
    assert "the token is missing or not valid" in said[1]


async def test_the_logging_handler_sends_level_logger_place_and_traceback(folder: Path) -> None:
    parent = Parent()
    logger = logging.getLogger("job.part")
    logger.propagate = False
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            handler = client.GatorHandler(client=job)
            logger.addHandler(handler)
            try:
                logger.warning("%d left", 3)
                try:
                    raise KeyError("why")
                except KeyError:
                    logger.exception("it broke")
            finally:
                logger.removeHandler(handler)
            assert await asyncio.to_thread(job.flush, 10)
    first, second = (record.event.log for record in records(parent))
    assert (first.text, first.severity, first.logger) == ("3 left", 3, "job.part")
    assert first.file == __file__
    assert first.file_line > 0
    assert second.severity == 4
    assert second.text.endswith("KeyError: 'why'")


async def test_a_short_program_leaves_nothing_behind(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await run_program(
            folder, "from gator import client; client.info('short'); client.metric('m', 1)"
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert parent.kept == ["short", "m"]


async def test_a_program_that_fails_says_what_it_said_before(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        done = await run_program(
            folder, "import sys; from gator import client; client.error('bad'); sys.exit(3)"
        )
    assert (done.returncode, done.stderr) == (3, "")
    assert parent.kept == ["bad"]


async def test_threads_that_outlive_the_main_one_are_heard(folder: Path) -> None:
    parent = Parent()
    program = """
import threading
from gator import client
def late():
    threading.main_thread().join()
    client.info("late")
client.info("early")
threading.Thread(target=late).start()
"""
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert parent.kept == ["early", "late"]


async def test_saying_something_imports_no_grpc(folder: Path) -> None:
    # Its threads survive neither a fork nor the end of the interpreter.
    parent = Parent()
    program = (
        "import sys; from gator import client; client.info('a'); client.flush(); print('grpc' in sys.modules)"
    )
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.stdout, done.stderr) == ("False\n", "")
    assert parent.kept == ["a"]


async def test_a_metric_that_was_nan_is_remarked_once_and_not_by_the_job(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            job.metric("slack", float("nan"))
            job.metric("slack", float("nan"))
            assert await asyncio.to_thread(job.flush, 10)
    (record,) = records(parent)
    assert record.notice
    assert record.event.log.text == "the metric slack is not recorded: its value is NaN"


async def test_each_metric_that_is_not_recorded_is_remarked(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            for _ in range(2):
                for name in ("", "a\nb", "x" * 129):
                    job.metric(name, 1)
                job.metric("slack", float("nan"))
            assert await asyncio.to_thread(job.flush, 10)
    rule = "is not recorded: its name must have 1 to 128 printable characters"
    assert [record.event.log.text for record in records(parent)] == [
        f"the metric '' {rule}",
        f"the metric 'a\\nb' {rule}",
        f"the metric {'x' * 129!r} {rule}",
        "the metric slack is not recorded: its value is NaN",
    ]
    assert all(record.notice for record in records(parent))


async def test_remarks_about_metrics_are_few(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        with client.connect(environment(folder)) as job:
            for number in range(50):
                job.metric(f"m{number}\n", 1)
            assert await asyncio.to_thread(job.flush, 10)
    texts = [record.event.log.text for record in records(parent)]
    assert len(texts) == 11
    assert texts[-1] == "more metrics are not recorded, and no further ones are named"


async def test_a_flood_is_slowed_down_and_arrives_whole(folder: Path) -> None:
    parent = Parent()
    program = "from gator import client\nfor n in range(5000): client.info('x' * 100 + str(n))"
    async with serving(parent, folder):
        done = await run_program(folder, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(parent.kept) == 5_000


async def test_outside_of_gator_it_says_once_that_nothing_is_recorded(folder: Path) -> None:
    done = await run_program(
        folder,
        "from gator import client; client.info('a'); client.info('b'); client.metric('c', 1); client.flush()",
        GATOR_PARENT="",
    )
    assert done.returncode == 0
    assert notices(done.stderr) == ["not inside a job of Gator: nothing is recorded"]


def test_importing_the_client_imports_neither_grpc_nor_http2() -> None:
    program = "import sys, gator.client; print(bool({'grpc', 'h2'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(("texts", "lost"), [(["a"], "1 message of"), (["a", "b"], "2 messages of")])
def test_how_many_messages_are_lost_is_said_when_nobody_answers(
    folder: Path, texts: list[str], lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = client.connect(environment(folder))
    for text in texts:
        job.log(text)
    job.close(0)
    assert lost in capsys.readouterr().err
