"""PyTorch modules: the same numbers as PyTorch's own, layers by their paths, and modules left as they were."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import swiftvis
from swiftvis import torch as ours
from swiftvis.live import modules
from swiftvis.visualization import visualize_activation, visualize_cam, visualize_saliency

torch.set_num_threads(2)


class Block(nn.Module):
    """In-place and functional ReLUs, and one module called several times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.conv2(y)
        y += x
        return self.relu(y)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2)
        self.stages = nn.Sequential(Block(6), Block(6))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.stem(x))
        x = self.pool(self.stages(x)).flatten(1)
        return self.head(self.drop(x))


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    made = Net()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    return made


IMAGE = torch.randn(3, 17, 15, generator=torch.Generator().manual_seed(1))


def gradient(module: nn.Module, image: torch.Tensor, unit: int) -> np.ndarray:
    modes = [part.training for part in module.modules()]
    x = image.clone()[None].requires_grad_()
    module.eval()(x)[:, unit].mean().backward()
    module.zero_grad(set_to_none=True)
    for part, mode in zip(module.modules(), modes, strict=True):
        part.training = mode
    return x.grad.numpy()


def close(model: Any, module: nn.Module, image: torch.Tensor = IMAGE) -> bool:
    expected = gradient(module, image, 1)
    found = model.gradient(image, -1, 1)
    return bool(np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max())


def test_numbers_and_layers(net: Net) -> None:
    model = swiftvis.from_torch(net, IMAGE)
    assert close(model, net)
    assert model.source == f"torch {torch.__version__}" and model.name == "Net"
    assert [layer.name for layer in model.layers] == ["stem", "stages", "pool", "drop", "head"]
    assert [layer.name for layer in model.get_layer("stages.1").layers] == [
        *("stages.1.conv1", "stages.1.bn1", "stages.1.relu", "stages.1.conv2")
    ]
    relu = model.get_layer("stages.1.relu")
    assert len(relu.nodes) == 2 and relu.activation == "relu" and relu.class_name == "ReLU"
    assert relu.nodes[1] == model.get_layer("stages").nodes[0] == model.get_layer("stages.1").nodes[0]
    assert model.get_layer("stages").output_shape == (None, 6, 8, 7)
    with torch.no_grad():
        middle = net.eval().stages(F.relu(net.stem(IMAGE[None])))
    middle.requires_grad_()
    net.head(net.pool(middle).flatten(1))[0, 1].backward()
    found = model.gradient(IMAGE, "head", 1, wrt_tensor="stages")
    assert np.allclose(found, middle.grad.numpy(), rtol=1e-4, atol=1e-7)


def test_every_function_takes_a_module(net: Net, tmp_path) -> None:
    model = swiftvis.from_torch(net, IMAGE)
    calls = [
        lambda m, head, stage: visualize_saliency(m, head, 1, IMAGE),
        lambda m, head, stage: visualize_saliency(m, head, 1, IMAGE.numpy(), backprop_modifier="guided"),
        lambda m, head, stage: visualize_saliency(m, head, 1, IMAGE, backprop_modifier={stage: "rectified"}),
        lambda m, head, stage: visualize_saliency(m, head, 1, IMAGE, wrt_tensor=stage),
        lambda m, head, stage: visualize_cam(m, head, 1, IMAGE, stage),
        lambda m, head, stage: visualize_cam(m, -1, 1, IMAGE),
        lambda m, head, stage: swiftvis.saliency(m, IMAGE, 2, head),
        lambda m, head, stage: swiftvis.cam(m, IMAGE, 2, head, stage),
        lambda m, head, stage: swiftvis.guided_grad_cam(m, IMAGE[None], 2),
        lambda m, head, stage: visualize_activation(m, head, 1, seed_input=IMAGE, max_iter=2),
    ]
    for call in calls:
        expected = call(model, "head", "stages")
        assert np.array_equal(call(net, net.head, net.stages), expected)
        assert np.array_equal(call(net, "head", "stages"), expected)


