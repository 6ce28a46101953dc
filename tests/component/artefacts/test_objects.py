"""Artefacts are kept once by content, never half written, and given unchanged."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from gator.core.attempt.artefacts import Collected
from gator.daemon.artefacts import objects
from gator.daemon.artefacts.collect import Collection
from gator.daemon.artefacts.discard import discard
from gator.daemon.artefacts.fetch import MissingError, fetch
from gator.daemon.artefacts.manifest import remove_manifest
from gator.daemon.artefacts.objects import ArtefactError, ObjectStore, remove_tree
from gator.v1 import attach_pb2, spec_pb2

MANY = 1 << 40


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "cwd").mkdir()
    return tmp_path / "run"


def kept(
    run: Path,
    path: str = "top/build",
    *,
    passed: bool = True,
    collect: Sequence[str] = (),
    **wanted: str | spec_pb2.Product,
) -> Collected:
    products: list[spec_pb2.Product] = []
    for name, each in wanted.items():
        product = spec_pb2.Product(path=each) if isinstance(each, str) else each
        product.name = name
        products.append(product)
    artefacts = spec_pb2.JobArtefacts(produces=products, collect=collect)
    return Collection(run, path, 1, str(run.parent / "cwd"), artefacts).keep(passed=passed)


def given(run: Path, **wanted: object) -> dict[str, str]:
    use = attach_pb2.Input(job="build", name="sim", producers="top/build")
    use.MergeFrom(attach_pb2.Input(**wanted))  # pyright: ignore[reportArgumentType]
    return fetch(run, attach_pb2.LaunchNode(path="top/run", attempt=1, inputs=[use]))


def files(run: Path) -> dict[int, list[Path]]:
    """The files among the objects by inode."""
    found: dict[int, list[Path]] = {}
    for path in (run / "objects").rglob("*"):
        if path.is_file():
            found.setdefault(path.stat().st_ino, []).append(path)
    return found


def test_equal_contents_are_kept_once_and_read_only(run: Path) -> None:
    cwd = run.parent / "cwd"
    (cwd / "a.txt").write_text("same")
    (cwd / "b.log").write_text("same")
    first, second = kept(run, a="a.txt", b="b.log").artefacts
    assert first.sha256 == second.sha256 and Path(second.object).name == "b.log"
    assert len(files(run)) == 1
    assert stat.S_IMODE((run / first.object).stat().st_mode) == 0o444
    assert (cwd / "a.txt").stat().st_ino not in files(run)
    assert not list((run / "objects" / "new").iterdir())


def test_a_program_stays_one(run: Path) -> None:
    (run.parent / "cwd" / "p").write_text("#!/bin/sh\n")
    (run.parent / "cwd" / "q").write_text("#!/bin/sh\n")
    (run.parent / "cwd" / "p").chmod(0o755)
    program, text = kept(run, p="p", q="q").artefacts
    assert stat.S_IMODE((run / program.object).stat().st_mode) == 0o555
    assert stat.S_IMODE((run / text.object).stat().st_mode) == 0o444


def test_a_folder_is_a_tree_of_links_to_objects(run: Path) -> None:
    cwd = run.parent / "cwd"
    (cwd / "cov" / "inner").mkdir(parents=True)
    (cwd / "cov" / "empty").mkdir()
    (cwd / "cov" / "a").write_text("x")
    (cwd / "cov" / "inner" / "b").write_text("x")
    (cwd / "cov" / "l").symlink_to("a")
    (made,) = kept(run, cov="cov").artefacts
    assert (made.files, made.size_bytes) == (4, 2)
    place = run / made.object
    assert sorted(str(path.relative_to(place)) for path in place.rglob("*")) == [
        "a",
        "empty",
        "inner",
        "inner/b",
        "l",
    ]
    assert len(files(run)) == 1
    (again,) = kept(run, "top/other", cov="cov").artefacts
    assert again.object == made.object
    remove_tree(run / "objects")
    assert not (run / "objects").exists()


def test_a_glob_is_a_folder_of_its_matches(run: Path) -> None:
    for name in ("a.log", "b.log"):
        (run.parent / "cwd" / name).write_text(name)
    (made,) = kept(run, logs="*.log").artefacts
    assert sorted(path.name for path in (run / made.object).iterdir()) == ["a.log", "b.log"]
    assert Path(made.object).name == "logs"


def test_what_was_found_instead_is_told(run: Path) -> None:
    cwd = run.parent / "cwd"
    (cwd / "build").mkdir()
    (cwd / "build" / "simv.log").write_text("0123456789")
    os.mkfifo(cwd / "pipe")
    (cwd / "broken").symlink_to("nowhere")
    found = kept(
        run,
        sim="build/simv",
        logs="*.none",
        big=spec_pb2.Product(path="build/simv.log", max_bytes=5),
        pipe="pipe",
        broken="broken",
        maybe=spec_pb2.Product(path="no", optional=True),
    )
    assert not found.artefacts
    assert found.problems == [
        f"the artefact sim is missing: build/simv: there is no such file or folder; {cwd}/build has simv.log",
        "the artefact logs is missing: *.none: it matches no file",
        "the artefact big (build/simv.log) is too large: "
        "simv.log has 10 B, and 5 B are allowed; raise `max:`",
        "the artefact pipe (pipe) pipe is a FIFO",
        f"the artefact broken is missing: broken: it is a broken link; {cwd} has broken, build, pipe",
    ]
    assert not kept(run, passed=False, sim="build/simv").problems


def test_files_that_only_may_be_there_are_collected(run: Path) -> None:
    for name in ("a.fsdb", "b.fsdb", "c.txt"):
        (run.parent / "cwd" / name).write_text(name)
    found = kept(run, collect=["*.fsdb", "*.none", "a.*"])
    assert [each.name for each in found.artefacts] == ["a.fsdb", "b.fsdb"]
    assert not found.problems and not found.warnings


def test_a_file_that_is_written_meanwhile_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = run.parent / "cwd" / "a"
    source.write_text("first")
    copy = objects._copy  # pyright: ignore[reportPrivateUsage]

    def slow(fd: int, target: int) -> str:
        source.write_text("other")
        return copy(fd, target)

    def refuse(source: int, target: int) -> bool:
        return False

    monkeypatch.setattr(objects, "_clone", refuse)
    monkeypatch.setattr(objects, "_copy", slow)
    with pytest.raises(ArtefactError, match="changed while it was kept"):
        ObjectStore(run).keep(source, "a", MANY)
    assert not files(run)


def test_a_consumer_gets_the_object_or_a_copy(run: Path) -> None:
    (run.parent / "cwd" / "simv").write_text("sim")
    (made,) = kept(run, sim="simv").artefacts
    assert given(run) == {"build.sim": str(run / made.object)}
    copy = Path(given(run, copy=True)["build.sim"])
    assert copy.read_text() == "sim" and copy.name == "simv"
    copy.write_text("mine")
    assert (run / made.object).read_text() == "sim"


def test_a_repeated_producer_gives_a_list(run: Path) -> None:
    for number in (2, 10, 0):
        (run.parent / "cwd" / "simv").write_text(f"sim {number}")
        kept(run, f"top/arr/build[{number}]", sim="simv", passed=number != 2)
    for any_too, expected in ((False, ["sim 0", "sim 10"]), (True, ["sim 0", "sim 2", "sim 10"])):
        wanted = given(run, producers="top/arr/build[*]", repeated=True, when_done=True, any=any_too)
        paths = Path(wanted["build.sim"]).read_text().splitlines()
        assert [Path(path).read_text() for path in paths] == expected


def test_what_an_earlier_attempt_made_is_forgotten(run: Path) -> None:
    (run.parent / "cwd" / "simv").write_text("old")
    kept(run, sim="simv")
    remove_manifest(run, "top/build")
    with pytest.raises(MissingError, match=r"the artefact build\.sim was not produced by top/build"):
        given(run)
    assert given(run, optional=True) == {"build.sim": ""}
    (run.parent / "cwd" / "simv").write_text("new")
    kept(run, sim="simv")
    assert Path(given(run)["build.sim"]).read_text() == "new"


def test_a_changed_or_removed_object_is_refused(run: Path) -> None:
    (run.parent / "cwd" / "simv").write_text("sim")
    (made,) = kept(run, sim="simv").artefacts
    place = run / made.object
    place.chmod(0o644)
    place.write_text("other")
    with pytest.raises(MissingError, match=r"was changed after it was made: .*it has 5 B now, and had 3 B"):
        given(run)
    place.unlink()
    with pytest.raises(MissingError, match="no such file"):
        given(run)


def test_a_producer_that_is_not_selected_is_named(run: Path) -> None:
    with pytest.raises(MissingError, match="build is not selected: select it too"):
        given(run, unselected=True)


def test_only_what_nothing_keeps_is_removed_at_the_end(run: Path) -> None:
    cwd = run.parent / "cwd"
    (cwd / "cov").mkdir()
    for name, text in (("a", "1"), ("b", "2"), ("cov/c", "3"), ("cov/a", "1"), ("d", "2")):
        (cwd / name).write_text(text)
    found = kept(
        run, a="a", b=spec_pb2.Product(path="b", discard=True), cov=spec_pb2.Product(path="cov", discard=True)
    )
    places = {each.name: run / each.object for each in found.artefacts}
    (other,) = kept(run, "top/other", d="d").artefacts
    discard(run)
    assert places["a"].exists() and (run / other.object).read_text() == "2"
    assert not places["b"].exists() and not places["cov"].exists()
    assert sorted(path.read_text() for paths in files(run).values() for path in paths) == ["1", "1", "2", "2"]


@pytest.mark.parametrize("path", ["out", "out/**", "out/*", "out/tool", "out/empty"])
def test_the_hash_of_an_object_is_that_of_its_record_until_it_is_changed(run: Path, path: str) -> None:
    out = run.parent / "cwd" / "out"
    (out / "sub" / "deep").mkdir(parents=True)
    (out / "empty").mkdir()
    (out / "sub" / "deep" / "data").write_text("1")
    (out / "tool").write_text("#!/bin/sh")
    (out / "tool").chmod(0o755)
    (out / "link").symlink_to("tool")
    (artefact,) = kept(run, sim=path).artefacts
    place = run / artefact.object
    assert objects.hash_of(place) == artefact.sha256
    changed = place if place.is_file() else place / "added"
    place.chmod(0o755)
    changed.write_text("2")
    assert objects.hash_of(place) != artefact.sha256
