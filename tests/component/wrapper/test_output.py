"""What jobs write, whatever they write, comes into the record byte by byte and in bounded memory."""

import sys

from gator.v1 import common_pb2, spec_pb2
from tests.component.process.support import until
from tests.component.wrapper.support import ERR, OUT, Bench, job, shell


async def test_both_streams_are_kept_and_counted(bench: Bench) -> None:
    end = await bench.sh("echo one; echo; echo two; echo oh >&2", stderr=spec_pb2.STDERR_MODE_ERROR)
    assert bench.data(OUT) == b"one\n\ntwo\n"
    assert bench.data(ERR) == b"oh\n"
    assert (end.stdout_lines, end.stderr_lines) == (3, 1)
    assert (end.counts.info, end.counts.error) == (2, 1)
    assert end.reason == common_pb2.REASON_LIMIT
    assert (end.first_error.text, end.first_error.stream, end.first_error.line) == ("oh", ERR, 1)


async def test_merged_streams_keep_their_true_order(bench: Bench) -> None:
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done"
    end = await bench.sh(script, stderr=spec_pb2.STDERR_MODE_MERGE)
    assert bench.text() == "".join(f"out {i}\nerr {i}\n" for i in (1, 2, 3))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert end.stderr_lines == 0


async def test_output_is_recorded_while_the_job_still_runs(bench: Bench) -> None:
    bench.launch(shell("echo here; until [ -e go ]; do sleep 0.01; done"))
    await until(lambda: bench.text() == "here\n", "a block of a job that runs")
    assert not bench.ends
    (bench.folder / "go").touch()
    assert (await bench.end()).outcome == common_pb2.OUTCOME_PASSED


async def test_a_line_of_100_megabytes_is_one_line(bench: Bench) -> None:
    size = 100_000_000
    end = await bench.run_job(job("head", "-c", str(size), "/dev/zero"))
    assert (end.stdout_lines, end.counts.info) == (1, 1)
    blocks = bench.blocks()
    stored = sum(block.size_bytes for block in blocks)
    assert stored + end.dropped_bytes == size
    assert {block.first_line for block in blocks} == {1}
    assert [block.continues for block in blocks] == [False] + [True] * (len(blocks) - 1)
    assert any("--log-cap" in log.text for log in bench.logs())


async def test_nul_bytes_and_invalid_utf8_survive(bench: Bench) -> None:
    data = bytes(range(256)) * 3
    program = f"import sys; sys.stdout.buffer.write({data!r}); sys.stderr.buffer.write(b'bad \\xff\\n')"
    end = await bench.run_job(job(sys.executable, "-c", program, stderr=spec_pb2.STDERR_MODE_ERROR))
    assert bench.data(OUT) == data
    assert end.first_error.text == "bad \\xff"


async def test_a_progress_bar_is_one_line(bench: Bench) -> None:
    end = await bench.sh(r"for i in {1..500}; do printf '\r%d %%' $i; done")
    assert (end.stdout_lines, end.counts.info) == (1, 1)
    assert bench.data().endswith(b"\r500 %")


async def test_a_million_lines_are_numbered_without_a_gap(bench: Bench) -> None:
    end = await bench.run_job(job("seq", "1000000"))
    assert (end.stdout_lines, end.counts.info) == (1_000_000, 1_000_000)
    output = b"".join(b"%d\n" % number for number in range(1, 1_000_001))
    assert bench.data() == output
    position = 0
    for block in bench.blocks():
        # A block may begin within a line if a read ended there.
        assert block.first_line == output.count(b"\n", 0, position) + 1
        position += len(block.data)
    assert position == len(output)


async def test_a_writer_waits_while_the_store_cannot_follow(bench: Bench) -> None:
    bench.launch(shell("until [ -e go ]; do sleep 0.01; done; head -c 30000000 /dev/zero"))
    bench.witness.extra_pending = 1 << 30
    (bench.folder / "go").write_text("go\n")
    await until(lambda: len(bench.of_kind("sample")) >= 3, "time to pass")
    assert sum(block.size_bytes for block in bench.blocks()) < 2_000_000
    assert not bench.ends
    bench.witness.extra_pending = 0
    end = await bench.end()
    assert sum(block.size_bytes for block in bench.blocks()) == 30_000_000
    assert end.outcome == common_pb2.OUTCOME_PASSED


async def test_yes_into_head_ends(bench: Bench) -> None:
    end = await bench.sh("set +o pipefail; yes | head -1")
    assert bench.text() == "y\n"
    assert end.outcome == common_pb2.OUTCOME_PASSED


async def test_a_terminal_is_one_where_it_is_asked_for(bench: Bench) -> None:
    script = "if [ -t 1 ]; then echo terminal; else echo pipe; fi"
    await bench.sh(script, tty=True)
    assert bench.text().strip() == "terminal"
    await bench.run_job(shell(script), "top/other")
    assert bench.text("top/other") == "pipe\n"
