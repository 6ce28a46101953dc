"""The parameters of a spec on the command line: `--param` and `--help-params`."""

from collections.abc import Iterator, Sequence
from typing import Final

from gator.cli.launch.specs.load import RootNode, root_of
from gator.core.redact import MASK, secret_params
from gator.core.text import cut
from gator.errors import NotFoundError, Problem, SpecError, UsageError
from gator.path_patterns import match
from gator.spec.params import type_name, values_of
from gator.spec.suggestions import did_you_mean
from gator.v1 import plan_pb2, spec_pb2

MAX_SHOWN: Final = 60
"""Maximum number of characters of a default value that is shown."""


def apply_params(request: plan_pb2.PlanRequest, texts: Sequence[str]) -> None:
    """Sets parameters of a spec to the values of `--param` options, the last one of each parameter.

    Raises SpecError with all parameters that do not exist and all values that they cannot have.
    """
    nodes = dict(_nodes(request.spec))
    problems: list[Problem] = []
    for text in texts:
        try:
            _apply(request, nodes, text)
        except UsageError as error:
            problems.append(Problem(f"--param {text}", 0, 0, str(error)))
    if problems:
        raise SpecError(problems)


def _apply(request: plan_pb2.PlanRequest, nodes: dict[str, RootNode], text: str) -> None:
    left, equals, value = text.partition("=")
    pattern, colon, name = left.rpartition(":")
    if not equals or not name or (colon and not pattern):
        raise UsageError("must be NAME=VALUE, or PATH:NAME=VALUE for one node")
    path = _path(pattern, nodes) if colon else next(iter(nodes))
    param = _declared(request, nodes, path, name)
    try:
        values = values_of(param, value)
    except ValueError as error:
        raise UsageError(str(error)) from error
    del param.values[:]
    param.values.extend(each.replace("${{", "$${{") for each in values)
    param.required = False


def _declared(
    request: plan_pb2.PlanRequest, nodes: dict[str, RootNode], path: str, name: str
) -> spec_pb2.Param:
    """Returns the parameter of a node; one that is inherited becomes the node's own."""
    steps = path.split("/")
    levels = [nodes["/".join(steps[:depth])].settings.params for depth in range(len(steps), 0, -1)]
    for level in (*levels, request.above.settings.params):
        for param in level:
            if param.name != name:
                continue
            if level is levels[0]:
                return param
            levels[0].append(param)
            return levels[0][-1]
    raise UsageError(_missing(request, nodes, path, name))


def _missing(request: plan_pb2.PlanRequest, nodes: dict[str, RootNode], path: str, name: str) -> str:
    """Returns why there is no parameter of this name at a node."""
    places = [below for below, node in nodes.items() if any(p.name == name for p in node.settings.params)]
    if places:
        return f"'{name}' is a parameter of {places[0]}: write --param {places[0]}:{name}=VALUE"
    known = {param.name for node in nodes.values() for param in node.settings.params}
    known.update(param.name for param in request.above.settings.params)
    hint = did_you_mean(name, known) or (
        ": see --help-params" if known else ": declare it in params of the spec"
    )
    return f"'{path}' has no parameter '{name}'{hint}"


def _path(pattern: str, nodes: dict[str, RootNode]) -> str:
    if "[" in pattern:
        raise UsageError("a parameter has one value in all repeats: leave out the brackets")
    try:
        paths = match(pattern, nodes)
    except NotFoundError as error:
        raise UsageError(f"{error}: see `gator plan SPEC`") from error
    if len(paths) > 1:
        raise UsageError(f"'{pattern}' matches {len(paths)} nodes: name one of them")
    return paths[0]


def _nodes(spec: spec_pb2.Spec, above: str = "") -> Iterator[tuple[str, RootNode]]:
    """Yields every node with its path, in preorder."""
    if spec.WhichOneof("node") is None:
        return
    node = root_of(spec)
    path = f"{above}/{node.ident}" if above else node.ident
    yield path, node
    if not isinstance(node, spec_pb2.Job):
        for child in node.jobs:
            yield from _nodes(child, path)


def recorded_params(request: plan_pb2.PlanRequest) -> dict[str, str]:
    """Returns the values of all parameters by their names, as `--param` takes them. Secrets are masked."""
    params: dict[str, spec_pb2.Param] = {}
    for param in request.above.settings.params:
        params[param.name] = param
    for number, (path, node) in enumerate(_nodes(request.spec)):
        for param in node.settings.params:
            params[f"{path}:{param.name}" if number else param.name] = param
    secrets = secret_params(request) if params else set[str]()
    return {name: MASK if param.name in secrets else ",".join(param.values) for name, param in params.items()}


def help_lines(request: plan_pb2.PlanRequest) -> Iterator[str]:
    """Yields a line for each parameter, in the form in which `--param` takes its name."""
    rows: list[tuple[str, str, str, str]] = []
    secrets = secret_params(request)
    nodes = list(_nodes(request.spec))
    own = {param.name for param in nodes[0][1].settings.params} if nodes else set[str]()
    for param in request.above.settings.params:
        if param.name not in own:
            rows.append(_row("", param, secrets))
    for path, node in nodes:
        prefix = "" if node is nodes[0][1] else f"{path}:"
        rows += [_row(prefix, param, secrets) for param in node.settings.params]
    if not rows:
        yield "this spec has no parameters"
        return
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    for row in rows:
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)]
        yield "  ".join((*cells, row[3])).rstrip()


def _empty(param: spec_pb2.Param) -> str:
    """Returns the words for a value without characters: a list without items, or an empty string."""
    return "empty" if param.type == spec_pb2.PARAM_TYPE_LIST and not param.values else repr("")


def _row(prefix: str, param: spec_pb2.Param, secrets: set[str]) -> tuple[str, str, str, str]:
    shown = "required"
    if not param.required:
        value = MASK if param.name in secrets else cut(",".join(param.values), MAX_SHOWN)
        shown = f"default {value or _empty(param)}"
    choices = f"one of {', '.join(param.choices)}" if param.choices else ""
    about = "; ".join(filter(None, (param.help.rstrip("."), choices)))
    return f"{prefix}{param.name}", type_name(param.type), shown, about