def test_the_module_stays_as_it_was(net: Net) -> None:
    net.train()
    net.stages[0].eval()
    modes = [part.training for part in net.modules()]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = torch.get_rng_state()
    visualize_saliency(net, net.head, 1, IMAGE)
    assert torch.equal(torch.get_rng_state(), state) and torch.is_grad_enabled()
    assert [part.training for part in net.modules()] == modes
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_changes_are_noticed(net: Net) -> None:
    first = modules.converted(net, IMAGE)
    assert modules.converted(net, IMAGE.numpy()) is first and modules.converted(net) is first

    def is_noticed(image: torch.Tensor = IMAGE) -> bool:
        nonlocal first
        before, first = first, modules.converted(net, image)
        return first is not before and close(first, net, image)

    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net.eval()(IMAGE[None]).sum().backward()
    optimizer.step()
    assert is_noticed()
    net.train()(torch.stack([IMAGE, IMAGE]))  # running statistics
    assert is_noticed()
    net.load_state_dict(Net().state_dict())
    assert is_noticed()
    net.stages[0].bn1.eps = 0.5
    assert is_noticed()
    net.stages[1].relu = nn.GELU()
    assert is_noticed()
    net.pool = nn.AdaptiveMaxPool2d(1)
    assert is_noticed()
    assert is_noticed(torch.randn(3, 20, 24))
    net.to(torch.bfloat16)
    assert modules.converted(net, IMAGE) is not first
    net.train()
    assert modules.converted(net, IMAGE) is modules.converted(net.eval(), IMAGE)


def test_it_is_not_kept_alive() -> None:
    net = Net()
    visualize_saliency(net, net.head, 1, IMAGE)
    reference = weakref.ref(net)
    model = swiftvis.from_torch(net, IMAGE)
    del net
    gc.collect()
    assert reference() is None
    assert model.predict(IMAGE).shape == (1, 5)


def test_forms_of_examples(net: Net) -> None:
    expected = net.eval()(IMAGE[None]).detach().numpy()
    for example in (IMAGE, IMAGE[None], IMAGE.expand(4, -1, -1, -1), IMAGE.numpy(), (1, 3, 17, 15)):
        model = swiftvis.from_torch(net, example)
        assert model.input_shape == (None, 3, 17, 15)
        assert np.allclose(model.predict(IMAGE), expected, atol=1e-5)
    picture = IMAGE.numpy().transpose(1, 2, 0)
    last = swiftvis.from_torch(net, picture, data_format="channels_last")
    assert last.input_shape == (None, 17, 15, 3) and last.get_layer("stages").output_shape == (None, 6, 8, 7)
    assert np.allclose(last.predict(picture), expected, atol=1e-5)
    assert swiftvis.saliency(last, picture, 1).shape == (17, 15)
    assert np.allclose(
        last.gradient(picture, -1, 1), gradient(net, IMAGE, 1).transpose(0, 2, 3, 1), atol=1e-6
    )


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(5, 3)

    def forward(self, left: Any, right: Any) -> dict[str, Any]:
        joined = self.a(left) * self.b(right)
        return {"sum": joined.sum(-1, keepdim=True), "all": [joined.tanh(), None]}


def test_several_inputs_and_outputs() -> None:
    module, left, right = Several(), torch.randn(2, 4), torch.randn(2, 5)
    expected = module(left, right)
    for example in ([left, right], {"left": left, "right": right}):
        model = swiftvis.from_torch(module, example)
        total, joined = model.predict([left, right])
        assert np.allclose(total, expected["sum"].detach(), atol=1e-6)
        assert np.allclose(joined, expected["all"][0].detach(), atol=1e-6)
        assert [layer.name for layer in model.layers[-2:]] == ["sum", "all.output_0"]


def test_logger(net: Net, tmp_path) -> None:
    images, written = torch.randn(3, 3, 17, 15), []

    class Writer:
        def add_image(self, name: str, picture: np.ndarray, step: int, dataformats: str) -> None:
            written.append((name, step, picture.ndim, dataformats))

    loggers = [
        ours.SaliencyLogger(net, images, torch.tensor([0, 1, 2]), to, every=2) for to in (tmp_path, Writer())
    ]
    for step in range(5):
        with torch.no_grad():
            net.head.weight += 0.1 * torch.randn(5, 6)
        for logger in loggers:
            logger(step)
    assert loggers[0].steps == [0, 2, 4] and loggers[0].maps[0].shape == (3, 17, 15)
    assert not np.array_equal(loggers[0].maps[0], loggers[0].maps[1])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step_000000.png", "step_000002.png", "step_000004.png", "steps.png"]
    assert written == [("saliency", step, 3, "HWC") for step in (0, 2, 4)]
