"""The options of `gator run`, `plan` and `check`, as structs that `gator.cli.options.fields` fills."""

from gator.cli.launch.options.launch import UNCAPPED_BYTES, HubLogs, LaunchOptions
from gator.cli.launch.options.plan import FAILED, ON_ROOT, PASSED, PlanOptions

__all__ = ["FAILED", "ON_ROOT", "PASSED", "UNCAPPED_BYTES", "HubLogs", "LaunchOptions", "PlanOptions"]
