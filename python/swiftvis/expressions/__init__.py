"""Formulas over the tensors of a model, from which losses are made.

    loss = -np.mean(layer.output[..., 3]) + 0.1 * np.sum(np.square(model.input))

A tensor (`model.input`, `layer.output`) holds no values, so such a formula is not computed but kept; `swiftvis.optimizer`
computes it and its gradient for an image. Known are:

- indexing with integers, slices, None, `...` and a list of integers;
- `+ - * / **`, negation and abs, with other expressions, numbers and arrays, which broadcast as in NumPy; `@` of two
  matrices;
- NumPy's add, subtract, multiply, divide, power, maximum, minimum, clip, negative, absolute, square, sqrt, reciprocal,
  exp, expm1, log, log1p, tanh, sin, cos, sum, mean, max, min, var, std, reshape, ravel, squeeze, expand_dims, transpose,
  moveaxis, matmul and dot (of two matrices), and linalg.norm (of vectors: ord 1, 2 and inf);
- the functions of `swiftvis.backend`, which have Keras's names.

Everything else raises a TypeError that names the operation. Numbers are float32 throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from .._native import Shape
from .indexing import Index
from .operations import ELEMENTWISE, MatrixProduct, Operation, Power

__all__ = ["Expression"]


class Expression:
    """A formula over tensors. It holds no values.

    Attributes:
        shape: of the value, None where a size is open (the batch axis, usually).
        operation: what the value is computed by; None for a tensor or a constant.
        operands: the expressions that it is computed from.
        is_constant: whether it holds no tensor.
    """

    def __init__(
        self, shape: Shape, operation: Operation | None = None, operands: Sequence[Expression] = ()
    ) -> None:
        self.shape = shape
        self.operation = operation
        self.operands = tuple(operands)
        self.is_constant = bool(operands) and all(operand.is_constant for operand in operands)

    def __repr__(self) -> str:
        name = self.operation.name if self.operation else "constant"
        return f"<swiftvis.Expression '{name}' {self.shape}>"

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __getitem__(self, item: Any) -> Expression:
        return apply(Index(item, self.shape), self)

    # Python would otherwise count through the first axis, which is usually open, without end.
    __iter__ = None

    def __add__(self, other: Any) -> Expression:
        return elementwise("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return elementwise("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return elementwise("subtract", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return elementwise("subtract", other, self)

    def __mul__(self, other: Any) -> Expression:
        return elementwise("multiply", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return elementwise("multiply", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return elementwise("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return elementwise("divide", other, self)

    def __pow__(self, other: Any) -> Expression:
        return elementwise("power", self, other)

    def __rpow__(self, other: Any) -> Expression:
        return elementwise("power", other, self)

    def __matmul__(self, other: Any) -> Expression:
        return product(self, other)

    def __rmatmul__(self, other: Any) -> Expression:
        return product(other, self)

    def __neg__(self) -> Expression:
        return elementwise("negative", self)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return elementwise("absolute", self)

    # ---- NumPy's functions ----

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise TypeError(
            f"{self!r} has no values, so it cannot become an array; a model's predict gives values"
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Expression:
        name = ufunc.__name__
        if method != "__call__":
            _refuse(f"np.{name}.{method}")
        if name not in ELEMENTWISE and name != "matmul":
            _refuse(f"np.{name}")
        if options:
            _refuse(f"np.{name} with {', '.join(options)}=")
        return product(*inputs) if name == "matmul" else elementwise(name, *inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        from .functions import FUNCTIONS

        name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        if function not in FUNCTIONS:
            _refuse(name)
        try:
            return FUNCTIONS[function](*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name} on an expression: {error}") from None


class Constant(Expression):
    """Numbers in a formula."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value, np.float32)[()]
        super().__init__(np.shape(self.value))
        self.is_constant = True


# What else stands for an expression: a test and a conversion of each kind. `live.tensors` adds Keras's tensors.
CONVERSIONS: list[tuple[Callable[[Any], bool], Callable[[Any], Expression]]] = []


def as_expression(value: Any, what: str = "a tensor") -> Expression:
    """The expression that was given, or the constant of a number or array of numbers. TypeError for everything else."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, (bool, int, float, np.generic, np.ndarray, list, tuple)):
        array = np.asarray(value)
        if array.dtype.kind in "buif":
            return Constant(array)
    for is_convertible, expression in CONVERSIONS:
        if is_convertible(value):
            return expression(value)
    kind = type(value)
    raise TypeError(
        f"{what}: expected a tensor (layer.output, model.input), an expression of tensors, or numbers, "
        f"got {kind.__module__}.{kind.__name__}"
    )


def apply(operation: Operation, *operands: Expression) -> Expression:
    """The expression of the operation on these operands."""
    return Expression(operation.shape(*[operand.shape for operand in operands]), operation, operands)


def elementwise(name: str, *operands: Any) -> Expression:
    """The expression of the named NumPy function."""
    found = [as_expression(operand, name) for operand in operands]
    if name == "power" and isinstance(found[1], Constant) and found[1].shape == ():
        return _power(found[0], found[1].value)
    return apply(ELEMENTWISE[name], *found)


def product(left: Any, right: Any) -> Expression:
    """The expression of the product of two matrices."""
    return apply(MatrixProduct(), as_expression(left, "matmul"), as_expression(right, "matmul"))


def _power(base: Expression, exponent: np.float32) -> Expression:
    if exponent == 1:
        return base
    known = {2: "square", 0.5: "sqrt", -1: "reciprocal"}.get(float(exponent))
    return apply(ELEMENTWISE[known] if known else Power(exponent), base)


def _refuse(operation: str) -> NoReturn:
    raise TypeError(
        f"{operation} is not supported on expressions of tensors; swiftvis.expressions lists what is"
    )
