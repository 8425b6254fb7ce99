"""Operations of PyTorch and odd modules: forward and gradient beside PyTorch's own, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import swiftvis
from swiftvis.errors import UnsupportedModelError

torch.set_num_threads(2)
torch.manual_seed(5)
IMAGE, WIDE, VOLUME, LINE = (1, 3, 8, 6), (1, 8, 4, 6), (1, 2, 4, 5, 6), (1, 3, 9)
ROW = torch.arange(6.0)


class Function(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))
        self.line = nn.Parameter(torch.randn(4, 3, 3))
        self.volume = nn.Parameter(torch.randn(4, 2, 3, 2, 3))

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def compare(module: nn.Module, shape: tuple[int, ...], tolerance: float = 1e-4) -> None:
    x = torch.randn(shape)
    module.eval()
    model = swiftvis.from_torch(module, x)
    leaf = x.clone().requires_grad_()
    expected = module(leaf)
    cotangent = torch.randn(expected.shape)
    found = model.predict(x)
    assert found.shape == expected.shape
    assert np.abs(found - expected.detach().numpy()).max() <= 1e-5 * max(1, float(expected.abs().max()))
    # The gradient for every element has its own weight.
    (gradient,) = torch.autograd.grad((expected * cotangent).mean(), leaf)

    class Weighted(nn.Module):
        def forward(self, x: Any) -> Any:
            return module(x) * cotangent

    weighted = swiftvis.from_torch(Weighted(), x)
    own = weighted.gradient(x, weighted.outputs[0])
    assert np.abs(own - gradient.numpy()).max() <= tolerance * float(gradient.abs().max())


def _written(x: Any) -> Any:
    y = x * 1
    y[:, 0] = x[:, 1] * 3
    y[..., 0:6:2] = x[..., 1::2]
    y[:, 2, 1:3].add_(1)
    return y


class DroppedTwice(nn.Module):
    """One dropout, behind an activation and elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.drop, self.last = (
            nn.Conv2d(3, 4, 1),
            nn.GELU(),
            nn.Dropout(),
            nn.Conv2d(4, 2, 1),
        )

    def forward(self, x: Any) -> Any:
        return self.drop(self.last(self.drop(self.act(self.first(x)))))


class Tokens(nn.Module):
    """Takes (N, L, C), and its first convolution images."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Any) -> Any:
        n, length, channels = x.shape
        y = x.transpose(1, 2).reshape(n, channels, 4, length // 4)
        return x + self.mix(y).flatten(2).transpose(1, 2)


def test_tokens_before_a_convolution() -> None:
    compare(Tokens(), (1, 20, 4))


@pytest.mark.parametrize("kind", [torch.bool, torch.float32])
def test_queries_that_see_nothing(kind: Any) -> None:
    mask = torch.tensor([[1, 1, 0], [0, 0, 0], [0, 1, 1]], dtype=torch.bool)
    mask = mask if kind is torch.bool else torch.zeros(3, 3).masked_fill(~mask, -torch.inf)

    def attention(_: Any, x: Any) -> Any:
        return F.scaled_dot_product_attention(x, x * 2, x.sin(), attn_mask=mask)

    compare(Function(attention), (1, 2, 3, 4))


def test_computed_biases_of_attention() -> None:
    """As SAM's relative positions are."""

    def attention(_: Any, x: Any) -> Any:
        return F.scaled_dot_product_attention(x, x * 2, x.sin(), attn_mask=x @ x.transpose(-1, -2))

    compare(Function(attention), (1, 2, 3, 4))
    refused = Function(lambda _, x: F.scaled_dot_product_attention(x, x, x, attn_mask=x[..., :3] > 0))
    with pytest.raises(UnsupportedModelError, match="truth values that depend on the input"):
        swiftvis.from_torch(refused, torch.randn(1, 2, 3, 4))


def test_grouped_queries() -> None:
    def attention(_: Any, x: Any) -> Any:
        return F.scaled_dot_product_attention(x, x[:, :2], x[:, 2:], enable_gqa=True)

    compare(Function(attention), (1, 4, 3, 6))


def test_inputs_that_do_not_fit() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    for shape in ((1, 4, 8, 8), (1, 3, 2, 2)):
        with pytest.raises(ValueError, match="does not take this example input") as error:
            swiftvis.from_torch(network, torch.randn(shape))
        assert str(shape) in str(error.value) and not isinstance(error.value, UnsupportedModelError)
    with pytest.raises(TypeError, match="tensor or an array of numbers, got str"):
        swiftvis.from_torch(network, "photo.png")


