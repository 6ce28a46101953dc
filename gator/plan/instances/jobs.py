"""Fills in the `${{ }}` of a job for one of its instances."""

from collections.abc import Iterator, Sequence

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from msgspec import Struct, field

from gator.errors import Problem
from gator.node_paths import array_index
from gator.path_patterns import slug
from gator.plan import interpolate
from gator.plan.baselines import BaselineLookup
from gator.plan.instances.seeds import Seeds
from gator.plan.nodes import PlanNode
from gator.plan.tree import Tree, Written, problem_at, upwards
from gator.spec.interpolation import PLACEHOLDERS, is_artefact, label_of, unknown_name
from gator.spec.literal import MARK
from gator.spec.params import variable_of
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2


class Filler(Struct):
    """Makes the jobs of instances, and remembers for each node whether there is anything to fill in."""

    scope: interpolate.Scope
    seeds: Seeds
    baselines: BaselineLookup
    is_recorded: bool = False
    """Whether masks replace secret values. No script runs with them, so they need not be plain words."""
    _plain: dict[PlanNode, bool] = field(default_factory=dict[PlanNode, bool])

    def job(self, node: PlanNode, path: str, seed: int | None = None) -> spec_pb2.Job:
        """Returns the job of this instance; all instances share it if there is nothing to fill in.

        `seed` is that of an attempt, if it is not the one of the instance.
        """
        node = node.resolved_at(path)
        if node.job is None:
            raise ValueError(f"{node.template} is not a job")
        plain = self._plain.get(node)
        if plain is None:
            plain = self._plain[node] = not (
                any("${{" in text for text in _texts(node.job))
                or any(contract.is_relative for contract in node.contracts)
            )
        return node.job if plain else self._filled(node, node.job, path, seed)

    def _filled(
        self, node: PlanNode, written: spec_pb2.Job, path: str, seed: int | None = None
    ) -> spec_pb2.Job:
        job = spec_pb2.Job()
        job.CopyFrom(written)
        find = self._lookup(node, job.settings, path, seed)
        # Each of these may refer to those before it.
        for param in job.settings.params:
            param.values[:] = [interpolate.partly(value, find) for value in param.values]
        for variable in job.settings.env:
            if "${{" in variable.value:
                variable.value = interpolate.partly(variable.value, find)
        _rewrite(job, find, is_checked=not self.is_recorded)
        if job.HasField("hooks"):
            self._fill_hooks(job.hooks, find)
        self.baselines.fill(job.expect.contracts, path)
        return job

    def contracts(self, node: PlanNode, path: str) -> list[spec_pb2.Contract]:
        """Returns the contracts of an instance, with the baselines that they are relative to."""
        expect = spec_pb2.Expect(contracts=node.resolved_at(path).contracts)
        self.baselines.fill(expect.contracts, path)
        return list(expect.contracts)

    def hooks(self, node: PlanNode, path: str) -> spec_pb2.Hooks:
        """Returns the hooks of an instance of a group or array."""
        hooks = spec_pb2.Hooks()
        node = node.resolved_at(path)
        if node.hooks is not None:
            hooks.CopyFrom(node.hooks)
            self._fill_hooks(hooks, self._lookup(node, node.settings, path))
        return hooks

    def _fill_hooks(self, hooks: spec_pb2.Hooks, find: interpolate.Lookup) -> None:
        for name in HOOKS:
            text = getattr(hooks, name)
            if "${{" in text:
                setattr(hooks, name, interpolate.partly(text, find, script=not self.is_recorded))

    def _lookup(
        self, node: PlanNode, settings: spec_pb2.Settings, path: str, seed: int | None = None
    ) -> interpolate.Lookup:
        constant = self.scope.lookup(settings)

        def find(name: str) -> str | None:
            if name == "seed":
                return str(self.seeds.of(path) if seed is None else seed)
            if name == "array":
                index = array_index(path)
                return None if index is None else str(index)
            if name.startswith("matrix."):
                value = matrix_value(node, path, name[7:])
                return None if value is None else interpolate.escape(value)
            if name == "path":
                return path
            return slug(path) if name == "slug" else constant(name)

        return find

    def check(self, tree: Tree) -> Iterator[Problem]:
        """Yields a problem for each unknown name in `${{ }}`, and each value that a script cannot contain."""
        for node, written in zip(tree.nodes, tree.written, strict=True):
            known = (*PLACEHOLDERS, *(f"params.{param.name}" for param in node.settings.params))
            for name in _names(_own_texts(written)):
                if name not in known and not name.startswith(("env.", "matrix.")) and not is_artefact(name):
                    yield problem_at(node.position, unknown_name(name, known))
            if node.job is None:
                yield from self._check_scripts(node)
                continue
            if "array" in _names(_texts(node.job)) and all(n.repeats is None for n in upwards(node)):
                message = (
                    f"${{{{ array }}}} is defined only inside a !JobArray, and '{node.ident}' is in none"
                )
                yield problem_at(node.position, message)
            yield from _check_artefacts(node, node.job)
            # Names of a matrix that is not valid are not reported as well.
            if all(above.order not in tree.without_matrix for above in upwards(node)):
                yield from _unknown_in_matrix(node, node.job)
            yield from self._check_scripts(node)

    def _check_scripts(self, node: PlanNode) -> Iterator[Problem]:
        """Checks scripts with their first repeat, because all repeats have the same kinds of characters.

        The instances of a matrix with values that are not plain words are checked as well.
        """
        job = node.job
        scripts = _hook_texts(node.hooks if job is None else job.hooks)
        own = (job.shell, job.settings.setup) if job is not None else ()
        if not any("${{" in text for text in (*scripts, *own)):
            return
        for path in _sample(node):
            try:
                _ = self.hooks(node, path) if job is None else self._filled(node, job, path)
            except interpolate.UnsafeValueError as error:
                yield problem_at(node.position, _unsafe(str(error)))
                return


