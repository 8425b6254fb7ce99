"""What a network in training looks at: maps of the same images, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import index
from .._rules import BackpropModifier
from ..attribution import saliency
from ..imaging import as_rgb, smoothed_overlay, unit_range
from ..layers import Tensor
from ..model import Model
from ..panel import grid
from .models import as_model
from .torch_objects import as_array, is_array

if TYPE_CHECKING:
    from PIL import Image

_COLUMNS = 12


class MapSeries:
    """Maps and pictures of some images, a column for each time that `look` was called.

    Attributes:
        maps: float32 arrays (N, H, W) in 0..1.
    """

    def __init__(
        self,
        images: Any,
        filter_indices: Any,
        layer: Any,
        *,
        every: int,
        linear: bool,
        backprop_modifier: BackpropModifier | None,
        sigma: float,
        alpha: float,
        pictures: Any,
    ) -> None:
        images = as_array(images) if is_array(images) else np.asarray(images)
        self._images = images[np.newaxis] if images.ndim == 3 else images
        count = len(self._images)
        self._filters = _one_each(filter_indices, count)
        self._pictures = _backgrounds(self._images if pictures is None else pictures, count)
        if index(every, "every") < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self._layer, self._every, self._linear = layer, every, linear
        self._modifier, self._sigma, self._alpha = backprop_modifier, sigma, alpha
        self._columns: list[tuple[str, list[np.ndarray]]] = [("image", self._pictures)]
        self.maps: list[np.ndarray] = []

    def look(self, model: Any, label: str) -> list[np.ndarray]:
        """The map of each image laid over its picture, by the model as it is now."""
        network = as_model(model, self._images)
        if self._linear:
            network = _without_squashing(network, self._layer)
        maps = [
            saliency(network, image, filters, self._layer, self._modifier)
            for image, filters in zip(self._images, self._filters, strict=True)
        ]
        self.maps.append(np.stack([unit_range(map) for map in maps]))
        tiles = [
            smoothed_overlay(picture, map, self._sigma, alpha=self._alpha)
            for picture, map in zip(self._pictures, maps, strict=True)
        ]
        self._columns.append((label, tiles))
        return tiles

    def latest(self) -> Image.Image:
        """The images and their last maps."""
        return grid([self._columns[0], self._columns[-1]])

    def history(self) -> Image.Image:
        """A row for each image, a column for each time, 12 of them at most, the first and the last among them."""
        last = len(self._columns) - 1
        picked = np.unique(np.linspace(1, last, min(_COLUMNS, last)).round().astype(int))
        return grid([self._columns[0], *[self._columns[i] for i in picked]])


def _one_each(filter_indices: Any, count: int) -> list[Any]:
    if is_array(filter_indices):
        filter_indices = as_array(filter_indices)
    if filter_indices is None or np.ndim(filter_indices) == 0:
        return [filter_indices] * count
    if len(filter_indices) != count:
        raise ValueError(f"expected one filter for each of the {count} images, got {len(filter_indices)}")
    return list(filter_indices)


def _backgrounds(pictures: Any, count: int) -> list[np.ndarray]:
    pictures = as_array(pictures) if is_array(pictures) else np.asarray(pictures)
    if len(pictures) != count:
        raise ValueError(f"expected a picture for each of the {count} images, got {len(pictures)}")
    if pictures.dtype != np.uint8:
        pictures = np.rint(unit_range(pictures.astype(np.float32)) * 255).astype(np.uint8)
    if pictures.ndim == 4 and pictures.shape[-1] not in (1, 3) and pictures.shape[1] in (1, 3):
        pictures = np.moveaxis(pictures, 1, -1)
    return [as_rgb(picture) for picture in pictures]


def _without_squashing(model: Model, layer: Any) -> Model:
    """The model with a linear layer for one that ends in softmax or sigmoid. The weights are shared."""
    own = Model(model._network)  # its layers are its own, and so what is set on them
    layer = model._network.named(layer)
    found = None if isinstance(layer, Tensor) else own._layer(layer)
    if getattr(found, "activation", None) not in ("softmax", "sigmoid"):
        return model
    found.activation = "linear"
    return own.with_modifications()
