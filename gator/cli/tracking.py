"""The folder of runs."""

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "GATOR_TRACKING"


def tracking_root(option: Path | None = None) -> Path:
    """Returns the folder given by `--tracking`, else by the environment, else `tracking`."""
    return option if option is not None else Path(os.environ.get(VARIABLE) or "tracking")
