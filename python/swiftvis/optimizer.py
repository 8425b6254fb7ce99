"""Gradient descent on the image: what the visualizations run, and what you run with losses of your own.

    losses = [(ActivationMaximization(model.layers[-1], 3), 1), (TotalVariation(model.input), 10)]
    image, grads, wrt_value = Optimizer(model.input, losses).minimize()

The order of a step's parts and the numbers are keras-vis's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _native, grad_modifiers
from ._arguments import image_batch, index
from ._objective import Objective
from .callbacks import OptimizerCallback, Print
from .expressions import Expression, as_expression
from .input_modifiers import InputModifier
from .layers import Tensor
from .live.tensors import as_tensor
from .losses import Loss
from .utils.utils import deprocess_input, random_array

_DECAY, _RATE = 0.95, 1.0


class Optimizer:
    """Makes a weighted sum of losses small by changing the image.

    Attributes:
        input_tensor: the model's input.
        wrt_tensor: what the gradient is taken with respect to.
        wrt_tensor_is_input_tensor: whether that is the input. Only then is the image changed.
        loss_names: the names of the losses whose weight is not 0.
        loss_functions: their weighted formulas.
    """

    def __init__(
        self,
        input_tensor: Tensor,
        losses: Sequence[tuple[Loss, float | None]],
        input_range: tuple[float, float] = (0, 255),
        wrt_tensor: Tensor | None = None,
        norm_grads: bool = True,
        *,
        exact: bool = False,
    ) -> None:
        """
        Args:
            input_tensor: `model.input` of a model with one input.
            losses: (loss, weight) pairs. A loss whose weight is 0 or None is not built; keras-vis fails on None.
            input_range: the (smallest, largest) value of images: of the noise to start from, and of the result.
            wrt_tensor: the gradient is taken at this tensor (`layer.output`); None means the input.
            norm_grads: divide the gradient by its l2 norm over all elements, before any modifier.
            exact: as for `Model.gradient`: slower, and a few bits more accurate.
        Raises:
            ValueError: no such range, no loss has a weight or depends on `wrt_tensor`, tensors are of several models or
                backward rules, or the model has several inputs or was closed.
            TypeError: something that is no tensor, or an operation in a loss that is not supported.
        """
        self.input_tensor = as_tensor(input_tensor, "input_tensor")
        if np.shape(input_range) != (2,) or not input_range[0] < input_range[1]:
            raise ValueError(f"input_range: expected (smallest, largest), got {input_range!r}")
        self.input_range = input_range
        self.wrt_tensor = self.input_tensor if wrt_tensor is None else as_tensor(wrt_tensor, "wrt_tensor")
        self.loss_names: list[str] = []
        self.loss_functions: list[Expression] = []
        for loss, weight in losses:
            if weight is not None and weight != 0:
                self.loss_names.append(loss.name)
                self.loss_functions.append(weight * as_expression(loss.build_loss(), f"loss '{loss.name}'"))
        if not self.loss_functions:
            raise ValueError("there is nothing to minimize: no loss has a weight other than 0")
        self._norm_grads = norm_grads
        self._objective = Objective(self.loss_functions, self.input_tensor, self.wrt_tensor, exact)
        self.wrt_tensor_is_input_tensor = self._objective.wrt_is_input

    def minimize(
        self,
        seed_input: Any = None,
        max_iter: int = 200,
        input_modifiers: Sequence[InputModifier] | None = None,
        grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = None,
        callbacks: Sequence[OptimizerCallback] | None = None,
        verbose: bool = True,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradient descent with RMSProp (decay 0.95, rate 1), in keras-vis's order: in each step the modifiers' `pre`, the
        losses and their gradient, `grad_modifier`, the callbacks, the change of the image, and the modifiers' `post`
        from the last to the first.

        Args:
            seed_input: the image or batch to start from, which is left alone; None means noise around the middle of
                `input_range`, from NumPy's global generator.
            max_iter: the number of steps, at least 1.
            input_modifiers: `swiftvis.input_modifiers`.
            grad_modifier: a name from `swiftvis.grad_modifiers`, or a function of the gradient. "negate" makes the losses
                large.
            callbacks: `swiftvis.callbacks`.
            verbose: print the losses of each step.
        Returns:
            (image, grads, wrt_value): the first image after the step that began with the smallest loss, brought into
            `input_range` by `deprocess_input`; and the last step's modified gradient at `wrt_tensor` and its value, for
            the whole batch.
        Raises:
            ValueError: the image does not fit the input, its size is open and no image is given, or a loss becomes
                infinite or NaN (keras-vis fails without a reason then).
        Warns:
            UserWarning: with a backward rule, names the activations to which it does not apply.
        """
        image = self._get_seed_input(seed_input)
        if index(max_iter, "max_iter") < 1:
            raise ValueError(f"max_iter must be at least 1, got {max_iter}")
        modifiers = list(input_modifiers or [])
        for modifier in modifiers:
            if isinstance(modifier, InputModifier):
                modifier.data_format = self.input_tensor.data_format
        modify = None if grad_modifier is None else grad_modifiers.get(grad_modifier)
        called = [*(callbacks or []), *([Print()] if verbose else [])]

        mean_square = np.zeros(image.shape, np.float32)
        best_loss, best_image = np.inf, image
        with self._objective.session(image.shape) as evaluate:
            for step in range(max_iter):
                for modifier in modifiers:
                    image = modifier.pre(image)
                image = np.ascontiguousarray(image, np.float32)
                losses, grads, wrt_value = evaluate(image)
                overall_loss = sum(losses[1:], losses[0])
                named_losses = list(zip(self.loss_names, losses, strict=True))
                if not np.isfinite(overall_loss):
                    raise ValueError(f"the loss is {overall_loss} in step {step + 1}: {dict(named_losses)}")
                if self._norm_grads:
                    grads = self._normalized(grads)
                if modify is not None:
                    grads = _modified(grads, modify)
                for callback in called:
                    callback.callback(step, named_losses, overall_loss, grads, wrt_value)
                if self.wrt_tensor_is_input_tensor:
                    # Into a new array: a callback may have kept what it was given.
                    step_grads = np.ascontiguousarray(grads, np.float32)
                    image = _native.rmsprop(step_grads, _DECAY, _RATE, mean_square, image)
                for modifier in reversed(modifiers):
                    image = modifier.post(image)
                if overall_loss < best_loss:
                    best_loss, best_image = overall_loss, image.copy()
        for callback in called:
            callback.on_end()
        return deprocess_input(best_image[0], self.input_range), grads, wrt_value

    def _normalized(self, grads: np.ndarray) -> np.ndarray:
        return _native.normalized_gradient(grads)

    def _get_seed_input(self, seed_input: Any) -> np.ndarray:
        shape = self.input_tensor.shape
        if seed_input is not None:
            return image_batch(seed_input, shape, self.input_tensor.name)
        if None in shape[1:]:
            raise ValueError(f"the input's size is open ({shape}): give an image to start from, seed_input")
        low, high = self.input_range
        noise = random_array((1, *shape[1:]), mean=np.mean(self.input_range), std=0.05 * (high - low))
        return noise.astype(np.float32)


def _modified(grads: np.ndarray, modify: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    shape, found = grads.shape, np.asarray(modify(grads))
    if found.shape != shape:
        raise ValueError(f"grad_modifier gave shape {found.shape} for a gradient of shape {shape}")
    return found.astype(np.result_type(found, np.float32), copy=False)
