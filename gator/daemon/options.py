"""The options of a run, and its end."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from gator.core.dispatch.pools import Pools
from gator.daemon.modes import LOG_CAP_BYTES, SAMPLE_INTERVAL_MILLIS, Placement, TextLogMode
from gator.scheduler import Scheduler
from gator.upload.options import UploadOptions
from gator.v1 import attach_pb2, event_pb2


class RunOptions(Struct, frozen=True):
    """The options of a run. Paths are absolute, times in milliseconds."""

    pools: Pools
    placement: Placement
    scheduler: Scheduler
    environment: Mapping[str, str]
    launch_dir: str
    description: attach_pb2.RunDescription
    """The launch as recorded: the plan request, the command line, the user."""
    sample_interval_millis: int = SAMPLE_INTERVAL_MILLIS
    log_cap_bytes: int = LOG_CAP_BYTES
    text_logs: TextLogMode = TextLogMode.FAILED
    hub: UploadOptions | None = None
    secrets: Sequence[str] = ()
    """Names of variables whose values are masked besides those recognised by name."""


class RunEnd(Struct, frozen=True):
    """How a run ended; `fault` is set when that was Gator's own fault."""

    result: event_pb2.Result
    fault: str = ""
