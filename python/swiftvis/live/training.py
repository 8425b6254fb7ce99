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

from .._rules import BackpropModifier
from ..layers import Tensor
from ..panel import shown
from .series import MapSeries


def _nothing(self: Any, *arguments: Any, **options: Any) -> None:
    """Keras calls it; there is nothing to do."""


_nothing._is_default = True  # type: ignore[attr-defined]  # as Keras marks such methods of its own: never worth a call


class _Callback:
    """What Keras calls on every callback."""

    model: Any = None

    def set_model(self, model: Any) -> None:
        """The model that is trained."""
        self.model = model

    set_params = on_epoch_begin = _nothing
    on_train_begin = on_train_end = on_test_begin = on_test_end = on_predict_begin = on_predict_end = _nothing
    on_batch_begin = on_batch_end = on_train_batch_begin = on_train_batch_end = _nothing
    on_test_batch_begin = on_test_batch_end = on_predict_batch_begin = on_predict_batch_end = _nothing

    def _no(self) -> bool:
        return False

    # tf.keras asks these, and does not call for each batch then.
    _implements_train_batch_hooks = _implements_test_batch_hooks = _implements_predict_batch_hooks = _no


class SaliencyCallback(MapSeries, _Callback):
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
        if not (folder or grid or log_dir or show):
            raise ValueError("say what becomes of the maps: folder=, grid=, log_dir= or show=True")
        super().__init__(
            *(images, filter_indices, layer),
            every=every,
            linear=linear,
            backprop_modifier=backprop_modifier,
            sigma=sigma,
            alpha=alpha,
            pictures=pictures,
        )
        self._folder, self._grid, self._show = folder and Path(folder), grid and Path(grid), show
        self._writer = None
        if log_dir is not None:
            from .tensorboard import writer

            self._writer = writer(os.fspath(log_dir))
        self.epochs: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Maps the model as it is now, every few epochs."""
        if (epoch + 1) % self._every == 0:
            self.update(self.model, epoch + 1)

    def update(self, model: Any, epoch: int) -> None:
        """Maps a model now, for training loops of your own."""
        tiles = self.look(model, f"epoch {epoch}")
        self.epochs.append(epoch)
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
            sheet = self.history()
            if self._grid:
                self._grid.parent.mkdir(parents=True, exist_ok=True)
                sheet.save(self._grid)
            if self._show:
                shown(sheet)
