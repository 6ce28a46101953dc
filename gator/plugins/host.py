"""Calls the hooks of plug-ins while a run goes on, in a process beside it.

Invariant: each call has a timeout; a plug-in that fails or exceeds it is named once and not called again.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pluggy

from gator.api.results import Node, Run, node_of
from gator.cli.failures.causes import Wanted, find_causes
from gator.cli.sources.open import open_run
from gator.core.outcomes import FAILURES
from gator.errors import GatorError, NotFoundError, StoreError, UserError
from gator.plugins.specification import NAME, Cause, Hooks
from gator.run_folder import RunFolder
from gator.store import RunStores
from gator.v1 import attach_pb2, common_pb2
from gator.v1 import query_service_pb2 as qs

GROUP: Final = "gator.plugins"
CALL_SECONDS: Final = 10.0
"""Timeout of one call."""
_POLL_SECONDS: Final = 0.2
_MAX_POLLS: Final = 50
"""Maximum number of questions after a node whose end the root of the run does not know yet."""
_RESULTS: Final = attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_RESULT])


class PluginHost:
    """The plug-ins of one run."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._manager = pluggy.PluginManager(NAME)
        self._manager.add_hookspecs(Hooks)
        self._seen: dict[str, int] = {}
        self._load(names)

    @property
    def is_empty(self) -> bool:
        """Whether no plug-in is left that could be called."""
        return not self._manager.get_plugins()

    def follow(self) -> None:
        """Calls the hooks until the run has ended."""
        root = ""
        while not self.is_empty:
            # Asked before the events, so that none that is written before the end is missed.
            live = RunFolder(self._folder).is_live()
            for path in self._ended():
                self._on_ended(path)
                root = path if "/" not in path else root
            if root or not live:
                break
            time.sleep(_POLL_SECONDS)
        if root:
            self._on_run_ended()

    def _load(self, names: Sequence[str]) -> None:
        for point in entry_points(group=GROUP):
            self._register(point.name, point.load)
        for name in names:
            self._register(name, lambda name=name: import_module(name))

    def _register(self, name: str, load: Any) -> None:
        try:
            if not self._manager.has_plugin(name):
                self._manager.register(load(), name)
                self._manager.check_pending()
        except Exception as error:
            # Any error of a package.
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            _report(f"the plug-in {name} cannot be loaded: {type(error).__name__}: {error}")

    def _ended(self) -> Iterator[str]:
        """Yields the paths of the nodes that have ended since the last call, the root last."""
        ended: list[tuple[int, str]] = []
        try:
            with RunStores.open(self._folder) as stores:
                for store in stores.readers().values():
                    for events in store.slices(_RESULTS, self._seen.get(store.store_id, 0)):
                        ended += [(event.time_unix_nanos, event.path) for event in events.events]
                        self._seen[store.store_id] = events.through
        except StoreError:
            # The run has just begun.
            return
        for _, path in sorted(ended, key=lambda each: (each[0], -each[1].count("/"))):
            yield path

    def _on_ended(self, path: str) -> None:
        node = self._node(path)
        if node is not None:
            self._call("gator_node_finished", run=self._run(), node=node)

    def _node(self, path: str) -> Node | None:
        """Returns a node that has ended, as soon as the root of the run knows of its end."""
        for _ in range(_MAX_POLLS):
            with suppress(NotFoundError), open_run(str(self._folder), None) as opened:
                node = node_of(opened.api.get_node(qs.GetNodeRequest(path=path)).node)
                if node.outcome:
                    return node
            time.sleep(_POLL_SECONDS)
        return None

    def _on_run_ended(self) -> None:
        for cause in self._new_causes():
            self._call("gator_new_cause", run=self._run(), cause=cause)
        self._call("gator_run_finished", run=self._run())

    def _new_causes(self) -> Iterator[Cause]:
        if not any(self._manager.hook.gator_new_cause.get_hookimpls()):
            return
        with open_run(str(self._folder), None) as opened:
            request = qs.ListNodesRequest(path=opened.run.ident, scope=qs.SCOPE_SUBTREE, page_size=1)
            request.outcomes.extend(sorted(FAILURES))
            if not opened.api.list_nodes(request).nodes:
                return
            wanted = Wanted((), (), "", qs.NODE_ORDER_SPEC, new=True)
            for group in find_causes(opened, None, wanted).groups:
                yield Cause(group.key, group.jobs, node_of(group.example.node))

    def _run(self) -> Run:
        with open_run(str(self._folder), None) as opened:
            root = opened.api.get_node(qs.GetNodeRequest(path=opened.run.ident)).node
        return Run(self._folder, int(root.outcome != common_pb2.OUTCOME_PASSED))

    def _call(self, hook: str, **arguments: Run | Node | Cause) -> None:
        """Calls one hook of each plug-in that implements it, one after another."""
        for plugin in list(self._manager.get_plugins()):
            name = self._manager.get_name(plugin) or "?"
            others = [other for other in self._manager.get_plugins() if other is not plugin]
            caller = self._manager.subset_hook_caller(hook, others)
            if not caller.get_hookimpls():
                continue
            problem = _called(lambda caller=caller: caller(**arguments))
            if problem:
                self._manager.unregister(plugin)
                _report(f"the plug-in {name} is not called any more: {hook} {problem}")


def _called(call: Any) -> str:
    """Returns what went wrong in a call; empty if nothing did."""
    problems: list[str] = [f"took longer than {CALL_SECONDS:.0f} s"]

    def work() -> None:
        try:
            call()
        except BaseException as error:
            # A plug-in may even raise SystemExit.
            problems[0] = f"failed: {type(error).__name__}: {error}"
        else:
            problems[0] = ""

    # A thread that does not end is left behind; the process ends without it.
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(CALL_SECONDS)
    return problems[0]


def _report(text: str) -> None:
    """Reports a problem to the run."""
    sys.stderr.write(" ".join(text.split()) + "\n")
    sys.stderr.flush()


def main(folder: str, names: Sequence[str]) -> None:
    """Serves one run until its end."""
    try:
        PluginHost(Path(folder), names).follow()
    except Exception as error:
        # A traceback would be printed line by line as problems of the run.
        what = str(error) if isinstance(error, GatorError | UserError) else f"{type(error).__name__}: {error}"
        _report(f"the plug-ins are not called any more: {what}")
