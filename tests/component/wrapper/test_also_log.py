"""The files of `also_log` are read as further streams: late, rotated, truncated, and to their end."""

import os
from pathlib import Path

import pytest

from gator.daemon.attempts.files import log_tail
from gator.daemon.attempts.files.followed_file import PIECE_BYTES, FollowedFile
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.component.process.support import until
from tests.component.wrapper.support import Bench, shell, stop

LOG1, LOG2 = common_pb2.STREAM_LOG1, common_pb2.STREAM_LOG2


def logging(script: str, *files: str, **settings: object) -> spec_pb2.Job:
    return shell(script, also_log=spec_pb2.AlsoLog(files=files), **settings)


def texts(bench: Bench) -> list[str]:
    return [log.text for log in bench.logs()]


async def test_files_are_streams_with_lines_of_their_own(bench: Bench) -> None:
    end = await bench.run_job(logging("echo out; echo a > a.log; printf 'b\\nc' > b.log", "a.log", "b.log"))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert bench.data() == b"out\n"
    assert (bench.data(LOG1), bench.data(LOG2)) == (b"a\n", b"b\nc")
    assert [(each.stream, each.file, each.lines) for each in end.log_files.list] == [
        (LOG1, "a.log", 1),
        (LOG2, "b.log", 2),
    ]
    assert (end.stdout_lines, end.counts.info) == (1, 4)


async def test_a_message_in_a_file_explains_a_failure(bench: Bench) -> None:
    script = "echo one; echo 'UVM_ERROR x.sv(3) @ 5: top [ID] broken' > sim.log; exit 1"
    end = await bench.run_job(logging(script, "sim.log"))
    assert (end.first_error.stream, end.first_error.line) == (LOG1, 1)
    assert end.first_error.message == "broken"
    assert end.counts.error == 1


async def test_expected_lines_may_be_in_a_file(bench: Bench) -> None:
    job = logging("echo 'all done' > sim.log", "sim.log")
    job.expect.log.append("^all done$")
    assert (await bench.run_job(job)).outcome == common_pb2.OUTCOME_PASSED


async def test_lines_arrive_while_the_job_runs_and_count_as_output(bench: Bench) -> None:
    bench.launch(logging("echo up > sim.log; sleep 60", "sim.log"))
    await until(lambda: bench.data(LOG1) == b"up\n", "the line")
    bench.host.stop(stop(mode=attach_pb2.STOP_MODE_NOW))
    await bench.end()


