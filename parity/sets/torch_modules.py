"""What the sets of PyTorch modules share: weights, and PyTorch's own values and gradients in float32 and float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import nn

from . import conditioning

NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def images(count: int, size: int, seed: int) -> np.ndarray:
    return np.ascontiguousarray(conditioning.pictures(count, size, seed).transpose(0, 3, 1, 2))


def uninitialized() -> Any:
    """Within it modules are made without the initial weights, which take most of the time and are overwritten."""
    names = [name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")]
    return mock.patch.multiple(nn.init, **{name: lambda tensor, *_, **__: tensor for name in names})


def randomize(module: nn.Module, size: int) -> np.ndarray:
    """Random weights, and the images of which batch normalizations have their statistics."""
    random = np.random.default_rng(1)
    normalized = any("Norm" in type(part).__name__ for part in module.modules())
    with torch.no_grad():
        for part in module.modules():
            for name, parameter in part.named_parameters(recurse=False):
                parameter.copy_(torch.from_numpy(_values(part, name, parameter, normalized, random)))
        batch = [part for part in module.modules() if isinstance(part, NORMALIZATIONS)]
        hooks = [part.register_forward_pre_hook(_calibrate) for part in batch]
        x = images(conditioning.CALIBRATING, size, 2)
        if batch:
            module(torch.from_numpy(x))
        for hook in hooks:
            hook.remove()
    return x


def _calibrate(part: nn.Module, inputs: tuple[torch.Tensor]) -> None:
    variance, mean = torch.var_mean(inputs[0].transpose(0, 1).flatten(1), 1, correction=0)
    part.running_mean.copy_(mean)
    part.running_var.copy_(variance.clamp(min=conditioning.LEAST_VARIANCE * variance.mean()))


def _values(
    part: nn.Module, name: str, parameter: nn.Parameter, normalized: bool, random: np.random.Generator
) -> np.ndarray:
    shape = tuple(parameter.shape)
    if isinstance(part, NORMALIZATIONS) and name == "bias":
        return conditioning.offsets(random, part.weight.numpy())
    if name == "layer_scale" or ("Norm" in type(part).__name__ and name == "weight"):
        return conditioning.scales(random, shape)
    if name == "logit_scale":
        return parameter.numpy() + random.normal(0, 0.1, shape)
    if name in ("class_token", "pos_embedding", "relative_position_bias_table"):
        return random.normal(0, 0.5, shape)
    if len(shape) < 2:
        return random.normal(0, 0.1, shape)
    gain = 1 if normalized else 2  # half of it is what a rectifier leaves
    return random.standard_normal(shape, np.float32) * np.float32(np.sqrt(gain / parameter[0].numel()))


def gradient(
    module: nn.Module, x: np.ndarray, score: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """The output and the score's gradient, in the dtype of `x`."""
    module = module.to(torch.from_numpy(x).dtype).requires_grad_(False)
    image = torch.tensor(x, requires_grad=True)
    output = module(image)
    output = output["out"] if isinstance(output, dict) else output
    score(output).backward()
    return output.detach().numpy(), image.grad.numpy()


def reference(
    module: nn.Module, x: np.ndarray, scores: dict[str, Callable[[torch.Tensor], torch.Tensor]], path: Path
) -> dict[str, np.ndarray]:
    """Values and gradients of each score: `NAME` in float64, `NAME:torch` in float32."""
    if path:
        torch.save(module.state_dict(), path)
    found = {"x": x, "parameters": np.asarray(sum(p.numel() for p in module.parameters()))}
    for name, score in scores.items():
        found["output:torch"], found[f"{name}:torch"] = gradient(module, x, score)
    for name, score in scores.items():
        found["output"], found[name] = gradient(module, x.astype(np.float64), score)
    return found


def restored(module: nn.Module, path: Path) -> nn.Module:
    """The module with the weights of the reference."""
    module.load_state_dict(torch.load(path, weights_only=True))
    return module.float().eval()
