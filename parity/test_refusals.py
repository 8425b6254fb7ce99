"""A module that cannot be computed: all of it is told at once, and its weights are never read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import swiftvis
from swiftvis.errors import UnsupportedModelError


class Strange(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3, padding=1)
        self.recurrent = nn.LSTM(5, 5, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.fft.rfft(self.features(x)).real
        rows, _ = self.recurrent(torch.linalg.svdvals(y.mean(1))[:, None].expand(-1, 2, -1))
        return rows


def test_all_at_once() -> None:
    with pytest.raises(UnsupportedModelError) as error:
        swiftvis.from_torch(Strange().eval(), torch.zeros(1, 3, 8, 8))
    message = str(error.value)
    assert "fft" in message and "svd" in message
