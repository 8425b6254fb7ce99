"""Losses, regularizers, input modifiers and callbacks, each alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import swiftvis
from swiftvis.callbacks import GifGenerator, Print
from swiftvis.expressions.program import Program
from swiftvis.input_modifiers import InputModifier, Jitter
from swiftvis.losses import ActivationMaximization, Loss
from swiftvis.optimizer import Optimizer
from swiftvis.regularizers import LPNorm, TotalVariation


def value(loss: Loss, array: np.ndarray) -> float:
    program = Program([loss.build_loss()])
    return program.results(program.forward([array.astype(np.float32)]))[0]


def gradient(loss: Loss, array: np.ndarray) -> np.ndarray:
    program = Program([loss.build_loss()])
    return program.backward(program.forward([array.astype(np.float32)]))[0]


@pytest.fixture
def tensor(make: Any) -> Any:
    def build(*shape: int | None, data_format: str = "channels_last") -> swiftvis.Tensor:
        return make([None, *shape], [make.node("r", "relu", ["x"])], data_format=data_format).input

    return build


# ---- Losses ----


def test_names(tensor: Any) -> None:
    assert str(Loss()) == Loss().name == "Unnamed Loss"
    assert str(ActivationMaximization(tensor(3), 1)) == "ActivationMax Loss"
    assert TotalVariation(tensor(3, 3, 1)).name == "TV(2.0) Loss"
    assert LPNorm(tensor(3, 3, 1)).name == "L-6.0 Norm Loss"


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [(1, [1]), ([1, 2], [1, 2]), ((0, -1), [0, 2]), (np.array([2, 2]), [2, 2]), (range(2), [0, 1])],
)
@pytest.mark.parametrize("shape", [(3,), (4, 5, 3)])
def test_activation_maximization(
    filters: Any, wanted: list[int], shape: tuple[int, ...], tensor: Any
) -> None:
    array = np.random.default_rng(1).random((2, *shape))
    loss = ActivationMaximization(tensor(*shape), filters)
    np.testing.assert_allclose(value(loss, array), -sum(array[..., i].mean() for i in wanted), rtol=1e-6)


def test_activation_maximization_of_all(tensor: Any) -> None:
    array = np.random.default_rng(1).random((2, 4, 5, 3))
    for filters in (None, [None]):
        loss = ActivationMaximization(tensor(4, 5, 3), filters)
        np.testing.assert_allclose(value(loss, array), -array.mean(), rtol=1e-6)


def test_activation_maximization_of_channels_first(tensor: Any) -> None:
    array = np.random.default_rng(1).random((2, 3, 4, 5))
    loss = ActivationMaximization(tensor(3, 4, 5, data_format="channels_first"), 1)
    np.testing.assert_allclose(value(loss, array), -array[:, 1].mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("filters", "error"),
    [(3, IndexError), (-4, IndexError), (0.5, TypeError), ([], ValueError), ([None, 1], TypeError)],
)
def test_wrong_filters(filters: Any, error: type[Exception], tensor: Any) -> None:
    with pytest.raises(error, match="filter"):
        ActivationMaximization(tensor(3), filters).build_loss()


def test_not_a_layer() -> None:
    with pytest.raises(TypeError, match="layer: expected a tensor"):
        ActivationMaximization("conv", 1).build_loss()  # type: ignore[arg-type]


# ---- Regularizers ----


@pytest.mark.parametrize("beta", [2.0, 1.5, 1, 3])
def test_total_variation(beta: float, tensor: Any) -> None:
    array = np.random.default_rng(2).random((2, 5, 6, 3))
    down = array[:, 1:, :-1] - array[:, :-1, :-1]
    right = array[:, :-1, 1:] - array[:, :-1, :-1]
    wanted = ((down**2 + right**2) ** (beta / 2)).sum() / (5 * 6 * 3)
    np.testing.assert_allclose(value(TotalVariation(tensor(5, 6, 3), beta), array), wanted, rtol=1e-5)
    turned = TotalVariation(tensor(3, 5, 6, data_format="channels_first"), beta)
    np.testing.assert_allclose(value(turned, np.moveaxis(array, -1, 1)), wanted, rtol=1e-5)


@pytest.mark.parametrize("beta", [2.0, 1.5, 1])
def test_total_variation_of_one_colour_is_flat(beta: float, tensor: Any) -> None:
    assert (gradient(TotalVariation(tensor(5, 6, 3), beta), np.ones((1, 5, 6, 3))) == 0).all()


def test_total_variation_of_other_ranks(tensor: Any) -> None:
    line, block = np.random.default_rng(3).random((1, 7, 2)), np.random.default_rng(3).random((1, 3, 4, 5, 2))
    wanted = (np.diff(line, axis=1) ** 2).sum() / 14
    np.testing.assert_allclose(value(TotalVariation(tensor(7, 2)), line), wanted, rtol=1e-6)
    here, wanted = block[:, :-1, :-1, :-1], 0.0
    for after in (block[:, 1:, :-1, :-1], block[:, :-1, 1:, :-1], block[:, :-1, :-1, 1:]):
        wanted += ((after - here) ** 2).sum() / 120
    np.testing.assert_allclose(value(TotalVariation(tensor(3, 4, 5, 2)), block), wanted, rtol=1e-6)
    assert value(TotalVariation(tensor(4)), np.ones((1, 4))) == 0


@pytest.mark.parametrize("p", [1, 2, 6.0, 2.5])
def test_norm(p: float, tensor: Any) -> None:
    array = np.random.default_rng(4).normal(size=(2, 5, 6, 3))
    wanted = (np.abs(array) ** p).sum() ** (1 / p) / 90
    np.testing.assert_allclose(value(LPNorm(tensor(5, 6, 3), p), array), wanted, rtol=1e-5)


def test_infinite_norm_is_the_largest_value(tensor: Any) -> None:
    array = np.array([[[[-9.0], [2.0]]]])
    assert value(LPNorm(tensor(1, 2, 1), float("inf")), array) == 1


def test_norm_of_a_black_image(tensor: Any) -> None:
    assert (gradient(LPNorm(tensor(5, 6, 3)), np.zeros((1, 5, 6, 3))) == 0).all()


def variation(x: np.ndarray, beta: float, first: bool) -> float:
    axes = [axis for axis in range(1, x.ndim) if axis != (1 if first else x.ndim - 1)]
    here = tuple(slice(-1) if axis in axes else slice(None) for axis in range(x.ndim))
    squares = 0.0
    for axis in axes:
        there = (*here[:axis], slice(1, None), *here[axis + 1 :])
        squares = squares + (x[there] - x[here]) ** 2
    return (squares ** (beta / 2)).sum() / x[0].size


def norm(x: np.ndarray, p: float, first: bool) -> float:
    return (np.abs(x) ** p).sum() ** (1 / p) / x[0].size


@pytest.mark.parametrize("shape", [(5, 6, 3), (4, 7), (3, 4, 5, 2), (1, 6, 9)])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("parameter", [1, 2.0, 3, 1.5, 7.5])
def test_gradients_of_regularizers(
    parameter: float, first: bool, shape: tuple[int, ...], tensor: Any
) -> None:
    """By finite differences of the formulas in float64."""
    x = np.random.default_rng(6).normal(size=(2, *shape)).astype(np.float32).astype(np.float64)
    image = tensor(*shape, data_format="channels_first" if first else "channels_last")
    first = first and len(shape) > 1
    for kind, formula in ((TotalVariation, variation), (LPNorm, norm)):
        found = gradient(kind(image, parameter), x)
        np.testing.assert_allclose(value(kind(image, parameter), x), formula(x, parameter, first), rtol=1e-5)
        slopes = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            step = np.zeros_like(x)
            step[place] = 1e-6
            slopes[place] = (formula(x + step, parameter, first) - formula(x - step, parameter, first)) / 2e-6
        np.testing.assert_allclose(found, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max() + 1e-8)


@pytest.mark.parametrize("p", [2, 6.0, 40, 2.5])
def test_norm_of_values_whose_powers_no_float_holds(p: float, tensor: Any) -> None:
    for scale in (1e-30, 1e30):
        x = (np.random.default_rng(4).normal(size=(1, 5, 6, 3)) * scale).astype(np.float32)
        wide = np.abs(x.astype(np.float64)) / scale
        wanted = (wide**p).sum() ** (1 / p) / 90
        np.testing.assert_allclose(value(LPNorm(tensor(5, 6, 3), p), x), wanted * scale, rtol=1e-5)
        slopes = np.sign(x) * (wide / (wanted * 90)) ** (p - 1) / 90
        np.testing.assert_allclose(gradient(LPNorm(tensor(5, 6, 3), p), x), slopes, rtol=1e-4, atol=1e-30)


def test_largest_values_share_the_gradient(tensor: Any) -> None:
    found = gradient(LPNorm(tensor(1, 2, 2), np.inf), np.array([[[[3, 1], [3, -9]]]]))
    np.testing.assert_array_equal(np.ravel(found), [0.125, 0, 0.125, 0])


def test_regularizers_of_formulas(tensor: Any) -> None:
    """They are operations like others: of a transposed tensor, beside others on one tensor, and with weights."""
    x = np.random.default_rng(2).normal(size=(1, 4, 5, 3)).astype(np.float32)
    image = tensor(4, 5, 3)
    turned = np.transpose(image, (0, 2, 1, 3))
    one, other = gradient(TotalVariation(turned, 1.5), x), gradient(TotalVariation(image, 1.5), x)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-8)

    class Both(Loss):
        def build_loss(self) -> Any:
            tv, size = TotalVariation(turned).build_loss(), LPNorm(image, 3).build_loss()
            return tv * size + np.sum(np.transpose(turned)) - 2 * size

    parts = [gradient(TotalVariation(image), x), gradient(LPNorm(image, 3), x)]
    tv, size = value(TotalVariation(image), x), value(LPNorm(image, 3), x)
    np.testing.assert_allclose(gradient(Both(), x), parts[0] * size + parts[1] * (tv - 2) + 1, rtol=1e-4)


@pytest.mark.parametrize("beta", [0, -1, np.nan, np.inf])
def test_wrong_beta(beta: float, tensor: Any) -> None:
    with pytest.raises(ValueError, match="total variation: beta"):
        value(TotalVariation(tensor(2, 2, 1), beta), np.ones((1, 2, 2, 1)))


def test_norms_below_one_are_refused(tensor: Any) -> None:
    with pytest.raises(ValueError, match=r"^p value should range between \[1, inf\)$"):
        LPNorm(tensor(3), 0.5)


def test_open_sizes_are_found_at_run_time(tensor: Any) -> None:
    array = np.random.default_rng(2).random((1, 5, 6, 3))
    for kind in (TotalVariation, LPNorm):
        np.testing.assert_array_equal(
            value(kind(tensor(None, None, 3)), array), value(kind(tensor(5, 6, 3)), array)
        )


# ---- Input modifiers ----


def test_a_modifier_changes_nothing_by_itself() -> None:
    array = np.ones((1, 2, 2, 1))
    assert InputModifier().pre(array) is InputModifier().post(array) is array


def offsets(monkeypatch: pytest.MonkeyPatch, values: list[int]) -> list[tuple[int, int]]:
    asked, given = [], iter(values)
    monkeypatch.setattr(np.random, "randint", lambda low, high: asked.append((low, high)) or next(given))
    return asked


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_jitter_shifts_as_scipy(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(5).random((2, size, 3, 4), np.float32)
    for offset in range(-20, 21):
        offsets(monkeypatch, [offset, -offset])
        found = Jitter(20).pre(array)
        wanted = ndimage.shift(array, [0, offset, -offset, 0], mode="wrap", order=0)
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("jitter", "limits"),
    [
        (0.05, (2, 1)),
        (8, (8, 8)),
        ([0.1, 3], (4, 3)),
        ((1, 0), (1, 0)),
        (np.array([0.5, 0.5]), (20, 15)),
        (1.0, (1, 1)),
    ],
)
def test_jitter_distances(jitter: Any, limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = offsets(monkeypatch, [0, 0])
    array = np.ones((1, 40, 30, 3), np.float32)
    assert Jitter(jitter).pre(array).dtype == np.float32
    assert asked == [(-limit, limit + 1) for limit in limits]


def test_jitter_of_channels_first_and_other_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    jitter = Jitter([3, 2])
    jitter.data_format = "channels_first"
    array = np.random.default_rng(5).random((1, 3, 7, 6))
    offsets(monkeypatch, [3, -1])
    np.testing.assert_array_equal(
        jitter.pre(array), ndimage.shift(array, [0, 0, 3, -1], mode="wrap", order=0)
    )
    line = np.arange(5.0)[None, :, None]
    offsets(monkeypatch, [1])
    np.testing.assert_array_equal(Jitter(1).pre(line)[0, :, 0], [3, 0, 1, 2, 3])


@pytest.mark.parametrize("dtype", ["uint8", "float16", "int64", "float64", "complex128"])
def test_jitter_of_any_type(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = (np.random.default_rng(5).random((2, 4, 5, 3)) * 200).astype(dtype)
    offsets(monkeypatch, [2, -7])
    found = Jitter(9).pre(array[:, ::-1])
    assert found.dtype == array.dtype
    real = array[:, ::-1].real.astype(np.float64)
    wanted = ndimage.shift(real, [0, 2, -7, 0], mode="wrap", order=0)
    np.testing.assert_array_equal(found.real, wanted)


def test_wrong_jitter() -> None:
    for jitter in (-1, [1, -0.1]):
        with pytest.raises(ValueError, match="^Jitter value should be positive$"):
            Jitter(jitter)
    with pytest.raises(RuntimeError, match="does not match the number of image dims: 2"):
        Jitter([1, 2, 3]).pre(np.ones((1, 4, 4, 3)))


def test_the_optimizer_tells_modifiers_the_format(make: Any) -> None:
    net = make([None, 3, 8, 6], [make.node("r", "relu", ["x"])], data_format="channels_first")
    modifier = InputModifier()
    loss = ActivationMaximization(net.output, 1)
    Optimizer(net.input, [(loss, 1)]).minimize(
        max_iter=2, input_modifiers=[modifier, Jitter()], verbose=False
    )
    assert modifier.data_format == "channels_first"


# ---- Callbacks ----


def test_print(capsys: Any) -> None:
    losses = [("a", np.float32(0.1)), ("b", np.float32(2))]
    Print().callback(4, losses, np.float32(2.5), np.ones(1), np.ones(1))
    assert (
        capsys.readouterr().out == "Iteration: 5, named_losses: [('a', 0.1), ('b', 2.0)], overall loss: 2.5\n"
    )


@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30, 1), (3, 20, 30)])
@pytest.mark.parametrize("name", ["a", "a.gif", Path("b")])
def test_gif(shape: tuple[int, ...], name: Any, tmp_path: Path) -> None:
    generator = GifGenerator(tmp_path / name)
    rng = np.random.default_rng(6)
    for i in range(3):
        generator.callback(i, [], 0, np.ones(1), rng.random((1, *shape), np.float32))
    generator.on_end()
    with Image.open(tmp_path / f"{Path(name).stem}.gif") as file:
        assert (file.n_frames, file.size, file.info["duration"]) == (3, (30, 20), 100)


def test_gif_of_no_image(tmp_path: Path) -> None:
    generator = GifGenerator(str(tmp_path / "a"))
    with pytest.raises(ValueError, match=r"1 or 3 channels, got shape \(5,\)"):
        generator.callback(0, [], 0, np.ones(1), np.ones((1, 5)))
    generator.on_end()
    assert not list(tmp_path.iterdir())
