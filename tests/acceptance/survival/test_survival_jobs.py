"""Jobs that misbehave: each ends with a verdict, nothing of it lives on, and what it wrote is kept."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Gator, Running, until

PASSED, FAILED = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED
FINISHED = attach_pb2.EVENT_KIND_ATTEMPT_FINISHED
PLACEMENTS = ("inline", "daemons")

ESCAPES = """\
!JobGroup
  ident: top
  grace: 300ms
  stderr: info
  jobs:
  - !Job {ident: daemon, shell: '(setsid sleep 61.1 >/dev/null 2>&1 </dev/null &); echo forked'}
  - !Job {ident: double, shell: 'setsid -f setsid -f sleep 61.1; echo forked'}
  - !Job {ident: timeout, shell: 'timeout 60 sleep 61.1 & sleep 0.1; echo left'}
  - !Job {ident: monitor, shell: 'set -m; sleep 61.1 & sleep 61.1 & set +m; echo left'}
  - !Job {ident: deaf, shell: 'trap "" TERM HUP INT; (while :; do sleep 0.2; done) & echo deaf'}
  - !Job {ident: slow, timeout: 300ms, shell: 'trap "" TERM; while :; do sleep 0.1; done'}
  - !Job {ident: bare, shell: 'env -i setsid -f sleep 61.1; echo bare'}
  - !Job {ident: mute, shell: 'exec >&- 2>&-; sleep 0.3; touch mute.done'}
  - !Job {ident: leak, shell: 'sleep 61.1 & echo leaked'}
  - !Job {ident: reader, command: cat}
  - !Job {ident: tty, shell: 'if : </dev/tty; then echo a terminal; else echo none; fi'}
"""
ODD_BYTES = b"a\xff\xfeb\n\x00\x00nul\x00\n10%\r20%\r100%\n\xf0\x9f\x90\x8a no end"


def _run(gator: Gator, text: str, placement: str, *args: str) -> Running:
    return gator.start("run", gator.spec(text), "-j", 4, "--placement", placement, *args)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_nothing_of_a_job_outlives_it_however_it_escapes(gator: Gator, placement: str) -> None:
    run = _run(gator, ESCAPES, placement)
    run.wait().expect(1)
    assert not gator.jobs("sleep")
    gator.check_results()
    nodes = gator.nodes()
    failed = {path for path, node in nodes.items() if node.outcome != PASSED}
    assert failed == {"top", "top/slow"}
    assert nodes["top/slow"].reason == common_pb2.REASON_TIMEOUT
    assert (gator.root / "mute.done").exists()
    assert gator.output("top/leak") == b"leaked\n"
    assert gator.output("top/reader") == b""
    assert b"none\n" in gator.output("top/tty")
    warnings = [
        (event.path, event.log.text)
        for event in gator.events(attach_pb2.EVENT_KIND_LOG)
        if event.log.severity == common_pb2.SEVERITY_WARNING and event.log.logger == "gator"
    ]
    # Under which name it is caught depends on how far it has come.
    named = {path for path, text in warnings if "(pid " in text}
    assert {"top/daemon", "top/double", "top/timeout", "top/monitor", "top/deaf", "top/leak"} <= named


def test_a_program_is_found_through_the_path_of_the_job_alone(gator: Gator) -> None:
    tools = gator.root / "tools"
    tools.mkdir()
    (tools / "only-here").write_text("#!/bin/sh\necho found\n")
    (tools / "only-here").chmod(0o755)
    _run(
        gator,
        f"!Job {{ident: one, command: only-here, env: {{PATH: '{tools}:/usr/bin:/bin'}}}}\n",
        "inline",
    ).wait().expect(0)
    assert gator.output("one") == b"found\n"


def test_a_pipe_that_is_closed_early_is_not_a_failure(gator: Gator) -> None:
    _run(gator, "!Job {ident: one, command: sh, args: [-c, 'yes | head -1']}\n", "inline").wait().expect(0)
    assert gator.output("one") == b"y\n"


def test_what_cannot_start_says_why_and_what_to_do(gator: Gator) -> None:
    text = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: absent, command: no-such-program}
  - !Job {ident: builtin, command: exit, args: [3]}
  - !Job {ident: nowhere, command: echo, cwd: /no/such/folder}
  - !Job {ident: folder, command: /tmp}
"""
    done = _run(gator, text, "daemons").wait().expect(1)
    nodes = gator.nodes()
    for name in ("absent", "builtin", "nowhere", "folder"):
        node = nodes[f"top/{name}"]
        assert (node.outcome, node.reason) == (FAILED, common_pb2.REASON_NOT_STARTED), node
        assert node.attempts == 1
        assert node.message in done.out
    assert "no-such-program" in nodes["top/absent"].message
    assert "use 'shell'" in nodes["top/builtin"].message
    assert "/no/such/folder" in nodes["top/nowhere"].message


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_any_bytes_come_back_as_they_were_written(gator: Gator, placement: str) -> None:
    (gator.root / "odd").write_bytes(ODD_BYTES)
    text = "!JobGroup {ident: top, jobs: [!Job {ident: one, command: cat, args: [odd]}]}\n"
    _run(gator, text, placement).wait().expect(0)
    assert gator.output("top/one") == ODD_BYTES
    raw = gator.start("logs", "top/one", "--raw")
    raw.wait().expect(0)
    assert (gator.root / "printed" / "1.out").read_bytes() == ODD_BYTES
    for command in (("logs", "one"), ("logs", "one", "--long"), ("logs", "one", "--json"), ("grep", "nul")):
        gator(*command).expect(0)


def _peak_kib(pid: int) -> int:
    """Greatest resident memory of a process so far; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_line_of_100_mb_is_kept_in_bounded_memory(gator: Gator, placement: str) -> None:
    text = """\
!JobGroup
  ident: top
  jobs:
  - !Job {ident: one, shell: 'head -c 100000000 /dev/zero | tr "\\0" x; echo; echo after'}
"""
    run = _run(gator, text, placement)
    peaks: dict[int, int] = {}

    def over() -> bool:
        for pid in [run.pid, *(one.pid for one in gator.daemons())]:
            peaks[pid] = max(peaks.get(pid, 0), _peak_kib(pid))
        return run.ended

    until(over, "the end")
    run.wait().expect(0)
    finished = gator.events(FINISHED)[0].attempt_finished
    assert finished.stdout_lines == 2
    assert len(gator.output("top/one")) == 100_000_000 + len("\nafter\n")
    assert max(peaks.values()) < 250 * 1024, peaks


def test_a_million_lines_at_once_are_all_kept(gator: Gator) -> None:
    _run(gator, "!Job {ident: one, command: seq, args: [1000000]}\n", "inline", "--quiet").wait().expect(0)
    expected = subprocess.run(["seq", "1000000"], capture_output=True, check=True).stdout
    assert gator.events(FINISHED)[0].attempt_finished.stdout_lines == 1_000_000
    gator.start("logs", "one").wait().expect(0)
    printed = (gator.root / "printed" / "1.out").read_bytes()
    assert hashlib.sha256(printed).digest() == hashlib.sha256(expected).digest()


def test_a_chain_of_processes_that_each_start_the_next_and_end_is_caught(gator: Gator) -> None:
    text = """\
!JobGroup
  ident: top
  jobs:
  - !Job
      ident: chain
      shell: |
        echo 'sleep 0.01; setsid -f sh hop >/dev/null 2>&1' > hop
        setsid -f sh hop
        echo away
"""
    _run(gator, text, "daemons").wait().expect(0)
    assert not gator.processes()
    assert gator.nodes()["top/chain"].outcome == PASSED
