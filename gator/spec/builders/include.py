"""Replaces `!Include` by the content of a file or by the output of a program.

`!Include PATH` names a file relative to the including one. A mapping names a `file`, or a `command` whose
output is YAML, and may change keys of the node that it includes.
"""

import posixpath
import shlex
from functools import partial
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.errors import SpecError, reason_of
from gator.spec.builders.context import Pair, Read, Run, SpecContext, each_node
from gator.spec.builders.include_keys import KEYS, changed, scalar_text
from gator.spec.suggestions import did_you_mean
from gator.spec.yaml.comments import without_comments
from gator.spec.yaml.nodes import compose, decode

TAG = "!Include"
_MAX_DEPTH = 32
_JSON = (".json", ".jsonc", ".code-workspace")
"""Suffixes of files that may have comments."""
PARSER: Final = "write name and entries, or in JSON a problem matcher"
"""The contents of a file with a parser, for the error about a file without them."""
_SPEC: Final = "its root is a !Job, a !JobGroup or a !JobArray"


class Includes:
    """Composes files, each once, and replaces their includes."""

    __slots__ = ("_chain", "_context", "_read", "_roots", "_run")

    def __init__(self, context: SpecContext, read: Read | None, run: Run | None = None) -> None:
        self._context = context
        self._read = read
        self._run = run
        self._chain: list[str] = []
        self._roots: dict[str, Node | None] = {}
        context.read_yaml = partial(self.named, holds=PARSER)

    def compose(self, data: str | bytes, file: str, holds: str = _SPEC) -> Node | None:
        """Returns the root node of a file; None if it is empty or its YAML has a problem.

        `holds` says what the file must hold, for the problem that it is empty.
        """
        try:
            text = decode(data, file)
            self._context.begin(file, text)
            root = compose(without_comments(text) if file.endswith(_JSON) else text, file)
        except SpecError as error:
            self._context.problems += error.problems
            return None
        if root is None:
            return self._empty(file, holds)
        if TAG in text:
            self._chain.append(posixpath.normpath(file))
            root = self._replaced(root)
            self._chain.pop()
        return root

    def _empty(self, file: str, holds: str) -> None:
        node = compose('""', file)
        assert node is not None
        self._context.problem(node, f"the file is empty: {holds}")

    def _replaced(self, root: Node) -> Node | None:
        """Returns the tree with every include replaced; those that fail stay."""
        if root.tag == TAG:
            return self._included(root)
        for node in list(each_node(root)):
            if isinstance(node, SequenceNode):
                node.value[:] = [self._or_itself(child) for child in node.value]
            elif isinstance(node, MappingNode):
                node.value[:] = [(key, self._or_itself(value)) for key, value in node.value]
        return root

    def _or_itself(self, node: Node) -> Node:
        if node.tag != TAG:
            return node
        return self._included(node) or node

    def _included(self, node: Node) -> Node | None:
        """Returns what an include stands for; None after a problem."""
        if isinstance(node, MappingNode):
            return self._described(node)
        if not isinstance(node, ScalarNode) or not node.value:
            message = "!Include takes the path of a file, or a mapping with 'file' or 'command'"
            self._context.problem(node, message)
            return None
        return self.named(node, node.value)

    def _described(self, node: MappingNode) -> Node | None:
        context = self._context
        pairs = context.pairs(node)
        for name, pair in pairs.items():
            if name not in KEYS:
                context.problem(pair.key, f"unknown key '{name}' in !Include{did_you_mean(name, KEYS)}")
        sources = [pairs[name] for name in ("file", "command") if name in pairs]
        if len(sources) != 1:
            context.problem(node, "!Include takes 'file' or 'command', and one of them")
            return None
        text = scalar_text(context, sources[0])
        if not text:
            return None
        root = self.named(node, text) if "file" in pairs else self._output(sources[0], text)
        return None if root is None else changed(context, node, root, pairs)

    def _output(self, pair: Pair, command: str) -> Node | None:
        """Returns the root of the output of a command; None after a problem."""
        folder = posixpath.dirname(pair.value.start_mark.name)
        try:
            argv = shlex.split(command)
        except ValueError as error:
            self._context.problem(pair.value, f"command: {error}".lower())
            return None
        if self._run is None or not argv:
            self._context.problem(pair.value, "no command can be run here: write the path of a file")
            return None
        name = posixpath.join(folder, f"output of {command.replace('/', ' ')}")
        if name not in self._roots:
            try:
                data = self._run(argv, folder)
            except (OSError, ValueError) as error:
                self._context.problem(pair.value, f"'{command}' cannot be included: {error}")
                return None
            self._roots[name] = self.compose(data, name)
        return self._roots[name]

    def named(self, node: Node, path: str, holds: str = _SPEC) -> Node | None:
        """Returns the root of the file that a node names; None after a problem."""
        including = node.start_mark.name
        file = posixpath.normpath(posixpath.join(posixpath.dirname(including), path))
        if file in self._chain or len(self._chain) > _MAX_DEPTH:
            loop = " → ".join([*self._chain[self._chain.index(file) if file in self._chain else 0 :], file])
            self._context.problem(node, f"files include each other in a cycle: {loop}")
            return None
        if file not in self._roots:
            data = self._bytes(node, file, "included" if holds == _SPEC else "read")
            if data is None:
                return None
            self._roots[file] = self.compose(data, file, holds)
        return self._roots[file]

    def _bytes(self, node: Node, file: str, verb: str) -> bytes | None:
        if self._read is None:
            self._context.problem(node, "nothing can be included here: the spec has no folder")
            return None
        try:
            return self._read(file)
        except (OSError, ValueError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            self._context.problem(node, f"'{file}' cannot be {verb}: {reason[:1].lower()}{reason[1:]}")
            return None
