"""Finds the run on this host that a command is about: `-r latest`, `-2`, an id, an ident or a folder.

Invariant: a store is opened only if the name of its folder does not give the exact ident. An unreadable store
does not hide the other runs.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from gator.core.launch.printed import command
from gator.errors import NotFoundError, StoreError, UsageError, reason_of
from gator.files.regular import is_regular
from gator.run_folder import MAX_NAME_PART, ROOT_STORE, RunFolder, name_part
from gator.spec.suggestions import did_you_mean
from gator.units import plural

if TYPE_CHECKING:
    from gator.v1 import query_pb2, spec_pb2

LATEST: Final = "latest"
MEANING_OF_LATEST: Final = "the newest run of the whole spec"
"""Description of `latest` for completions."""
MAX_SEARCHED: Final = 50
"""Maximum number of runs of an ident searched for one of the whole spec."""
MIN_DIGITS: Final = 4
"""Minimum number of digits of the beginning of an id."""
_NAME = re.compile(r"(\d{8}-\d{6})-(.*?)(?:\.\d+)?")


class FoundRun(Struct, frozen=True):
    """A run whose folder is known; its record has not been read."""

    folder: RunFolder
    stamp: str
    """Start as `YYYYMMDD-HHMMSS` in the local zone, from the name of the folder; empty for another name."""
    ident: str
    """Ident of its root as shortened for a file name; the name of the folder if the user chose it."""

    @property
    def id(self) -> str:
        """The id of the run; empty if it never began."""
        holder = self.folder.lock_holder()
        return holder.run if holder is not None else ""

    def started(self) -> str:
        """Returns the start as in `stamp`, taken from the lock file if the folder has another name."""
        return self.stamp or stamp_of((self.folder.path / "run.lock").stat().st_mtime)

    def has_ident(self, ident: str) -> bool:
        """Returns whether the ident of the root is exactly this one.

        If the record cannot be read, the name of the folder decides.
        """
        if self.stamp and name_part(ident) != self.ident:
            return False
        return ident == (self.ident if self.names_its_ident else self.recorded_ident())

    @property
    def names_its_ident(self) -> bool:
        """Whether the name of the folder has the exact ident, so that the record need not be read."""
        return bool(self.stamp) and "_" not in self.ident and len(self.ident) < MAX_NAME_PART

    def recorded_ident(self) -> str:
        """Returns the exact ident of the root; that of the folder's name if the record cannot be read."""
        run = described(self)
        return (run.ident if run is not None else "") or self.ident


def stamp_of(seconds: float) -> str:
    """Returns a time in seconds since 1970 as in the name of a run's folder: `20261122-125830`."""
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds))


def described(found_run: FoundRun) -> "query_pb2.Run | None":
    """Returns the run as described at its start, without times and Result; None if it cannot be read."""
    from gator.store import StoreReader
    from gator.store.run.description import run_of

    try:
        with StoreReader.open(found_run.folder.stores / ROOT_STORE) as reader:
            return run_of(reader, found_run.folder.path)
    except (StoreError, OSError, ValueError, TypeError):
        return None


def rules_of(found_run: FoundRun) -> "Sequence[spec_pb2.CauseRule]":
    """Returns the rules of a run that name causes; empty if it cannot be read."""
    from gator.store import StoreReader

    try:
        with StoreReader.open(found_run.folder.stores / ROOT_STORE) as reader:
            return list(reader.description.causes)
    except (StoreError, OSError, ValueError, TypeError):
        return ()


def is_run(path: Path) -> bool:
    """Returns whether a folder is that of a run; decides by its name if it cannot be read."""
    try:
        return is_regular(path / "run.lock")
    except PermissionError:
        return _NAME.fullmatch(path.name) is not None
    except OSError:
        return False


