"""Removes the artefacts that are not kept after their run (`keep: false`)."""

from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from gator.daemon.artefacts.manifest import all_manifests
from gator.daemon.artefacts.objects import OBJECTS, remove_tree


def discard(folder: Path) -> None:
    """Removes the objects that no artefact of the run keeps, once no job runs. Raises OSError."""
    rmtree(folder / OBJECTS / "new", ignore_errors=True)
    kept: set[str] = set()
    discarded: set[str] = set()
    for manifest in all_manifests(folder):
        kept.update(manifest.collected)
        for entry in manifest.artefacts.values():
            (discarded if entry.discard else kept).add(entry.object)
    if not discarded - kept:
        return
    for name in discarded - kept:
        path = folder / name
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    for content in (folder / OBJECTS).glob("*/*/content"):
        is_kept = str(content.relative_to(folder)) in kept
        if not is_kept and content.is_file() and content.stat().st_nlink == 1:
            content.unlink()
    for place in (*(folder / OBJECTS).glob("*/*"), *(folder / OBJECTS).iterdir()):
        with suppress(OSError):
            # Only those that are empty.
            place.rmdir()
