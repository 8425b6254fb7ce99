"""A script for keras-vis 0.5.0 runs on Keras 3 when `vis` becomes `swiftvis` in its imports, and nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import swiftvis

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="needs Keras 3: pip install keras jax")

SCRIPT = """
import numpy as np
from keras import activations
from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from keras.models import Model
from matplotlib import cm

import vis.visualization
from vis import backend as K
from vis.callbacks import GifGenerator, OptimizerCallback
from vis.grad_modifiers import get as get_modifier
from vis.input_modifiers import InputModifier, Jitter
from vis.losses import ActivationMaximization, Loss
from vis.optimizer import Optimizer
from vis.regularizers import LPNorm, TotalVariation
from vis.utils import utils
from vis.visualization import (
    get_num_filters, overlay, visualize_activation, visualize_activation_with_losses, visualize_cam,
    visualize_cam_with_losses, visualize_saliency, visualize_saliency_with_losses,
)

K.set_random_seed(1337)
image_input = Input(shape=(28, 28, 3))
x = Conv2D(6, 3, activation='relu', name='conv1')(image_input)
x = MaxPooling2D(name='pool1')(x)
x = Conv2D(8, 3, activation='relu', name='conv2')(x)
x = Flatten()(x)
model = Model(image_input, Dense(10, activation='softmax', name='predictions')(x))

# Softmax for linear.
layer_idx = utils.find_layer_idx(model, 'predictions')
model.layers[layer_idx].activation = activations.linear
model = utils.apply_modifications(model)

img = np.uint8(utils.random_array((28, 28, 3), mean=128, std=40))

# Attention: by class, by rule, by sign.
maps = []
for modifier in [None, 'guided', 'relu']:
    grads = visualize_saliency(model, layer_idx, filter_indices=3, seed_input=img, backprop_modifier=modifier)
    maps.append(grads)
    heat = np.uint8(cm.jet(visualize_cam(model, layer_idx, [3, 5], img, None, modifier))[..., :3] * 255)
    attention = overlay(img, heat)
for modifier in [None, 'negate', 'small_values', get_modifier('relu'), lambda grads: grads ** 2]:
    maps.append(visualize_saliency(model, layer_idx, None, img, grad_modifier=modifier))
conv1 = utils.find_layer_idx(model, 'conv1')
inner = visualize_saliency(model, layer_idx, 3, img, wrt_tensor=model.layers[conv1].output, keepdims=True)
cam = visualize_cam(model, layer_idx, 3, img, penultimate_layer_idx=utils.find_layer_idx(model, 'conv2'))


class Darkness(Loss):
    def __init__(self, img_input):
        super(Darkness, self).__init__()
        self.name = 'Darkness'
        self.img = img_input

    def build_loss(self):
        channels = [K.mean(self.img[utils.slicer[:, i, ...]]) for i in range(3)]
        return K.square(channels[0]) + K.sum(channels[1] + channels[2])


class Steps(OptimizerCallback):
    seen = []

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        self.seen.append((i, [name for name, _ in named_losses], float(overall_loss), wrt_value.shape))


class Grey(InputModifier):
    def post(self, inp):
        return inp * 0.99


