"""Matrix products."""

from __future__ import annotations

import numpy as np

from swiftvis.importers.program.core import Node, Refusal, Value, hidden
from swiftvis.importers.program.elementwise import Elementwise, broadcast
from swiftvis.importers.program.shaping import Shaping


class Products(Elementwise, Shaping):
    def matmul(self, a: Value, b: Value) -> Value:
        """numpy.matmul."""
        if a.rank == 0 or b.rank == 0:
            raise Refusal("a product with a number is not a matrix product")
        if a.rank == 1:
            product = self.matmul(self.reshape(a, (1, *a.shape)), b)
            return self.reshape(product, (*product.shape[:-2], product.shape[-1]))
        if b.rank == 1:
            product = self.matmul(a, self.reshape(b, (*b.shape, 1)))
            return self.reshape(product, product.shape[:-1])
        if a.shape[-1] != b.shape[-2] and None not in (a.shape[-1], b.shape[-2]):
            raise Refusal(f"shapes {a.shape} and {b.shape} do not fit a matrix product")
        if a.array is not None and b.array is not None:
            return self.folded(np.matmul(a.array, b.array))
        if b.array is not None and all(size == 1 for size in b.array.shape[:-2]):
            shape = (*broadcast(a.shape[:-2], b.shape[:-2]), *a.shape[-2:])
            return self.dense(self.reshape(a, shape), b.array.reshape(b.array.shape[-2:]))
        leading = broadcast(a.shape[:-2], b.shape[:-2])
        shape = (*leading, a.shape[-2], b.shape[-1])
        nodes = []
        for value in (a, b):
            full = (1,) * (len(shape) - value.rank) + tuple(value.shape)
            if value.node is None:
                value = self.constant(value.array.reshape(full))  # type: ignore[union-attr]
            # Of a matrix alone, the first axis is its rows.
            is_batched = len(shape) > 2 and hidden(shape)
            nodes.append(self.node(value, full[1:] if is_batched else full))
        product = self.emit(
            "matmul", nodes, (*broadcast(nodes[0].shape[:-2], nodes[1].shape[:-2]), *shape[-2:])
        )
        return self.value(product, shape, len(shape) - 1)

    def dense(self, x: Value, kernel: np.ndarray, bias: np.ndarray | None = None) -> Value:
        """x @ kernel + bias over the last axis; the kernel is (inputs, units)."""
        if x.shape[-1] not in (kernel.shape[0], None):
            raise Refusal(f"a kernel of shape {kernel.shape} does not fit an input of {x.shape}")

        def dense(node: Node) -> Node:
            shape = (*node.shape[:-1], kernel.shape[1])
            return self.emit("dense", [node], shape, None, {"kernel": kernel, "bias": bias})

        result = self.over_last(x, -1, dense)
        result.channels = x.rank - 1
        return result

    def einsum(self, equation: str, values: list[Value]) -> Value:
        """Products of two tensors that are a matrix product after permuting, and sums or permutations of one."""
        terms, given = _einsum_terms(equation, values)
        pairs = [self._diagonals(value, term) for value, term in zip(values, terms)]
        values, terms = [value for value, _ in pairs], [term for _, term in pairs]
        if len(values) == 1:
            return self._single_term(values[0], terms[0], given)
        if len(values) != 2:
            raise Refusal(f"einsum of {len(values)} tensors is not supported")
        left, right = terms
        a, b = (self._summed(v, t, other + given) for v, t, other in zip(values, terms, (right, left)))
        left, right = (
            "".join(c for c in t if c in other + given) for t, other in ((left, right), (right, left))
        )
        batch = [c for c in left if c in right and c in given]
        inner = [c for c in left if c in right and c not in given]
        rows, columns = ([c for c in t if c not in other] for t, other in ((left, right), (right, left)))
        size = {c: n for v, t in ((a, left), (b, right)) for c, n in zip(t, v.shape)}
        a = self._grouped(a, left, [batch, rows, inner], size)
        b = self._grouped(b, right, [batch, inner, columns], size)
        product = self.reshape(self.matmul(a, b), [size[c] for c in [*batch, *rows, *columns]])
        order = [*batch, *rows, *columns]
        return self.permute(product, [order.index(c) for c in given])

    def _grouped(self, x: Value, term: str, groups: list[list[str]], size: dict[str, int | None]) -> Value:
        """Axes in the order of the groups: the first group's stay, each of the others becomes one axis."""
        x = self.permute(x, [term.index(c) for group in groups for c in group])
        joined = []
        for group in groups[1:]:
            sizes = [size[c] for c in group]
            joined.append(sizes[0] if len(sizes) == 1 else int(np.prod(self.sizes(Value(tuple(sizes))))))
        return self.reshape(x, [*(size[c] for c in groups[0]), *joined])

    def _summed(self, x: Value, term: str, needed: str) -> Value:
        """Without the axes that nothing else names."""
        axes = [axis for axis, c in enumerate(term) if c not in needed]
        return self.reduce("sum", x, axes) if axes else x  # type: ignore[attr-defined]

    def _diagonals(self, x: Value, term: str) -> tuple[Value, str]:
        """With one axis for each letter: of axes with the same letter, the diagonal."""
        while (letter := next((c for c in term if term.count(c) > 1), None)) is not None:
            first, second, *more = (axis for axis, c in enumerate(term) if c == letter)
            rest = [axis for axis in range(x.rank) if axis not in (first, second)]
            if more or x.shape[first] != x.shape[second]:
                raise Refusal(f"the diagonal '{term}' of an input of {x.shape} is not supported")
            (size,) = self.sizes(x, [first])
            sizes = [x.shape[axis] for axis in rest]
            x = self.reshape(self.permute(x, [*rest, first, second]), [*sizes, size * size])
            x = self.slice(x, -1, 0, None, size + 1)
            term = "".join(term[axis] for axis in rest) + letter
        return x, term

    def _single_term(self, x: Value, term: str, given: str) -> Value:
        x = self._summed(x, term, given)
        term = "".join(c for c in term if c in given)
        return self.permute(x, [term.index(c) for c in given])


def _einsum_terms(equation: str, values: list[Value]) -> tuple[list[str], str]:
    """The letters of each tensor and of the result, with letters in place of an ellipsis."""
    equation = equation.replace(" ", "")
    source, arrow, given = equation.partition("->")
    terms = source.split(",")
    if len(terms) != len(values):
        raise Refusal(f"einsum '{equation}' of {len(values)} tensors")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    dots = max((v.rank - len(t.replace("...", "")) for t, v in zip(terms, values) if "..." in t), default=0)
    ellipsis = "".join(spare[: max(dots, 0)])
    for i, (term, value) in enumerate(zip(terms, values)):
        own = value.rank - len(term.replace("...", ""))
        terms[i] = term.replace("...", ellipsis[len(ellipsis) - own :] if own > 0 else "")
        if len(terms[i]) != value.rank or (not terms[i].isalpha() and terms[i]):
            raise Refusal(f"einsum '{equation}' does not fit {value.rank} axes")
    if not arrow:
        letters = sorted(c for c in set("".join(terms)) - set(ellipsis) if "".join(terms).count(c) == 1)
        given = ellipsis + "".join(letters)
    given = given.replace("...", ellipsis)
    if len(set(given)) != len(given) or not set(given) <= set("".join(terms)):
        raise Refusal(f"einsum '{equation}' is not supported")
    return terms, given
