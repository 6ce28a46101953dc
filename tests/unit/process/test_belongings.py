"""Whose a process is, decided on invented tables of processes."""

import os
from collections.abc import Mapping

import pytest

from gator.process.belongings import Belonging, name_all, select
from gator.process.procfs import ProcessInfo, Snapshot

MARKS = {"GATOR_RUN": "r", "GATOR_PATH": "top/a", "GATOR_ATTEMPT": "1"}
DAEMON = 100


def make(pid: int, parent: int, session: int, state: str = "S") -> ProcessInfo:
    return ProcessInfo(pid, pid * 10, parent, session, session, state, f"p{pid}", 0)


def snapshot(*processes: ProcessInfo, marks: Mapping[int, Mapping[str, str]] | None = None) -> Snapshot:
    return Snapshot({process.pid: process for process in processes}, dict(marks or {}))


def pids(found: list[ProcessInfo]) -> list[int]:
    return [process.pid for process in found]


def test_the_session_of_the_leader_belongs() -> None:
    shot = snapshot(make(200, DAEMON, 200), make(201, 200, 200), make(300, DAEMON, 300))
    assert pids(select(shot, Belonging(200, MARKS))) == [200, 201]


def test_marks_must_agree_in_every_value() -> None:
    shot = snapshot(
        make(300, 1, 300),
        make(400, 1, 400),
        marks={300: {**MARKS, "GATOR_DAEMON": "d"}, 400: {**MARKS, "GATOR_ATTEMPT": "2"}},
    )
    assert pids(select(shot, Belonging(200, MARKS))) == [300]


def test_without_marks_to_go_by_nobody_is_taken_by_marks() -> None:
    shot = snapshot(make(300, 1, 300), marks={300: MARKS})
    assert select(shot, Belonging(200, {})) == []


def test_what_descends_from_a_marked_process_belongs_without_marks() -> None:
    shot = snapshot(make(300, 1, 300), make(301, 300, 301), make(302, 301, 302), marks={300: MARKS})
    assert pids(select(shot, Belonging(0, MARKS))) == [300, 301, 302]


def test_the_session_that_a_marked_process_leads_or_led_belongs() -> None:
    shot = snapshot(
        make(300, 1, 300),
        make(301, 1, 300),
        make(401, 1, 400),
        make(402, 1, 400),
        marks={300: MARKS, 402: MARKS},
    )
    assert pids(select(shot, Belonging(0, MARKS))) == [300, 301, 401, 402]


def test_a_terminal_in_which_a_mark_was_exported_is_left_alone() -> None:
    shell, marked, beside = make(50, 1, 50), make(51, 50, 50), make(52, 50, 50)
    assert pids(select(snapshot(shell, marked, beside, marks={51: MARKS}), Belonging(0, MARKS))) == [51]


def test_the_session_of_this_process_is_never_taken() -> None:
    own, beside = make(os.getpid(), 1, 40), make(41, 1, 40)
    shot = snapshot(own, beside, marks={own.pid: MARKS, 41: MARKS})
    assert pids(select(shot, Belonging(0, MARKS))) == [41]
    shot = snapshot(own, beside, marks={own.pid: MARKS})
    assert select(shot, Belonging(0, MARKS)) == []


def test_a_new_process_with_the_pid_of_a_reaped_leader_is_not_the_job() -> None:
    shot = snapshot(make(200, 1, 200), make(201, 200, 200))
    assert select(shot, Belonging(200, MARKS, leader_reaped=True)) == []
    orphans = snapshot(make(201, DAEMON, 200))
    assert pids(select(orphans, Belonging(200, MARKS, leader_reaped=True))) == [201]


def test_a_session_is_remembered_when_its_leader_died_before_what_it_started_was_seen() -> None:
    whose = Belonging(200, MARKS)
    assert pids(select(snapshot(make(300, 1, 300), marks={300: MARKS}), whose)) == [300]
    assert pids(select(snapshot(make(301, DAEMON, 300)), whose)) == [301]
    another = make(300, 1, 300)._replace(start_ticks=9999)
    assert select(snapshot(another, make(302, 300, 300)), whose) == []


def test_the_dead_are_not_listed_but_their_children_are() -> None:
    shot = snapshot(make(300, 1, 300, "Z"), make(301, 300, 301), marks={300: MARKS})
    assert pids(select(shot, Belonging(0, MARKS))) == [301]


@pytest.mark.parametrize(("strays_of", "expected"), [(None, []), (DAEMON, [500, 501])])
def test_adopted_orphans_without_signs_are_taken_on_request_only(
    strays_of: int | None, expected: list[int]
) -> None:
    shot = snapshot(
        make(DAEMON, 1, DAEMON),
        make(110, DAEMON, 110),
        make(500, DAEMON, 500),
        make(501, 500, 501),
        make(600, DAEMON, 600),
        marks={600: {**MARKS, "GATOR_PATH": "top/b"}},
    )
    whose = Belonging(200, MARKS, leader_reaped=True)
    assert pids(select(shot, whose, {110}, strays_of=strays_of)) == expected


def test_others_are_spared_with_what_descends_from_them() -> None:
    shot = snapshot(make(300, 1, 300), make(301, 300, 301), make(302, 301, 302), marks={300: MARKS})
    assert pids(select(shot, Belonging(0, MARKS), {301})) == [300]


def test_names_are_cut_when_they_are_many() -> None:
    processes = [make(number, 1, number) for number in range(10, 17)]
    assert name_all(processes[:1]) == "p10 (pid 10)"
    assert name_all(processes, 2) == "p10 (pid 10), p11 (pid 11) and 5 more"