# What a filter looks for.
num_filters = get_num_filters(model.layers[conv1])
seen = [
    utils.draw_text(visualize_activation(model, conv1, filter_indices=i, max_iter=3, tv_weight=0.2), str(i))
    for i in np.random.permutation(num_filters)[:4]
]
sheet = utils.stitch_images(seen, cols=2)
opt_img = visualize_activation(
    model, layer_idx, filter_indices=3, max_iter=4, verbose=False, input_modifiers=[Jitter(0.1), Grey()],
    callbacks=[Steps(), GifGenerator('steps')],
)
losses = [
    (ActivationMaximization(model.layers[layer_idx], 3), 2),
    (LPNorm(model.input), 10),
    (TotalVariation(model.input, beta=1.5), 10),
    (Darkness(model.input), 1e-3),
]
opt = Optimizer(model.input, losses, input_range=(0., 1.))
minimized, grads, wrt_value = opt.minimize(max_iter=3, callbacks=[Steps()])
by_losses = visualize_activation_with_losses(model.input, losses, seed_input=img, max_iter=2)
loss_map = visualize_saliency_with_losses(model.input, losses, img)
loss_cam = visualize_cam_with_losses(model.input, losses[:1], img, model.layers[conv1])
"""


def test_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    script = re.sub(r"^(from|import) vis\b", r"\1 swiftvis", SCRIPT, flags=re.MULTILINE)
    names: dict = {"__name__": "__main__"}
    exec(compile(script, "script.py", "exec"), names)

    maps = names["maps"]
    assert all(map.shape == (28, 28) and map.dtype == np.float32 for map in maps)
    assert all(map.min() >= 0 and map.max() <= 1 and np.isfinite(map).all() for map in maps)
    assert not any(np.array_equal(maps[0], map) for map in maps[1:])
    assert names["attention"].shape == (28, 28, 3) and names["attention"].dtype == np.uint8
    assert names["inner"].shape == (26, 26, 6) and names["cam"].shape == (28, 28)
    assert names["sheet"].shape == (2 * 28 + 5, 2 * 28 + 5, 3) and names["sheet"].dtype == np.uint8
    assert names["opt_img"].shape == (28, 28, 3) and names["opt_img"].dtype == np.uint8
    assert names["minimized"].shape == (28, 28, 3) and names["minimized"].max() <= 1
    assert names["grads"].shape == names["wrt_value"].shape == (1, 28, 28, 3)
    assert names["by_losses"].dtype == np.uint8
    assert names["loss_map"].shape == names["loss_cam"].shape == (28, 28)
    steps = names["Steps"].seen
    assert [step[0] for step in steps] == [0, 1, 2, 3, 0, 1, 2]
    assert steps[-1][1][-1] == "Darkness" and steps[-1][3] == (1, 28, 28, 3)
    assert (tmp_path / "steps.gif").stat().st_size > 0
    assert "Iteration: 3, named_losses: [('ActivationMax Loss'" in capsys.readouterr().out


def run_page(name: str, names: dict) -> dict:
    """Runs the code of a page of the documentation, from top to bottom."""
    page = Path(__file__).parents[2].joinpath("docs", name).read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(code, names)
    return names


def classifier() -> Any:
    return keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv1"),
            keras.layers.Conv2D(6, 3, activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="softmax", name="predictions"),
        ]
    )


def test_migrating_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    classifier().save("model.keras")
    image = np.random.default_rng(0).random((24, 24, 3), np.float32)
    names = run_page("migrating.md", {"image": image, "np": np, "swiftvis": swiftvis})
    assert names["smooth"].shape == (24, 24) and names["picture"].dtype == np.uint8
    loss = names["Brighter"](names["model"].layers[0], 2)
    found = swiftvis.visualization.visualize_saliency_with_losses(
        names["model"].inputs[0], [(loss, 1)], image
    )
    assert found.shape == (24, 24)


def test_recipes_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(1)
    classifier().save("classes.keras")
    keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    ).save("regression.keras")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)).save("photo.png")
    names = run_page("recipes.md", {})
    maps = "one both guided rectified raises lowers keeps either heat coarse single now".split()
    assert all(names[name].shape == (24, 24) and names[name].dtype == np.float32 for name in maps)
    assert names["fine"].shape == (24, 24, 3) and names["maps"].shape == (6, 24, 24)
    assert all(names[name].shape == (2, 24, 24) for name in ("raw", "each", "shared"))
    assert names["dream"].shape == names["picture"].shape == names["colored"].shape == (24, 24, 3)
    assert names["sheet"].shape == (2 * 24 + 5, 2 * 24 + 5, 3)
    assert names["watch"].epochs == [2, 4] and (tmp_path / "maps.png").stat().st_size > 0
