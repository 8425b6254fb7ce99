"""One layer of Keras 3 at a time, saved and compared with what Keras computes on JAX."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis._native import Question

os.environ.setdefault("KERAS_BACKEND", "jax")
jax = pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="needs Keras 3: pip install keras jax")
if keras.backend.backend() != "jax":
    pytest.skip("Keras is set to another backend than JAX", allow_module_level=True)

L = keras.layers
CASES: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {}


def case(name: str, shape: tuple[int, ...], function: Callable[[Any], Any]) -> None:
    """A network of one input of that shape, given as a function of Keras's tensor."""
    CASES[name] = (shape, function)


def applications() -> None:
    from keras.src.applications import convnext, inception_resnet_v2

    case("LayerScale", (4, 5, 3), lambda x: convnext.LayerScale(0.5, 3)(x))
    case("StochasticDepth", (4, 3), lambda x: x * convnext.StochasticDepth(0.5)(x))
    case(
        "CustomScaleLayer",
        (4, 5, 3),
        lambda x: inception_resnet_v2.CustomScaleLayer(0.17)([x, L.Conv2D(3, 1, activation="tanh")(x)]),
    )


def volumes() -> None:
    for first in (False, True):
        o: dict[str, Any] = {"data_format": "channels_first"} if first else {}
        s, name = ((2, 5, 6, 4), "_first") if first else ((5, 6, 4, 2), "")
        case(
            f"Conv3D{name}",
            s,
            lambda x, o=o: L.Conv3D(3, (3, 2, 3), padding="same", activation="relu", **o)(x),
        )
        case(f"Conv3D_strided{name}", s, lambda x, o=o: L.Conv3D(4, 2, strides=(2, 1, 2), **o)(x))
        case(
            f"Conv3DTranspose{name}",
            s,
            lambda x, o=o: L.Conv3DTranspose(3, 3, strides=2, padding="same", **o)(x),
        )
        case(f"MaxPooling3D{name}", s, lambda x, o=o: L.MaxPooling3D((2, 3, 2), strides=(2, 2, 1), **o)(x))
        case(f"AveragePooling3D{name}", s, lambda x, o=o: L.AveragePooling3D(2, padding="same", **o)(x))
        case(f"GlobalAveragePooling3D{name}", s, lambda x, o=o: L.GlobalAveragePooling3D(**o)(x))
        case(f"GlobalMaxPooling3D{name}", s, lambda x, o=o: L.GlobalMaxPooling3D(keepdims=True, **o)(x))
        case(f"UpSampling3D{name}", s, lambda x, o=o: L.UpSampling3D((2, 1, 3), **o)(x))
        case(
            f"edges3D{name}",
            s,
            lambda x, o=o: L.Cropping3D(((1, 0), (2, 1), (0, 1)), **o)(L.ZeroPadding3D((1, 2, 1), **o)(x)),
        )
        case(f"AdaptivePooling3D{name}", s, lambda x, o=o: L.AdaptiveAveragePooling3D((2, 3, 2), **o)(x))
    shape = (5, 6, 4, 4)
    case("Conv3D_grouped", shape, lambda x: L.Conv3D(4, 3, groups=2, dilation_rate=(1, 2, 1))(x))
    case(
        "Conv3DTranspose_valid",
        shape,
        lambda x: L.Softmax()(L.Conv3DTranspose(2, (2, 3, 1), strides=(3, 1, 2))(x)),
    )
    case("Conv3DTranspose_padded", shape, lambda x: L.Conv3DTranspose(2, 3, strides=2, output_padding=1)(x))
    case("BatchNormalization3D", shape, lambda x: L.SpatialDropout3D(0.2)(L.BatchNormalization(axis=2)(x)))
    case("PReLU3D", shape, lambda x: L.PReLU(shared_axes=[1, 3])(x))
    case("AdaptiveMaxPooling2D", (7, 5, 3), lambda x: L.AdaptiveMaxPooling2D((3, 5))(x))
    case(
        "SeparableConv1D",
        (9, 4),
        lambda x: L.SeparableConv1D(5, 3, strides=2, padding="same", depth_multiplier=2)(x),
    )


