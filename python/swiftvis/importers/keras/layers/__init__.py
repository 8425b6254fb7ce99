"""The supported layers: for each class its converter, and how many trainable and other arrays it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall
from swiftvis.importers.keras.layers import (
    activation,
    attention,
    convolution,
    legacy,
    merging,
    normalization,
    pooling,
    resizing,
    shaping,
    statistics,
    volumes,
)
from swiftvis.importers.keras.topology import LayerConfig

Counts = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class LayerType:
    convert: Callable[[LayerCall], Tensor | list[Tensor]]
    arrays: Callable[[dict[str, Any]], Counts] = lambda options: (0, 0)


def _kernel_and_bias(options: dict[str, Any]) -> Counts:
    return 1 + bool(options.get("use_bias", True)), 0


def _two_kernels_and_bias(options: dict[str, Any]) -> Counts:
    return 2 + bool(options.get("use_bias", True)), 0


def _scale_and_center(options: dict[str, Any]) -> Counts:
    return bool(options.get("scale", True)) + bool(options.get("center", True)), 0


def _batch_normalization(options: dict[str, Any]) -> Counts:
    return _scale_and_center(options)[0], 4 if options.get("renorm") else 2


def _normalization(options: dict[str, Any]) -> Counts:
    return 0, 0 if normalization.has_constants(options) else 3


def _layer_normalization(options: dict[str, Any]) -> Counts:
    return (1, 0) if options.get("rms_scaling") is True else _scale_and_center(options)


def _projections(options: dict[str, Any]) -> Counts:
    return 4 * _kernel_and_bias(options)[0], 0


def _highway(options: dict[str, Any]) -> Counts:
    return 2 * _kernel_and_bias(options)[0], 0


def _attention(options: dict[str, Any]) -> Counts:
    return bool(options.get("use_scale")) + (options.get("score_mode") == "concat"), 0


def _additive_attention(options: dict[str, Any]) -> Counts:
    return int(bool(options.get("use_scale", True))), 0


def _kernel_and_axes(options: dict[str, Any]) -> Counts:
    return 1 + bool(options.get("bias_axes")), 0


def _alpha(options: dict[str, Any]) -> Counts:
    return 1, 0


_SPATIAL = {
    "Conv": LayerType(convolution.convolution, _kernel_and_bias),
    "Convolution": LayerType(convolution.convolution, _kernel_and_bias),
    "DepthwiseConv": LayerType(convolution.depthwise_convolution, _kernel_and_bias),
    "SeparableConv": LayerType(convolution.separable_convolution, _two_kernels_and_bias),
    "SeparableConvolution": LayerType(convolution.separable_convolution, _two_kernels_and_bias),
    "MaxPooling": LayerType(pooling.pooling),
    "AveragePooling": LayerType(pooling.pooling),
    "MaxPool": LayerType(pooling.pooling),
    "AvgPool": LayerType(pooling.pooling),
    "GlobalMaxPooling": LayerType(pooling.global_pooling),
    "GlobalAveragePooling": LayerType(pooling.global_pooling),
    "GlobalMaxPool": LayerType(pooling.global_pooling),
    "GlobalAvgPool": LayerType(pooling.global_pooling),
    "UpSampling": LayerType(pooling.upsampling),
    "ZeroPadding": LayerType(shaping.zero_padding),
    "Cropping": LayerType(shaping.cropping),
}
_VOLUMES = {
    "Conv": LayerType(volumes.convolution, _kernel_and_bias),
    "Convolution": LayerType(volumes.convolution, _kernel_and_bias),
    "MaxPooling": LayerType(volumes.pooling),
    "AveragePooling": LayerType(volumes.pooling),
    "MaxPool": LayerType(volumes.pooling),
    "AvgPool": LayerType(volumes.pooling),
    "UpSampling": LayerType(volumes.upsampling),
}
_TRANSPOSED = LayerType(convolution.transposed_convolution, _kernel_and_bias)
_IDENTITIES = (
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout Identity "
    "ActivityRegularization StochasticDepth RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast "
    "RandomBrightness RandomColorDegeneration RandomColorJitter RandomElasticTransform RandomErasing RandomGaussianBlur "
    "RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomSaturation RandomSharpness "
    "RandomShear RandAugment AugMix MixUp CutMix"
)
_MERGES = "Add Subtract Multiply Average Maximum Minimum"

LAYERS: dict[str, LayerType] = {
    **{f"{name}{suffix}": kind for name, kind in _SPATIAL.items() for suffix in ("1D", "2D")},
    **{
        f"{name}3D": _VOLUMES.get(name, kind)
        for name, kind in _SPATIAL.items()
        if not name.startswith(("Depthwise", "Separable"))
    },
    **{
        f"{name}3DTranspose": LayerType(volumes.transposed_convolution, _kernel_and_bias)
        for name in ("Conv", "Convolution")
    },
    **{
        f"Adaptive{kind}Pooling{n}D": LayerType(pooling.adaptive_pooling)
        for kind in ("Max", "Average")
        for n in (1, 2, 3)
    },
    **{f"Conv{suffix}Transpose": _TRANSPOSED for suffix in ("1D", "2D")},
    **{f"Convolution{suffix}Transpose": _TRANSPOSED for suffix in ("1D", "2D")},
    **{name: LayerType(activation.identity) for name in _IDENTITIES.split()},
    **{name: LayerType(activation.pointwise) for name in activation.POINTWISE},
    **{name: LayerType(merging.merging) for name in _MERGES.split()},
    "Dense": LayerType(convolution.dense, _kernel_and_bias),
    "Activation": LayerType(activation.activation),
    "Softmax": LayerType(activation.softmax_layer),
    "PReLU": LayerType(activation.prelu, _alpha),
    "BatchNormalization": LayerType(normalization.batch_normalization, _batch_normalization),
    "LayerNormalization": LayerType(normalization.layer_normalization, _layer_normalization),
    "GroupNormalization": LayerType(statistics.group_normalization, _scale_and_center),
    "UnitNormalization": LayerType(statistics.unit_normalization),
    "RMSNormalization": LayerType(statistics.rms_normalization, _alpha),
    "Normalization": LayerType(normalization.normalization, _normalization),
    "LayerScale": LayerType(normalization.layer_scale, _alpha),
    "CustomScaleLayer": LayerType(merging.scaled_sum),
    "Rescaling": LayerType(normalization.rescaling),
    "Concatenate": LayerType(merging.concatenation),
    "Merge": LayerType(merging.merge_layer),
    "Flatten": LayerType(shaping.flatten),
    "Reshape": LayerType(shaping.reshape),
    "Permute": LayerType(shaping.permute),
    "RepeatVector": LayerType(shaping.repeat_vector),
    "Resizing": LayerType(resizing.resizing),
    "MaxoutDense": LayerType(legacy.maxout, _kernel_and_bias),
    "Highway": LayerType(legacy.highway, _highway),
    "CenterCrop": LayerType(resizing.center_crop),
    "MultiHeadAttention": LayerType(attention.multi_head_attention, _projections),
    "GroupQueryAttention": LayerType(attention.multi_head_attention, _projections),
    "GroupedQueryAttention": LayerType(attention.multi_head_attention, _projections),
    "Attention": LayerType(attention.attention, _attention),
    "AdditiveAttention": LayerType(attention.attention, _additive_attention),
    "EinsumDense": LayerType(attention.einsum_dense, _kernel_and_axes),
    "Dot": LayerType(attention.dot),
    "TFOpLambda": LayerType(merging.operation),
    "SlicingOpLambda": LayerType(merging.operation),
}


def converter(layer: LayerConfig) -> Callable[[LayerCall], Tensor | list[Tensor]]:
    return merging.operation if layer.is_operation else LAYERS[layer.class_name].convert


def array_counts(layer: LayerConfig) -> Counts:
    if layer.is_operation:
        return 0, 0
    if layer.class_name == "SpectralNormalization":
        return 0, 1  # what training estimates the kernel's norm with
    return LAYERS[layer.class_name].arrays(layer.options) if layer.class_name in LAYERS else (0, 0)
