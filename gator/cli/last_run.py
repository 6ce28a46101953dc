"""What came of earlier runs, for options that refer to them.

The rule: read only; the newest run of a name is the one whose folder sorts last.
"""

from pathlib import Path

from gator.errors import UsageError
from gator.store import RunReader
from gator.v1 import common_pb2 as pb


def failed_paths(tracking: Path, ident: str) -> list[str]:
    """Paths of the jobs that FAILED or were LOST in the newest run whose root has this name.

    Raises UsageError when there is no such run, or nothing failed in it.
    """
    for folder in sorted(tracking.glob(f"*-{ident}*"), reverse=True):
        if not (folder / "stores" / "root.db").exists():
            continue
        reader = RunReader(folder)
        try:
            if reader.meta.get("ident") != ident:
                continue
            paths = reader.job_paths(outcomes=(pb.OUTCOME_FAILED, pb.OUTCOME_LOST))
        finally:
            reader.close()
        if not paths:
            raise UsageError(f"--only @failed: nothing failed in the last run of {ident}, {folder.name}")
        return list(paths)
    raise UsageError(f"--only @failed: no run of {ident} in {tracking}")
