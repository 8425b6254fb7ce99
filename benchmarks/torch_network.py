"""A Keras network as a plain PyTorch module, with the same weights, the way PyTorch's own networks are written.

usage: python benchmarks/torch_network.py NAME.keras NAME.pt

torchvision's networks of the same names differ from Keras's in strides and padding, so their gradients cannot be
compared. As torchvision does, symmetric padding is left to the convolution or pool behind it, and ReLU works in place
where nobody else reads its input.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from keras_on import keras_on
from torch import nn


class Network(nn.Module):
    """Modules that read and write numbered values; a value goes after its last reader."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        self.wiring: list[tuple[tuple[int, ...], int, tuple[int, ...]]] = []  # read, written, dead behind it

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = {0: x}
        for step, (read, written, dead) in zip(self.steps, self.wiring):
            values[written] = step(*[values[i] for i in read])
            for i in dead:
                del values[i]
        return values[written]


class Call(nn.Module):
    """A function of torch with fixed keywords."""

    def __init__(self, function: Any, **keywords: Any) -> None:
        super().__init__()
        self.function, self.keywords = function, keywords

    def forward(self, *x: torch.Tensor) -> torch.Tensor:
        return self.function(*x, **self.keywords)


class Affine(nn.Module):
    def __init__(self, scale: Any, offset: Any) -> None:
        super().__init__()
        self.scale, self.offset = [torch.as_tensor(v).float().reshape(-1, 1, 1) for v in (scale, offset)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale.to(x.dtype) + self.offset.to(x.dtype)


def concatenate(*x: torch.Tensor) -> torch.Tensor:
    return torch.cat(x, 1)


def spatial_mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean((2, 3))


def as_pixel(x: torch.Tensor) -> torch.Tensor:
    return x[:, :, None, None]


_ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU, "sigmoid": nn.Sigmoid}
_IN_PLACE = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization", "Add", "Dense")


