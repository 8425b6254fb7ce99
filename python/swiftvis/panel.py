"""Pictures side by side, with a title over them and a label under each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .utils.utils import load_font

if TYPE_CHECKING:
    from PIL import Image

_TILE, _GAP, _MARGIN = 320, 14, 22
_TITLE_SIZE, _LABEL_SIZE = 26, 17
_INK, _MUTED, _PAPER = (28, 28, 30), (110, 110, 115), (255, 255, 255)


def compose(tiles: Mapping[str, np.ndarray], title: str) -> Image.Image:
    """One picture of uint8 RGB tiles by their labels; each is scaled to the same height."""
    from PIL import Image, ImageDraw

    pictures = {label: _scaled(Image.fromarray(tile)) for label, tile in tiles.items()}
    width = sum(p.width for p in pictures.values()) + _GAP * (len(pictures) - 1) + 2 * _MARGIN
    top = _MARGIN + _TITLE_SIZE + 16
    sheet = Image.new("RGB", (width, top + _TILE + 12 + _LABEL_SIZE + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN - 4), title, fill=_INK, font=load_font("DejaVuSans.ttf", _TITLE_SIZE))
    left, label_font = _MARGIN, load_font("DejaVuSans.ttf", _LABEL_SIZE)
    for label, picture in pictures.items():
        sheet.paste(picture, (left, top))
        draw.text((left, top + _TILE + 8), label, fill=_MUTED, font=label_font)
        left += picture.width + _GAP
    return sheet


def _scaled(picture: Image.Image) -> Image.Image:
    from PIL import Image

    width = max(1, round(picture.width * _TILE / picture.height))
    # Bicubic for what shrinks or grows little; small networks' pixels stay visible as squares.
    filter_ = Image.Resampling.NEAREST if picture.height <= _TILE // 4 else Image.Resampling.BICUBIC
    return picture.resize((width, _TILE), filter_)
