"""Which modules' calls a traced program consists of, and which value leaves each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

Chain = tuple[str, ...]


@dataclasses.dataclass(eq=False)
class Call:
    """One call of a module.

    Attributes:
        path: the module's path in the network, "layer4.2.conv3".
        class_name: of the module, "Conv2d".
        nodes: what is computed in it and in the modules it calls.
        output: the node whose value leaves it; None where nothing does.
    """

    path: str
    class_name: str
    nodes: list[Any] = dataclasses.field(default_factory=list)
    output: Any = None


class Calls:
    """The calls of all modules but the outermost, in the order in which they end."""

    def __init__(self, nodes: Sequence[Any]) -> None:
        self._of_node: dict[Any, list[Call]] = {}
        found: dict[Chain, Call] = {}
        for node in nodes:
            if node.op == "call_function":
                self._of_node[node] = _place(node, found)
        for call in found.values():
            inside = set(call.nodes)
            leaving = [node for node in call.nodes if any(user not in inside for user in node.users)]
            call.output = leaving[-1] if leaving else None
        position = {node: index for index, node in enumerate(nodes)}
        # Inner calls end before the outer ones that end with them.
        chains = sorted(found, key=lambda chain: (position[found[chain].nodes[-1]], -len(chain)))
        self.all = [found[chain] for chain in chains]

    def path(self, node: Any) -> str:
        """The path of the module whose own code computes the node; nothing for the outermost."""
        calls = self._of_node.get(node)
        return calls[-1].path if calls else ""

    def described(self, node: Any) -> str:
        """Where the node is, for messages."""
        calls = self._of_node.get(node)
        return f"{calls[-1].path}: {node.name}" if calls else node.name


def _place(node: Any, found: dict[Chain, Call]) -> list[Call]:
    calls: list[Call] = []
    chain: Chain = ()
    for key, (path, kind) in (node.meta.get("nn_module_stack") or {}).items():
        if not path:
            continue
        chain = (*chain, key)
        name = kind if isinstance(kind, str) else kind.__qualname__
        call = found.setdefault(chain, Call(path, name.rpartition(".")[2]))
        call.nodes.append(node)
        calls.append(call)
    return calls
