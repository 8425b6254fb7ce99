"""Several threads, several processes, one model."""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import swiftvis


def images(count: int) -> np.ndarray:
    return np.random.default_rng(2).random((count, 32, 32, 3), np.float32)


def test_threads_share_a_model(cnn: swiftvis.Model) -> None:
    batch = images(12)
    wanted = [cnn.gradient(image, filter_indices=1) for image in batch]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: cnn.gradient(image, filter_indices=1), batch))
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_different_questions_at_once(cnn: swiftvis.Model) -> None:
    image, calls = images(1)[0], [(f, m) for f in range(5) for m in (None, "guided", "rectified")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = [cnn.gradient(image, -1, f, backprop_modifier=m) for f, m in calls]
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda c: cnn.gradient(image, -1, c[0], backprop_modifier=c[1]), calls))
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_closing_while_others_run(goldens) -> None:
    net = swiftvis.load_model(goldens / "residual.h5")
    image, stop, wrong = images(1)[0], threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                net.gradient(image)
        except ValueError as error:
            if "closed" not in str(error):
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    net.close()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert not net._network.sessions._idle


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_number_of_threads_changes_no_bit(cnn: swiftvis.Model, count: int) -> None:
    image = images(1)
    wanted = cnn.gradient(image)
    try:
        swiftvis.set_threads(count)
        assert swiftvis.get_threads() == count
        np.testing.assert_array_equal(cnn.gradient(image), wanted)
    finally:
        swiftvis.set_threads(None)


def _gradient(cnn: swiftvis.Model, image: np.ndarray, queue) -> None:
    queue.put(cnn.gradient(image, filter_indices=1))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_computes_too(cnn: swiftvis.Model) -> None:
    image = images(1)[0]
    wanted = cnn.gradient(image, filter_indices=1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_gradient, args=(cnn, image, queue))
    child.start()
    found = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(cnn.gradient(image, filter_indices=1), wanted)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forking_while_a_thread_computes(cnn: swiftvis.Model) -> None:
    image, stop = images(1)[0], threading.Event()
    wanted = cnn.gradient(image, filter_indices=1)

    def work() -> None:
        while not stop.is_set():
            cnn.gradient(image)

    busy = threading.Thread(target=work)
    busy.start()
    try:
        context = multiprocessing.get_context("fork")
        for _ in range(5):
            queue = context.Queue()
            child = context.Process(target=_gradient, args=(cnn, image, queue))
            child.start()
            np.testing.assert_array_equal(queue.get(timeout=60), wanted)
            child.join(60)
            assert child.exitcode == 0
    finally:
        stop.set()
        busy.join()
