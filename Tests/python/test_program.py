"""The builder that importers of traced programs share, against NumPy through the engine."""

import numpy as np
import pytest

from swiftvis import Model
from swiftvis.importers.program import Program, Refusal

rng = np.random.default_rng(5)


def array(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def run(build, *shapes):
    """What a program computes of random inputs for each of two samples, and the inputs, batch of 1 each."""
    program = Program()
    inputs = [program.input(f"x{i}", shape) for i, shape in enumerate(shapes)]
    output = build(program, *inputs)
    output = program.named(output, "end")
    program.layer("end", "End", [output])
    model = Model.from_graph(*program.description("test", "test", [output]))
    given = [array(2, *(size or 5 for size in shape[1:])) for shape in shapes]
    result = model.predict(given if len(given) > 1 else given[0])
    sizes = output.shape[1:] if output.shape[:1] == (1,) else output.shape
    assert model.output_shape[1:] == tuple(sizes)
    return [([x[i : i + 1] for x in given], result[i]) for i in range(2)]


def check(build, reference, *shapes, tolerance=1e-5):
    for inputs, result in run(build, *shapes):
        expected = reference(*inputs)
        if expected.shape[:1] == (1,):
            expected = expected[0]
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


WINDOWS = (1, 4, 3, 6)


@pytest.mark.parametrize("axes", [(0, 2, 3, 1), (1, 0, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_permute(axes):
    check(lambda p, x: p.permute(x, axes), lambda x: x.transpose(axes), WINDOWS)
    check(
        lambda p, x: p.permute(p.reshape(x, (4, 3, 1, 6)), axes),
        lambda x: x.reshape(4, 3, 1, 6).transpose(axes),
        WINDOWS,
    )


def test_reshape_keeps_open_sizes():
    check(lambda p, x: p.reshape(x, (1, 4, -1)), lambda x: x.reshape(1, 4, -1), (1, 4, None, 6))
    with pytest.raises(Refusal, match="input_shape"):
        run(lambda p, x: p.reshape(x, (2, 2, None, None)), (1, 4, None, None))


@pytest.mark.parametrize("other", [(), (1,), (6,), (3, 1), (4, 1, 1), (4, 3, 6), (2, 1, 1, 1), (2, 4, 3, 6)])
@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "maximum"])
def test_merges_with_constants(op, other):
    constant = array(*other)
    reference = getattr(np, op)
    check(lambda p, x: p.merge(op, x, p.constant(constant)), lambda x: reference(x, constant), WINDOWS)
    check(lambda p, x: p.merge(op, p.constant(constant), x), lambda x: reference(constant, x), WINDOWS)


@pytest.mark.parametrize("shape", [(6,), (3, 6), (2, 1, 3, 6), (1, 1, 4, 3, 6)])
def test_merges_align_ranks(shape):
    size = int(np.prod(shape))
    check(
        lambda p, x, y: p.merge("add", x, p.reshape(y, shape)),
        lambda x, y: x + y.reshape(shape),
        WINDOWS,
        (1, size),
    )


def test_windows_and_back():
    def partition(lib, x):
        y = lib.reshape(x, (1, 2, 2, 3, 6))
        y = (lib.permute if isinstance(lib, Program) else np.transpose)(y, (1, 3, 0, 2, 4))
        return lib.reshape(y, (6, 2, 6))

    check(lambda p, x: partition(p, x), lambda x: partition(np, x), WINDOWS)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_slice_concatenate(axis):
    def windows(p, x):
        return p.reshape(x, (4, 3, 6))

    indices = np.array([[2, 0], [1, -1]])
    check(
        lambda p, x: p.gather(windows(p, x), indices, axis),
        lambda x: x.reshape(4, 3, 6).take(indices, axis),
        WINDOWS,
    )
    check(
        lambda p, x: p.gather(windows(p, x), np.array(-1), axis),
        lambda x: x.reshape(4, 3, 6).take(-1, axis),
        WINDOWS,
    )
    check(
        lambda p, x: p.slice(windows(p, x), axis, -1, None, -2),
        lambda x: x.reshape(4, 3, 6)[(slice(None),) * (axis % 3) + (slice(-1, None, -2),)],
        WINDOWS,
    )
    check(
        lambda p, x: p.concatenate([windows(p, x), windows(p, x)], axis),
        lambda x: np.concatenate([x.reshape(4, 3, 6)] * 2, axis),
        WINDOWS,
    )
    check(
        lambda p, x: p.concatenate([x, x], 0),
        lambda x: np.concatenate([x, x], 0),
        WINDOWS,
    )


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_pad(mode):
    pairs = [(0, 0), (1, 2), (2, 0), (0, 3)]
    more = {"constant_values": 2.5} if mode == "constant" else {}
    check(lambda p, x: p.pad(x, pairs, mode, 2.5), lambda x: np.pad(x, pairs, mode, **more), WINDOWS)


def test_expand_and_tile():
    check(lambda p, x: p.expand(x, (3, 4, -1, 6)), lambda x: np.broadcast_to(x, (3, 4, 3, 6)), WINDOWS)
    check(lambda p, x: p.tile(x, (2, 1, 2, 1)), lambda x: np.tile(x, (2, 1, 2, 1)), WINDOWS)


@pytest.mark.parametrize("axes", [(2, 3), (0, 1), (1, 3), (0,), (0, 1, 2, 3)])
@pytest.mark.parametrize("kind", ["mean", "sum", "max", "min", "prod"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(kind, axes, keepdims):
    check(
        lambda p, x: p.reduce(kind, x, axes, keepdims),
        lambda x: getattr(np, kind)(x, axes, keepdims=keepdims),
        WINDOWS,
        tolerance=1e-4,
    )


def test_norms():
    check(
        lambda p, x: p.reduce("log_sum_exp", x, (1, 2), True),
        lambda x: np.log(np.exp(x).sum((1, 2), keepdims=True)),
        WINDOWS,
    )
    check(lambda p, x: p.reduce("l2", x, (1,)), lambda x: np.sqrt((x * x).sum(1)), WINDOWS)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(axis):
    def reference(x):
        e = np.exp(x.reshape(4, 3, 6))
        return e / e.sum(axis, keepdims=True)

    check(lambda p, x: p.softmax(p.reshape(x, (4, 3, 6)), axis), reference, WINDOWS)


@pytest.mark.parametrize(
    "a, b",
    [
        ((1, 4, 3, 6), (1, 4, 6, 2)),
        ((8, 3, 3), (3, 3)),
        ((4, 18), (18, 1)),
        ((1, 72), (72, 2)),
        ((72,), (72, 3)),
    ],
)
@pytest.mark.parametrize("constant", [True, False])
def test_matmul(a, b, constant):
    other = array(*b)
    size = int(np.prod(b))
    if constant:
        check(
            lambda p, x: p.matmul(p.reshape(x, a), p.constant(other)),
            lambda x: x.reshape(a) @ other,
            (1, int(np.prod(a))),
        )
    else:
        check(
            lambda p, x, y: p.matmul(p.reshape(x, a), p.reshape(y, b)),
            lambda x, y: x.reshape(a) @ y.reshape(b),
            (1, int(np.prod(a))),
            (1, size),
        )


@pytest.mark.parametrize(
    "equation", ["bhid,bhjd->bhij", "bhij,bhjd->bihd", "...ij,...jk->...ik", "bcij,bc->bij"]
)
def test_einsum(equation):
    shapes = {
        "bhid,bhjd->bhij": ((1, 2, 3, 4), (1, 2, 5, 4)),
        "bhij,bhjd->bihd": ((1, 2, 3, 4), (1, 2, 4, 5)),
        "...ij,...jk->...ik": ((1, 2, 3, 4), (1, 2, 4, 5)),
        "bcij,bc->bij": ((1, 2, 3, 4), (1, 2)),
    }[equation]
    check(lambda p, x, y: p.einsum(equation, [x, y]), lambda x, y: np.einsum(equation, x, y), *shapes)


def convolved(x, kernel, strides, padding, dilations, groups):
    """Any number of dimensions, by definition."""
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    own, filters = kernel.shape[1], kernel.shape[0] // groups
    extents = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilations)]
    sizes = [(n - e) // s + 1 for n, e, s in zip(x.shape[2:], extents, strides)]
    y = np.zeros((x.shape[0], kernel.shape[0], *sizes))
    for at in np.ndindex(*sizes):
        window = tuple(slice(i * s, i * s + e, d) for i, s, e, d in zip(at, strides, extents, dilations))
        for f in range(kernel.shape[0]):
            part = x[(slice(None), slice(f // filters * own, (f // filters + 1) * own), *window)]
            y[(slice(None), f, *at)] = (part * kernel[f]).reshape(len(x), -1).sum(1)
    return y


@pytest.mark.parametrize(
    "sizes, kernel, strides, padding, dilations, groups",
    [
        ((9,), (4, 6, 3), [2], [(1, 0)], [2], 1),
        ((7, 6), (4, 3, 3, 2), [2, 1], [(1, 0), (0, 1)], [1, 2], 2),
        ((7, 6), (12, 1, 3, 3), [1, 1], [(1, 1), (1, 1)], [1, 1], 6),
        ((5, 6, 4), (4, 6, 3, 2, 2), [2, 1, 2], [(1, 1), (0, 0), (1, 0)], [1, 2, 1], 1),
        ((5, 4, 4), (4, 3, 2, 2, 2), [1, 1, 1], [(0, 0), (0, 0), (0, 0)], [2, 1, 1], 2),
    ],
)
def test_convolution(sizes, kernel, strides, padding, dilations, groups):
    weights, bias = array(*kernel), array(kernel[0])
    more = {"strides": strides, "padding": padding, "dilations": dilations, "groups": groups}
    shape = (-1, *(1 for _ in sizes))
    check(
        lambda p, x: p.convolution(x, weights, bias, **more),
        lambda x: convolved(x, weights, **more) + bias.reshape(shape),
        (1, 6, *sizes),
        tolerance=1e-4,
    )


@pytest.mark.parametrize(
    "sizes, strides, padding, extra, groups",
    [
        ((5,), [2], [(1, 0)], [1], 1),
        ((4, 3), [2, 3], [(1, 1), (0, 1)], [0, 1], 2),
        ((3, 4, 2), [2, 1, 2], [(1, 0), (0, 0), (1, 1)], [1, 0, 1], 1),
    ],
)
def test_transposed_convolution(sizes, strides, padding, extra, groups):
    kernel, bias = array(4, 3, *(3 for _ in sizes)), array(3 * groups)

    def reference(x):
        ends = [(n - 1) * s + 3 for n, s in zip(sizes, strides)]
        y = np.zeros((1, 3 * groups, *(e + g for e, g in zip(ends, extra))))
        own = 4 // groups
        for at in np.ndindex(*sizes):
            window = tuple(slice(i * s, i * s + 3) for i, s in zip(at, strides))
            for c in range(4):
                g = c // own
                y[(0, slice(g * 3, g * 3 + 3), *window)] += x[(0, c, *at)] * kernel[c]
        crop = tuple(slice(a, n - b) for (a, b), n in zip(padding, y.shape[2:]))
        return y[(slice(None), slice(None), *crop)] + bias.reshape(-1, *(1 for _ in sizes))

    check(
        lambda p, x: p.transposed_convolution(
            x,
            kernel,
            bias,
            strides=strides,
            padding=padding,
            dilations=[1] * len(sizes),
            groups=groups,
            output_padding=extra,
        ),
        reference,
        (1, 4, *sizes),
        tolerance=1e-4,
    )


def test_normalizations():
    scale, offset = array(4), array(4)

    def grouped(x):
        y = x.reshape(1, 2, -1)
        y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-5)
        return y.reshape(x.shape) * scale[:, None, None] + offset[:, None, None]

    check(lambda p, x: p.group_normalization(x, 2, scale, offset, 1e-5), grouped, WINDOWS, tolerance=1e-4)
    mean, variance = array(4), np.abs(array(4))
    check(
        lambda p, x: p.batch_normalization(x, scale, offset, mean, variance, 1e-3),
        lambda x: (
            (x - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 1e-3) * scale[:, None, None]
            + offset[:, None, None]
        ),
        WINDOWS,
        tolerance=1e-4,
    )


@pytest.mark.parametrize("sizes", [(2, 3), (1, 1), (3, 5)])
@pytest.mark.parametrize("kind", ["average", "max"])
def test_adaptive_pools(kind, sizes):
    function = np.mean if kind == "average" else np.max

    def pooled(x):
        for axis, size in zip((2, 3), sizes):
            own = x.shape[axis]
            parts = [x.take(range(i * own // size, -(-(i + 1) * own // size)), axis) for i in range(size)]
            x = np.concatenate([function(part, axis, keepdims=True) for part in parts], axis)
        return x

    check(lambda p, x: p.adaptive_pool(kind, x, sizes), pooled, (1, 3, 6, 7))


def test_constants_fold_and_names_are_the_sources():
    program = Program()
    x = program.input("x", (1, 3, 8, 8))
    with program.scope("conv"):
        y = program.convolution(x, array(4, 3, 3, 3), strides=[1, 1], padding=[(0, 0)] * 2, dilations=[1, 1])
        program.layer("conv", "Conv", [program.named(y, "conv")])
    same = program.named(y, "identity")
    program.layer("identity", "Identity", [same])
    assert program.merge("add", program.constant([1, 2]), program.constant(3)).array.tolist() == [4, 5]
    model = Model.from_graph(*program.description("net", "test", [same]))
    assert [layer.name for layer in model.layers] == ["conv", "identity"]
    assert model.get_layer("conv").output_shape == (None, 4, 6, 6)
    assert model.get_layer("conv").output.channel_axis == 1
    assert model.get_layer("identity").output.name == "identity"


def test_refusals_are_listed_together():
    program = Program()
    x = program.input("x", (1, 3, 8, 8))
    assert program.attempt("a", "Reshape", "opset 13", program.reshape, x, (1, 7)) is None
    assert program.attempt("b", "Softmax", "opset 13", program.softmax, x, 9) is None
    with pytest.raises(
        ValueError, match=r"(?s)2 operations.*a \(Reshape, opset 13\).*b \(Softmax, opset 13\): axis 9"
    ):
        program.description("net", "test", [x])
