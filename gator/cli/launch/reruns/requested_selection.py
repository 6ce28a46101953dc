"""The selection that options request: the part of a spec to run, and the earlier run to repeat."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from gator.cli.launch.options import LaunchOptions, PlanOptions
from gator.core.history.series import selection_of
from gator.path_patterns import FAILED, PASSED
from gator.v1 import query_pb2


class RequestedSelection(Struct, frozen=True):
    """A requested selection; `resolve` replaces words such as `@failed`."""

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    tags: Sequence[str] = ()
    repeat: str = ""
    """The run to repeat, as the user named it; after `resolve` its id."""
    seed: int | None = None
    """Seed of the repeated run, used unless one is given."""
    job_seeds: Mapping[str, int] = field(default_factory=dict[str, int])
    """Seeds with which jobs of that run and its reruns failed, by path."""
    params: Sequence[str] = ()
    """Values of parameters as given; after `resolve` preceded by those of the repeated run."""
    scale: str | None = None
    """The factor for numbers of repeats; after `resolve` that of the repeated run if none is given."""
    inherited: Sequence[str] = ()
    """After `resolve`: the options that the run takes over from the repeated run, as on its command line."""
    notes: Sequence[str] = ()
    """Yields notes for the user about options that are inherited from the repeated run."""
    not_run: str = ""
    """After `resolve`: the jobs of the repeated run that were pruned and that this run leaves out."""

    def selection(self) -> query_pb2.Selection:
        """Returns the selection of a run with these options."""
        return selection_of(self.only, self.skip, self.tags)

    def command_line(self, argv: Sequence[str]) -> Sequence[str]:
        """Returns the command line of the run with the inherited options, which its own repeats need."""
        at = 2 if list(argv[1:2]) == ["run"] else 1
        return [*argv[:at], *self.inherited, *argv[at:]]

    @property
    def refers_to_runs(self) -> bool:
        """Whether resolving it needs earlier runs."""
        return bool(self.repeat) or FAILED in self.only or PASSED in self.skip


def requested_selection(options: PlanOptions) -> RequestedSelection:
    """Returns the selection that options request, with words such as `@failed` unresolved."""
    repeat = options.repeat if isinstance(options, LaunchOptions) else ""
    return RequestedSelection(
        options.only, options.skip, options.tags, repeat, params=options.params, scale=options.scale
    )
