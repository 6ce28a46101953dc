"""Replaces `!Include PATH` by the content of a file. The path is relative to the including file."""

import posixpath
from functools import partial
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.errors import SpecError
from gator.spec.builders.context import Read, SpecContext, each_node
from gator.spec.yaml.comments import without_comments
from gator.spec.yaml.nodes import compose, decode

TAG = "!Include"
_MAX_DEPTH = 32
_JSON = (".json", ".jsonc", ".code-workspace")
"""Suffixes of files that may have comments."""
PARSER: Final = "write name and entries, or in JSON a problem matcher"
"""What a file with a parser must hold."""
_SPEC: Final = "its root is a !Job, a !JobGroup or a !JobArray"


class Includes:
    """Composes files, each once, and replaces their includes."""

    __slots__ = ("_chain", "_context", "_read", "_roots")

    def __init__(self, context: SpecContext, read: Read | None) -> None:
        self._context = context
        self._read = read
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
        """Returns the root of the file that an include names; None after a problem."""
        if not isinstance(node, ScalarNode) or not node.value:
            message = "this version of Gator knows !Include only with the path of a file: !Include FILE"
            self._context.problem(node, message)
            return None
        return self.named(node, node.value)

    def named(self, node: Node, path: str, holds: str = _SPEC) -> Node | None:
        """Returns the root of the file that a node names; None after a problem."""
        including = node.start_mark.name
        file = posixpath.normpath(posixpath.join(posixpath.dirname(including), path))
        if file in self._chain or len(self._chain) > _MAX_DEPTH:
            loop = " → ".join([*self._chain[self._chain.index(file) if file in self._chain else 0 :], file])
            self._context.problem(node, f"files include each other in a cycle: {loop}")
            return None
        if file not in self._roots:
            data = self._bytes(node, file)
            if data is None:
                return None
            self._roots[file] = self.compose(data, file, holds)
        return self._roots[file]

    def _bytes(self, node: Node, file: str) -> bytes | None:
        if self._read is None:
            self._context.problem(node, "nothing can be included here: the spec has no folder")
            return None
        try:
            return self._read(file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._context.problem(node, f"'{file}' cannot be included: {reason[:1].lower()}{reason[1:]}")
            return None
