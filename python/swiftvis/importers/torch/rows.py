"""The table from ATen operations to functions of (program, arguments), one file a family."""

from __future__ import annotations

from typing import Any

from swiftvis.importers.torch import (
    convolution,
    creation,
    elementwise,
    normalization,
    reductions,
    resampling,
    shaping,
)

ROWS: dict[str, Any] = {
    **elementwise.ROWS,
    **shaping.ROWS,
    **convolution.ROWS,
    **normalization.ROWS,
    **reductions.ROWS,
    **resampling.ROWS,
    **creation.ROWS,
}
