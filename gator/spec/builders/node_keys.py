"""Readers of the keys that belong to one node; one function per type of value.

Readers in modules of their own are imported late, because a spec has few of these keys.
"""

from datetime import date
from typing import Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode

from gator.spec import keys
from gator.spec.builders import scalars, settings
from gator.spec.builders.context import SpecContext, position
from gator.spec.builders.scope import KeyContext, NodeScope, check_placeholders
from gator.spec.builders.values import known, mapping, text_or_texts, texts
from gator.spec.expand import check_expansion
from gator.spec.idents import ident_problem, nfc
from gator.spec.interpolation import PLACEHOLDERS
from gator.v1 import spec_pb2

NodeMessage: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray
Parent: TypeAlias = spec_pb2.JobGroup | spec_pb2.JobArray


def _ident(built: NodeMessage, key: KeyContext) -> None:
    ident = scalars.text(key.context, key.value, "ident")
    if ident is None:
        return
    ident = nfc(ident)
    problem = ident_problem(ident)
    if problem is None:
        built.ident = ident
    else:
        key.context.problem(key.value, problem)


def _references(conditions: spec_pb2.Order, key: KeyContext) -> None:
    name = key.name
    references = text_or_texts(key.context, key.value, name)
    if key.scope.is_root and references:
        key.context.warn(key.node, f"{name} on the root has no effect: there is nothing beside it")
        return
    for node, reference in references:
        if not reference.strip():
            key.context.problem(node, f"an item of '{name}' cannot be empty")
        elif scalars.has_no_placeholder(key.context, node, reference, name):
            getattr(conditions, name).add(name=nfc(reference), position=position(node))


def _seed(built: NodeMessage, key: KeyContext) -> None:
    if isinstance(key.value, ScalarNode) and key.value.value == "random":
        if key.scope.is_root:
            built.seed = "random"
        else:
            key.context.problem(key.value, "only the seed of the root can be random: write a number")
        return
    if key.scope.is_root and isinstance(key.value, ScalarNode) and "${{" in key.value.value:
        # It is filled in before the plan is made, because the run records it.
        check_placeholders(key.context, key.value, key.value.value, (), key.scope.of_node())
        built.seed = key.value.value
        return
    number = scalars.integer(
        key.context, key.value, "seed", 1, alternative=" or random" if key.scope.is_root else ""
    )
    if number is not None:
        built.seed = str(number)


def _command(job: spec_pb2.Job, key: KeyContext) -> None:
    command = scalars.filled_text(key.context, key.value, "command")
    if command is not None and scalars.fits_exec_limits(key.context, key.value, command, "command"):
        _check_expanded(key.context, key.value, command, key.scope)
        job.command = command


def _args(job: spec_pb2.Job, key: KeyContext) -> None:
    for node, arg in texts(key.context, key.value, "args"):
        if scalars.fits_exec_limits(key.context, node, arg, "an argument"):
            _check_expanded(key.context, node, arg, key.scope)
            job.args.append(arg)


def _check_expanded(context: SpecContext, node: Node, text: str, scope: NodeScope) -> None:
    if "${" not in text:
        return
    check_placeholders(context, node, text, PLACEHOLDERS, scope)
    for offset, message in check_expansion(text):
        context.problem_within(node, text[offset : offset + 20].partition("\n")[0], message)


def _shell(job: spec_pb2.Job, key: KeyContext) -> None:
    script = scalars.filled_text(key.context, key.value, "shell")
    if script is not None:
        check_placeholders(key.context, key.value, script, PLACEHOLDERS, key.scope)
        job.shell = script


def _resources(job: spec_pb2.Job, key: KeyContext) -> None:
    from gator.spec.builders.jobs import resources

    resources.read(key.context, job, key.value)


def _matrix(array: spec_pb2.JobArray, key: KeyContext) -> None:
    from gator.spec.builders.jobs import matrix

    matrix.read_matrix(array, key)


def _exclude(array: spec_pb2.JobArray, key: KeyContext) -> None:
    from gator.spec.builders.jobs import matrix

    matrix.read_exclude(array, key)


def _repeats(array: spec_pb2.JobArray, key: KeyContext) -> None:
    if isinstance(key.value, ScalarNode) and "${{" in key.value.value:
        check_placeholders(key.context, key.value, key.value.value, (), key.scope.of_repeats())
        array.repeats_text = key.value.value
        return
    count = scalars.integer(key.context, key.value, "repeats")
    if count == 0:
        key.context.warn(key.value, f"'{array.ident}' has 0 repeats: it passes immediately")
    array.repeats = count if count is not None else 1


