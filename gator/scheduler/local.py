"""The scheduler `local`: daemons as child processes on this host."""

from collections.abc import Mapping

from gator.errors import UsageError
from gator.scheduler.child import ChildHandle, start_child
from gator.scheduler.request import DaemonRequest


class LocalScheduler:
    """Starts daemons with the Python that runs this process."""

    allows_inline = True

    def __init__(self, arguments: Mapping[str, str]) -> None:
        """Accepts the argument `concurrency`, the number of cores. Raises UsageError for any other."""
        self.cores: int | None = None
        for key, value in arguments.items():
            if key != "concurrency" or not value.isdigit() or int(value) < 1:
                raise UsageError(
                    f"unknown --sched-arg '{key}={value}': the local scheduler accepts only concurrency=N"
                )
            self.cores = int(value)

    def start_daemon(self, request: DaemonRequest) -> ChildHandle:
        """Starts a daemon. Raises GatorError if no process can be created."""
        return start_child(request)
