"""Whose a process is, decided on invented tables of processes."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from gator.process.ownership import select as selection
from gator.process.ownership.birthmark import Birthmarks, birthmarks, each_birthmark
from gator.process.ownership.criteria import Ownership
from gator.process.ownership.select import name_all, register_helper, select, unregister_helper
from gator.process.procfs import ProcessInfo, Snapshot

MARKS = {"GATOR_RUN": "r", "GATOR_PATH": "top/a", "GATOR_ATTEMPT": "1"}
DAEMON = 100
OWN = 70


@pytest.fixture(autouse=True)
def only_invented_pids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Excludes the pids of this process and of its helpers from the tables; they may be as low as these."""
    monkeypatch.setattr(selection, "os", SimpleNamespace(getpid=lambda: OWN))
    monkeypatch.setattr(selection, "_helpers", set[int]())


def make(pid: int, parent: int, session: int, state: str = "S") -> ProcessInfo:
    return ProcessInfo(pid, pid * 10, parent, session, session, state, f"p{pid}", 0)


def snapshot(
    *processes: ProcessInfo,
    marks: Mapping[int, Mapping[str, str]] | None = None,
    marked: Mapping[int, int] | None = None,
) -> Snapshot:
    return Snapshot({process.pid: process for process in processes}, dict(marks or {}), dict(marked or {}))


def pids(found: list[ProcessInfo]) -> list[int]:
    return [process.pid for process in found]


def test_the_session_of_the_leader_belongs() -> None:
    shot = snapshot(make(200, DAEMON, 200), make(201, 200, 200), make(300, DAEMON, 300))
    assert pids(select(shot, Ownership(200, MARKS))) == [200, 201]


def test_marks_must_agree_in_every_value() -> None:
    shot = snapshot(
        make(300, 1, 300),
        make(400, 1, 400),
        marks={300: {**MARKS, "GATOR_DAEMON": "d"}, 400: {**MARKS, "GATOR_ATTEMPT": "2"}},
    )
    assert pids(select(shot, Ownership(200, MARKS))) == [300]


def test_without_marks_to_go_by_nobody_is_taken_by_marks() -> None:
    shot = snapshot(make(300, 1, 300), marks={300: MARKS})
    assert select(shot, Ownership(200, {})) == []


def test_what_descends_from_a_marked_process_belongs_without_marks() -> None:
    shot = snapshot(make(300, 1, 300), make(301, 300, 301), make(302, 301, 302), marks={300: MARKS})
    assert pids(select(shot, Ownership(0, MARKS))) == [300, 301, 302]


def test_the_session_that_a_marked_process_leads_or_led_belongs() -> None:
    shot = snapshot(
        make(300, 1, 300),
        make(301, 1, 300),
        make(401, 1, 400),
        make(402, 1, 400),
        marks={300: MARKS, 402: MARKS},
    )
    assert pids(select(shot, Ownership(0, MARKS))) == [300, 301, 401, 402]


def test_a_terminal_in_which_a_mark_was_exported_is_left_alone() -> None:
    shell, marked, beside = make(50, 1, 50), make(51, 50, 50), make(52, 50, 50)
    assert pids(select(snapshot(shell, marked, beside, marks={51: MARKS}), Ownership(0, MARKS))) == [51]


def test_the_session_of_this_process_is_never_taken() -> None:
    own, beside = make(OWN, 1, 40), make(41, 1, 40)
    shot = snapshot(own, beside, marks={own.pid: MARKS, 41: MARKS})
    assert pids(select(shot, Ownership(0, MARKS))) == [41]
    shot = snapshot(own, beside, marks={own.pid: MARKS})
    assert select(shot, Ownership(0, MARKS)) == []


def test_a_new_process_with_the_pid_of_a_reaped_leader_is_not_the_job() -> None:
    shot = snapshot(make(200, 1, 200), make(201, 200, 200))
    assert select(shot, Ownership(200, MARKS, leader_reaped=True)) == []
    orphans = snapshot(make(201, DAEMON, 200))
    assert pids(select(orphans, Ownership(200, MARKS, leader_reaped=True))) == [201]


def test_a_session_is_remembered_when_its_leader_died_before_what_it_started_was_seen() -> None:
    ownership = Ownership(200, MARKS)
    assert pids(select(snapshot(make(300, 1, 300), marks={300: MARKS}), ownership)) == [300]
    assert pids(select(snapshot(make(301, DAEMON, 300)), ownership)) == [301]
    another = make(300, 1, 300)._replace(start_ticks=9999)
    assert select(snapshot(another, make(302, 300, 300)), ownership) == []


