"""Reads `artefacts`: the files and folders that a job makes, and those of other jobs that it uses."""

import re
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders import scalars, values
from gator.spec.builders.context import Pair, SpecContext, position
from gator.spec.builders.scope import KeyContext, check_placeholders
from gator.spec.idents import nfc
from gator.spec.interpolation import PLAN_TIME, label_of
from gator.v1 import spec_pb2

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_CONSUME: Final = "write JOB.NAME, such as build.sim, or {from: build.sim}"


def read_artefacts(job: Any, key: KeyContext) -> None:
    """Reads the artefacts of a job."""
    context = key.context
    pairs = values.known(context, values.mapping(context, key.value, "artefacts"), "artefacts", "artefacts")
    artefacts: spec_pb2.JobArtefacts = job.artefacts
    artefacts.SetInParent()
    for name, pair in pairs.items():
        match name:
            case "produces":
                for product, entry in values.mapping(context, pair.value, "produces").items():
                    _product(artefacts, key, product, entry)
            case "consumes":
                _consumes(artefacts, key, pair.value)
            case _:
                for node, text in values.text_or_texts(context, pair.value, "collect"):
                    if text.strip():
                        check_placeholders(context, node, text, PLAN_TIME, key.scope)
                        artefacts.collect.append(text)
                    else:
                        context.problem(node, "an item of 'collect' cannot be empty")


def _product(artefacts: spec_pb2.JobArtefacts, key: KeyContext, name: str, entry: Pair) -> None:
    context = key.context
    if _NAME.fullmatch(name) is None:
        context.problem(
            entry.key, f"'{name}' cannot be the name of an artefact: use letters, digits, _ and -"
        )
        return
    pairs: dict[str, Pair] = {}
    value = entry.value
    if isinstance(value, MappingNode):
        pairs = values.known(context, values.mapping(context, value, name), name, "products")
        if "path" not in pairs:
            context.problem(value, f"the artefact '{name}' requires 'path': write {{path: PATH}}")
            return
        value = pairs["path"].value
    path = scalars.filled_text(context, value, name)
    if path is None:
        return
    check_placeholders(context, value, path, PLAN_TIME, key.scope)
    product = artefacts.produces.add(name=name, path=path)
    if "keep" in pairs:
        product.discard = scalars.boolean(context, pairs["keep"].value, "keep") is False
    if "optional" in pairs:
        product.optional = scalars.boolean(context, pairs["optional"].value, "optional") or False
    if "max" in pairs:
        product.max_bytes = scalars.size(context, pairs["max"].value, "max", "MB") or 0


def _consumes(artefacts: spec_pb2.JobArtefacts, key: KeyContext, value: Node) -> None:
    if key.scope.is_root:
        key.context.problem(value, "the root cannot consume artefacts: there is no job beside it")
        return
    seen: dict[tuple[str, str], str] = {}
    for item in value.value if isinstance(value, SequenceNode) else [value]:
        consumption = _consumption(key.context, item)
        if consumption is None:
            continue
        shown = f"{consumption.job.name}.{consumption.name}"
        used = label_of(consumption.job.name), consumption.name
        first = seen.setdefault(used, shown)
        if first != shown or sum(
            each.job.name == consumption.job.name and each.name == consumption.name
            for each in artefacts.consumes
        ):
            key.context.problem(
                item, f"'{shown}' has the same name ${{{{ artefacts.{'.'.join(used)} }}}} as '{first}'"
            )
            continue
        artefacts.consumes.append(consumption)


def _consumption(context: SpecContext, item: Node) -> spec_pb2.Consumption | None:
    pairs: dict[str, Pair] = {}
    value = item
    if isinstance(item, MappingNode):
        pairs = values.known(context, values.mapping(context, item, "consumes"), "consumes", "consumptions")
        if "from" not in pairs:
            context.problem(item, f"'consumes' requires 'from': {_CONSUME}")
            return None
        value = pairs["from"].value
    if not isinstance(value, ScalarNode):
        context.problem(value, f"an item of 'consumes' must be a string: {_CONSUME}")
        return None
    text = scalars.filled_text(context, value, "an item of 'consumes'")
    if text is None or not scalars.has_no_placeholder(context, value, text, "consumes"):
        return None
    reference, dot, name = nfc(text).rpartition(".")
    if not dot or not reference or _NAME.fullmatch(name) is None:
        context.problem(value, f"'{text}' does not name an artefact of a job: {_CONSUME}")
        return None
    consumption = spec_pb2.Consumption(name=name)
    consumption.job.name = reference
    consumption.job.position.CopyFrom(position(value))
    if "when" in pairs:
        consumption.when_done = scalars.choice(context, pairs["when"].value, "when", keys.WHENS) == "done"
    if "any" in pairs:
        consumption.any = scalars.boolean(context, pairs["any"].value, "any") or False
        if consumption.any and not consumption.when_done:
            context.problem(pairs["any"].key, "'any' has an effect only with 'when: done': add it")
    if "as" in pairs:
        consumption.copy = scalars.choice(context, pairs["as"].value, "as", keys.FORMS) == "copy"
    return consumption
