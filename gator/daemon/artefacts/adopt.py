"""Copies to a rerun the artefacts of the jobs that it does not repeat, from the runs that it repeats.

Invariant: a job that the rerun repeats never gets an artefact of its own earlier attempts.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from gator.daemon.artefacts.manifest import Manifest, all_manifests, write_manifest
from gator.node_paths import template_of


def adopt(
    folder: Path, earlier: Iterable[Path], templates: Collection[str], is_repeated: Callable[[str], bool]
) -> None:
    """Adds to the folder of a rerun what the jobs with these templates made in earlier runs, newest first.

    `is_repeated` returns whether the rerun repeats the job with a path. Raises OSError, and
    msgspec.MsgspecError for a damaged list.
    """
    known: set[str] = set()
    for each in earlier:
        for manifest in all_manifests(each):
            path = manifest.path
            if path in known or template_of(path) not in templates or is_repeated(path):
                continue
            known.add(path)
            _link_objects(each, folder, manifest)
            write_manifest(folder, manifest)


def _link_objects(source: Path, target: Path, manifest: Manifest) -> None:
    for entry in manifest.artefacts.values():
        made, adopted = source / entry.object, target / entry.object
        if adopted.exists() or not made.exists():
            # What `keep: false` has removed is missing for the job that uses it.
            continue
        adopted.parent.mkdir(parents=True, exist_ok=True)
        if entry.files:
            shutil.copytree(made, adopted, copy_function=_link, symlinks=True)
        else:
            _link(str(made), str(adopted))


def _link(source: str, target: str) -> None:
    """Makes a hard link, or a copy with the same time on a file system without links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