def _unsafe(name: str) -> str:
    """Returns the problem that a script has a name whose value is not a plain word."""
    message = f"the value of ${{{{ {name} }}}} is not one plain word: "
    if name.startswith("matrix."):
        variable = name[7:].upper()
        return f'{message}write env: {{{variable}: "${{{{ {name} }}}}"}} and use "${variable}" in the script'
    return f'{message}use "${_variable(name)}" in a script'


def _sample(node: PlanNode) -> Iterator[str]:
    """Yields the path of the first instance of a node, and those with values that are not plain words."""
    way = list(reversed(list(upwards(node))))
    if any(above.repeats == 0 for above in way):
        return
    yield _path(way, None, 0)
    for above in way:
        if above.matrix is not None:
            odd = {
                name: frozenset(value for value in values if not interpolate.is_plain(value))
                for name, values in zip(above.matrix.names, above.matrix.axes, strict=True)
            }
            for index in above.matrix.first_with(odd):
                yield _path(way, above, index)


def _path(way: Sequence[PlanNode], changed: PlanNode | None, index: int) -> str:
    """Returns the path of first instances, except of one node."""
    path = way[0].ident
    for node in way[1:]:
        number = None if node.repeats is None else index if node is changed else 0
        path = node.path_below(path, number)
    return path


def _unknown_in_matrix(node: PlanNode, job: spec_pb2.Job) -> Iterator[Problem]:
    """Yields a problem for each name of a matrix that no array above a job has."""
    known = {f"matrix.{name}" for above in upwards(node) if above.matrix for name in above.matrix.names}
    for name in dict.fromkeys(_names(_texts(job))):
        if name.startswith("matrix.") and name not in known:
            advice = ": no array around it has this name in its 'matrix'"
            yield problem_at(node.position, unknown_name(name, known, advice))


def matrix_value(node: PlanNode, path: str, name: str) -> str | None:
    """Returns the value of a name of the nearest matrix that has it, for an instance; None if none has."""
    above: PlanNode | None = node
    while above is not None:
        if above.matrix is not None and name in above.matrix.names:
            repeats = above.parse_label(path.rpartition("[")[2][:-1])
            return above.matrix.values(repeats.start)[name] if repeats is not None else None
        path, above = path.rpartition("/")[0], above.parent
    return None


HOOKS = ("before", "after", "passed", "failed")
"""The hooks of a node, which are fields of the message and keys of the spec."""
_VARIABLES = {"path": "GATOR_PATH", "slug": "GATOR_SLUG", "run.dir": "GATOR_RUN_DIR", "run.id": "GATOR_RUN"}


def _check_artefacts(node: PlanNode, job: spec_pb2.Job) -> Iterator[Problem]:
    """Yields a problem for each name of an artefact that the job does not consume."""
    consumed = [f"artefacts.{label_of(each.job.name)}.{each.name}" for each in job.artefacts.consumes]
    for name in dict.fromkeys(_names(_texts(job))):
        if is_artefact(name) and name not in consumed:
            what = name.removeprefix("artefacts.")
            near = did_you_mean(name, consumed) or f": write {what} into its artefacts: {{consumes: …}}"
            yield problem_at(node.position, f"'{node.ident}' does not consume ${{{{ {name} }}}}{near}")


