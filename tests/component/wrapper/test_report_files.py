"""The reports of tests that an attempt wrote are found, and older ones are not read."""

import os
from pathlib import Path

import pytest

from gator.daemon.attempts.files import report_files
from gator.daemon.attempts.files.report_files import ReportFiles, WantedReport

GOOD = "1..1\nok 1\n"


def files(folder: Path, name: str, *, required: bool = False) -> ReportFiles:
    return ReportFiles([WantedReport(name, str(folder / name), "", required)])


def test_a_file_that_was_written_is_read_and_an_older_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "old.tap").write_text(GOOD)
    (tmp_path / "again.tap").write_text(GOOD)
    wanted = files(tmp_path, "*.tap")
    (tmp_path / "again.tap").write_text("1..2\nok 1\nok 2\n")
    (tmp_path / "new.tap").write_text(GOOD)
    found = wanted.read()
    assert [file.report and file.report.tests for file in found] == [2, 1]
    assert not any(file.problem for file in found)


def test_an_old_file_alone_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "old.tap").write_text(GOOD)
    (file,) = files(tmp_path, "old.tap", required=True).read()
    assert file.required and file.report is None
    assert file.problem == "the test report old.tap is older than the attempt and is not read"


@pytest.mark.parametrize("name", ["none.xml", "none/**/*.xml"])
def test_a_missing_file_is_a_problem(tmp_path: Path, name: str) -> None:
    (file,) = files(tmp_path, name).read()
    assert file.problem == f"there is no test report {name}: the job did not write it"


def test_a_pipe_and_a_folder_are_not_read(tmp_path: Path) -> None:
    wanted = files(tmp_path, "x*")
    os.mkfifo(tmp_path / "x1")
    (tmp_path / "x2").mkdir()
    assert ["it is not a regular file" in file.problem for file in wanted.read()] == [True, True]


def test_large_and_many_files_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "MAX_BYTES", 100)
    monkeypatch.setattr(report_files, "MAX_FILES", 3)
    wanted = files(tmp_path, "*.tap")
    for number in range(5):
        (tmp_path / f"{number}.tap").write_text(GOOD if number else "ok\n" * 50)
    problems = [file.problem for file in wanted.read()]
    assert len(problems) == 4 and "more files than the first 3" in problems[0]
    assert sum("are read at most" in problem for problem in problems) <= 1