async def test_what_was_there_before_is_left_out(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("old\n")
    (tmp_path / "b.log").write_text("old, longer than what comes\n")
    await bench.run_job(logging("echo new >> a.log; echo new > b.log", "a.log", "b.log"))
    assert (bench.data(LOG1), bench.data(LOG2)) == (b"new\n", b"new\n")


async def test_large_files_are_read_in_pieces_to_their_end(bench: Bench) -> None:
    end = await bench.run_job(logging("seq 500000 > sim.log", "sim.log"))
    assert end.log_files.list[0].lines == 500_000
    assert bench.data(LOG1).endswith(b"\n499999\n500000\n")


async def test_files_of_processes_that_outlive_the_leader_are_read(bench: Bench) -> None:
    script = "(trap 'echo last >> sim.log; exit' TERM; echo first > sim.log; while :; do sleep 0.1; done) &\n"
    script += "until [ -s sim.log ]; do sleep 0.02; done"
    await bench.run_job(logging(script, "sim.log"))
    assert bench.data(LOG1) == b"first\nlast\n"


async def test_files_that_cannot_be_read_are_named_once(bench: Bench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    end = await bench.run_job(logging("sleep 0.3", "pipe", ".", "loop", "none", "x/none"))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert sorted(texts(bench)) == [
        "the file . of `also_log` cannot be read: is not a regular file",
        "the file loop of `also_log` cannot be read: too many levels of symbolic links",
        "the file none of `also_log` was not found: it was not written, or removed before it was read",
        "the file pipe of `also_log` cannot be read: is not a regular file",
        "the file x/none of `also_log` was not found: it was not written, or removed before it was read",
    ]


async def test_each_attempt_reads_its_own_lines(bench: Bench) -> None:
    job = logging("echo $GATOR_ATTEMPT >> sim.log", "sim.log")
    for attempt in (1, 2):
        bench.launch(job, f"top/j{attempt}", attempt)
        await bench.end(f"top/j{attempt}", attempt)
        assert bench.data(LOG1, f"top/j{attempt}") == f"{attempt}\n".encode()


def read_all(file: FollowedFile) -> bytes:
    data = b""
    while more := file.read():
        data += more
    return data


def test_holes_of_a_sparse_file_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "sim.log"
    file = FollowedFile(str(path), "sim.log")
    with path.open("wb") as sparse:
        sparse.write(b"first\n")
        sparse.seek(1 << 40)
        sparse.write(b"last\n")
        sparse.truncate(1 << 41)
    data, reads = b"", 0
    while more := file.read():
        data += more
        reads += 1
    assert data.startswith(b"first\n")
    assert data.replace(b"\0", b"") == b"first\nlast\n"
    assert reads < 10


def test_a_rotated_file_is_read_to_its_end_before_the_one_that_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "sim.log"
    file = FollowedFile(str(path), "sim.log")
    file.skip()
    assert file.read() == b""
    path.write_text("a\nb")
    assert file.read() == b"a\nb"
    with path.open("a") as old:
        path.rename(tmp_path / "sim.log.1")
        path.write_text("d\n")
        old.write("c")
        old.flush()
        assert read_all(file) == b"c\nd\n"
    path.unlink()
    assert file.read() == b""
    path.write_text("e\n")
    assert read_all(file) == b"e\n"
    file.close()


def test_a_truncated_file_is_read_anew_even_if_it_has_grown_beyond_the_place(tmp_path: Path) -> None:
    path = tmp_path / "sim.log"
    file = FollowedFile(str(path), "sim.log")
    path.write_text("one\ntwo\n")
    assert read_all(file) == b"one\ntwo\n"
    path.write_text("x\n")
    assert read_all(file) == b"x\n"
    path.write_text("another\nand more\n")
    assert read_all(file) == b"another\nand more\n"
    file.close()


def test_one_read_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "sim.log"
    path.write_bytes(b"x" * (3 * PIECE_BYTES))
    file = FollowedFile(str(path), "sim.log")
    assert len(file.read()) == PIECE_BYTES
    file.close()


def test_a_file_that_becomes_readable_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sim.log"
    path.symlink_to("sim.log")
    file = FollowedFile(str(path), "sim.log")
    assert file.read() == b""
    assert file.problem
    path.unlink()
    path.write_text("a\n")
    assert file.read() == b"a\n"
    assert file.problem == ""
    file.close()


async def test_a_stop_at_once_does_not_wait_for_files(bench: Bench) -> None:
    bench.launch(logging("echo up; exec sleep 60", "sim.log"))
    await until(lambda: bench.data() == b"up\n", "the start")
    bench.host.stop(stop(mode=attach_pb2.STOP_MODE_NOW))
    end: event_pb2.AttemptFinished = await bench.end()
    assert end.outcome == common_pb2.OUTCOME_CANCELLED


def test_only_the_last_lines_are_read_beyond_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"begun")
    file = FollowedFile(str(path), "a.log")
    assert file.read() == b"begun"
    with path.open("ab") as added:
        added.writelines(b" %d\n" % number for number in range(100_000))
    size = path.stat().st_size
    file.limit(100)
    rest = read_all(file)
    assert rest.startswith(b"\n 999")
    assert rest.endswith(b" 99998\n 99999\n")
    assert file.left_out == size - len(b"begun") - len(rest) + 1
    with path.open("ab") as added:
        added.write(b"x" * 1000)
    file.limit(100)
    assert len(read_all(file)) < 100


async def test_the_end_of_a_long_file_is_read_and_the_job_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tail, "MAX_REST_BYTES", 1000)
    script = "seq 1000000 > all.log; mv all.log sim.log"
    end = await bench.run_job(logging(script, "sim.log"))
    assert bench.data(LOG1).endswith(b"\n999999\n1000000\n")
    assert end.log_files.list[0].lines < 1_000_000
    assert any("of the file sim.log of `also_log` were left out" in text for text in texts(bench))