def test_a_dropout_called_twice() -> None:
    compare(DroppedTwice(), IMAGE)


CASES: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {}


def case(name: str, function: Callable[..., Any], shape: tuple[int, ...] = IMAGE) -> None:
    CASES[name] = (lambda module, x: function(x), shape)


for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
    sizes: list[dict[str, Any]] = [{"scale_factor": 2}, {"size": (13, 7)}, {"scale_factor": (1.5, 0.7)}]
    if mode.startswith("bi"):
        sizes += [{"size": (5, 9), "align_corners": True}, {"size": (5, 13), "antialias": True}]
    for options in sizes:
        case(
            f"{mode} {options}", lambda x, mode=mode, options=options: F.interpolate(x, mode=mode, **options)
        )
case("linear", lambda x: F.interpolate(x, scale_factor=1.5, mode="linear"), LINE)
case("trilinear", lambda x: F.interpolate(x, size=(3, 5, 7), mode="trilinear"), VOLUME)
for mode in ("constant", "reflect", "replicate", "circular"):
    case(f"pad {mode}", lambda x, mode=mode: F.pad(x, (1, 2, 3, 1), mode=mode))
case("pad with a number", lambda x: F.pad(x, (-1, 2, -2, 0), value=0.5))
for name in (
    "relu6 elu selu celu gelu silu mish hardswish hardsigmoid hardtanh leaky_relu softplus softsign logsigmoid "
    "tanhshrink hardshrink softshrink rrelu glu"
).split():
    case(name, lambda x, name=name: getattr(F, name)(x * 2), WIDE) if name == "glu" else case(
        name, lambda x, name=name: getattr(F, name)(x * 2)
    )
case("threshold", lambda x: F.threshold(x, 0.3, -1))
case("softplus of another slope", lambda x: F.softplus(x, beta=3))
for name in (
    "abs sqrt log exp expm1 log1p log2 rsqrt reciprocal sin cos tan atan sinh cosh tanh asinh erf neg square sigmoid floor "
    "ceil round trunc sign"
).split():
    case(name, lambda x, name=name: getattr(torch, name)(x.abs() + 0.3) * x)
