"""The hooks that plug-ins may implement."""

from typing import Final

import pluggy
from msgspec import Struct

from gator.api import Node, Run

NAME: Final = "gator"
hookimpl = pluggy.HookimplMarker(NAME)
"""Marks a function of a plug-in as the implementation of the hook with its name."""
_hookspec = pluggy.HookspecMarker(NAME)


class Cause(Struct, frozen=True):
    """A cause of failures."""

    name: str
    """The name that a rule gives to it, else its signature."""
    jobs: int
    """Number of jobs of the run with it."""
    example: Node


class Hooks:
    """The hooks. A plug-in implements any of them; an implementation may leave out arguments."""

    @_hookspec
    def gator_node_finished(self, run: Run, node: Node) -> None:
        """Handles the end of a node; called once for each, soon after its end, in the order of the ends."""

    @_hookspec
    def gator_run_finished(self, run: Run) -> None:
        """Handles the end of the run; called once, after the last node has ended."""

    @_hookspec
    def gator_new_cause(self, run: Run, cause: Cause) -> None:
        """Handles a cause of failures that no earlier run of the series had; called at the end."""
