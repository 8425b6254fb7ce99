"""The loop of `Optimizer.minimize`: its steps, their order, and what it returns."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis import backend as K
from swiftvis.callbacks import OptimizerCallback
from swiftvis.grad_modifiers import get as grad_modifier
from swiftvis.input_modifiers import InputModifier
from swiftvis.losses import ActivationMaximization, Loss
from swiftvis.optimizer import Optimizer
from swiftvis.regularizers import LPNorm, TotalVariation
from swiftvis.utils.utils import deprocess_input


class Formula(Loss):
    def __init__(self, build: Any, name: str = "formula") -> None:
        super().__init__()
        self.name, self._build = name, build

    def build_loss(self) -> Any:
        return self._build()


class Recorder(OptimizerCallback):
    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.ended = 0

    def callback(self, *arguments: Any) -> None:
        self.calls.append(arguments)

    def on_end(self) -> None:
        self.ended += 1


def losses(model: swiftvis.Model) -> list[tuple[Loss, float]]:
    return [
        (ActivationMaximization(model.layers[-4], 1), 1),
        (LPNorm(model.input), 10),
        (TotalVariation(model.input), 10),
    ]


def by_hand(model: swiftvis.Model, image: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """The loop written down once more: the network's part from `Model.gradient`, the rest from its formulas."""
    x, cache, values, best = image[None].astype(np.float64), 0.0, [], (np.inf, None)
    size = image.size
    for _ in range(steps):
        output = swiftvis_output(model, x, -4)
        loss = -output[..., 1].mean()
        grads = -model.gradient(x, -4, 1).astype(np.float64)
        power = (np.abs(x) ** 6).sum()
        loss += 10 * power ** (1 / 6) / size
        grads += 10 * power ** (1 / 6 - 1) * np.abs(x) ** 5 * np.sign(x) / size
        here = x[:, :-1, :-1]
        for after, where in ((x[:, 1:, :-1], np.s_[:, 1:, :-1]), (x[:, :-1, 1:], np.s_[:, :-1, 1:])):
            loss += 10 * ((after - here) ** 2).sum() / size
            grads[where] += 20 * (after - here) / size
            grads[:, :-1, :-1] -= 20 * (after - here) / size
        grads /= np.sqrt((grads**2).sum())
        cache = 0.95 * cache + 0.05 * grads**2
        x = x - grads / np.sqrt(cache + 1e-7)
        values.append(loss)
        if loss < best[0]:
            best = (loss, x[0])
    return best[1], values


def swiftvis_output(model: swiftvis.Model, x: np.ndarray, layer: int) -> np.ndarray:
    seen = Recorder()
    Optimizer(
        model.input,
        [(ActivationMaximization(model.layers[layer], 0), 1)],
        wrt_tensor=model.layers[layer].output,
    ).minimize(x, 1, callbacks=[seen], verbose=False)
    return seen.calls[0][4].astype(np.float64)


def test_a_few_steps_by_hand(cnn: swiftvis.Model, image: np.ndarray) -> None:
    seen = Recorder()
    optimizer = Optimizer(cnn.input, losses(cnn), (0.0, 1.0))
    found, grads, wrt_value = optimizer.minimize(image, 4, callbacks=[seen], verbose=False)
    wanted, values = by_hand(cnn, image, 4)
    np.testing.assert_allclose([call[2] for call in seen.calls], values, rtol=1e-4)
    np.testing.assert_allclose(found, deprocess_input(wanted, (0.0, 1.0)), atol=1e-3)
    assert grads.shape == wrt_value.shape == (1, 32, 32, 3) and found.dtype == grads.dtype == np.float32
    np.testing.assert_allclose(np.sum(grads.astype(np.float64) ** 2), 1, rtol=1e-5)