class Translation:
    def __init__(self, model: Any) -> None:
        self.network, self.place = Network(), {id(model.inputs[0]): 0}
        self.count, self.pads, self.kinds = 1, {}, {}
        self.readers = Counter(id(t) for op in model.operations for t in op._inbound_nodes[0].input_tensors)
        for layer in model.operations:
            node = layer._inbound_nodes[0]
            if node.input_tensors:
                self.add(layer, node.input_tensors, node.output_tensors[0])
        self.free_early()

    def add(self, layer: Any, inputs: list[Any], output: Any) -> None:
        kind, source = layer.__class__.__name__, inputs[0]
        self.kinds[id(output)] = kind
        modules = getattr(self, f"from_{kind.lower()}")(layer, source)
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if kind not in ("Activation", "ReLU") and activation != "linear":
            modules.append(self.activation(activation, True))
        read = tuple(self.place[id(t)] for t in inputs)
        for module in modules:
            self.network.steps.append(module)
            self.network.wiring.append((read, self.count, ()))
            read, self.count = (self.count,), self.count + 1
        self.place[id(output)] = read[0]

    def free_early(self) -> None:
        last = {i: step for step, (read, _, _) in enumerate(self.network.wiring) for i in read}
        self.network.wiring = [
            (read, written, tuple(i for i in set(read) if last[i] == step))
            for step, (read, written, _) in enumerate(self.network.wiring)
        ]

    # ---- One method for each kind of layer ----

    def activation(self, name: str, in_place: bool) -> nn.Module:
        module = _ACTIVATIONS[name]
        return module(inplace=True) if in_place and name.startswith("relu") else module()

    def from_activation(self, layer: Any, x: Any) -> list[nn.Module]:
        alone = self.readers[id(x)] == 1 and self.kinds.get(id(x)) in _IN_PLACE
        return [self.activation(layer.activation.__name__, alone)]

    def from_relu(self, layer: Any, x: Any) -> list[nn.Module]:
        alone = self.readers[id(x)] == 1 and self.kinds.get(id(x)) in _IN_PLACE
        return [self.activation("relu6" if layer.max_value == 6 else "relu", alone)]

    def padding(self, layer: Any, x: Any, size: Any) -> tuple[list[int], list[int]]:
        """Rows and columns before, and behind."""
        if layer.padding == "valid":
            return self.pads.get(id(x), ([0, 0], [0, 0]))
        dilation = getattr(layer, "dilation_rate", (1, 1))
        total = [
            max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            for n, s, k, d in zip(x.shape[1:3], layer.strides, size, dilation)
        ]
        return [t // 2 for t in total], [t - t // 2 for t in total]

    def padded(self, layer: Any, x: Any, size: Any, value: float = 0.0) -> tuple[list[nn.Module], tuple]:
        """A module for padding that the operation cannot do itself, and what it can."""
        (top, left), (bottom, right) = self.padding(layer, x, size)
        if (top, left) == (bottom, right):
            return [], (top, left)
        return [nn.ConstantPad2d((left, right, top, bottom), value)], (0, 0)

    def convolution(self, layer: Any, x: Any, kernel: Any, bias: Any, groups: int) -> list[nn.Module]:
        """`kernel` is (outputs, inputs of a group, rows, columns)."""
        before, padding = self.padded(layer, x, kernel.shape[2:])
        outputs, inputs, *size = kernel.shape
        module = nn.Conv2d(
            inputs * groups, outputs, size, tuple(layer.strides), padding, tuple(layer.dilation_rate), groups,
            bias is not None,
        )  # fmt: skip
        return [*before, filled(module, weight=kernel, bias=bias)]

    def from_conv2d(self, layer: Any, x: Any) -> list[nn.Module]:
        return self.convolution(layer, x, value(layer.kernel).permute(3, 2, 0, 1), layer.bias, 1)

    def from_depthwiseconv2d(self, layer: Any, x: Any) -> list[nn.Module]:
        return self.convolution(layer, x, value(layer.kernel).permute(2, 3, 0, 1), layer.bias, x.shape[-1])

    def from_separableconv2d(self, layer: Any, x: Any) -> list[nn.Module]:
        kernel = value(layer.depthwise_kernel).permute(2, 3, 0, 1)
        pointwise = value(layer.pointwise_kernel).permute(3, 2, 0, 1)
        outputs, inputs = pointwise.shape[:2]
        last = filled(nn.Conv2d(inputs, outputs, 1, bias=layer.use_bias), weight=pointwise, bias=layer.bias)
        return [*self.convolution(layer, x, kernel, None, inputs), last]

    def from_dense(self, layer: Any, x: Any) -> list[nn.Module]:
        kernel = value(layer.kernel)
        if id(x) in self.pads:  # flattened: its inputs are counted in Keras's order
            kernel = kernel.reshape(*self.pads[id(x)], -1).permute(2, 0, 1, 3).reshape(kernel.shape)
        module = nn.Linear(*kernel.shape, bias=layer.use_bias)
        return [filled(module, weight=kernel.T, bias=layer.bias)]

    def from_batchnormalization(self, layer: Any, x: Any) -> list[nn.Module]:
        module = nn.BatchNorm2d(x.shape[-1], layer.epsilon)
        parts = {"weight": layer.gamma, "bias": layer.beta}
        parts |= {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
        return [filled(module, **parts)]

    def from_zeropadding2d(self, layer: Any, x: Any) -> list[nn.Module]:
        (top, bottom), (left, right) = layer.padding
        output = layer._inbound_nodes[0].output_tensors[0]
        readers = [c.operation for c in output._keras_history.operation._outbound_nodes]
        if (top, left) == (bottom, right) and all(getattr(r, "padding", "") == "valid" for r in readers):
            self.pads[id(output)] = ([top, left], [bottom, right])
            return []
        return [nn.ZeroPad2d((left, right, top, bottom))]

    def from_maxpooling2d(self, layer: Any, x: Any) -> list[nn.Module]:
        before, padding = self.padded(layer, x, layer.pool_size, float("-inf"))
        return [*before, nn.MaxPool2d(layer.pool_size, layer.strides, padding)]

    def from_averagepooling2d(self, layer: Any, x: Any) -> list[nn.Module]:
        _, padding = self.padded(layer, x, layer.pool_size)
        return [nn.AvgPool2d(layer.pool_size, layer.strides, padding, count_include_pad=False)]

    def from_flatten(self, layer: Any, x: Any) -> list[nn.Module]:
        self.pads[id(layer._inbound_nodes[0].output_tensors[0])] = x.shape[1:]
        return [nn.Flatten()]

    def from_normalization(self, layer: Any, x: Any) -> list[nn.Module]:
        scale = 1 / value(layer.variance).sqrt()
        return [Affine(scale, -value(layer.mean) * scale)]

    def from_rescaling(self, layer: Any, x: Any) -> list[nn.Module]:
        return [Affine(layer.scale, layer.offset)]

    def from_dropout(self, layer: Any, x: Any) -> list[nn.Module]:
        return []

    def from_globalaveragepooling2d(self, layer: Any, x: Any) -> list[nn.Module]:
        return [Call(spatial_mean)]

    def from_reshape(self, layer: Any, x: Any) -> list[nn.Module]:
        return [Call(as_pixel)]

    def from_add(self, layer: Any, x: Any) -> list[nn.Module]:
        return [Call(torch.add)]

    def from_multiply(self, layer: Any, x: Any) -> list[nn.Module]:
        return [Call(torch.mul)]

    def from_concatenate(self, layer: Any, x: Any) -> list[nn.Module]:
        return [Call(concatenate)]


def value(variable: Any) -> torch.Tensor:
    return torch.as_tensor(getattr(variable, "value", variable)).detach().float().cpu()


def filled(module: nn.Module, **weights: Any) -> nn.Module:
    with torch.no_grad():
        for name, weight in weights.items():
            if weight is not None:
                getattr(module, name).copy_(value(weight))
    return module


def main(source: str, output: str) -> None:
    keras = keras_on("torch")
    with torch.no_grad():
        network = Translation(keras.saving.load_model(source, compile=False)).network.eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    torch.save(network, Path(output))


if __name__ == "__main__":
    # Pickled classes are found again under the module's name, which `__main__` is not.
    import torch_network

    torch_network.main(*sys.argv[1:])