case("chunks", lambda x: torch.cat([part * i for i, part in enumerate(x.chunk(3, 1), 1)][::-1], 1))
case("split", lambda x: sum(part.mean(1, keepdim=True) for part in x.split([1, 2], 1)))
case("einsum", lambda x: torch.einsum("bchw,bcij->bhi", x, x))
case("where", lambda x: torch.where((x > 0.2) & ~(x > 1) | (x < -1), x * 2, x.sin()))
case("masked_fill", lambda x: x.masked_fill(x < 0, 0.3))
case("writes into views", _written)
case("unfold", lambda x: F.unfold(x, 3, padding=1))
case("fold", lambda x: F.fold(F.unfold(x, 3, padding=1, stride=2) ** 2, (8, 6), 3, padding=1, stride=2))
case("windows", lambda x: x.unfold(2, 3, 2).amax(-1))
case("adaptive mean", lambda x: F.adaptive_avg_pool2d(x, (3, 4)))
case("adaptive maximum", lambda x: F.adaptive_max_pool2d(x, (3, 4)))
case("max pool", lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True))
case("dilated max pool", lambda x: F.max_pool2d(x, 2, 1, 1, dilation=2))
case("average pool", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True))
case("average without padding", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
case("average by another number", lambda x: F.avg_pool2d(x, 3, 2, divisor_override=5))
case("max pool of volumes", lambda x: F.max_pool3d(x, 2, 2, 1), VOLUME)
case("powers", lambda x: (x.abs() + 0.1) ** 2.5 + 2**x)
case("spread", lambda x: x.std((2, 3)) + x.var(1).mean())
case("norms", lambda x: x.norm(dim=1) + x.norm(p=1, dim=1) + x.norm(p=3, dim=1) + x.logsumexp(1))
case("cumsum", lambda x: x.cumsum(2) * x)
case("extremes", lambda x: x.max(1)[0] * x.min(dim=1).values + x.amax((1, 2, 3)).view(-1, 1, 1))
case("maximum of two", lambda x: torch.maximum(x, x.flip(3)) * torch.minimum(x, x.roll((1, -2), (2, 3))))
case("indices", lambda x: x[:, torch.tensor([2, 0]), :, 1:5:2])
case("pairs of indices", lambda x: x[:, :, torch.tensor([[0, 1], [2, 3]]), torch.tensor([1, 2])])
case("stack", lambda x: torch.stack([x, x * 2], 2).flatten(1, 2))
case("repeat", lambda x: x.repeat(1, 2, 1, 3))
case("expand", lambda x: x.mean(3, keepdim=True).expand(1, 3, 8, 6) ** 2)
case("pixel shuffle", lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2) + F.channel_shuffle(x, 2), WIDE)
case("layer norm", lambda x: F.layer_norm(x, (8, 6)) * ROW)
case("group norm", lambda x: F.group_norm(x, 2) * ROW, WIDE)
case("instance norm", lambda x: F.instance_norm(x) * ROW)
case("local response", lambda x: F.local_response_norm(x, 3), WIDE)
case("normalize", lambda x: F.normalize(x, dim=1) * ROW)
case("cosine", lambda x: F.cosine_similarity(x, x.flip(1) + 1, dim=1))
case("product", lambda x: x.prod(1))
case("attention", lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1, is_causal=True))
case("diagonal", lambda x: x[..., :6, :].diagonal(dim1=2, dim2=3) + x.tril()[..., :6, 0])
case(
    "first axis mixed in",
    lambda x: x.reshape(4, 2, 6, 4).permute(0, 2, 3, 1).reshape(-1, 2).softmax(0)[None],
    WIDE,
)
case("shapes of others", lambda x: x + torch.zeros_like(x) + torch.full_like(x, 0.5) + x.new_ones(6))
case("clamp by tensors", lambda x: x.clamp(torch.tensor(-0.5), torch.tensor(0.4)))
case("fused arithmetic", lambda x: torch.addcmul(x, x, x, value=0.5) + torch.lerp(x, x * x, 0.3))
case("grid", lambda x: x * torch.stack(torch.meshgrid(torch.linspace(-1, 1, 8), ROW, indexing="ij")).sum(0))
CASES |= {
    "conv1d": (lambda m, x: F.conv1d(x, m.line, padding="same"), LINE),
    "conv2d": (lambda m, x: F.conv2d(x, m.kernel, stride=(2, 1), dilation=2, padding=(1, 2)), IMAGE),
    "conv3d": (lambda m, x: F.conv3d(x, m.volume, padding=1, stride=(1, 2, 1)), VOLUME),
    "transposed": (lambda m, x: F.conv_transpose2d(F.conv2d(x, m.kernel), m.kernel, stride=2), IMAGE),
    "transposed line": (lambda m, x: F.conv_transpose1d(F.conv1d(x, m.line), m.line, stride=2), LINE),
}


@pytest.mark.parametrize("name", CASES)
def test_operation(name: str) -> None:
    function, shape = CASES[name]
    compare(Function(function), shape)


class Wrapped(nn.Module):
    """Modules that PyTorch builds of others, in a row."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x, x, x)[0] if isinstance(layer, nn.MultiheadAttention) else layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


@pytest.mark.parametrize(
    "layer",
    [
        nn.MultiheadAttention(6, 2, batch_first=True),
        nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
        nn.LSTM(6, 4, 2, batch_first=True, bidirectional=True),
        nn.GRU(6, 4, batch_first=True),
        nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)),
        nn.utils.parametrizations.spectral_norm(nn.Linear(6, 4)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layer(layer: nn.Module) -> None:
    compare(Wrapped(layer, nn.Tanh()), (1, 5, 6))


class Counter(nn.Module):
    """Writes to a buffer, and has a tensor that is none."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.factor = torch.full((3, 1, 1), 3.0)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return x * self.factor + self.calls


def test_buffers_that_change() -> None:
    module, x = Counter(), torch.randn(IMAGE)
    assert np.allclose(swiftvis.from_torch(module, x).predict(x), (x * 3 + 1).numpy(), atol=1e-5)
    assert float(module.calls) == 0
    assert np.allclose(
        swiftvis.from_torch(torch.compile(module), x).predict(x), (x * 3 + 1).numpy(), atol=1e-5
    )
    assert swiftvis.saliency(nn.DataParallel(module), x, 0).shape == (1, 8, 6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types_of_floats(dtype: torch.dtype) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 2)).to(dtype)
    x = torch.randn(IMAGE)
    found = swiftvis.from_torch(module, x).predict(x)
    assert np.allclose(found, module.float()(x).detach().numpy(), atol=1e-5)


