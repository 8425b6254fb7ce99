"""`visualize_activation` and the `_with_losses` functions: what they take and return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis.callbacks import OptimizerCallback
from swiftvis.input_modifiers import Jitter
from swiftvis.losses import ActivationMaximization
from swiftvis.regularizers import LPNorm, TotalVariation
from swiftvis.utils.utils import apply_modifications
from swiftvis.visualization import (
    visualize_activation,
    visualize_activation_with_losses,
    visualize_saliency,
    visualize_saliency_with_losses,
)


@pytest.fixture
def linear(cnn: swiftvis.Model) -> swiftvis.Model:
    cnn.layers[-1].activation = "linear"
    return apply_modifications(cnn)


def test_the_filter_responds_more(linear: swiftvis.Model, image: np.ndarray) -> None:
    class Response(OptimizerCallback):
        values: list[float] = []  # noqa: RUF012

        def callback(self, i: int, named: Any, overall: Any, grads: np.ndarray, value: np.ndarray) -> None:
            self.values.append(-float(overall))
            np.testing.assert_allclose(linear.predict(value)[0, 3], self.values[-1], rtol=1e-4, atol=1e-4)

    visualize_activation(
        *(linear, -1, 3, None, image, (0.0, 1.0)),
        callbacks=[Response()],
        max_iter=10,
        lp_norm_weight=0,
        tv_weight=0,
    )
    assert Response.values[-1] > Response.values[0] + 1


def test_negate_lets_it_respond_less(linear: swiftvis.Model, image: np.ndarray) -> None:
    """With the gradient of the activation alone."""
    found = [
        visualize_activation(
            linear,
            -1,
            3,
            seed_input=image,
            input_range=(0.0, 1.0),
            max_iter=1,
            grad_modifier=modifier,
            lp_norm_weight=None,
            tv_weight=None,
        )
        for modifier in (None, "negate")
    ]
    more, less = (linear.predict(picture)[0, 3] for picture in found)
    assert less < more


@pytest.mark.parametrize(
    ("input_range", "dtype"),
    [((0, 255), np.uint8), ((0.0, 1.0), np.float32), ((0, 1.0), np.float32), ((-1, 1), np.uint8)],
)
def test_type_and_range(input_range: Any, dtype: Any, linear: swiftvis.Model) -> None:
    found = visualize_activation(linear, -1, 3, input_range=input_range, max_iter=2)
    assert found.shape == (32, 32, 3) and found.dtype == dtype
    if input_range[0] == 0:
        assert found.min() >= input_range[0] and found.max() <= input_range[1]


def test_the_same_with_losses(linear: swiftvis.Model, image: np.ndarray) -> None:
    losses = [
        (ActivationMaximization(linear.layers[-1], [1, 3]), 1),
        (LPNorm(linear.input), 10),
        (TotalVariation(linear.input), 10),
    ]
    one = visualize_activation(linear, -1, (1, 3), seed_input=image, max_iter=5)
    other = visualize_activation_with_losses(linear.input, losses, seed_input=image, max_iter=5)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("layer", [-1, 15, "predictions", "tensor"])
def test_ways_to_say_which_layer(layer: Any, linear: swiftvis.Model, image: np.ndarray) -> None:
    wanted = visualize_activation(linear, 15, 3, seed_input=image, max_iter=2)
    layer = linear.layers[15].output if layer == "tensor" else layer
    np.testing.assert_array_equal(
        visualize_activation(linear, layer, 3, seed_input=image, max_iter=2), wanted
    )


@pytest.mark.parametrize("wrt", ["stem", "tensor"])
def test_another_tensor_leaves_the_image_as_it_is(
    wrt: Any, linear: swiftvis.Model, image: np.ndarray
) -> None:
    wrt_tensor = linear.layers[1].output if wrt == "tensor" else wrt
    found = visualize_activation(linear, -1, 3, wrt_tensor, image, (0.0, 1.0), max_iter=3)
    np.testing.assert_array_equal(found, swiftvis.utils.utils.deprocess_input(image, (0.0, 1.0)))


def test_a_convolution_filter(linear: swiftvis.Model) -> None:
    found = visualize_activation(linear, 4, [0, 5], max_iter=3, input_modifiers=[Jitter(2)], verbose=False)
    assert found.shape == (32, 32, 3) and found.std() > 0


def test_noise_is_repeated_by_the_seed(linear: swiftvis.Model) -> None:
    found = []
    for _ in range(2):
        swiftvis.backend.set_random_seed()
        found.append(visualize_activation(linear, -1, 3, max_iter=3, input_modifiers=[Jitter()]))
    np.testing.assert_array_equal(*found)


def channels_first(make: Any, first: bool) -> swiftvis.Model:
    """One convolution network in both formats."""
    rng = np.random.default_rng(8)
    order, back = ([0, 2, 3, 1], [0, 3, 1, 2]) if first else ([0, 1, 2, 3], [0, 1, 2, 3])
    nodes = [
        make.node("p", "permute", ["x"], axes=order),
        make.node("c", "conv2d", ["p"], {"kernel": "k"}, strides=[1, 1], padding="same"),
        make.node("q", "permute", ["c"], axes=back),
        make.node("r", "relu", ["q"]),
    ]
    return make(
        [None, 3, 12, 10] if first else [None, 12, 10, 3],
        nodes,
        {"k": rng.normal(size=(3, 3, 3, 4)).astype(np.float32)},
        data_format="channels_first" if first else "channels_last",
    )


def test_channels_first(make: Any) -> None:
    last, first = channels_first(make, False), channels_first(make, True)
    image = np.random.default_rng(9).random((12, 10, 3), np.float32)
    for options in ({}, {"backprop_modifier": "guided"}):
        wanted = visualize_activation(
            last, -1, 2, seed_input=image, input_range=(0.0, 1.0), max_iter=4, **options
        )
        for seed in (image, np.moveaxis(image, -1, 0)):  # either order of the axes will do
            found = visualize_activation(
                first, -1, 2, seed_input=seed, input_range=(0.0, 1.0), max_iter=4, **options
            )
            assert found.shape == (12, 10, 3)
            np.testing.assert_allclose(found, wanted, atol=1e-4)
    maps = [
        visualize_saliency_with_losses(
            net.input,
            [(ActivationMaximization(net.layers[-1], 2), -1), (TotalVariation(net.input), 1)],
            image,
        )
        for net in (last, first)
    ]
    np.testing.assert_allclose(*maps, atol=1e-5)


def test_open_sizes(make: Any) -> None:
    net = make([None, None, None, 3], [make.node("r", "relu", ["x"])])
    image = np.random.default_rng(9).random((6, 7, 3), np.float32)
    assert visualize_activation(net, -1, 1, seed_input=image, max_iter=2).shape == (6, 7, 3)
    with pytest.raises(ValueError, match=r"size is open \(\(None, None, None, 3\)\): give an image"):
        visualize_activation(net, -1, 1)


@pytest.mark.filterwarnings("ignore:the guided rule")
@pytest.mark.parametrize(
    "modifier", [None, "guided", "rectified", lambda gradient, x, y: gradient * (y > 0.5)]
)
def test_backprop_modifiers(modifier: Any, linear: swiftvis.Model, image: np.ndarray) -> None:
    """One step, from the modified gradient of the activation itself (a rule need not be the same for its negative)."""
    weights = {"act_max_weight": -1, "lp_norm_weight": 0, "tv_weight": 0}
    found = visualize_activation(linear, -1, 3, None, image, (0.0, 1.0), modifier, max_iter=1, **weights)
    grads = linear.gradient(image, -1, 3, backprop_modifier=modifier)[0]
    grads /= np.sqrt((grads.astype(np.float64) ** 2).sum())
    moved = image - grads / np.sqrt(0.05 * grads**2 + 1e-7)
    wanted = swiftvis.utils.utils.deprocess_input(moved.astype(np.float32), (0.0, 1.0))
    np.testing.assert_allclose(found, wanted, atol=1e-3)


@pytest.mark.parametrize("grad_modifier", ["absolute", "negate", "relu", None])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("wrt", [None, 3])
def test_saliency_with_losses(
    grad_modifier: str | None, keepdims: bool, wrt: int | None, linear: swiftvis.Model, image: np.ndarray
) -> None:
    """With the filter's loss alone it is `visualize_saliency`."""
    tensor = None if wrt is None else linear.layers[wrt].output
    options = {"wrt_tensor": tensor, "grad_modifier": grad_modifier, "keepdims": keepdims}
    batch = np.stack([image, image[::-1]])
    losses = [(ActivationMaximization(linear.layers[-1], [1, 2]), -1)]
    found = visualize_saliency_with_losses(linear.input, losses, batch, **options)
    wanted = visualize_saliency(linear, -1, [1, 2], batch, **options)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_exact(linear: swiftvis.Model, image: np.ndarray) -> None:
    for exact in (False, True):
        found = visualize_activation(linear, -1, 3, seed_input=image, max_iter=2, exact=exact)
        assert found.shape == (32, 32, 3)
    assert {session.question.exact for session in linear.input.network.sessions._idle} == {False, True}


def test_what_is_refused(linear: swiftvis.Model, image: np.ndarray) -> None:
    with pytest.raises(TypeError, match="expected a model"):
        visualize_activation("model.h5", -1)  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="filter index 5"):
        visualize_activation(linear, -1, 5)
    with pytest.raises(IndexError, match="layer index 16"):
        visualize_activation(linear, 16, 0)
    with pytest.raises(TypeError, match="steps"):
        visualize_activation(linear, -1, 0, steps=3)
    with pytest.raises(ValueError, match="nothing to minimize"):
        visualize_activation(linear, -1, 0, act_max_weight=0, lp_norm_weight=0, tv_weight=0)
