"""What an optimization makes small: keras-vis's losses, and the base class of your own.

    from swiftvis import backend as K
    from swiftvis.losses import Loss
    from swiftvis.utils import utils

    class Brighter(Loss):
        def __init__(self, layer, channel):
            super().__init__()
            self.name = "Brighter"
            self.layer, self.channel = layer, channel

        def build_loss(self):
            return -K.mean(self.layer.output[utils.slicer[:, self.channel, ...]])

`build_loss` gives a formula over outputs of any layers and the model's input (`swiftvis.expressions` lists what it can
hold). Its gradient is taken here as far as the layers' outputs, and by the engine from there to the input. Regularizers
are losses too: `swiftvis.regularizers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._arguments import filter_list
from ._passes import filter_count
from .expressions import Expression
from .expressions.functions import mean
from .layers import Layer, Tensor
from .live.tensors import as_tensor
from .utils.utils import listify


class Loss:
    """A loss of your own: a subclass with `build_loss`.

    Attributes:
        name: how callbacks and verbose output call it, "Unnamed Loss" unless it is set.
    """

    name = "Unnamed Loss"

    def __init__(self) -> None:
        self.name = "Unnamed Loss"

    def __str__(self) -> str:
        return self.name

    def build_loss(self) -> Expression:
        """The formula to be made small. A value with axes counts as its sum."""
        raise NotImplementedError(f"{type(self).__name__} has no build_loss")


class ActivationMaximization(Loss):
    """Minus the mean activation of each filter, over batch and positions, summed over the filters
    (Simonyan et al. 2014, arXiv:1312.6034)."""

    def __init__(
        self, layer: Layer | Tensor, filter_indices: int | Sequence[int] | np.ndarray | None
    ) -> None:
        """
        Args:
            layer: a layer of the model, or its output tensor.
            filter_indices: one filter (class, channel) or several; None means the mean of all. Tuples and arrays
                are lists of filters here; keras-vis 0.5.0 fails on them.
        """
        super().__init__()
        self.name = "ActivationMax Loss"
        self.layer = layer
        self.filter_indices = listify(filter_indices)

    def build_loss(self) -> Expression:
        """The formula.

        Raises:
            IndexError, TypeError, ValueError: filter indices as for `Model.gradient`; TypeError also for what is
                no layer.
        """
        output = as_tensor(getattr(self.layer, "output", self.layer), "layer")
        label = getattr(self.layer, "name", output.name)
        if self.filter_indices == [None]:
            return -mean(output)
        filters = filter_list(self.filter_indices, filter_count(output, label), label)
        before: tuple[Any, ...] = (slice(None),) * output.channel_axis
        loss = -mean(output[(*before, filters[0])])
        for index in filters[1:]:
            loss = loss - mean(output[(*before, index)])
        return loss
