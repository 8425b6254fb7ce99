"""Saliency maps while a live Keras model is trained.

watch = SaliencyCallback(images[:4], filter_indices=labels[:4], every=2, grid="maps.png")
model.fit(images, labels, epochs=20, callbacks=[watch])
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import as_model, index
from .._rules import BackpropModifier
from ..attribution import saliency
from ..imaging import as_rgb, smoothed_overlay, unit_range
from ..layers import Tensor
from ..model import Model
from ..panel import grid as compose_grid
from ..panel import shown

_COLUMNS = 12


def _nothing(self: Any, *arguments: Any, **options: Any) -> None:
    """Keras calls it; there is nothing to do."""


_nothing._is_default = True  # type: ignore[attr-defined]  # as Keras marks such methods of its own: never worth a call


class SaliencyCallback:
    """A callback for `fit` of Keras 3 and tf.keras 2 which maps what the network looks at, every few epochs.

    Attributes:
        epochs: the epochs mapped so far, counted from 1.
        maps: for each of them a float32 array (N, H, W) in 0..1.
    """

    def __init__(
        self,
        images: Any,
        filter_indices: int | Sequence[int] | np.ndarray | None = None,
        layer: int | str | Tensor = -1,
        *,
        every: int = 1,
        folder: str | os.PathLike[str] | None = None,
        grid: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        show: bool = False,
        linear: bool = True,
        backprop_modifier: BackpropModifier | None = None,
        sigma: float = 1.0,
        alpha: float = 0.6,
        pictures: Any = None,
    ) -> None:
        """
        Args:
            images: one image (H, W, C) or a batch, as the network takes them.
            filter_indices: one filter (class, unit) for all images, or a sequence with one for each; None means the
                mean of all, as for a regression.
            layer: index of the layer in `model.layers`, or its name.
            every: how many epochs lie between two maps.
            folder: where a picture of each image is written, "epoch_0002_image_0.png".
            grid: a picture file that is written anew each time: a row for each image, a column for each mapped epoch
                (12 of them at most, evenly spread).
            log_dir: a folder for TensorBoard: the maps appear under "images" (TensorFlow, tensorboardX or PyTorch with
                tensorboard writes them).
            show: display the grid in a notebook, or in the system's viewer.
            linear: explain the layer without its activation where that is softmax or sigmoid.
            backprop_modifier: as for `swiftvis.saliency`.
            sigma, alpha: as for `swiftvis.smoothed_overlay`; sigma is in pixels of the map.
            pictures: what the maps are laid over, (N, H, W), (N, H, W, 1) or (N, H, W, 3); None takes `images`, scaled.
        Raises:
            ImportError: `log_dir` is given and none of the libraries that write for TensorBoard is installed.
            ValueError: nothing to do with the maps, or numbers of images, filters and pictures that differ.
        """
        self._images = np.asarray(images)[np.newaxis] if np.ndim(images) == 3 else np.asarray(images)
        count = len(self._images)
        self._filters = _one_each(filter_indices, count)
        self._pictures = _backgrounds(self._images if pictures is None else np.asarray(pictures), count)
        if not (folder or grid or log_dir or show):
            raise ValueError("say what becomes of the maps: folder=, grid=, log_dir= or show=True")
        if index(every, "every") < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self._layer, self._every, self._linear = layer, every, linear
        self._modifier, self._sigma, self._alpha = backprop_modifier, sigma, alpha
        self._folder, self._grid, self._show = folder and Path(folder), grid and Path(grid), show
        self._writer = None
        if log_dir is not None:
            from .tensorboard import writer

            self._writer = writer(os.fspath(log_dir))
        self._columns: list[tuple[str, list[np.ndarray]]] = [("image", self._pictures)]
        self.epochs: list[int] = []
        self.maps: list[np.ndarray] = []

    # ---- What Keras calls ----

    def set_model(self, model: Any) -> None:
        self.model = model

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Maps the model as it is now, every few epochs."""
        if (epoch + 1) % self._every == 0:
            self.update(self.model, epoch + 1)

    set_params = on_epoch_begin = _nothing
    on_train_begin = on_train_end = on_test_begin = on_test_end = on_predict_begin = on_predict_end = _nothing
    on_batch_begin = on_batch_end = on_train_batch_begin = on_train_batch_end = _nothing
    on_test_batch_begin = on_test_batch_end = on_predict_batch_begin = on_predict_batch_end = _nothing

    def _no(self) -> bool:
        return False

    # tf.keras asks these, and does not call for each batch then.
    _implements_train_batch_hooks = _implements_test_batch_hooks = _implements_predict_batch_hooks = _no

    # ---- What it does ----

    def update(self, model: Any, epoch: int) -> None:
        """Maps a model now, for training loops of your own."""
        network = _without_squashing(as_model(model), self._layer) if self._linear else as_model(model)
        maps = np.stack(
            [
                saliency(network, image, filters, self._layer, self._modifier)
                for image, filters in zip(self._images, self._filters, strict=True)
            ]
        )
        self.epochs.append(epoch)
        self.maps.append(np.stack([unit_range(map) for map in maps]))
        tiles = [
            smoothed_overlay(picture, map, self._sigma, alpha=self._alpha)
            for picture, map in zip(self._pictures, maps, strict=True)
        ]
        self._columns.append((f"epoch {epoch}", tiles))
        self._put_out(epoch, tiles)

    def _put_out(self, epoch: int, tiles: list[np.ndarray]) -> None:
        from PIL import Image

        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            for number, tile in enumerate(tiles):
                Image.fromarray(tile).save(self._folder / f"epoch_{epoch:04}_image_{number}.png")
        if self._writer:
            for number, tile in enumerate(tiles):
                self._writer(f"saliency/image_{number}", tile, epoch)
        if self._grid or self._show:
            sheet = compose_grid(_spread(self._columns))
            if self._grid:
                self._grid.parent.mkdir(parents=True, exist_ok=True)
                sheet.save(self._grid)
            if self._show:
                shown(sheet)