def _when(built: NodeMessage, key: KeyContext) -> None:
    text = scalars.text(key.context, key.value, "when")
    if text is None:
        return
    if "${{" in text:
        check_placeholders(key.context, key.value, text, (), key.scope.of_node()._replace(in_array=False))
        built.when = text
    elif (value := scalars.boolean(key.context, key.value, "when")) is not None:
        built.when = "true" if value else "false"


def _quarantine(built: NodeMessage, key: KeyContext) -> None:
    values = mapping(key.context, key.value, "quarantine")
    pairs = known(key.context, values, "quarantine", "quarantine")
    built.quarantine.SetInParent()
    for name, pair in pairs.items():
        text = scalars.filled_text(key.context, pair.value, name)
        if text is None or not scalars.has_no_placeholder(key.context, pair.value, text, name):
            continue
        if name == "until" and not is_date(text):
            key.context.problem(pair.value, f"'until' must be a date such as 2027-01-31, not '{text}'")
        else:
            setattr(built.quarantine, name, text)
    missing = ", ".join(f"'{name}'" for name in ("owner", "reason") if name not in pairs)
    if missing and isinstance(key.value, MappingNode):
        key.context.problem(key.node, f"a quarantine requires {missing}, so that people know whom to ask")


def is_date(text: str) -> bool:
    """Returns whether a string is a date, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _max_fail(parent: Parent, key: KeyContext) -> None:
    if scalars.is_none_word(key.value):
        setattr(parent, key.field, 0)
        return
    count = scalars.integer(key.context, key.value, key.name, 1, alternative=" or none")
    if count is not None:
        setattr(parent, key.field, count)


def _licenses(parent: Parent, key: KeyContext) -> None:
    for name, entry in mapping(key.context, key.value, "licenses").items():
        if not name.strip():
            key.context.problem(entry.key, "a license needs a name: write NAME: COUNT")
            continue
        count = scalars.integer(key.context, entry.value, f"licenses.{name}")
        if count is not None:
            parent.licenses[name] = count


def _secrets(parent: Parent, key: KeyContext) -> None:
    for node, name in text_or_texts(key.context, key.value, "secrets"):
        if not name or "=" in name or not name.isprintable():
            key.context.problem(node, f"{name!r} is not a variable name: write the name only, without =")
        elif scalars.has_no_placeholder(key.context, node, name, "secrets") and name not in parent.secrets:
            parent.secrets.append(name)


def _labels(parent: Parent, key: KeyContext) -> None:
    for name, entry in mapping(key.context, key.value, "labels").items():
        text = scalars.text(key.context, entry.value, f"labels.{name}")
        if not name or name != name.strip() or "=" in name or len(name) > keys.MAX_LABEL_NAME:
            message = (
                f"the name of a label must have 1 to {keys.MAX_LABEL_NAME} characters, without = and "
                "without spaces around it"
            )
            key.context.problem(entry.key, message)
        elif text is not None and len(text) > keys.MAX_LABEL_VALUE:
            message = f"the value of a label can have at most {keys.MAX_LABEL_VALUE} characters"
            key.context.problem(entry.value, message)
        elif text is not None:
            check_placeholders(key.context, entry.value, text, (), key.scope.of_node())
            parent.labels[name] = text


def _causes(parent: Parent, key: KeyContext) -> None:
    from gator.spec.builders.recognition.causes import read_causes

    parent.causes.extend(read_causes(key.context, key.value))


def _artefacts(job: spec_pb2.Job, key: KeyContext) -> None:
    from gator.spec.builders.jobs.artefacts import read_artefacts

    read_artefacts(job, key)


def _hooks(built: NodeMessage, key: KeyContext) -> None:
    from gator.spec.builders.hooks import read_hooks

    read_hooks(built, key)


def _expect(built: NodeMessage, key: KeyContext) -> None:
    from gator.spec.builders.jobs.expect import read_expect

    expect = read_expect(key, is_job=isinstance(built, spec_pb2.Job))
    if expect is not None:
        built.expect.CopyFrom(expect)


def _metrics(values: spec_pb2.Settings, key: KeyContext) -> None:
    from gator.spec.builders.recognition.metrics import read_metrics

    for name, rule in read_metrics(key).items():
        values.metrics[name].CopyFrom(rule)


READERS: Final[dict[str, settings.Reader]] = settings.READERS | {
    "arguments": _args,
    "causes": _causes,
    "artefacts": _artefacts,
    "hooks": _hooks,
    "expect": _expect,
    "ident": _ident,
    "labels": _labels,
    "exclude": _exclude,
    "matrix": _matrix,
    "max_fail": _max_fail,
    "metrics": _metrics,
    "names": _secrets,
    "pools": _licenses,
    "program": _command,
    "references": _references,
    "repeats": _repeats,
    "resources": _resources,
    "script": _shell,
    "quarantine": _quarantine,
    "seed": _seed,
    "when": _when,
}
"""Readers of all types of values but that of the children."""