# ---- What is refused ----


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient


def _branches(x: Any) -> Any:
    if x.sum() > 0:
        return x * 2
    return x


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "a gradient of its own": (Sign.apply, r"Sign, a torch.autograd.Function with a gradient of its own"),
    "control flow": (_branches, r"depends on the values of tensors.*if x.sum\(\) > 0"),
    "detach": (lambda x: x + x.detach(), r"aten.detach\): the gradient ends here"),
    "random": (lambda x: x + torch.rand(3, 8, 6), r"aten.rand\): it is random"),
    "indices of data": (lambda x: x.argmax(1) * x[:, 0], r"aten.argmax\): this operation is not supported"),
    "a choice by data": (lambda x: x[x > 0].sum(), r"aten.index\): its indices depend on the input"),
    "another overload": (lambda x: x.view(torch.int32), r"aten.view\): this form of it is not supported"),
    "batch statistics": (
        lambda x: F.batch_norm(x, None, None, training=True),
        r"statistics of the batch",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        swiftvis.from_torch(Function(lambda module, x: function(x)), torch.randn(IMAGE))


def test_every_refusal_in_one_message() -> None:
    class Inner(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.fmod(x, 2)

    with pytest.raises(swiftvis.errors.UnsupportedModelError) as caught:
        swiftvis.from_torch(nn.Sequential(Inner(), nn.ReLU(), nn.Sequential(Inner())), torch.randn(IMAGE))
    lines = str(caught.value).splitlines()
    assert lines[0] == "Sequential: 2 operations of this model cannot be computed:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["0", "2.0"]


def test_not_a_module() -> None:
    with pytest.raises(TypeError, match=r"load it into the network \(module.load_state_dict\)"):
        swiftvis.from_torch(nn.Linear(2, 2).state_dict(), (1, 2))
    with pytest.raises(ValueError, match="TorchScript"):
        swiftvis.from_torch(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), (1, 2))
    with pytest.raises(ValueError, match="does not say the shape of its input"):
        swiftvis.visualization.visualize_activation(nn.Conv2d(3, 2, 3), -1, 0)


# ---- Files ----


def _saved(folder: Path) -> dict[str, str]:
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    torch.save(module.state_dict(), folder / "weights.pth")
    torch.save(module.state_dict(), folder / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(module, folder / "module.pth")
    torch.save(module, folder / "old_module.pth", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.trace(module, torch.zeros(IMAGE)), folder / "script.pt")
    torch.export.save(torch.export.export(module, (torch.zeros(IMAGE),)), folder / "program.pt2")
    (folder / "other.pkl").write_bytes(pickle.dumps({"a": 1}))
    weights, pickled = "weights without the network", r"a pickled PyTorch module \(torch.nn"
    return {
        "weights.pth": weights,
        "old.pth": weights,
        "module.pth": pickled,
        "old_module.pth": pickled,
        "script.pt": "TorchScript",
        "program.pt2": r"torch.export.load\(path\).module",
        "other.pkl": "not a model that swiftvis knows",
    }


def test_files(tmp_path: Path) -> None:
    for name, message in _saved(tmp_path).items():
        with pytest.raises(ValueError, match=message):
            swiftvis.load_model(tmp_path / name)


def test_convert(tmp_path: Path) -> None:
    code = "import torch\ndef small():\n    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())\n"
    (tmp_path / "nets.py").write_text(code)
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    state = {f"module.{key}": value for key, value in module.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "checkpoint.pth")
    command = [sys.executable, "-W", "ignore", "-m", "swiftvis", "convert", "nets:small", "out.safetensors"]
    options = ["--weights", "checkpoint.pth", "--input", "1,3,8,6"]
    subprocess.run([*command, *options], cwd=tmp_path, check=True)
    x = torch.randn(IMAGE)
    found = swiftvis.load_model(tmp_path / "out.safetensors").predict(x)
    assert np.allclose(found, module(x).detach().numpy(), atol=1e-5)
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert failed.returncode == 2 and "--input is missing" in failed.stderr
