"""Backward rules of which some are functions: `Model.with_rule` makes them, sessions run them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._activations import KINDS, Activation, Activations, canonical_kind

if TYPE_CHECKING:
    from .layers import Layer, Network
    from .model import Model

Function = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
Choice = str | Function
Choices = Choice | Mapping["Layer | str", Choice]
Modifier = Callable[["Model"], "Model"]
BackpropModifier = Choices | Modifier

BUILT_IN = ("plain", "guided", "rectified")
_NAMES = {name: name for name in BUILT_IN} | {"relu": "rectified", "deconv": "rectified"}


@dataclass(frozen=True)
class Rule:
    """The backward rules of a network's activations.

    Attributes:
        otherwise: the built-in rule of activations that `nodes` does not name.
        nodes: pairs of an activation's node and the name of its rule, "custom" for a function.
        functions: by node.
        given: what the user gave.
    """

    otherwise: str
    nodes: tuple[tuple[str, str], ...]
    functions: Mapping[str, RuleFunction] = field(default_factory=dict)
    given: Choices = field(default="plain", compare=False)

    def on(self, network: Network) -> Rule | str:
        """The same for a network with other activations."""
        return rule_of(network, self.given, self.otherwise)

    def planned(self) -> Rule:
        """What a session is planned for: whatever the functions are."""
        return replace(self, functions={}, given="plain")

    @property
    def gates(self) -> str:
        """The rules for ReLU only that are used somewhere."""
        used = {self.otherwise, *(name for _, name in self.nodes)}
        return " and ".join(name for name in BUILT_IN[1:] if name in used)

    def __str__(self) -> str:
        return "custom"


def rule_of(network: Network, rule: Choices, otherwise: str = "plain") -> Rule | str:
    """What `Model.with_rule` is given, for this network: the name of a built-in rule, or a `Rule`."""
    otherwise = _built_in(otherwise)
    if isinstance(rule, str):
        return _built_in(rule)
    if isinstance(rule, Mapping):
        rule = {network.named(key): choice for key, choice in rule.items()}
    chosen = _chosen(network.activations, rule)
    nodes, functions = [], {}
    for node, choice in chosen.items():
        nodes.append((node, choice if isinstance(choice, str) else "custom"))
        if not isinstance(choice, str):
            functions[node] = RuleFunction(choice, network.activations.nodes[node])
    return Rule(otherwise, tuple(nodes), functions, rule)


def _built_in(name: Any) -> str:
    if name not in _NAMES:
        raise ValueError(f"unknown rule {name!r} (known: {', '.join(BUILT_IN)}, or a function)")
    return _NAMES[name]


def _chosen(activations: Activations, rule: Any) -> dict[str, Choice]:
    """The rule of each node. A layer's own goes before that of its kind."""
    if callable(rule):
        _check_parameters(rule)
        return {name: rule for name, found in activations.nodes.items() if found.kind != "linear"}
    if not isinstance(rule, Mapping):
        raise TypeError(
            f"a backward rule is a name ({', '.join(BUILT_IN)}), a function of (gradient, x, y), or a mapping from "
            f"layers or kinds of activations to these, got {type(rule).__name__}"
        )
    by_kind: dict[str, Choice] = {}
    by_layer: dict[str, Choice] = {}
    for key, value in rule.items():
        if callable(value):
            _check_parameters(value)
        choice = value if callable(value) else _built_in(value)
        nodes, is_kind = _nodes(activations, key)
        (by_kind if is_kind else by_layer).update(dict.fromkeys(nodes, choice))
    return by_kind | by_layer


def _nodes(activations: Activations, key: Any) -> tuple[list[str], bool]:
    """The activations that a key of a mapping stands for, and whether it is a kind."""
    from .layers import Layer

    name = key if isinstance(key, str) else getattr(key, "name", None)
    if not isinstance(name, str):
        raise TypeError(
            f"a rule is for a layer, its name or a kind of activation, not for {type(key).__name__} ({key!r:.40})"
        )
    of_layer = activations.of_layer(key) if isinstance(key, Layer) else activations.of_name(name)
    of_kind = activations.of_kind(canonical_kind(name)) if key in KINDS else []
    if of_layer and of_kind and set(of_layer) != set(of_kind):
        raise ValueError(
            f"'{name}' is a layer and a kind of activation of this model: use the layer itself, "
            f"model.get_layer('{name}'), or name the layers of that kind"
        )
    if of_layer or of_kind:
        return of_layer or of_kind, not of_layer
    known = ", ".join(_kinds(activations.nodes.values())) or "none"
    if key in KINDS:
        raise ValueError(f"the model has no '{name}' activation (its kinds of activations: {known})")
    if of_layer is None:
        raise ValueError(
            f"'{name}' is neither a layer nor a kind of activation of this model (kinds: {known})"
        )
    raise ValueError(f"layer '{name}' has no activation in this model, so there is no backward rule for it")


def _kinds(activations: Iterable[Activation]) -> list[str]:
    return sorted({activation.kind for activation in activations} - {"linear"})


def _check_parameters(function: Function) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # NumPy's own functions have none
        return
    try:
        signature.bind(None, None, None)
    except TypeError as error:
        raise TypeError(
            f"a backward rule is called as rule(gradient, x, y): {error} ({function!r:.60})"
        ) from None


class RuleFunction(NamedTuple):
    """A user's rule at one activation: what it gives is checked, and written to the engine's memory."""

    function: Function
    activation: Activation

    def __call__(self, gradient: np.ndarray, x: np.ndarray, y: np.ndarray, result: np.ndarray) -> None:
        gradient, x, y, result = (self.activation.view(array) for array in (gradient, x, y, result))
        found = self.function(gradient, x, y)
        label = f"the backward rule of '{self.activation.label}' ({self.activation.kind})"
        if found is None:
            raise TypeError(f"{label} returned None: it returns the gradient of x")
        array = np.asarray(found)
        if array.dtype.kind not in "buif":
            raise TypeError(f"{label} returned {array.dtype} ({type(found).__name__}), expected real numbers")
        if array.shape != x.shape:
            raise ValueError(f"{label} returned the shape {array.shape}, expected {x.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            result[...] = array
            total = float(result.sum())  # finite only if all are, and in one pass
        if not math.isfinite(total) and not np.isfinite(result).all():
            raise ValueError(f"{label} returned a NaN or an infinity")