def test_the_dead_are_not_listed_but_their_children_are() -> None:
    shot = snapshot(make(300, 1, 300, "Z"), make(301, 300, 301), marks={300: MARKS})
    assert pids(select(shot, Ownership(0, MARKS))) == [301]


@pytest.mark.parametrize(("wanted", "expected"), [(False, []), (True, [500, 501])])
def test_adopted_orphans_without_signs_are_taken_on_request_only(wanted: bool, expected: list[int]) -> None:
    shot = snapshot(
        make(DAEMON, 1, DAEMON),
        make(110, DAEMON, 110),
        make(500, DAEMON, 500),
        make(501, 500, 501),
        make(600, DAEMON, 600),
        marks={600: {**MARKS, "GATOR_PATH": "top/b"}},
    )
    ownership = Ownership(200, MARKS, leader_reaped=True)
    found = select(shot, ownership, {110}, adopted_by=DAEMON, is_stray=lambda _info, _whose: wanted)
    assert pids(found) == expected


def test_what_was_born_in_a_job_belongs_without_marks_session_and_parents() -> None:
    of_daemon = birthmarks("r", "w1")
    mine, other = list(zip(range(2), each_birthmark("r", "w1"), strict=False))
    shot = snapshot(
        make(300, DAEMON, 300),
        make(400, DAEMON, 400),
        make(500, DAEMON, 500),
        marked={300: mine[1].number, 400: other[1].number, 500: birthmarks("s", "w1").number},
    )
    assert pids(select(shot, Ownership(200, MARKS, True, birthmarks=mine[1]))) == [300]
    assert pids(select(shot, Ownership(0, {}, birthmarks=of_daemon))) == [300, 400]
    assert pids(select(shot, Ownership(0, {}, birthmarks=birthmarks("r")))) == [300, 400]
    assert select(shot, Ownership(0, {}, birthmarks=birthmarks("r", "w2"))) == []
    # A process that was born in another job of the run is not an orphan without signs.
    ownership = Ownership(200, MARKS, True, birthmarks=mine[1])
    taken = select(shot, ownership, adopted_by=DAEMON, is_stray=lambda _info, _whose: True)
    assert pids(taken) == [300, 500]


def test_birthmarks_of_attempts_daemons_and_runs_are_told_apart() -> None:
    daemons = ["", "w1", "w2", "t3", "w4094", "closing"]
    numbers = {next(each_birthmark("r", daemon)).number for daemon in daemons}
    assert len(numbers) == len(daemons)
    assert all(number.bit_length() == 63 for number in numbers)
    assert not Birthmarks(0, 0).has(0)
    assert {birthmarks(f"{run:032x}").number for run in range(1000)}.__len__() == 1000


def test_what_descended_from_a_job_is_remembered_when_it_has_lost_its_parents() -> None:
    ownership = Ownership(200, MARKS)
    ownership.remember([make(200, DAEMON, 200), make(201, 200, 201), make(203, 201, 203)])
    orphans = snapshot(make(203, DAEMON, 203), make(204, DAEMON, 201), make(202, DAEMON, 202))
    assert pids(select(orphans, ownership)) == [203, 204]
    later = make(203, DAEMON, 203)._replace(start_ticks=9999)
    assert select(snapshot(later), ownership) == []


def test_a_helper_is_not_an_orphan_and_its_pid_may_be_that_of_a_job_once_it_is_reaped() -> None:
    shot = snapshot(make(DAEMON, 1, DAEMON), make(500, DAEMON, 500))
    ownership = Ownership(200, MARKS, leader_reaped=True)

    def select_strays() -> list[int]:
        return pids(select(shot, ownership, adopted_by=DAEMON, is_stray=lambda _info, _whose: True))

    register_helper(500)
    assert select_strays() == []
    unregister_helper(500)
    assert select_strays() == [500]


def test_others_are_spared_with_what_descends_from_them() -> None:
    shot = snapshot(make(300, 1, 300), make(301, 300, 301), make(302, 301, 302), marks={300: MARKS})
    assert pids(select(shot, Ownership(0, MARKS), {301})) == [300]


def test_names_are_cut_when_they_are_many() -> None:
    processes = [make(number, 1, number) for number in range(10, 17)]
    assert name_all(processes[:1]) == "p10 (pid 10)"
    assert name_all(processes, 2) == "p10 (pid 10), p11 (pid 11) and 5 more"
