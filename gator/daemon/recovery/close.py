"""Closes dead runs, on request or before their folder is read."""

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from gator.core.launch.printed import command, in_folder
from gator.daemon.recovery.permission import closing_problem
from gator.errors import DamagedFolderError, PreconditionError, StoreError, reason_of
from gator.files.regular import is_regular
from gator.process.sweep import LivingRootError, sweep
from gator.run_folder import CLOSING_STORE, LATEST, ROOT_STORE, LockHolder, RunFolder
from gator.store import RunStores, Store, StoreReader, check_files
from gator.v1 import event_pb2, query_pb2


def ensure_closed(folder: RunFolder, *, force: bool = False, asked: bool = False) -> bool:
    """Closes a run if it died and is not closed yet. Returns whether this call closed it.

    Does nothing for a run that is live, that ended by itself, or that this process may not close, see
    `closing_permission`; nor, unless explicitly `asked`, for a copy, which may have been made before the run
    ended. `force` also closes a run of another host or container. Takes up to 5 s if a process of the run
    cannot be killed.

    Raises StoreError if the stores cannot be read or the Results cannot be written, OSError if the folder
    cannot be changed.
    """
    holder = folder.lock_holder()
    if holder is None or _is_closed(folder) or (folder.is_copy() and not asked):
        return False
    if closing_problem(folder, holder, force=force):
        return False
    _check_folder(folder)
    with folder.taken_over() as taken:
        # Another process may have closed it before the lock was taken.
        if not taken or _is_closed(folder):
            return False
        try:
            _close(folder, holder)
        except LivingRootError:
            return False
    return True


def close_by_request(folder: RunFolder, *, force: bool) -> bool:
    """Closes a run on request. Returns False if there is nothing left to close.

    Raises PreconditionError when it is not to be closed from here, and what `ensure_closed` raises.
    """
    holder = folder.lock_holder()
    if holder is None:
        return False
    if holder.on_this_host and folder.is_live():
        stop = command("stop", where=in_folder(str(folder.path)))
        raise PreconditionError(f"the run in {folder.path} is live: stop it with {stop}")
    try:
        _check_folder(folder)
    except OSError as error:
        raise _not_closable(folder, error) from error
    if _is_closed(folder):
        return False
    if problem := closing_problem(folder, holder, force=force):
        raise PreconditionError(problem)
    try:
        if ensure_closed(folder, force=force, asked=True):
            return True
    except OSError as error:
        raise _not_closable(folder, error) from error
    if not _is_closed(folder):
        raise PreconditionError(
            f"the run in {folder.path} cannot be closed: it is live elsewhere on this host, or "
            "run.lock cannot be written"
        )
    return False


def _not_closable(folder: RunFolder, error: OSError) -> PreconditionError:
    what = f"{error.filename}: " if error.filename else ""
    return PreconditionError(f"the run in {folder.path} cannot be closed: {what}{reason_of(error)}")


def close_latest(tracking: Path) -> None:
    """Closes the newest run of a tracking folder if it died, so that none of its processes runs on."""
    # A dead run that cannot be closed is reported when it is read; it must not prevent other runs. The
    # tracking folder may be one that this user cannot enter, while the new run has its folder elsewhere.
    with contextlib.suppress(StoreError, OSError):
        latest = tracking / LATEST
        if latest.exists():
            ensure_closed(RunFolder(latest.resolve()))


def _is_closed(folder: RunFolder) -> bool:
    """Returns whether the root ended by itself or the run has been closed."""
    if (folder.stores / CLOSING_STORE).exists():
        return True
    # A root that ends by itself removes it last; one that dies early has not made it.
    return not folder.control.exists() and _root_has_ended(folder)


def _root_has_ended(folder: RunFolder) -> bool:
    """Returns whether the root's Result is written, and with it those of all nodes below."""
    try:
        with StoreReader.open(folder.stores / ROOT_STORE) as reader:
            rows = reader.query("SELECT state FROM nodes WHERE parent = '' LIMIT 1")
    except StoreError:
        # It died while it made its store, or the store is damaged, which closing will report.
        return False
    return bool(rows) and rows[0][0] == query_pb2.NODE_STATE_ENDED


def _check_folder(folder: RunFolder) -> None:
    """Raises DamagedFolderError if closing would write elsewhere, or cannot succeed."""
    if folder.stores.is_symlink() or not folder.stores.is_dir():
        raise DamagedFolderError(f"{folder.stores} is not a folder: the run cannot be closed")
    if os.path.lexists(folder.control) and not is_regular(folder.control):
        raise DamagedFolderError(f"{folder.control} is not a regular file: remove it, then close the run")
    check_files(folder.stores / ROOT_STORE)


def _close(folder: RunFolder, holder: LockHolder) -> None:
    """Closes a run; the lock is held."""
    # Late, because every start of a run checks for a run to close, and there rarely is one.
    from gator.store.run.recovery import complete

    if holder.on_this_host:
        sweep(holder.run)
    if (folder.stores / ROOT_STORE).exists():
        with contextlib.closing(RunStores.open(folder.path)) as files:
            _write(folder, holder, complete(files))
    else:
        _write(folder, holder, ())
    folder.seal_stores()
    folder.end_control()


def _write(folder: RunFolder, holder: LockHolder, missing: Sequence[event_pb2.Event]) -> None:
    """Writes the missing Results as a store of their own, which appears complete or not at all."""
    part = folder.stores / "closing.part"
    # An existing file was left by a process that was killed while it closed the run.
    _discard(part)
    store = Store.create(
        part,
        store_id=secrets.token_hex(16),
        run=holder.run,
        daemon="closing",
        host=os.uname().nodename,
        catalogue=False,
        post=lambda call: call(),
    )
    try:
        store.append(missing)
        store.close()
        part.replace(folder.stores / CLOSING_STORE)
    except (StoreError, OSError):
        _discard(part)
        raise


def _discard(part: Path) -> None:
    for left in part.parent.glob(part.name + "*"):
        left.unlink(missing_ok=True)
