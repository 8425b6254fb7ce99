"""Keras's backend functions for losses, usually imported as K, and keras-vis's two own.

    from swiftvis import backend as K

    class Brightness(Loss):
        def build_loss(self):
            return K.mean(K.square(self.img - 0.5))

Each takes tensors (`layer.output`, `model.input`), expressions of them, numbers and arrays, and gives an expression; of
numbers and arrays alone, a float32 array. Axes and names are Keras's. NumPy's own functions work on tensors and
expressions too (`swiftvis.expressions`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._arguments import index as as_index
from ._native import Shape
from ._rules import BackpropModifier
from .expressions import Expression, as_expression, elementwise, functions, product
from .expressions.program import Program
from .live.models import as_model
from .model import Model

Axis = int | Sequence[int] | None


def _result(expression: Expression) -> Any:
    """The expression, or its value where it holds no tensor."""
    if not expression.is_constant:
        return expression
    program = Program([expression])
    return program.results(program.forward([]))[0]


# ---- Reductions ----


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over the axes, all of them by default."""
    return _result(functions.total(x, axis, keepdims=keepdims))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over the axes."""
    return _result(functions.mean(x, axis, keepdims=keepdims))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest value; several that are equal share the gradient."""
    return _result(functions.largest(x, axis, keepdims=keepdims))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest value; several that are equal share the gradient."""
    return _result(functions.smallest(x, axis, keepdims=keepdims))


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean squared distance from the mean."""
    return _result(functions.variance(x, axis, keepdims=keepdims))


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of the variance."""
    return _result(functions.deviation(x, axis, keepdims=keepdims))


def l2_normalize(x: Any, axis: Axis = None) -> Any:
    """x / sqrt(max(sum(x^2), 1e-12))."""
    squares = functions.total(elementwise("square", x), axis, keepdims=True)
    return _result(elementwise("divide", x, elementwise("sqrt", elementwise("maximum", squares, 1e-12))))


def softmax(x: Any, axis: int = -1) -> Any:
    """e^x / sum(e^x)."""
    return _result(elementwise("exp", functions.log_softmax(x, axis)))


def dot(x: Any, y: Any) -> Any:
    """The product of two matrices."""
    return _result(product(x, y))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target * log(output)), for each sample.

    Args:
        target: probabilities, one-hot for a class.
        output: probabilities, or logits.
        from_logits: whether `output` is logits. Otherwise it is divided by its sum, and kept 1e-7 from 0 and 1.
        axis: of the classes.
    """
    if from_logits:
        logs = functions.log_softmax(output, axis)
    else:
        output = elementwise("divide", output, functions.total(output, axis, keepdims=True))
        logs = elementwise("log", functions.clip(output, epsilon(), 1 - epsilon()))
    return _result(-functions.total(elementwise("multiply", target, logs), axis))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-target * log(output) - (1 - target) * log(1 - output), for each unit; as for `categorical_crossentropy`."""
    output = as_expression(sigmoid(output) if from_logits else output, "binary_crossentropy")
    output = functions.clip(output, epsilon(), 1 - epsilon())
    target = as_expression(target, "binary_crossentropy")
    return _result(-target * elementwise("log", output) - (1 - target) * elementwise("log", 1 - output))


# ---- Element by element ----


def square(x: Any) -> Any:
    """x * x."""
    return _result(elementwise("square", x))


def sqrt(x: Any) -> Any:
    """The square root; 0 for what is below 0, as Keras has it."""
    return _result(elementwise("sqrt", elementwise("maximum", x, 0)))


def abs(x: Any) -> Any:
    """|x|."""
    return _result(elementwise("absolute", x))


def exp(x: Any) -> Any:
    """e to the power x."""
    return _result(elementwise("exp", x))


def log(x: Any) -> Any:
    """The natural logarithm."""
    return _result(elementwise("log", x))


def pow(x: Any, a: Any) -> Any:
    """x to the power a."""
    return _result(elementwise("power", x, a))


def sin(x: Any) -> Any:
    """The sine."""
    return _result(elementwise("sin", x))


def cos(x: Any) -> Any:
    """The cosine."""
    return _result(elementwise("cos", x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return _result(elementwise("tanh", x))


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return _result(0.5 * elementwise("tanh", elementwise("multiply", x, 0.5)) + 0.5)


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return maximum(x, 0)


def maximum(x: Any, y: Any) -> Any:
    """The larger of the two; where they are equal, x has the gradient."""
    return _result(elementwise("maximum", x, y))


def minimum(x: Any, y: Any) -> Any:
    """The smaller of the two; where they are equal, x has the gradient."""
    return _result(elementwise("minimum", x, y))


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """x, but no less than min_value and no more than max_value."""
    return _result(functions.clip(x, min_value, max_value))


# ---- Shapes ----


def int_shape(x: Any) -> Shape:
    """The shape, None where a size is open."""
    return as_expression(x, "int_shape").shape


def ndim(x: Any) -> int:
    """The number of axes."""
    return as_expression(x, "ndim").ndim


def reshape(x: Any, shape: Sequence[int]) -> Any:
    """The same values in another shape."""
    return _result(functions.reshape(x, shape))


def flatten(x: Any) -> Any:
    """All values along one axis."""
    return _result(functions.ravel(x))


def batch_flatten(x: Any) -> Any:
    """The values of each sample along one axis: (samples, values)."""
    return _result(functions.batch_flatten(x))


def squeeze(x: Any, axis: int) -> Any:
    """Without that axis, whose size is 1."""
    return _result(functions.squeeze(x, axis))


def expand_dims(x: Any, axis: int = -1) -> Any:
    """With a new axis of size 1."""
    return _result(functions.expand_dims(x, axis))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """With the axes in another order."""
    return _result(functions.transpose(x, pattern))


def transpose(x: Any) -> Any:
    """With the axes in reverse order."""
    return _result(functions.transpose(x))


# ---- Constants and settings ----


def identity(x: Any) -> Any:
    """x."""
    return _result(as_expression(x, "identity"))


def constant(value: Any) -> np.ndarray:
    """A float32 array of these numbers."""
    return np.asarray(value, np.float32)


variable = constant


def cast_to_floatx(x: Any) -> np.ndarray:
    """A float32 array of these numbers."""
    return np.asarray(x, np.float32)


def epsilon() -> float:
    """1e-7."""
    return 1e-7


def floatx() -> str:
    """ "float32", in which everything is computed."""
    return "float32"


def image_data_format() -> str:
    """ "channels_last"; a channels-first model's tensors know themselves (`tensor.data_format`)."""
    return "channels_last"


def backend() -> str:
    """ "swiftvis"."""
    return "swiftvis"


# ---- keras-vis's own ----


def modify_model_backprop(model: Model, backprop_modifier: BackpropModifier) -> Model:
    """The model with another backward rule, "guided" or "rectified" ("relu", "deconv"). Nothing is saved, reloaded or
    kept: unlike keras-vis's, a guided map is of the model as it is now.

    Raises:
        ValueError: an unknown modifier.
        TypeError: not a model.
    """
    from . import backprop_modifiers

    return backprop_modifiers.get(backprop_modifier)(as_model(model))


def set_random_seed(seed_value: int = 1337) -> None:
    """Seeds NumPy's and Python's global generators, from which `random_array` and `Jitter` draw."""
    seed = as_index(seed_value, "seed_value")
    np.random.seed(seed)
    random.seed(seed)
