"""Live models of Keras 3 (on JAX, if nothing else is said) wherever a model is expected: the same numbers as Keras, kept no
longer than the model, and never those of an earlier state."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis import backend as K
from swiftvis.expressions import as_expression
from swiftvis.expressions.program import Program
from swiftvis.live import models as live
from swiftvis.live.binding import bound
from swiftvis.live.models import as_model
from swiftvis.live.tensors import as_tensor
from swiftvis.losses import ActivationMaximization, Loss
from swiftvis.regularizers import TotalVariation
from swiftvis.utils import utils
from swiftvis.visualization import (
    get_num_filters,
    visualize_cam,
    visualize_saliency,
    visualize_saliency_with_losses,
)

# `make parity` runs these on TensorFlow and PyTorch too, and on tf.keras.
LIBRARY = os.environ.get("SWIFTVIS_TEST_KERAS", "keras")
if os.environ.setdefault("KERAS_BACKEND", "jax") == "jax":
    pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip(LIBRARY, reason="needs Keras 3: pip install keras jax")
KERAS_3 = LIBRARY == "keras"

L = keras.layers
IMAGE = np.random.default_rng(1).normal(0, 1, (12, 12, 3)).astype(np.float32)


def sequential(**options: Any) -> Any:
    return keras.Sequential(
        [
            L.Input((12, 12, 3)),
            L.Conv2D(4, 3, activation="relu", name="conv"),
            L.BatchNormalization(name="norm"),
            L.MaxPooling2D(name="pool"),
            L.Flatten(name="flat"),
            L.Dense(3, activation="softmax", name="head"),
        ],
        **options,
    )


def functional() -> Any:
    inputs = L.Input((12, 12, 3), name="image")
    x = L.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    inner = keras.Sequential([L.Input(x.shape[1:]), L.Conv2D(4, 3, padding="same")], name="inner")
    x = L.Add(name="sum")([inner(x), inner(inner(x) * 0.5)])
    return keras.Model(inputs, L.Dense(2, name="head")(L.GlobalAveragePooling2D(name="mean")(x)))


def array(value: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(value).copy() if KERAS_3 else value.numpy()


def close(model: Any, x: np.ndarray = IMAGE) -> bool:
    """Whether swiftvis computes what Keras does, with the model as it is now."""
    return np.allclose(live.converted(model).predict(x), array(model(x[None], training=False)), atol=1e-5)


@pytest.mark.parametrize("build", [sequential, functional])
def test_same_layers_and_numbers(build) -> None:
    model = build()
    converted = live.converted(model)
    assert [layer.name for layer in converted.layers] == [layer.name for layer in model.layers]
    assert converted.source == f"keras {keras.__version__}"
    assert close(model)


def test_every_entry_point_takes_it(tmp_path) -> None:
    model, saved = sequential(), tmp_path / "model.keras"
    model.save(saved)
    ours = swiftvis.load_model(saved)
    calls = [
        lambda m: visualize_saliency(m, -1, 1, IMAGE),
        lambda m: visualize_saliency(m, "pool", 1, IMAGE, backprop_modifier="guided"),
        lambda m: visualize_saliency(swiftvis.backprop_modifiers.rectified(m), "pool", 1, IMAGE),
        lambda m: visualize_saliency(m, 0, None, IMAGE, wrt_tensor=m.layers[0].output, keepdims=True),
        lambda m: visualize_cam(m, -1, 1, IMAGE),
        lambda m: visualize_cam(m, "head", 1, IMAGE, "conv"),
        lambda m: swiftvis.saliency(m, IMAGE, 2),
        lambda m: utils.find_layer_idx(m, "pool"),
        lambda m: get_num_filters(m.layers[0]),
    ]
    for call in calls:
        assert np.array_equal(call(model), call(ours))


def test_the_same_conversion_until_something_changes() -> None:
    model = sequential()
    first = live.converted(model)
    model.predict(IMAGE[None], verbose=0)  # gives every variable a new JAX array
    assert live.converted(model) is first
    model.trainable = False
    assert live.converted(model) is first


@pytest.mark.parametrize("build", [sequential, functional])
def test_changed_weights_are_noticed(build) -> None:
    model = build()
    seen = {id(live.converted(model))}
    kept = [live.converted(model)]

    def is_noticed() -> bool:
        kept.append(live.converted(model))
        return kept[-1] is not kept[-2] and close(model)

    del seen
    model.set_weights([weight + 0.1 for weight in model.get_weights()])
    assert is_noticed()
    kernel = model.get_layer("conv").kernel
    kernel.assign(kernel * 2)
    assert is_noticed()
    values = array(kernel)
    values[0, 0, 0, 0] += 1e-3
    kernel.assign(values)
    assert is_noticed()
    model.compile("adam", "mse")
    model.fit(IMAGE[None], np.ones((1, model.output_shape[-1])), epochs=2, verbose=0)
    assert is_noticed()


def test_changed_activations_and_options_are_noticed() -> None:
    model = sequential()
    assert live.converted(model).layers[-1].activation == "softmax"
    model.layers[-1].activation = keras.activations.linear
    assert live.converted(model).layers[-1].activation == "linear" and close(model)
    model.get_layer("norm").epsilon = 0.5
    assert close(model)


@pytest.mark.parametrize("nothing", ["linear", None])
def test_activations_set_by_name(nothing: str | None) -> None:
    for call in (live.converted, swiftvis.load_model, utils.apply_modifications):
        model = sequential()
        live.converted(model)
        model.layers[-1].activation = nothing
        assert as_model(call(model)).layers[-1].activation == "linear"
        assert live.converted(model) is live.converted(model) and close(model)


def test_added_layers_are_noticed() -> None:
    model = sequential()
    live.converted(model)
    model.pop()
    model.add(L.Dense(7, name="other"))
    assert [layer.name for layer in live.converted(model).layers][-1] == "other" and close(model)


def test_the_model_is_not_kept_alive() -> None:
    model = functional()
    converted = weakref.ref(live.converted(model))
    model = weakref.ref(model)
    gc.collect()
    assert model() is None and converted() is None


def test_a_snapshot_stays_as_it_was() -> None:
    model = sequential()
    snapshot = swiftvis.load_model(model)
    before = snapshot.predict(IMAGE)
    model.set_weights([weight * 2 for weight in model.get_weights()])
    assert np.array_equal(snapshot.predict(IMAGE), before)
    assert not np.array_equal(live.converted(model).predict(IMAGE), before)


def test_threads_share_one_conversion() -> None:
    model, found = sequential(), []
    threads = [threading.Thread(target=lambda: found.append(live.converted(model))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1


# ---- apply_modifications ----


@pytest.mark.parametrize("build", [sequential, functional])
def test_apply_modifications_copies_in_memory(build, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    monkeypatch.setattr("builtins.open", None)  # no file is written
    copy = utils.apply_modifications(model)
    assert type(copy) is type(model) and copy is not model
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert all(np.array_equal(a, b) for a, b in zip(copy.get_weights(), model.get_weights(), strict=True))
    copy.set_weights([weight * 0 for weight in copy.get_weights()])
    assert any(weight.any() for weight in model.get_weights())


def test_apply_modifications_as_in_keras_vis() -> None:
    model = sequential()
    index = utils.find_layer_idx(model, "head")
    model.layers[index].activation = keras.activations.linear
    linear = utils.apply_modifications(model)
    model.layers[index].activation = keras.activations.softmax
    assert live.converted(linear).layers[-1].activation == "linear" and close(linear)
    assert live.converted(model).layers[-1].activation == "softmax" and close(model)


def test_custom_objects() -> None:
    class Doubled(L.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    model = keras.Sequential([L.Input((4,)), L.Dense(3), Doubled()])
    copy = utils.apply_modifications(model, custom_objects={"Doubled": Doubled})
    assert isinstance(copy.layers[-1], Doubled)


# ---- What is refused ----


class Subclassed(keras.Model):
    def call(self, x: Any) -> Any:
        return x


class OwnStep(keras.Model):
    def train_step(self, *arguments: Any) -> Any:
        return super().train_step(*arguments)


def test_unbuilt_and_subclassed_models() -> None:
    with pytest.raises(ValueError, match=r"Sequential 'young': the model is not built yet"):
        visualize_saliency(keras.Sequential([L.Dense(3)], name="young"), -1, 0, IMAGE)
    for call in (live.converted, utils.apply_modifications, swiftvis.load_model):
        with pytest.raises(ValueError, match=r"Subclassed 'own': only Sequential and functional"):
            call(Subclassed(name="own"))
    inputs = L.Input((3,))
    with pytest.raises(ValueError, match=r"a layer of this model cannot be computed:\n  lambda"):
        live.converted(keras.Model(inputs, L.Lambda(lambda x: x, name="lambda")(inputs)))


def test_a_functional_model_with_a_training_step_of_its_own() -> None:
    inputs = L.Input((12, 12, 3))
    assert close(OwnStep(inputs, L.Conv2D(2, 3)(inputs)))


@pytest.mark.skipif(not KERAS_3, reason="Keras 2 has no LoRA")
def test_merged_weights_are_refused() -> None:
    model = sequential()
    model.layers[-1].enable_lora(2)
    with pytest.raises(ValueError, match="layer 'head' has LoRA"):
        live.converted(model)


def test_other_objects() -> None:
    with pytest.raises(TypeError, match=r"of Keras 3 or tf.keras, got (tf_)?keras.src.layers.*Dense"):
        visualize_saliency(L.Dense(3), -1, 0, IMAGE)


# ---- Tensors ----


class Formula(Loss):
    def __init__(self, build_loss: Any) -> None:
        super().__init__()
        self.build_loss = build_loss


def losses_of(model: Any) -> list[Any]:
    conv, dense = model.get_layer("conv"), model.get_layer("head")
    return [
        (ActivationMaximization(dense, 1), 2.0),
        (ActivationMaximization(conv, [0, 3]), 1.0),
        (TotalVariation(model.inputs[0]), 0.1),
        (Formula(lambda: -K.mean(conv.output[utils.slicer[:, 2, ...]])), 1.0),
        (Formula(lambda: K.sum(K.square(dense.output - 0.5) * conv.output[0, 0, 0, 0])), 1.0),
    ]


@pytest.mark.parametrize("build", [sequential, functional])
def test_losses_on_live_tensors(build) -> None:
    model = build()
    ours = swiftvis.load_model(model)
    for wrt in (None, "conv"):
        maps = [
            visualize_saliency_with_losses(
                m.inputs[0],
                losses_of(m),
                IMAGE,
                wrt_tensor=wrt and m.get_layer(wrt).output,
                grad_modifier=None,
            )
            for m in (model, ours)
        ]
        assert np.allclose(*maps, atol=1e-5) and maps[0].std() > 0


def formulas(model: Any) -> list[Any]:
    out, head = model.get_layer("conv").output, model.get_layer("head").output
    if KERAS_3:
        ops = keras.ops
        return [
            -ops.mean(out[:, :, :, 1]),
            ops.sum(ops.square(out - 0.5) / 2.0) + ops.max(head) * ops.exp(ops.min(head)),
            ops.mean(ops.maximum(out, 0.1) ** 2, axis=[1, 2], keepdims=True)[0, 0, 0, 3],
            ops.sqrt(ops.sum(ops.abs(1.0 - head), axis=-1)),
            ops.log(head[..., 0:2])[0, 1],
        ]
    K = keras.backend
    return [
        -K.mean(out[:, :, :, 1]),
        K.sum(K.square(out - 0.5) / 2.0) + K.max(head) * K.exp(K.min(head)),
        K.mean(K.maximum(out, 0.1) ** 2, axis=[1, 2], keepdims=True)[0, 0, 0, 3],
        K.sqrt(K.sum(K.abs(1.0 - head), axis=-1)),
        K.log(head[..., 0:2])[0, 1],
    ]


def test_keras_operations_on_live_tensors() -> None:
    model = sequential()
    keras_formulas = formulas(model)
    expected = keras.Model(model.inputs[0], keras_formulas)(IMAGE[None])
    ours = [as_expression(formula) for formula in keras_formulas]
    expressions, (source,) = bound(ours, [as_tensor(model.inputs[0], "input")])
    program, found = Program(expressions), swiftvis.Model(source.network)
    values = dict(zip([tensor.name for tensor in found.outputs], found.predict(IMAGE), strict=True))
    results = program.results(program.forward([values[leaf.name] for leaf in program.leaves]))
    for result, wanted in zip(results, expected, strict=True):
        assert np.allclose(result, array(wanted), atol=1e-5)


def test_channels_first() -> None:
    image = np.moveaxis(IMAGE, -1, 0)
    inputs = L.Input((3, 12, 12))
    x = L.Conv2D(4, 3, data_format="channels_first", name="conv")(inputs)
    model = keras.Model(inputs, L.Activation("relu", name="relu")(x))
    ours, relu = swiftvis.load_model(model), model.get_layer("relu")
    assert utils.get_img_shape(model.inputs[0]) == (None, 3, 12, 12)
    assert get_num_filters(relu) == 4 and as_tensor(model.inputs[0], "input").channel_axis == 1
    loss = [
        (ActivationMaximization(relu, 3), 1),
        (Formula(lambda: K.mean(relu.output[utils.slicer[:, 2, ...]])), 1),
    ]
    same = [(ActivationMaximization(ours.layers[-1], 3), 1), (Formula(lambda: K.mean(ours.output[:, 2])), 1)]
    maps = [
        visualize_saliency_with_losses(m.input, losses, image) for m, losses in ((model, loss), (ours, same))
    ]
    assert np.array_equal(*maps)


def test_tensors_of_calls_and_nested_models() -> None:
    model = functional()
    ours = live.converted(model)
    inner = model.get_layer("inner")
    for call, tensor in enumerate(model.get_layer("sum").input):  # two of the three calls of the nested model
        assert ours.tensor(tensor).name == ours.get_layer("inner").get_output_at((0, 2)[call]).name
    assert ours.tensor(model.inputs[0]) == ours.input
    with pytest.raises(ValueError, match="'head' is not in model"):
        live.converted(keras.Model(model.inputs, model.get_layer("conv").output)).tensor(model.outputs[0])
    with pytest.raises(ValueError, match="of two models|has 2 inputs"):
        visualize_saliency_with_losses(
            model.inputs[0], [(ActivationMaximization(inner.layers[-1], 0), 1)], IMAGE
        )


def test_tensors_do_not_keep_the_model() -> None:
    model = functional()
    visualize_saliency_with_losses(
        model.inputs[0], [(ActivationMaximization(model.get_layer("conv"), 0), 1)], IMAGE
    )
    model = weakref.ref(model)
    gc.collect()
    assert model() is None


def test_losses_on_the_input_alone() -> None:
    model = sequential()
    source, ours = model.inputs[0], swiftvis.load_model(model).input
    maps = [visualize_saliency_with_losses(x, [(TotalVariation(x), 1)], IMAGE) for x in (source, ours)]
    assert np.array_equal(*maps)
    # What was looked at first does not decide what can be looked at later.
    head = ActivationMaximization(model.get_layer("head"), 1)
    assert visualize_saliency_with_losses(source, [(head, 1)], IMAGE).std() > 0


def test_one_network_for_all_tensors_of_an_input() -> None:
    model, networks = functional(), []
    for name in ("conv", "head", "conv", "sum"):
        wanted = [as_tensor(model.inputs[0], "input"), as_tensor(model.get_layer(name).output, name)]
        networks.append(bound([], wanted)[1][1].network)
    assert networks[1].is_same(networks[2]) and not networks[0].is_same(networks[1])
    assert networks[3].nodes.keys() >= {"conv/activation", "head"}
    gone = weakref.ref(networks[0])
    networks.clear()
    assert gone() is None


def test_changed_weights_are_noticed_by_tensors() -> None:
    model = sequential()
    loss = [(ActivationMaximization(model.get_layer("head"), 1), 1)]

    def map() -> np.ndarray:
        return visualize_saliency_with_losses(model.inputs[0], loss, IMAGE, grad_modifier=None)

    first = map()
    assert np.array_equal(map(), first)
    model.set_weights([np.roll(weight, 1) for weight in model.get_weights()])
    assert not np.array_equal(map(), first)
    ours = swiftvis.load_model(model)
    expected = [(ActivationMaximization(ours.get_layer("head"), 1), 1)]
    assert np.allclose(
        map(), visualize_saliency_with_losses(ours.input, expected, IMAGE, grad_modifier=None), atol=1e-5
    )