def _variable(name: str) -> str:
    """Returns the environment variable with the value of a name."""
    if name.startswith("params."):
        return variable_of(name.removeprefix("params."))
    return _VARIABLES.get(name, name.removeprefix("env."))


def _rewrite(job: spec_pb2.Job, find: interpolate.Lookup, *, is_checked: bool) -> None:
    """Fills in every text of a job except its parameters and variables."""
    settings = job.settings
    job.command = interpolate.partly(job.command, find, expands=True)
    args: list[str] = []
    for text in job.args:
        items = interpolate.list_items(text, settings)
        if items is None:
            args.append(interpolate.partly(text, find, expands=True))
        else:
            args += [interpolate.closed(item) for item in items]
    job.args[:] = args
    job.shell = interpolate.partly(job.shell, find, script=is_checked)
    settings.setup = interpolate.partly(settings.setup, find, script=is_checked)
    settings.cwd = interpolate.partly(settings.cwd, find)
    if settings.scratch.root:
        settings.scratch.root = interpolate.partly(settings.scratch.root, find)
    for report in settings.results.list:
        report.file = interpolate.partly(report.file, find)
    if settings.HasField("also_log"):
        settings.also_log.files[:] = [interpolate.partly(text, find) for text in settings.also_log.files]
    if settings.HasField("runner"):
        _rewrite_options(settings.runner.options, find)
    if job.HasField("artefacts"):
        for product in job.artefacts.produces:
            product.path = interpolate.partly(product.path, find)
        job.artefacts.collect[:] = [interpolate.partly(text, find) for text in job.artefacts.collect]


def _rewrite_options(value: spec_pb2.RunnerValue, find: interpolate.Lookup) -> None:
    for entry in value.map.entries:
        _rewrite_options(entry.value, find)
    for item in value.list.items:
        _rewrite_options(item, find)
    for name in ("text", "plain"):
        if value.WhichOneof("value") == name:
            setattr(value, name, interpolate.partly(getattr(value, name), find))


def _option_texts(value: spec_pb2.RunnerValue) -> Iterator[str]:
    yield value.text
    yield value.plain
    for inner in (*(entry.value for entry in value.map.entries), *value.list.items):
        yield from _option_texts(inner)


def shown_job(job: spec_pb2.Job) -> spec_pb2.Job:
    """Returns a copy of a job for display, in which inserted values are not marked."""
    copy = spec_pb2.Job()
    copy.CopyFrom(job)
    _remove_marks(copy)
    return copy


def _remove_marks(message: Message) -> None:
    for descriptor, value in message.ListFields():
        if descriptor.type == FieldDescriptor.TYPE_STRING:
            if descriptor.is_repeated:
                value[:] = [text.replace(MARK, "") for text in value]
            elif MARK in value:
                setattr(message, descriptor.name, value.replace(MARK, ""))
        elif descriptor.message_type is not None and not descriptor.message_type.GetOptions().map_entry:
            for part in value if descriptor.is_repeated else [value]:
                _remove_marks(part)


def _texts(job: spec_pb2.Job) -> Iterator[str]:
    """Yields every text of a job that may contain `${{ }}`."""
    yield job.command
    yield from job.args
    yield job.shell
    if job.HasField("hooks"):
        yield from _hook_texts(job.hooks)
    if job.HasField("artefacts"):
        yield from (product.path for product in job.artefacts.produces)
        yield from job.artefacts.collect
    yield from _settings_texts(job.settings)


def _hook_texts(hooks: spec_pb2.Hooks | None) -> list[str]:
    return [] if hooks is None else [hooks.before, hooks.after, hooks.passed, hooks.failed]


def _own_texts(written: Written) -> Iterator[str]:
    if isinstance(written, spec_pb2.Job):
        yield from _texts(written)
    else:
        yield from _hook_texts(written.hooks)
        yield from _settings_texts(written.settings)


def _settings_texts(settings: spec_pb2.Settings) -> Iterator[str]:
    if not settings.ByteSize():
        return
    for param in settings.params:
        yield from param.values
    for variable in settings.env:
        yield variable.value
    yield settings.cwd
    yield settings.setup
    yield settings.scratch.root
    for report in settings.results.list:
        yield report.file
    yield from settings.also_log.files
    if settings.HasField("runner"):
        yield from _option_texts(settings.runner.options)


def _names(texts: Iterator[str]) -> list[str]:
    return [name for text in texts if "${{" in text for name in interpolate.names(text)]
