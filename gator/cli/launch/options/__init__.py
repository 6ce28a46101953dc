"""The options of `gator run`, `plan` and `check`, as structs that `gator.cli.options.fields` fills."""

from gator.cli.launch.options.launch import UNCAPPED_BYTES, HubLogs, LaunchOptions
from gator.cli.launch.options.plan import ON_ROOT, PlanOptions

__all__ = ["ON_ROOT", "UNCAPPED_BYTES", "HubLogs", "LaunchOptions", "PlanOptions"]