def _one_each(filter_indices: Any, count: int) -> list[Any]:
    if filter_indices is None or np.ndim(filter_indices) == 0:
        return [filter_indices] * count
    if len(filter_indices) != count:
        raise ValueError(f"expected one filter for each of the {count} images, got {len(filter_indices)}")
    return list(filter_indices)


def _backgrounds(pictures: np.ndarray, count: int) -> list[np.ndarray]:
    if len(pictures) != count:
        raise ValueError(f"expected a picture for each of the {count} images, got {len(pictures)}")
    if pictures.dtype != np.uint8:
        pictures = np.rint(unit_range(pictures.astype(np.float32)) * 255).astype(np.uint8)
    if pictures.ndim == 4 and pictures.shape[-1] not in (1, 3) and pictures.shape[1] in (1, 3):
        pictures = np.moveaxis(pictures, 1, -1)
    return [as_rgb(picture) for picture in pictures]


def _without_squashing(model: Model, layer: int | str | Tensor) -> Model:
    """The model with a linear layer for one that ends in softmax or sigmoid. The weights are shared."""
    own = Model(model._network)  # its layers are its own, and so what is set on them
    found = None if isinstance(layer, Tensor) else own._layer(layer)
    if getattr(found, "activation", None) not in ("softmax", "sigmoid"):
        return model
    found.activation = "linear"
    return own.with_modifications()


def _spread(columns: list[tuple[str, list[np.ndarray]]]) -> list[tuple[str, list[np.ndarray]]]:
    """The images and at most 12 epochs, the first and the last among them."""
    picked = np.unique(np.linspace(1, len(columns) - 1, min(_COLUMNS, len(columns) - 1)).round().astype(int))
    return [columns[0], *[columns[i] for i in picked]]
