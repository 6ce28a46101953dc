"""The states of an attempt, and the times that it may spend in them."""

from enum import Enum

MILLI = 1_000_000
SECOND = 1_000 * MILLI
DRAIN_NANOS = 500 * MILLI
"""Timeout for the pipes to reach their end after the leader has ended."""
DEFAULT_GRACE_NANOS = 10 * SECOND
UNKILLABLE_NANOS = 5 * SECOND
"""Timeout after which a process that survives SIGKILL is given up."""
SPAWN_NANOS = 30 * SECOND
"""Timeout for a start while the host lacks resources."""
FOLLOWED_NANOS = 1 * SECOND
"""Maximum difference between the wall clock and an attempt's times that is not corrected."""
CHECK_NANOS = 20 * MILLI
"""First pause between two checks for leftover processes; each one doubles it."""
LOG_FILES_NANOS = 30 * SECOND
"""Timeout for reading more of the files of `also_log`, which may be on a file system that does not answer."""
READ_NANOS = 30 * SECOND
"""Timeout for reading the reports of tests, which may be on a file system that does not answer."""
COLLECT_NANOS = 600 * SECOND
"""Timeout for keeping artefacts, which may be gigabytes on a slow file system."""
MAX_CHECK_NANOS = 250 * MILLI


class State(Enum):
    """How far an attempt has come."""

    STARTING = "starting"
    PREPARING = "preparing"
    """The hook `before` runs."""
    RUNNING = "running"
    ENDING = "ending"
    """It was sent SIGTERM, and its grace period runs."""
    KILLING = "killing"
    DRAINING = "draining"
    """The leader is reaped; its pipes have not reached their end."""
    SWEEPING = "sweeping"
    """The host is looking for leftover processes."""
    ENDING_REST = "ending rest"
    KILLING_REST = "killing rest"
    READING_LOGS = "reading logs"
    """The host is reading the rest of the files of `also_log`."""
    READING = "reading"
    """The host is reading the reports of tests."""
    COLLECTING = "collecting"
    """The host keeps the artefacts."""
    HOOKS = "hooks"
    """The verdict is known, and the hooks after it run."""
    FINISHED = "finished"


ALIVE = frozenset({State.RUNNING, State.ENDING, State.KILLING})
"""States in which the leader lives. Only in these is the deadline a decision; elsewhere it is a poll."""
TIMED = ALIVE | {State.PREPARING, State.COLLECTING, State.HOOKS}
"""States whose deadline is that of a program, and is extended when the host did not run for a while."""