def test_order_of_a_step(cnn: swiftvis.Model, image: np.ndarray) -> None:
    log: list[Any] = []

    class Modifier(InputModifier):
        def __init__(self, name: str, by: float) -> None:
            self.name, self.by = name, by

        def pre(self, inp: np.ndarray) -> np.ndarray:
            log.append((f"pre {self.name}", inp.copy()))
            return inp + np.float32(self.by)

        def post(self, inp: np.ndarray) -> np.ndarray:
            log.append((f"post {self.name}", inp.copy()))
            return inp - np.float32(self.by)

    class Callback(OptimizerCallback):
        def callback(self, i: int, named: Any, overall: Any, grads: np.ndarray, value: np.ndarray) -> None:
            log.append((f"callback {i}", value.copy()))
            assert [name for name, _ in named] == ["ActivationMax Loss", "TV(2.0) Loss"]
            np.testing.assert_allclose(sum(loss for _, loss in named), overall, rtol=1e-6)
            assert grads is gradients[-1]

        def on_end(self) -> None:
            log.append(("end", None))

    gradients: list[np.ndarray] = []

    def modify(grads: np.ndarray) -> np.ndarray:
        log.append(("modify", grads.copy()))
        gradients.append(2 * grads)
        return gradients[-1]

    chosen = [losses(cnn)[0], (LPNorm(cnn.input), 0), losses(cnn)[2], (Formula(lambda: 1 / 0), None)]
    _, grads, value = Optimizer(cnn.input, chosen, (0, 1)).minimize(
        image, 2, [Modifier("a", 0.25), Modifier("b", 0.5)], modify, (Callback(),), verbose=False
    )
    names = [name for name, _ in log]
    step = ["pre a", "pre b", "modify", "callback {}", "post b", "post a"]
    assert names == [name.format(i) for i in range(2) for name in step] + ["end"]
    arrays = [array for _, array in log]
    np.testing.assert_array_equal(arrays[0][0], image)
    np.testing.assert_allclose(arrays[1][0], image + 0.25, rtol=1e-6)
    np.testing.assert_allclose(arrays[3][0], image + 0.75, rtol=1e-6)  # what the network is shown
    np.testing.assert_allclose(np.sum(arrays[2] ** 2), 1, rtol=1e-5)  # normalized first, modified then
    moved = 2 * arrays[2] / np.sqrt(0.05 * (2 * arrays[2]) ** 2 + 1e-7)
    np.testing.assert_allclose(arrays[4], arrays[3] - moved, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(arrays[5], arrays[4] - 0.5, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(arrays[6], arrays[5] - 0.25, rtol=1e-4, atol=1e-5)
    assert grads is gradients[-1]
    np.testing.assert_array_equal(value, arrays[9])


def test_what_is_kept_is_the_image_after_the_best_loss(cnn: swiftvis.Model) -> None:
    """Up a slope: the first loss is the smallest, so the image after the first step is returned."""
    start, kept = np.zeros((1, 32, 32, 3), np.float32), Recorder()
    start[0, 0, 0, 0] = 1
    optimizer = Optimizer(cnn.input, [(Formula(lambda: K.sum(K.square(cnn.input))), 1)], (0.0, 1.0))
    found, _, last = optimizer.minimize(start, 3, grad_modifier="negate", callbacks=[kept], verbose=False)
    overall = [call[2] for call in kept.calls]
    assert overall == sorted(overall)
    np.testing.assert_allclose(found, deprocess_input(kept.calls[1][4][0], (0.0, 1.0)))
    assert not np.array_equal(last, kept.calls[1][4])


def test_the_seed_and_the_lists_are_left_alone(cnn: swiftvis.Model, image: np.ndarray) -> None:
    before, callbacks, modifiers = image.copy(), [Recorder()], [InputModifier()]
    Optimizer(cnn.input, losses(cnn)).minimize(image[None], 2, modifiers, callbacks=callbacks)
    np.testing.assert_array_equal(image, before)
    assert len(callbacks) == len(modifiers) == 1 and callbacks[0].ended == 1


def test_no_seed_is_noise(cnn: swiftvis.Model) -> None:
    K.set_random_seed(4)
    seen = Recorder()
    Optimizer(cnn.input, losses(cnn), (-1, 3)).minimize(max_iter=1, callbacks=[seen], verbose=False)
    noise = seen.calls[0][4]
    assert noise.shape == (1, 32, 32, 3) and noise.dtype == np.float32
    np.testing.assert_allclose([noise.mean(), noise.std()], [1, 0.2], rtol=1e-4)


@pytest.mark.parametrize("which", [None, "input", "layer"])
def test_wrt_tensor(which: str | None, cnn: swiftvis.Model, image: np.ndarray) -> None:
    wrt = {None: None, "input": cnn.input, "layer": cnn.layers[1].output}[which]
    optimizer = Optimizer(cnn.input, losses(cnn), wrt_tensor=wrt)
    assert optimizer.wrt_tensor_is_input_tensor == (which != "layer")
    _, grads, value = optimizer.minimize(image, 3, verbose=False)
    assert grads.shape == value.shape == (1, *optimizer.wrt_tensor.shape[1:])


def test_the_gradient_at_a_layer(cnn: swiftvis.Model, image: np.ndarray) -> None:
    """Losses on what comes before the layer have no gradient there, and change nothing."""
    tensor = cnn.layers[6].output
    chosen = [*losses(cnn), (Formula(lambda: K.mean(cnn.layers[1].output)), 3.0)]
    optimizer = Optimizer(cnn.input, chosen, wrt_tensor=tensor, norm_grads=False)
    _, grads, _ = optimizer.minimize(image, 1, verbose=False)
    np.testing.assert_allclose(grads, -cnn.gradient(image, -4, 1, tensor), rtol=1e-5, atol=1e-9)


def test_a_loss_on_the_wrt_tensor_itself(cnn: swiftvis.Model, image: np.ndarray) -> None:
    tensor = cnn.layers[6].output
    optimizer = Optimizer(
        cnn.input, [(Formula(lambda: K.sum(tensor) * 3), 2)], wrt_tensor=tensor, norm_grads=False
    )
    _, grads, value = optimizer.minimize(image, 1, verbose=False)
    assert grads.shape == value.shape and (grads == 6).all()


def test_losses_without_the_network(cnn: swiftvis.Model, image: np.ndarray) -> None:
    optimizer = Optimizer(cnn.input, [(Formula(lambda: K.sum(cnn.input)), 2)], norm_grads=False)
    _, grads, value = optimizer.minimize(image, 1, verbose=False)
    assert (grads == 2).all()
    np.testing.assert_array_equal(value[0], image)


def test_a_loss_of_several_layers_and_the_input(cnn: swiftvis.Model, image: np.ndarray) -> None:
    """Against finite differences of the loss itself."""

    def build() -> Any:
        a, b, c = cnn.layers[1].output, cnn.layers[9].output, cnn.layers[-2].output
        return (
            K.sqrt(K.mean(K.square(a))) * K.max(b[:, 2:5, ..., 1])
            + np.mean(c[0] * c)
            - K.mean(cnn.input**2) * c[0, 3]
        )

    optimizer = Optimizer(cnn.input, [(Formula(build), 1)], norm_grads=False)
    seen = Recorder()
    _, grads, _ = optimizer.minimize(image, 1, verbose=False)
    direction = grads[0] / np.abs(grads).max()
    step = 1e-3
    for side in (step, -step):
        optimizer.minimize(image + np.float32(side) * direction, 1, callbacks=[seen], verbose=False)
    up, down = (float(call[2]) for call in seen.calls)
    np.testing.assert_allclose(
        (up - down) / (2 * step), np.sum(grads[0].astype(np.float64) * direction), rtol=5e-3
    )


def test_a_batch_is_one_loss(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image[::-1], image * 0.5])
    optimizer = Optimizer(cnn.input, [(ActivationMaximization(cnn.layers[-4], [1, 2]), -1)], norm_grads=False)
    _, grads, _ = optimizer.minimize(batch, 1, verbose=False)
    np.testing.assert_allclose(grads, cnn.gradient(batch, -4, [1, 2]), rtol=1e-5, atol=1e-9)


def test_a_value_with_axes_counts_as_its_sum(cnn: swiftvis.Model, image: np.ndarray) -> None:
    seen = Recorder()
    batch = np.stack([image, image * 0.5])
    Optimizer(cnn.input, [(Formula(lambda: cnn.output[:, 1]), 1)]).minimize(
        batch, 1, callbacks=[seen], verbose=False
    )
    np.testing.assert_allclose(seen.calls[0][2], cnn.predict(batch)[:, 1].sum(), rtol=1e-5)
    assert np.ndim(seen.calls[0][2]) == 0


@pytest.mark.filterwarnings("error")
def test_the_rule_comes_from_the_tensors(goldens: Any, image: np.ndarray) -> None:
    plain = swiftvis.load_model(goldens / "plain.h5")
    guided = plain.with_rule("guided")
    picture = np.random.default_rng(2).random(plain.input.shape[1:], np.float32)
    found = {}
    for name, model in {"plain": plain, "guided": guided}.items():
        loss = ActivationMaximization(model.layers[2], 1)
        found[name] = Optimizer(plain.input, [(loss, -1)], norm_grads=False).minimize(
            picture, 1, verbose=False
        )[1]
        np.testing.assert_array_equal(found[name], model.gradient(picture, 2, 1))
    assert not np.array_equal(found["plain"], found["guided"])
    mixed = [(ActivationMaximization(model.layers[2], 1), 1) for model in (plain, guided)]
    with pytest.raises(ValueError, match="several backward rules: guided, plain"):
        Optimizer(plain.input, mixed)


def test_the_rules_warning(cnn: swiftvis.Model, image: np.ndarray) -> None:
    guided = cnn.with_rule("guided")
    optimizer = Optimizer(guided.input, [(ActivationMaximization(guided.layers[-1], 1), 1)])
    with pytest.warns(UserWarning, match="the guided rule applies to .*softmax") as caught:
        optimizer.minimize(image, 2, verbose=False)
    assert len(caught) == 1 and caught[0].filename == __file__


class Stop(Exception):
    pass


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["callback", "modifier", "grad_modifier"])
def test_an_exception_leaves_the_model_usable(
    error: type[BaseException], where: str, cnn: swiftvis.Model, image: np.ndarray
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    callback, modifier = OptimizerCallback(), InputModifier()
    callback.callback = lambda *_: None if where != "callback" else fail()  # type: ignore[method-assign]
    if where == "modifier":
        modifier.post = fail  # type: ignore[method-assign]
    optimizer = Optimizer(cnn.input, losses(cnn))
    before = cnn.gradient(image, -1, 1)
    with pytest.raises(error):
        optimizer.minimize(
            image, 3, [modifier], fail if where == "grad_modifier" else None, [callback], verbose=False
        )
    np.testing.assert_array_equal(cnn.gradient(image, -1, 1), before)
    first, second = (optimizer.minimize(image, 2, verbose=False) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_model_may_be_used_from_a_callback(cnn: swiftvis.Model, image: np.ndarray) -> None:
    class Nested(OptimizerCallback):
        def callback(self, i: int, named: Any, overall: Any, grads: np.ndarray, value: np.ndarray) -> None:
            optimizer.minimize(value, 1, verbose=False)
            cnn.predict(value)

    optimizer = Optimizer(cnn.input, losses(cnn))
    nested = optimizer.minimize(image, 3, callbacks=[Nested()], verbose=False)
    alone = optimizer.minimize(image, 3, verbose=False)
    np.testing.assert_array_equal(nested[0], alone[0])


def test_one_session_for_all(cnn: swiftvis.Model, image: np.ndarray) -> None:
    optimizer, sessions = Optimizer(cnn.input, losses(cnn)), cnn.input.network.sessions
    optimizer.minimize(image, 2, verbose=False)
    (waiting,) = sessions._idle
    optimizer.minimize(image, 2, verbose=False)
    assert sessions._idle == [waiting]


def test_threads_share_an_optimizer(cnn: swiftvis.Model, image: np.ndarray) -> None:
    optimizer = Optimizer(cnn.input, losses(cnn))
    images = [image * np.float32(factor) for factor in (0.25, 0.5, 0.75, 1)]
    alone = [optimizer.minimize(i, 5, verbose=False)[0] for i in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: optimizer.minimize(i, 5, verbose=False)[0], images))
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", ["negate", "absolute", "invert", "relu", "small_values"])
def test_named_grad_modifiers(name: str, cnn: swiftvis.Model, image: np.ndarray) -> None:
    optimizer = Optimizer(cnn.input, losses(cnn))
    named = optimizer.minimize(image, 1, grad_modifier=name, verbose=False)[1]
    own = optimizer.minimize(image, 1, grad_modifier=grad_modifier(name), verbose=False)[1]
    np.testing.assert_array_equal(named, own)


def test_verbose_prints_each_step(cnn: swiftvis.Model, image: np.ndarray, capsys: Any) -> None:
    Optimizer(cnn.input, losses(cnn)).minimize(image, 2)
    lines = capsys.readouterr().out
    assert (
        len(re.findall(r"^Iteration: \d, named_losses: \[\('ActivationMax Loss', -?[\d.e-]+\)", lines, re.M))
        == 2
    )
    assert "np.float32" not in lines and "overall loss: " in lines
    Optimizer(cnn.input, losses(cnn)).minimize(image, 2, verbose=False)
    assert capsys.readouterr().out == ""


def test_what_is_refused(cnn: swiftvis.Model, image: np.ndarray, make: Any) -> None:
    other = make([None, 32, 32, 3], [make.node("r", "relu", ["x"])])
    two = swiftvis.Model.from_graph(
        make.graph([None, 3], [make.node("a", "add", ["x", "y"])])
        | {"inputs": [{"name": "x", "shape": [None, 3]}, {"name": "y", "shape": [None, 3]}]},
        {},
    )
    loss = [(ActivationMaximization(cnn.layers[-1], 1), 1)]
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: Optimizer(cnn, loss), TypeError, "input_tensor: expected a tensor"),
        (lambda: Optimizer(cnn.input, loss, wrt_tensor="stem"), TypeError, "wrt_tensor: expected a tensor"),
        (lambda: Optimizer(cnn.input, []), ValueError, "nothing to minimize"),
        (lambda: Optimizer(cnn.input, [(loss[0][0], 0)]), ValueError, "nothing to minimize"),
        (lambda: Optimizer(other.input, loss), ValueError, "are of two models"),
        (lambda: Optimizer(cnn.layers[1].output, loss), ValueError, "is not the model's input"),
        (lambda: Optimizer(two.inputs[0], [(LPNorm(two.inputs[0]), 1)]), ValueError, "has 2 inputs"),
        (
            lambda: Optimizer(cnn.input, [(LPNorm(cnn.input), 1)], wrt_tensor=cnn.output),
            ValueError,
            "no loss depends on 'predictions",
        ),
        (lambda: Optimizer(cnn.input, [(Loss(), 1)]), NotImplementedError, "Loss has no build_loss"),
        (
            lambda: Optimizer(cnn.input, [(Formula(lambda: None), 1)]),
            TypeError,
            "loss 'formula': expected a tensor",
        ),
        (lambda: Optimizer(cnn.input, loss).minimize(image[:3]), ValueError, "expected shape"),
        (lambda: Optimizer(cnn.input, loss).minimize(image, 0), ValueError, "max_iter must be at least 1"),
        (lambda: Optimizer(cnn.input, loss).minimize(image, 2.5), TypeError, "max_iter must be an integer"),
        (lambda: Optimizer(cnn.input, loss).minimize(image * np.nan), ValueError, "NaN"),
        (
            lambda: Optimizer(cnn.input, loss).minimize(image, 2, grad_modifier="foo"),
            ValueError,
            "Unknown swiftvis.grad_modifiers: foo",
        ),
        (
            lambda: Optimizer(cnn.input, loss).minimize(image, 2, grad_modifier=np.sum),
            ValueError,
            r"grad_modifier gave shape \(\)",
        ),
        (
            lambda: Optimizer(cnn.input, [(Formula(lambda: K.log(K.mean(-cnn.input))), 1)]).minimize(image),
            ValueError,
            "the loss is nan in step 1: {'formula': ",
        ),
        (lambda: OptimizerCallback().callback(0, [], 0, image, image), NotImplementedError, "no callback"),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
    tensor, formula = cnn.input, K.mean(cnn.output)
    optimizer = Optimizer(tensor, loss)
    cnn.close()
    with pytest.raises(ValueError, match="closed"):
        Optimizer(tensor, [(Formula(lambda: formula), 1)])
    with pytest.raises(ValueError, match="closed"):
        optimizer.minimize(image)
