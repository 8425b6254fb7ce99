"""The calls of keras-vis 0.4.1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

import swiftvis
from swiftvis import visualization
from swiftvis.losses import ActivationMaximization
from swiftvis.regularizers import LPNorm, TotalVariation
from swiftvis.utils import utils
from swiftvis.visualization import legacy


def jet(map: np.ndarray) -> np.ndarray:
    return np.uint8(colormaps["jet"](map)[..., :3] * 255)


def of_the_original(
    model: swiftvis.Model, image: np.ndarray, kind: str, filter_index: int, *more: str
) -> np.ndarray:
    modifier, source = (None if part == "None" else part for part in (*more, None, None)[:2])
    if kind == "sal":
        return legacy.visualize_saliency(model, -1, filter_index, image, None, modifier)
    if kind == "cam":
        return legacy.visualize_cam(model, -1, filter_index, image, source and int(source), None, modifier)
    if kind == "act":
        return legacy.visualize_activation(model, -1, filter_index, image * 255, max_iter=8)
    losses = [
        (ActivationMaximization(model.layers[-1], filter_index), -1),
        (LPNorm(model.input), 0.5),
        (TotalVariation(model.input), 0.25),
    ]
    if kind == "sal_losses":
        return legacy.visualize_saliency_with_losses(model.input, losses, image)
    return legacy.visualize_cam_with_losses(model.input, losses, image, model.layers[3])


def test_pictures_of_the_original(goldens: Path) -> None:
    """legacy.npz holds what keras-vis 0.4.1 itself drew, with Keras 2.1.6, TensorFlow 1.7 and SciPy 1.1. The keys say
    network, call, filter, grad_modifier, and penultimate_layer_idx."""
    with np.load(goldens / "legacy.npz") as file:
        pictures = {tuple(key.split("|")): file[key] for key in file}
    assert len(pictures) == 24
    for (name, kind, filter_index, *more), wanted in pictures.items():
        with np.load(goldens / f"{name}.npz") as file:
            image = file["input"]
        model = swiftvis.load_model(goldens / f"{name}.h5")
        model.layers[-1].activation = "linear"
        model = utils.apply_modifications(model)
        found = of_the_original(model, image, kind, int(filter_index), *more)
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        # Jet has 256 colors, 4 apart on its slopes: rounding may take the next but one.
        assert np.abs(found.astype(int) - wanted).max() <= 8


@pytest.mark.filterwarnings("ignore:the guided rule")
def test_saliency(cnn: swiftvis.Model, image: np.ndarray) -> None:
    found = legacy.visualize_saliency(cnn, -1, (1, 2), image, "guided", "relu")
    assert found.shape == (32, 32, 3) and found.dtype == np.uint8
    wanted = visualization.visualize_saliency(cnn, -1, [1, 2], image, None, "guided", "relu")
    np.testing.assert_array_equal(found, jet(wanted))


def test_cam(cnn: swiftvis.Model, image: np.ndarray) -> None:
    found = legacy.visualize_cam(cnn, -1, 2, image)
    assert found.shape == (32, 32, 3) and found.dtype == np.uint8
    # The same map before it is enlarged: asked for in its own size.
    small = swiftvis.cam(cnn, image, 2, source="max_pooling2d_1", resize=False)
    found = legacy.visualize_cam(cnn, -1, 2, image, "max_pooling2d_1")
    large = np.asarray(Image.fromarray(small / small.max()).resize((32, 32), Image.Resampling.BICUBIC))
    wanted = jet((large - large.min()) / (large.max() - large.min() + 1e-7))
    assert small.shape == (16, 16) and (np.abs(found.astype(int) - wanted) > 4).mean() < 0.01


def test_cam_of_what_is_no_image(make) -> None:
    nodes = [make.node(name, "tanh", [of]) for name, of in (("a", "x"), ("b", "a"))]
    net = make([None, 5, 2], nodes)
    with pytest.raises(ValueError, match=r"an input of size \(5,\)"):
        legacy.visualize_cam(net, -1, 0, np.ones((5, 2)), "a")
    assert visualization.visualize_cam(net, -1, 0, np.ones((5, 2)), "a").shape == (5,)


def test_get_imagenet_label() -> None:
    assert utils.get_imagenet_label(967) == "espresso"
    assert utils.get_imagenet_label([0, 1], join=" and ") == "tench and goldfish"
