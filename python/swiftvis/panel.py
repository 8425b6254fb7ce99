"""Pictures side by side, with a title over them and a label under each; and grids of pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .utils.utils import load_font

if TYPE_CHECKING:
    from PIL import Image

_TILE, _CELL, _GAP, _MARGIN = 320, 128, 14, 22
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


def grid(columns: Sequence[tuple[str, Sequence[np.ndarray]]]) -> Image.Image:
    """One picture of columns of uint8 RGB tiles, all scaled to the same height, with a label over each column."""
    from PIL import Image, ImageDraw

    scaled = [[_scaled(Image.fromarray(tile), _CELL) for tile in tiles] for _, tiles in columns]
    widths = [max(_CELL, *(tile.width for tile in tiles)) for tiles in scaled]
    top, step = _MARGIN + _LABEL_SIZE + 10, _CELL + _GAP // 2
    height = top + max(map(len, scaled)) * step - _GAP // 2 + _MARGIN
    sheet = Image.new("RGB", (sum(widths) + _GAP // 2 * (len(widths) - 1) + 2 * _MARGIN, height), _PAPER)
    draw, font, left = ImageDraw.Draw(sheet), load_font("DejaVuSans.ttf", _LABEL_SIZE), _MARGIN
    for (label, _), tiles, width in zip(columns, scaled, widths, strict=True):
        draw.text((left, _MARGIN - 2), label, fill=_MUTED, font=font)
        for row, tile in enumerate(tiles):
            sheet.paste(tile, (left, top + row * step))
        left += width + _GAP // 2
    return sheet


def shown(picture: Image.Image) -> None:
    """Displays a picture in the notebook where there is one, else in the system's viewer."""
    notebook = sys.modules.get("IPython")
    if notebook is not None and notebook.get_ipython() is not None:
        notebook.display.display(picture)
    else:
        picture.show()


def _scaled(picture: Image.Image, tile: int = _TILE) -> Image.Image:
    from PIL import Image

    width = max(1, round(picture.width * tile / picture.height))
    # Bicubic for what shrinks or grows little; small networks' pixels stay visible as squares.
    filter_ = Image.Resampling.NEAREST if picture.height <= tile // 4 else Image.Resampling.BICUBIC
    return picture.resize((width, tile), filter_)