def found_runs(root: Path) -> Sequence[FoundRun]:
    """Returns the runs in a folder, the newest first; the folder itself if it is that of a run.

    Raises UsageError if the folder cannot be read.
    """
    if is_run(root):
        return [_found_run(root)]
    try:
        folders = [path for path in root.iterdir() if not path.is_symlink() and is_run(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(unreadable(root, error)) from error
    return sorted(map(_found_run, folders), key=_age, reverse=True)


def _is_there(path: Path) -> bool:
    """Returns whether a path exists and is visible to this user."""
    try:
        return path.exists()
    except OSError:
        return False


def unreadable(path: Path, error: OSError) -> str:
    """Returns the error for a path that cannot be read."""
    advice = (
        "ask its owner to let you read it" if isinstance(error, PermissionError) else "name another folder"
    )
    return f"{path} cannot be read: {reason_of(error)}: {advice}"


def _found_run(path: Path) -> FoundRun:
    match = _NAME.fullmatch(path.name)
    folder = RunFolder(path)
    return FoundRun(folder, match[1], match[2]) if match else FoundRun(folder, "", path.name)


def _age(run: FoundRun) -> tuple[str, int, str]:
    if run.stamp:
        # Runs of one second differ in the number at the end of the name, which sorts by its length first.
        return run.stamp, len(run.folder.path.name), run.folder.path.name
    return run.started(), 0, run.folder.path.name


def select(run_name: str | None, root: Path) -> FoundRun:
    """Returns the run that `run_name` names; None means the run that was started last.

    `latest` means the newest run of the series of that run's ident, as an ident does: of the whole spec where
    there is one, never a rerun where there is another. Raises NotFoundError that says which runs there are.
    """
    started_last = run_name is None
    run_name = run_name or LATEST
    if run_name != LATEST and ("/" in run_name or not _is_there(root)) and is_run(Path(run_name)):
        return _found_run(Path(run_name).absolute())
    runs = found_runs(root)
    if not runs:
        if is_run(Path(run_name)):
            return _found_run(Path(run_name).absolute())
        raise NotFoundError(f"there is no run in {root}: use --tracking to choose another folder")
    if run_name == LATEST:
        newest = _latest(root, runs)
        return newest if started_last else _of_ident(newest, runs)
    if re.fullmatch(r"-\d+", run_name):
        back = int(run_name[1:])
        if 1 <= back <= len(runs):
            return runs[back - 1]
        raise NotFoundError(too_far_back(len(runs), f"in {root}"))
    match = _named(run_name, runs)
    if match is None:
        idents = _newest_by_ident(runs)
        some = [run.folder.path.name for run in idents.values()][:5]
        listing = command("runs", "--tracking", str(root.absolute()))
        which = (
            short_id_hint(run_name)
            or did_you_mean(run_name, idents)
            or f" (the newest are {', '.join(some)}): see {listing}"
        )
        raise NotFoundError(f"there is no run {run_name!r} in {root}{which}")
    return match


def _newest_by_ident(runs: Sequence[FoundRun]) -> dict[str, FoundRun]:
    """Returns the newest run of each ident, because more runs of one ident would hide the others.

    At most `MAX_SEARCHED` records are read, as several idents may be shortened to the same name of a folder.
    """
    newest: dict[str, FoundRun] = {}
    reads = 0
    for run in runs:
        ident = run.ident
        if run.stamp and not run.names_its_ident and reads < MAX_SEARCHED:
            ident = run.recorded_ident()
            reads += 1
        newest.setdefault(ident, run)
    return newest


def short_id_hint(run_name: str) -> str:
    """Returns what to do about a name that is a too short beginning of an id; empty for other names."""
    if re.fullmatch(rf"[0-9a-f]{{1,{MIN_DIGITS - 1}}}", run_name):
        return f": the beginning of an id needs {MIN_DIGITS} hexadecimal digits"
    return ""


def too_far_back(count: int, where: str) -> str:
    """Returns the error for a number such as -9 if there are only `count` runs."""
    advice = f": use -1 to -{count}" if count > 1 else ": use -1" if count else ""
    return f"there {'is' if count == 1 else 'are'} only {plural(count, 'run')} {where}{advice}"


def _latest(root: Path, runs: Sequence[FoundRun]) -> FoundRun:
    link = root / LATEST
    try:
        target = link.resolve(strict=True)
    except OSError:
        return runs[0]
    return _found_run(target) if is_run(target) else runs[0]


def _of_ident(newest: FoundRun, runs: Sequence[FoundRun]) -> FoundRun:
    """Returns the run that the ident of `newest` means, of runs that come the newest first."""
    from gator.core.history import series

    this = described(newest)
    if this is None or series.is_of(this, series.WHOLE):
        return newest
    known = {this.id: newest}
    candidates = [this]
    for run in runs:
        if len(candidates) == MAX_SEARCHED:
            break
        if not run.has_ident(this.ident):
            continue
        other = described(run)
        if other is None or other.id in known:
            continue
        known[other.id] = run
        candidates.append(other)
        if series.is_of(other, series.WHOLE):
            break
    meant = series.representative(candidates)
    return known[meant.id] if meant is not None else newest


def _named(run_name: str, runs: Sequence[FoundRun]) -> FoundRun | None:
    """Returns the run with this id, ident, prefix of an id, folder, or prefix of a folder's name."""
    if _NAME.fullmatch(run_name):
        for run in runs:
            if run.folder.path.name == run_name:
                return run
    ids = {run.id: run for run in reversed(runs)}
    if run_name and run_name in ids:
        return ids[run_name]
    from gator.spec.idents import nfc

    ident = nfc(run_name)
    for run in runs:
        if run.has_ident(ident):
            return _of_ident(run, runs)
    meant = [run for run in runs if len(run_name) >= MIN_DIGITS and run.id.startswith(run_name)]
    if len(meant) > 1:
        raise NotFoundError(f"{len(meant)} runs have ids that begin with {run_name}: use a longer prefix")
    meant += [run for run in runs if run.folder.path.name == run_name]
    if meant:
        return meant[0]
    if is_run(Path(run_name)):
        return _found_run(Path(run_name).absolute())
    return next((run for run in runs if run.folder.path.name.startswith(run_name)), None)
