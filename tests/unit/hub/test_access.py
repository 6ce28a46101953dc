"""Who may use a hub: the file of tokens, its first writing, its changes; and the log of who was refused."""

import logging
import stat
from pathlib import Path
from threading import Thread

import pytest

from gator.errors import UnauthenticatedError, UsageError
from gator_hub.log import (
    MAX_ATTACH_LINES,
    MAX_REFUSAL_LINES,
    PERIOD_SECONDS,
    AttachLog,
    OneLineFormatter,
    RefusalLog,
)
from gator_hub.server.access import Access, own_file, read_tokens

ANN, BOB = "a" * 32, "b" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def write(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "tokens", f"# users\nann:{ANN}\n\nbob : {BOB} \nann:{ANN}2\n")


def test_each_token_names_its_user(file: Path) -> None:
    access = Access(file)
    assert [access.user_of(token) for token in (ANN, BOB, ANN + "2")] == ["ann", "bob", "ann"]


def test_a_file_may_come_from_another_system(tmp_path: Path) -> None:
    file = write(tmp_path / "tokens", f"\ufeffann:{ANN}\r\nbob:{BOB}\r\n")
    access = Access(file)
    assert [access.user_of(token) for token in (ANN, BOB)] == ["ann", "bob"]


@pytest.mark.parametrize("token", ["", "wrong", ANN[:-1], ANN + "3", "ann", f"ann:{ANN}", "\udcff"])
def test_any_other_token_is_nobodys(file: Path, token: str) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        Access(file).user_of(token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "contains no tokens"),
        ("ann\n", ":1: write NAME:TOKEN"),
        ("ann:short\n", "at least 16 characters"),
        (f":{ANN}\n", ":1: write NAME:TOKEN"),
        (f"ann:{ANN}\nan n:{BOB}\n", ":2: write NAME:TOKEN"),
        (f"ann:{ANN} more\n", ":1: write NAME:TOKEN"),
        (f"ann:{ANN}\nbob:{ANN}\n", ":2: another line has the same token"),
    ],
)
def test_a_wrong_file_is_refused_without_showing_a_token(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_tokens(write(tmp_path / "tokens", text))
    assert ANN not in str(caught.value)


def test_a_file_that_everybody_may_read_is_refused(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        Access(file)


def test_a_changed_file_is_read_again_within_a_second(file: Path) -> None:
    clock = Clock()
    access = Access(file, clock=clock)
    write(file, f"bob:{BOB}\n")
    clock.now = 1.0
    with pytest.raises(UnauthenticatedError):
        access.user_of(ANN)
    assert access.user_of(BOB) == "bob"


def test_a_change_that_is_wrong_locks_nobody_out(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    access = Access(file, clock=clock)
    for step in range(1, 4):
        write(file, "ann:\n")
        clock.now = 2.0 * step
        assert access.user_of(ANN) == "ann"
    file.unlink()
    for step in range(4, 7):
        clock.now = 2.0 * step
        assert access.user_of(ANN) == "ann"
    write(file, f"bob:{BOB}\n")
    clock.now = 20.0
    assert access.user_of(BOB) == "bob"
    assert ANN not in caplog.text


def test_a_file_becomes_good_by_its_mode_alone(file: Path) -> None:
    clock = Clock()
    access = Access(file, clock=clock)
    write(file, f"bob:{BOB}\n", 0o644)
    clock.now = 1.0
    assert access.user_of(ANN) == "ann"
    file.chmod(0o600)
    clock.now = 2.0
    assert access.user_of(BOB) == "bob"


def test_the_first_start_writes_a_token_that_only_its_user_may_read(tmp_path: Path) -> None:
    file = own_file(tmp_path / "gator" / "hub" / "token")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    name, _, token = file.read_text().strip().partition(":")
    assert Access(file).user_of(token) == name
    before = file.read_bytes()
    assert own_file(file).read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_hubs_that_start_at_once_agree_on_one_token(tmp_path: Path) -> None:
    file = tmp_path / "gator" / "hub" / "token"
    found: list[bytes] = []
    threads = [Thread(target=lambda: found.append(own_file(file).read_bytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_flood_of_refusals_is_counted_instead_of_written(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    refused = RefusalLog(clock)
    for _ in range(MAX_REFUSAL_LINES + 1000):
        refused("/gator.v1.QueryService/GetRun", "ipv4:127.0.0.1:1", UnauthenticatedError("no"))
    assert len(caplog.records) == MAX_REFUSAL_LINES
    clock.now = PERIOD_SECONDS
    refused("/gator.v1.QueryService/GetRun", "ipv4:127.0.0.1:1", UnauthenticatedError("no"))
    assert len(caplog.records) == MAX_REFUSAL_LINES + 2
    assert "1000 more calls" in caplog.text


def test_a_refusal_names_the_user_and_the_address_as_people_write_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = RefusalLog(name_of=lambda token: "ada" if token == "known" else "")
    refused("/gator.v1.HubService/PinRun", "ipv6:%5B::1%5D:40000", UnauthenticatedError("no"), "known")
    refused("/gator.v1.HubService/PinRun", "ipv6:%5B::1%5D:40000", UnauthenticatedError("no"), "other")
    assert caplog.messages == [
        "rejected PinRun from ada at ipv6:[::1]:40000: no",
        "rejected PinRun from ipv6:[::1]:40000: no",
    ]


def test_runs_that_come_and_go_for_ever_are_counted_instead_of_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    caplog.set_level(logging.INFO, "gator.hub")
    moves = AttachLog(clock)
    for _ in range(MAX_ATTACH_LINES + 1000):
        moves.log("run %s attached", "nightly")
    assert len(caplog.records) == MAX_ATTACH_LINES
    clock.now = PERIOD_SECONDS
    moves.log("run %s attached", "nightly")
    assert [record.getMessage() for record in caplog.records[MAX_ATTACH_LINES:]] == [
        "runs attached or detached 1000 more times within a minute",
        "run nightly attached",
    ]


def test_nothing_makes_two_lines_of_one_in_the_log() -> None:
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "a\n2026 forged\x1b[31m\u2028%s", ("b" * 9999,), None
    )
    line = OneLineFormatter("%(message)s").format(record)
    assert line.isprintable()
    assert line.startswith("a\\n2026 forged\\x1b[31m\\u2028bbb")
    assert len(line) < 3000