def normalizations() -> None:
    image = (4, 5, 6)
    for axis in (1, 2, -1):
        case(
            f"GroupNormalization{axis}", (4, 6, 4), lambda x, axis=axis: L.GroupNormalization(2, axis=axis)(x)
        )
    case("InstanceNormalization", image, lambda x: L.GroupNormalization(-1, scale=False, epsilon=1e-5)(x))
    case("UnitNormalization", image, lambda x: L.UnitNormalization()(x))
    case("UnitNormalization_axes", image, lambda x: L.UnitNormalization(axis=[1, 3])(x))
    case("RMSNormalization", image, lambda x: L.RMSNormalization()(x))
    case("LayerNormalization_axes", image, lambda x: L.LayerNormalization(axis=[1, 3])(x))
    case("LayerNormalization_front", image, lambda x: L.LayerNormalization(axis=[1, 2], scale=False)(x))


def resizings() -> None:
    for name in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        case(f"Resizing_{name}", (7, 9, 2), lambda x, name=name: L.Resizing(11, 5, interpolation=name)(x))
        if name != "nearest":
            down = {"interpolation": name, "antialias": True}
            case(f"Resizing_{name}_antialias", (9, 8, 2), lambda x, down=down: L.Resizing(4, 6, **down)(x))
    case("Resizing_crop", (7, 9, 2), lambda x: L.Resizing(4, 4, crop_to_aspect_ratio=True)(x))
    padded = {"pad_to_aspect_ratio": True, "fill_value": 0.5, "data_format": "channels_first"}
    case("Resizing_pad", (2, 7, 10), lambda x: L.Resizing(4, 4, **padded)(x))
    case("CenterCrop", (7, 10, 2), lambda x: L.CenterCrop(4, 5)(x))
    case("CenterCrop_enlarged", (7, 10, 2), lambda x: L.CenterCrop(9, 5)(x))
    case("UpSampling2D_bicubic", (5, 4, 2), lambda x: L.UpSampling2D((2, 3), interpolation="bicubic")(x))


def attentions() -> None:
    words = (5, 6)
    case("MultiHeadAttention", words, lambda x: L.MultiHeadAttention(2, 3)(x, x))
    case(
        "MultiHeadAttention_causal",
        words,
        lambda x: L.MultiHeadAttention(3, 2, use_bias=False, output_shape=4)(
            x, L.Dense(5)(x), key=L.Dense(3)(x), use_causal_mask=True
        ),
    )
    case(
        "MultiHeadAttention_scores",
        words,
        lambda x: L.MultiHeadAttention(2, 3)(x, x, return_attention_scores=True)[1],
    )
    case("MultiHeadAttention_image", (3, 4, 6), lambda x: L.MultiHeadAttention(2, 3, attention_axes=2)(x, x))
    case("MultiHeadAttention_pixels", (3, 4, 6), lambda x: L.MultiHeadAttention(2, 3)(x, x))
    case("GroupQueryAttention", words, lambda x: L.GroupQueryAttention(3, 4, 2)(x, x))
    case("Attention", words, lambda x: L.Attention(use_scale=True)([x, L.Conv1D(6, 2)(x)]))
    case("Attention_concat", words, lambda x: L.Attention(score_mode="concat")([x, x], use_causal_mask=True))
    case("AdditiveAttention", words, lambda x: L.AdditiveAttention()([x, L.Conv1D(6, 2)(x)]))
    case(
        "EinsumDense",
        words,
        lambda x: L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", activation="relu")(x),
    )
    case("EinsumDense_dots", words, lambda x: L.EinsumDense("...x,xy->...y", 4, bias_axes="y")(x))
    case("Dot", words, lambda x: L.Dot((2, 1))([x, L.Permute((2, 1))(x)]))
    case(
        "Dot_cosine", words, lambda x: L.Dot(1, normalize=True)([L.Flatten()(x), L.Dense(30)(L.Flatten()(x))])
    )


