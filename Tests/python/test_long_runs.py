"""Call 10,000 costs what call 10 costs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

import swiftvis


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_thousand_calls(cnn: swiftvis.Model, image: np.ndarray) -> None:
    def shortest(calls: int) -> float:
        times = []
        for _ in range(calls):
            start = time.perf_counter()
            cnn.gradient(image, filter_indices=0)
            times.append(time.perf_counter() - start)
        return min(times)

    expected = cnn.gradient(image, filter_indices=0)
    early, before = shortest(500), resident_bytes()
    for _ in range(9000):
        cnn.gradient(image, filter_indices=0)
    late = shortest(500)
    assert resident_bytes() - before < 1 << 20
    # Other processes come and go; something that grows with every call would cost far more.
    assert late < 3 * early
    np.testing.assert_array_equal(cnn.gradient(image, filter_indices=0), expected)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_sessions_come_and_go(cnn: swiftvis.Model) -> None:
    def run(times: int) -> None:
        for _ in range(times):
            for batch in range(1, 7):  # more questions than sessions are kept
                cnn.gradient(np.zeros((batch, 32, 32, 3), np.float32), filter_indices=0)

    run(20)
    before = resident_bytes()
    run(200)
    assert resident_bytes() - before < 2 << 20
