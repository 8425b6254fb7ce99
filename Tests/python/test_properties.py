"""Arguments of every kind: an answer of the right shape, or one of the promised errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import swiftvis
from swiftvis._arguments import filter_list, image_batch
from swiftvis.utils import utils
from swiftvis.visualization import overlay, visualize_cam, visualize_saliency_per_filter

common = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@common
@given(st.integers(1, 9), st.lists(st.integers(-12, 12), max_size=5))
def test_filter_list(count: int, values: list[int]) -> None:
    if not values:
        with pytest.raises(ValueError):
            filter_list(values, count, "layer")
    elif all(-count <= value < count for value in values):
        found = filter_list(values, count, "layer")
        assert found == [range(count)[value] for value in values]
        assert (
            filter_list(tuple(values), count, "layer")
            == filter_list(np.array(values), count, "layer")
            == found
        )
    else:
        with pytest.raises(IndexError, match="'layer'"):
            filter_list(values, count, "layer")


@common
@given(hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=4))
def test_image_batch(shape: tuple[int, ...]) -> None:
    try:
        found = image_batch(np.zeros(shape), (None, 2, None, 3), "x")
    except ValueError as error:
        assert "(None, 2, None, 3)" in str(error) and str(shape) in str(error)
    else:
        assert found.ndim == 4 and found.shape[1] == 2 and found.shape[3] == 3 and found.size
        assert found.dtype == np.float32 and found.flags.c_contiguous


@common
@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.binary(), st.lists(st.floats())))
def test_hostile_arguments(make_relu, value) -> None:
    x = np.ones((1, 2))
    calls = [
        lambda: make_relu.gradient(value),
        lambda: make_relu.gradient(x, value),
        lambda: make_relu.gradient(x, -1, value),
        lambda: make_relu.gradient(x, wrt_tensor=value),
        lambda: make_relu.gradient(x, backprop_modifier=value),
        lambda: make_relu.predict(x, batch_size=value),
        lambda: swiftvis.colormap(value, x),
        lambda: swiftvis.gaussian_filter(x, value),
        lambda: visualize_cam(make_relu, value, 0, x),
        lambda: visualize_cam(make_relu, -1, value, x, 0),
        lambda: visualize_cam(make_relu, -1, 0, value, 0),
        lambda: visualize_cam(make_relu, -1, 0, x, value),
        lambda: swiftvis.cam(make_relu, x, value, source=0),
        lambda: swiftvis.cam(make_relu, x, 0, source=value),
        lambda: swiftvis.saliency(make_relu, x, 0, normalize=value),
        lambda: visualize_saliency_per_filter(make_relu, value, x),
        lambda: visualize_saliency_per_filter(make_relu, -1, x, value, keepdims=True),
    ]
    for call in calls:
        try:
            found = call()
        except (ValueError, TypeError, IndexError):
            continue
        assert isinstance(found, np.ndarray)


@pytest.fixture
def make_relu(make) -> swiftvis.Model:
    return make([None, 2], [make.node("r", "relu", ["x"])])


@common
@given(
    hnp.arrays(np.float32, hnp.array_shapes(max_dims=3), elements=st.floats(-1e6, 1e6, width=32)),
    st.floats(-5, 5),
    st.floats(0.1, 5),
)
def test_normalize_stays_in_its_range(array: np.ndarray, low: float, spread: float) -> None:
    found = utils.normalize(array, low, low + spread)
    assert found.min() >= low - 1e-4 and found.max() <= low + spread + 1e-4


@common
@given(hnp.arrays(np.uint8, (3, 4)), hnp.arrays(np.uint8, (3, 4)), st.floats(0, 1))
def test_overlay_lies_between(first: np.ndarray, second: np.ndarray, alpha: float) -> None:
    found = overlay(first, second, alpha).astype(int)
    low, high = np.minimum(first, second).astype(int), np.maximum(first, second)
    assert (found >= low - 1).all() and (found <= high).all()
