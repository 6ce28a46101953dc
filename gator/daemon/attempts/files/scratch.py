"""Scratch folders: a new one for each attempt. Invariant: only folders created here are removed."""

import shutil
from pathlib import Path

from gator.path_patterns import slug
from gator.v1 import common_pb2, spec_pb2


def make_scratch(run_folder: str, root: str, run: str, path: str, attempt: int) -> str:
    """Makes the folder of an attempt, `<run folder>/work/<slug>/<attempt>`.

    With a root of its own `<root>/<run>-<slug>/<attempt>`, as all runs share that; a relative one belongs to
    the run's folder. Raises OSError; a folder that is there already is an error too.
    """
    name = slug(path)
    top = Path(run_folder) / (f"{root}/{run[:12]}-{name}" if root else f"work/{name}")
    folder = top / str(attempt)
    top.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    return str(folder)


def stays(scratch: spec_pb2.Scratch, outcome: common_pb2.Outcome.ValueType) -> bool:
    """Returns whether the folder of an attempt with this outcome is kept."""
    if scratch.keep == spec_pb2.SCRATCH_KEEP_ALL:
        return True
    return scratch.keep != spec_pb2.SCRATCH_KEEP_NONE and outcome != common_pb2.OUTCOME_PASSED


def remove_scratch(folder: str) -> None:
    """Removes an attempt's folder, as far as it can be removed, and that of the job once it is empty."""
    shutil.rmtree(folder, ignore_errors=True)
    parent = Path(folder).parent
    if parent.is_dir() and not any(parent.iterdir()):
        # Another attempt may be making its own at this moment.
        try:
            parent.rmdir()
        except OSError:
            return


def remove_inputs(folder: str, path: str, attempt: int) -> None:
    """Removes the copies and lists that an attempt got."""
    from gator.daemon.artefacts.fetch import inputs_folder

    remove_scratch(str(inputs_folder(Path(folder), path, attempt)))
