"""Other backward rules for ReLU: names for `backprop_modifier=`, or any function from model to model.

They apply to ReLU and clipped ReLU (ReLU6), in nested models too; every other activation keeps its own
derivative, and a UserWarning names it.
"""

from __future__ import annotations

from collections.abc import Callable

from .model import Model
from .utils.utils import get_identifier


def guided(model: Model) -> Model:
    """The model with guided backpropagation: only positive gradients, where the activation is positive
    (Springenberg et al. 2015, arXiv:1412.6806)."""
    return model.with_rule("guided")


def rectified(model: Model) -> Model:
    """The model with the "deconvnet" rule: only positive gradients, whatever the activation was
    (Zeiler & Fergus 2014, arXiv:1311.2901)."""
    return model.with_rule("rectified")


relu = deconv = rectified

_MODIFIERS = {"guided": guided, "rectified": rectified, "relu": relu, "deconv": deconv}


def get(identifier: str | Callable[[Model], Model]) -> Callable[[Model], Model]:
    """The modifier of that name; a callable is its own. ValueError for everything else."""
    return get_identifier(identifier, _MODIFIERS, __name__)
