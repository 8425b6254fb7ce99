"""Other backward rules: what `backprop_modifier=` of every function takes.

A name: "guided", "rectified" (also called "relu" and "deconv"). These apply to ReLU and clipped ReLU (ReLU6), in nested
models too; every other activation keeps its own derivative, and a UserWarning names it.

A rule of one's own: a function `rule(gradient, x, y)`, or a mapping from layers to rules, for any activation (`custom`).

A modifier as in keras-vis: a function `modifier(model)` that returns a model, for example
`lambda model: model.with_rule("guided")`. Functions are told apart by the number of arguments that they need, one or three.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ._rules import BackpropModifier, Choices, Modifier
from .live.models import as_model
from .model import Model
from .utils.utils import get_identifier


def guided(model: Model) -> Model:
    """The model with guided backpropagation: only positive gradients, where the activation is positive
    (Springenberg et al. 2015, arXiv:1412.6806)."""
    return as_model(model).with_rule("guided")


def rectified(model: Model) -> Model:
    """The model with the "deconvnet" rule: only positive gradients, whatever the activation was
    (Zeiler & Fergus 2014, arXiv:1311.2901)."""
    return as_model(model).with_rule("rectified")


relu = deconv = rectified

_MODIFIERS = {"guided": guided, "rectified": rectified, "relu": relu, "deconv": deconv}


def custom(rule: Choices, otherwise: str = "plain") -> Modifier:
    """A modifier from a backward rule of your own.

    >>> import numpy as np
    >>> def leaky_guided(gradient, x, y):
    ...     "Guided backpropagation that lets a tenth of the negative gradients through."
    ...     return np.where(y > 0, np.where(gradient > 0, gradient, 0.1 * gradient), 0)
    >>> model.gradient(image, backprop_modifier={"relu": leaky_guided}).shape
    (1, 32, 32, 3)
    >>> first = model.layers[1]
    >>> custom({first: leaky_guided, "softmax": "plain"}, otherwise="guided")(model)
    <swiftvis.Model 'model_1': 16 layers, (None, 32, 32, 3) -> (None, 5)>

    Args:
        rule: a function of (gradient, x, y) for all activations of the model, nested ones too; or a mapping whose keys
            are layers (`model.layers[3]`), their names, or kinds of activations ("relu", "relu6", "leaky_relu", "tanh",
            "softmax", "prelu" ...), and whose values are such functions, "plain", "guided" or "rectified". A layer's
            entry goes before that of its kind; a nested model stands for all its activations. An activation that is
            `linear` has a rule only if its layer is named.
        otherwise: "plain", "guided" or "rectified": the rule of activations that a mapping does not name.

    The function is called once for each activation between the target and what the gradient is taken at, the last one
    first, on the thread of the call. `gradient` is the gradient of the activation's output `y`, and `x` its input: float32
    arrays of the layer's output shape, batch first; a large batch comes in parts. They are views of the engine's memory:
    read-only, and valid during the call only, so copy what you keep. It returns the gradient of `x`: an array of that
    shape, of any real type. What it raises ends the call and reaches the caller.

    Returns:
        a function from model to model. TypeError and ValueError, where it is called, for a rule that does not fit the
        model: `Model.with_rule`.
    """

    def modifier(model: Model) -> Model:
        return as_model(model).with_rule(rule, otherwise)

    return modifier


def get(identifier: BackpropModifier) -> Modifier:
    """The modifier that is meant: by a name, a modifier, or a rule of one's own.

    Raises:
        ValueError: an unknown name, or nothing that could be meant.
        TypeError: a function of which it is not clear whether it takes (model) or (gradient, x, y).
    """
    if isinstance(identifier, Mapping):
        return custom(identifier)
    found = get_identifier(identifier, _MODIFIERS, __name__)
    if isinstance(identifier, str) or _is_modifier(found):
        return found
    return custom(found)


def _is_modifier(function: Any) -> bool:
    """Whether a function takes a model, and not (gradient, x, y)."""
    advice = "wrap a backward rule in swiftvis.backprop_modifiers.custom(rule)"
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(
            f"backprop_modifier: the arguments of {function!r:.80} are not known; {advice}"
        ) from None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in positional)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) or needed not in (1, 3):
        raise TypeError(
            "backprop_modifier: expected a function that needs one argument (model) or three (gradient, x, y), got "
            f"{getattr(function, '__name__', function)!s:.60}{inspect.signature(function)}; {advice}"
        )
    return needed == 1
