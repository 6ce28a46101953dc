"""The figures of earlier runs that the contracts of a plan are relative to."""

from collections.abc import Iterable, Iterator

from gator.plan.nodes import PlanNode
from gator.v1 import plan_pb2, spec_pb2


class BaselineLookup:
    """Finds figures of earlier runs by node and contract."""

    def __init__(self, baselines: plan_pb2.Baselines) -> None:
        self._is_required = baselines.is_required
        self._runs = {run.name: run for run in baselines.runs}
        self._figures = {
            (figure.run, figure.path, figure.metric, figure.figure): figure for figure in baselines.figures
        }

    def fill(self, contracts: Iterable[spec_pb2.Contract], path: str) -> None:
        """Sets the baselines of the contracts of an instance."""
        for contract in contracts:
            if contract.is_relative:
                contract.baseline.CopyFrom(self._find(contract, path.partition("/")[2]))

    def _find(self, contract: spec_pb2.Contract, path: str) -> spec_pb2.Baseline:
        baseline = spec_pb2.Baseline(is_required=self._is_required)
        run = self._runs.get(contract.run)
        figure = self._figures.get((contract.run, path, contract.metric, contract.figure))
        if run is None or not run.id:
            baseline.problem = (
                run.problem if run is not None and run.problem else "no earlier run was asked for"
            )
        elif figure is None:
            baseline.problem = f"the node has no such figure in run {run.id[:12]}"
        else:
            baseline.run, baseline.value, baseline.unit = run.id, figure.value, figure.unit
        return baseline


def relative_contracts(nodes: Iterable[PlanNode]) -> Iterator[tuple[PlanNode, spec_pb2.Contract]]:
    """Yields the contracts of nodes that are relative to a baseline."""
    for node in nodes:
        each = {
            contract.SerializeToString(): contract
            for one in node.resolved_variants()
            for contract in one.contracts
        }
        for contract in each.values():
            if contract.is_relative:
                yield node, contract