def operations() -> None:
    from keras import ops

    for name in (
        "abs",
        "sqrt",
        "log",
        "erf",
        "sin",
        "tanh",
        "floor",
        "exp",
        "relu",
        "square",
        "sigmoid",
        "silu",
    ):
        operation = getattr(ops, name)
        inside = ops.square if name in ("sqrt", "log") else ops.negative
        case(f"ops.{name}", (4, 6), lambda x, f=operation, g=inside: f(g(x) + 0.5))
    for name in ("mean", "sum", "max", "min", "logsumexp"):
        reduction = getattr(ops, name)
        case(f"ops.{name}", (4, 3, 6), lambda x, f=reduction: f(x, axis=(1, 3), keepdims=True))
    case(
        "ops.arithmetic",
        (4, 6),
        lambda x: ops.maximum(x**2 / (2 + x * x), 1 / (3 + ops.abs(x))),
    )
    case("ops.transposes", (4, 3, 6), lambda x: ops.swapaxes(ops.transpose(x, (0, 3, 1, 2)), 1, 2))
    case("ops.reshape", (4, 6), lambda x: ops.reshape(ops.expand_dims(x, 1), (-1, 3, 8)))
    case("ops.getitem", (5, 6), lambda x: x[:, 1:, ::2] + x[:, 0][:, None, :3] - x[:, -1:, 3:])
    case("ops.reverse", (5, 6), lambda x: x[:, ::-1])
    case("ops.concatenate", (5, 6), lambda x: ops.concatenate([x, *ops.split(x, 2, axis=2)], axis=2))
    case("ops.stack", (5, 6), lambda x: ops.squeeze(ops.stack([x, x * 2], axis=2)[:, :, :1], axis=2))
    case("ops.matmul", (5, 6), lambda x: ops.softmax(ops.matmul(x, ops.transpose(x, (0, 2, 1))) / 2, axis=1))
    case("ops.log_softmax", (5, 6), lambda x: ops.log_softmax(x))
    case("ops.einsum", (5, 6), lambda x: ops.einsum("btc,bsc->bts", x, x))
    case("ops.clip", (5, 6), lambda x: ops.clip(x, -0.5, 0.7))
    case("ops.normalize", (5, 6), lambda x: ops.normalize(x, axis=1))


def more_operations() -> None:
    from keras import ops

    image, numbers = (6, 4, 3), np.array([0.5, -1, 2], np.float32)
    for name, function in {
        "options": lambda x: (
            ops.elu(x, alpha=0.5)
            + ops.leaky_relu(x, negative_slope=0.3)
            + ops.celu(x, alpha=0.7)
            + ops.gelu(x)
        ),
        "arrays": lambda x: (x - numbers) / np.ones((1, 3), np.float32),
        "matrix": lambda x: ops.matmul(x, np.outer(numbers, numbers)),
        "pad": lambda x: ops.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]], mode="reflect"),
        "pools": lambda x: ops.max_pool(x, 3, 2, padding="same"),
        "tile": lambda x: ops.repeat(ops.tile(x, (1, 1, 2, 1)), 2, axis=1),
        "where": lambda x: ops.where(x > 0.3, x, 0.1 * x),
        "resize": lambda x: ops.image.resize(x, (5, 7)),
        "flip": lambda x: ops.roll(ops.flip(x, axis=1), 2, axis=2),
        "spread": lambda x: ops.std(x, axis=(1, 2)) + ops.var(x, axis=(1, 2)),
        "take": lambda x: ops.take(x, [2, 0], axis=-1) + ops.take(x, 1, axis=-1)[..., None],
        "moveaxis": lambda x: ops.moveaxis(x, 3, 1),
        "logarithms": lambda x: ops.log1p(ops.abs(x))
        + ops.expm1(x)
        + ops.log2(ops.abs(x) + 1)
        + ops.log10(x * x + 1),
        "cumsum": lambda x: ops.cumsum(x, axis=1),
        "unstack": lambda x: ops.concatenate(ops.unstack(x, axis=1), axis=-1),
        "depth_to_space": lambda x: ops.depth_to_space(ops.concatenate([x] * 4, -1), 2),
        "truths": lambda x: x * ops.cast(ops.logical_not(x < 0.2), "float32")
        + ops.zeros_like(x)
        + ops.trunc(x),
        "norms": lambda x: ops.layer_normalization(x) + ops.rms_normalization(x),
    }.items():
        case(f"ops: {name}", image, function)
    for name in (
        "log_sigmoid hard_tanh tanh_shrink soft_shrink hard_shrink squareplus sparse_plus sparse_sigmoid "
        "log_softmax"
    ).split():
        case(f"Activation {name}", (4, 6), lambda x, name=name: L.Activation(name)(x * 2))
    case("Softmax_axes", image, lambda x: L.Softmax(axis=[1, 2])(x))


