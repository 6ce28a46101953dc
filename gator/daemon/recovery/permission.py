"""Decides whether this process may close a run: kill its remaining processes and write into its folder.

Invariant: the contents of a folder alone never decide. The files must belong to the user, the key must match
the id, and the process named in the lock must be gone.
"""

import os

from gator.core.launch.printed import command, in_folder
from gator.core.run_key import fits
from gator.errors import reason_of
from gator.run_folder import LockHolder, RunFolder


def closing_problem(folder: RunFolder, holder: LockHolder, *, force: bool = False) -> str:
    """Returns why this process may not close a run and what to do; empty if it may.

    `force` means that the host or container of the run is permanently gone.
    """
    return _not_ours(folder, holder) or _maybe_alive(folder, holder, force=force)


def _not_ours(folder: RunFolder, holder: LockHolder) -> str:
    user = os.geteuid()
    try:
        users = {folder.lock_file.lstat().st_uid, folder.key_file.lstat().st_uid}
    except FileNotFoundError:
        return f"the run in {folder.path} has no run.key to prove its owner: close it where it ran"
    except OSError as error:
        return f"the run in {folder.path} cannot be closed: {reason_of(error)}: see {error.filename}"
    if users != {user}:
        return f"the run in {folder.path} belongs to another user: only that user can close it"
    if not fits(folder.read_key() or b"", holder.run):
        return f"run.key in {folder.path} does not match the run {holder.run[:12]}: close it where it ran"
    return ""


def _maybe_alive(folder: RunFolder, holder: LockHolder, *, force: bool) -> str:
    if not holder.on_this_host:
        return "" if force else _elsewhere(folder, f"the host {holder.host}", "that host")
    if not holder.since_this_boot:
        return ""
    if not holder.in_this_namespace:
        return "" if force else _elsewhere(folder, "another container of this host", "that container")
    if not holder.is_alive:
        return ""
    if folder.is_copy():
        return f"{folder.path} is a copy of a live run: stop the run with gator stop in its own folder"
    ending = command("stop", where=in_folder(str(folder.path.absolute())))
    return f"the run in {folder.path} is live: stop it with {ending}"


def _elsewhere(folder: RunFolder, where: str, what: str) -> str:
    return (
        f"the run in {folder.path} belongs to {where}: close it there, or use --force if {what} is "
        "permanently gone"
    )
