"""Decides whether this process may close a run: kill what is left of it and write into its folder.

Invariant: what a folder claims about itself never decides alone. The files belong to the user, the key fits
the id, and the process that the lock names is known to be gone.
"""

import os

from gator.core.printed import command, in_folder
from gator.core.run_key import fits
from gator.daemon.folder import Owner, RunFolder


def closing_problem(folder: RunFolder, owner: Owner, *, force: bool = False) -> str:
    """Returns why this process may not close a run, as a sentence that says what to do; empty if it may.

    `force` says that the host or container in which the run ran is gone for good.
    """
    return _not_ours(folder, owner) or _maybe_alive(folder, owner, force=force)


def _not_ours(folder: RunFolder, owner: Owner) -> str:
    user = os.geteuid()
    try:
        users = {folder.lock_file.lstat().st_uid, folder.key_file.lstat().st_uid}
    except FileNotFoundError:
        return f"the run in {folder.path} has no run.key, so nothing shows whose it is: close it where it ran"
    except OSError as error:
        return f"the run in {folder.path} cannot be closed: {error.strerror}: see {error.filename}"
    if users != {user}:
        return f"the run in {folder.path} belongs to another user, who alone may close it"
    if not fits(folder.read_key() or b"", owner.run):
        return f"the run.key in {folder.path} is not that of the run {owner.run[:12]}: close it where it ran"
    return ""


def _maybe_alive(folder: RunFolder, owner: Owner, *, force: bool) -> str:
    if not owner.is_of_this_host:
        return "" if force else _elsewhere(folder, f"the host {owner.host}", "that host")
    if not owner.is_of_this_boot:
        return ""
    if not owner.is_of_this_namespace:
        return "" if force else _elsewhere(folder, "another container of this host", "that container")
    if not owner.lives:
        return ""
    if folder.is_copy():
        return f"{folder.path} is a copy of a run that lives: end that with gator stop, in its own folder"
    ending = command("stop", where=in_folder(str(folder.path.absolute())))
    return f"the run in {folder.path} lives: end it with {ending}"


def _elsewhere(folder: RunFolder, where: str, what: str) -> str:
    return (
        f"the run in {folder.path} is one of {where}: close it there, or say --force when {what} is gone "
        "for good"
    )