def wrappers() -> None:
    video = (3, 6, 5, 2)
    case("TimeDistributed_Dense", (4, 5), lambda x: L.TimeDistributed(L.Dense(3, activation="relu"))(x))

    def frames(x: Any) -> Any:
        x = L.TimeDistributed(L.Conv2D(4, 3, padding="same", activation="relu"))(x)
        x = L.TimeDistributed(L.MaxPooling2D())(L.TimeDistributed(L.BatchNormalization())(x))
        return L.TimeDistributed(L.Flatten())(x)

    case("TimeDistributed_frames", video, frames)
    inner = [L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2)]
    case("TimeDistributed_model", video, lambda x: L.TimeDistributed(keras.Sequential(inner))(x))
    case(
        "SpectralNormalization",
        (6, 5, 2),
        lambda x: L.Dense(3)(L.SpectralNormalization(L.Conv2D(4, 3, activation="tanh"))(x)),
    )


def transformers() -> None:
    """A vision transformer as people write it in Keras, without embeddings."""

    def vit(x: Any) -> Any:
        from keras import ops

        x = L.Reshape((6, 8))(L.Conv2D(8, 4, strides=4)(x))
        for _ in range(2):
            y = L.LayerNormalization(epsilon=1e-6)(x)
            x = L.Add()([x, L.MultiHeadAttention(2, 4)(y, y)])
            y = L.Dense(16, activation="gelu")(L.LayerNormalization(epsilon=1e-6)(x))
            x = x + L.Dropout(0.1)(L.Dense(8)(y))
        return L.Dense(3)(L.Concatenate()([ops.mean(x, axis=1), x[:, 0]]))

    case("ViT", (8, 12, 3), vit)


applications()
volumes()
normalizations()
resizings()
attentions()
operations()
more_operations()
wrappers()
transformers()


def randomized(model: Any, random: np.random.Generator) -> Any:
    spread = [
        (0, 1.2 / np.sqrt(max(array[..., 0].size, 1))) if array.ndim > 1 else (1, 0.2)
        for array in model.get_weights()
    ]
    weights = [random.normal(*s, array.shape) for s, array in zip(spread, model.get_weights(), strict=True)]
    model.set_weights(weights)
    return model


def answers(path: Path, x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    network = swiftvis.load_model(path)._network
    (output,) = network.description["outputs"]
    question = Question((x.shape,), values=(output,), cotangents=(output,), gradients=tuple(network.inputs))
    with network.sessions.session(network.handle, question) as session:
        return session.forward([x])[0], session.backward([cotangent])[0]


def difference(actual: np.ndarray, expected: np.ndarray) -> float:
    assert actual.shape == expected.shape
    # The gradient of rounding is 0 everywhere.
    return float(np.abs(actual - expected).max() / (np.abs(expected).max() or 1))


@pytest.mark.parametrize("name", CASES)
def test_same_numbers_as_keras(name: str, tmp_path: Path) -> None:
    keras.utils.clear_session()
    random = np.random.default_rng(len(name))
    shape, function = CASES[name]
    inputs = L.Input(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = randomized(keras.Model(inputs, function(inputs)), random)
        x = random.normal(0, 1, (2, *shape)).astype(np.float32)
        y, vjp = jax.vjp(lambda image: model(image, training=False), jax.numpy.asarray(x))
        cotangent = random.normal(0, 1, y.shape).astype(np.float32)
        (gradient,) = vjp(jax.numpy.asarray(cotangent))
        for suffix in (".keras", ".h5"):
            path = tmp_path / f"model{suffix}"
            model.save(path)
            found = answers(path, x, cotangent)
            assert difference(found[0], np.asarray(y)) < 1e-4
            assert difference(found[1], np.asarray(gradient)) < 1e-3
