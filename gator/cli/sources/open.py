"""Opens a run: its folder if that can be read, else its live root, or a hub.

Invariant: commands ask `RunApi` only; the source of the answers makes no difference to them.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from gator.cli import error_report
from gator.cli.runs import find
from gator.cli.runs.api import RunApi, open_api
from gator.cli.runs.hub_choice import NO_CHOICE, HubChoice, name_on_hub
from gator.cli.runs.paging import pages
from gator.cli.runs.ruled_api import ruled
from gator.cli.sources.present_rules import rules_for
from gator.cli.sources.source import FolderSource, RunSource
from gator.cli.suggestions import MAX_COMPARED, similar_path
from gator.cli.tracking import tracking_root
from gator.core.launch import printed
from gator.core.launch.rerun import launch_of, plan_of
from gator.errors import GatorError, NotFoundError, UserError
from gator.path_patterns import escape, is_glob
from gator.spec.idents import nfc
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


class OpenRun(Struct, frozen=True):
    """A run and its queries."""

    source: RunSource
    api: RunApi
    run: query_pb2.Run
    """The run as it was when it was opened."""

    def now(self) -> query_pb2.Run:
        """Returns the current state of the run."""
        return self.api.get_run(qs.GetRunRequest()).run

    def path_of(self, wanted: str | None) -> str:
        """Returns the path of the node with the given path or end of a path; the root for none.

        Raises NotFoundError if there is no such node, UsageError if there are several.
        """
        from gator import path_patterns

        if not wanted:
            return self.run.ident
        wanted = nfc(wanted)
        with suppress(NotFoundError):
            return self.api.get_node(qs.GetNodeRequest(path=wanted.strip("/"))).node.path
        request = qs.ListNodesRequest(
            path=self.run.ident, scope=qs.SCOPE_SUBTREE, globs=[wanted], order=qs.NODE_ORDER_SPEC
        )
        try:
            matches = path_patterns.match(
                wanted, (node.path for page in pages(self.api.list_nodes, request) for node in page.nodes)
            )
        except NotFoundError as error:
            raise NotFoundError(f"{error}{self._maybe_waiting(wanted)}") from error
        if len(matches) > 1:
            raise path_patterns.ambiguous_path(wanted, matches)
        return matches[0]

    def matching(
        self,
        globs: Sequence[str],
        maximum: int = 0,
        kinds: Sequence[common_pb2.NodeKind.ValueType] = (),
    ) -> list[query_pb2.Node]:
        """Returns the nodes that match any of the globs, in the order of the spec; `maximum` 0 means all."""
        request = qs.ListNodesRequest(
            path=self.run.ident,
            scope=qs.SCOPE_SUBTREE,
            globs=[nfc(glob) for glob in globs],
            kinds=kinds,
            order=qs.NODE_ORDER_SPEC,
            page_size=maximum,
        )
        nodes: list[query_pb2.Node] = []
        for page in pages(self.api.list_nodes, request):
            nodes.extend(page.nodes)
            if maximum and len(nodes) >= maximum:
                break
        return nodes

    def below(self, patterns: Sequence[str]) -> list[str]:
        """Returns globs for nodes and everything below them. Raises NotFoundError for one without a match."""
        globs: list[str] = []
        for path in map(nfc, patterns):
            both = [path, path.rstrip("/") + "/**"]
            if not self.matching(both, maximum=1):
                raise NotFoundError(f"there is no node {path!r}{self._maybe_waiting(path)}")
            globs += both
        return globs

    def _near(self, wanted: str) -> str:
        """Returns "did you mean …?" for the most similar path; empty if none is similar."""
        if is_glob(wanted):
            return ""
        if repeats := self._repeats(wanted):
            return f"its repeats are {repeats[0]} to {repeats[-1]}"
        near = similar_path(wanted, (node.path for node in self.matching([], maximum=MAX_COMPARED)))
        return f"did you mean '{escape(near)}'?" if near else ""

    def _repeats(self, wanted: str) -> list[str]:
        """Returns the repeats of a child if a repeat that does not exist was named; empty if unsure."""
        name, bracket, _ = wanted.rpartition("[")
        if not bracket or self.run.state == query_pb2.RUN_STATE_RUNNING:
            return []
        repeats = [node.path for node in self.matching([f"{name}[*]"], maximum=MAX_COMPARED)]
        alike = len({path.rpartition("[")[0] for path in repeats}) == 1
        return repeats if alike and len(repeats) < MAX_COMPARED else []

    def _maybe_waiting(self, wanted: str) -> str:
        near = self._near(wanted)
        if self.run.state == query_pb2.RUN_STATE_RUNNING:
            if near:
                return f" that has started yet: {near}"
            waiting = printed.command("status", where=self.source.where)
            coming = plan_of(launch_of(self.run))
            return f" that has started yet: for the waiting jobs see {waiting}; for the plan see {coming}"
        part = f" in {self.run.ident}"
        if self.run.parent:
            whole = self.run.parent[:8]
            part = f" in run {self.run.id[:8]}, which repeats a part of run {whole} (-r {whole})"
        if near:
            return f"{part}: {near}"
        return f"{part}: see {printed.command('tree', where=self.source.where)}"


@contextmanager
def open_run(wanted: str | None, tracking: Path | None, hub: HubChoice = NO_CHOICE) -> Generator[OpenRun]:
    """Yields the run that `-r` names. Raises NotFoundError, StoreError and UsageError."""
    name = name_on_hub(wanted, hub)
    if name is not None:
        from gator.cli.sources.hub import open_on_hub

        with open_on_hub(name, hub) as (source, api):
            yield OpenRun(source, api, source.run)
        return
    found_run = find.select(wanted, tracking_root(tracking))
    error_report.set_fault_log(found_run.folder.fault_log)
    with open_api(found_run) as api:
        run = api.get_run(qs.GetRunRequest()).run
        rules = rules_for(run)
        yield OpenRun(FolderSource(found_run.folder, rules), ruled(api, rules), run)


def paths_like(wanted: str | None, tracking: Path | None, hub: HubChoice, incomplete: str) -> list[str]:
    """Returns completions of a path; empty if the run cannot be opened."""
    try:
        with open_run(wanted, tracking, hub) as opened:
            nodes = opened.matching([f"**/{incomplete}*", f"{incomplete}*"], maximum=100)
    except (GatorError, UserError):
        return []
    return [node.path for node in nodes if node.path.startswith(incomplete)] or [node.path for node in nodes]
