"""Networks that `keras.applications` does not have, written with Keras."""

from __future__ import annotations

from keras import Input, Model
from keras import layers as L


def _conv(x, filters: int, size: int = 1, strides: int = 1, activation: str | None = None):
    """Convolution, batch normalization and activation."""
    x = L.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    return L.Activation(activation)(x) if activation else x


# kernel, stride of the first, expansion, output filters, blocks
_STAGES = [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3)]
_STAGES += [(5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]


def efficientnet_lite0() -> Model:
    """EfficientNetB0 without squeeze-and-excitation and with ReLU6."""
    image = Input((224, 224, 3))
    x = _conv(image, 32, 3, 2, "relu6")
    for size, first_stride, expansion, filters, blocks in _STAGES:
        for block in range(blocks):
            stride, before = first_stride if block == 0 else 1, x
            if expansion > 1:
                x = _conv(x, before.shape[-1] * expansion, activation="relu6")
            x = L.DepthwiseConv2D(size, strides=stride, padding="same", use_bias=False)(x)
            x = _conv(L.Activation("relu6")(L.BatchNormalization()(x)), filters)
            x = L.Add()([before, x]) if block else x
    x = L.GlobalAveragePooling2D()(_conv(x, 1280, activation="relu6"))
    return Model(image, L.Dense(1000)(x), name="efficientnet_lite0")


def mini_xception() -> Model:
    """The emotion network of the package fer (Arriaga et al. 2017, arXiv:1710.07557)."""

    def separable(x, filters: int):
        return L.BatchNormalization()(L.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x))

    image = Input((64, 64, 1))
    x = image
    for _ in range(2):
        x = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(8, 3, use_bias=False)(x)))
    for filters in (16, 32, 64, 128):
        shortcut = _conv(x, filters, strides=2)
        x = separable(L.Activation("relu")(separable(x, filters)), filters)
        x = L.Add()([L.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
    x = L.GlobalAveragePooling2D()(L.Conv2D(7, 3, padding="same")(x))
    return Model(image, x, name="mini_xception")


# ---- The three networks on which keras-vis is compared with in the tests ----


def plain() -> Model:
    image = Input((40, 48, 3))
    x = L.Conv2D(12, (3, 5), strides=2, padding="same", activation="relu")(
        L.Conv2D(8, 3, activation="relu")(image)
    )
    x = L.Dense(20, activation="relu")(L.Flatten()(L.MaxPooling2D()(x)))
    return Model(image, L.Dense(7)(x), name="plain")


def residual() -> Model:
    image = Input((32, 32, 3))
    stem = _conv(image, 16, 3, activation="relu")
    x = L.SeparableConv2D(16, 3, padding="same", use_bias=False)(stem)
    x = L.SeparableConv2D(16, 3, padding="same")(L.Activation("relu")(L.BatchNormalization()(x)))
    x = L.Add()([stem, L.BatchNormalization()(x)])
    x = L.MaxPooling2D(3, strides=2, padding="same")(x)
    left = L.Conv2D(10, 1, activation="relu")(x)
    right = L.Conv2D(6, 3, dilation_rate=2, padding="same", activation="relu")(x)
    x = L.GlobalAveragePooling2D()(L.Concatenate()([left, right]))
    return Model(image, L.Dense(5)(x), name="residual")


def regression() -> Model:
    image = Input((64, 64, 1))
    x = L.MaxPooling2D()(L.Conv2D(16, 5, activation="relu")(image))
    x = L.MaxPooling2D()(L.Conv2D(24, 3, activation="relu")(L.BatchNormalization()(x)))
    return Model(image, L.Dense(1)(L.Dense(16, activation="relu")(L.Flatten()(x))), name="regression")
