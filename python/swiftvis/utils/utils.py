"""The helpers of keras-vis's `vis.utils.utils`, channels-last unless said otherwise.

Where keras-vis asks Keras's global image format, these take `data_format`. Pictures are uint8 arrays of
(rows, columns, channels).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native
from .._arguments import index
from ..expressions.indexing import ChannelsLastIndex
from ..live.models import as_model, copied
from ..live.objects import is_model, is_tensor
from ..live.tensors import as_tensor

if TYPE_CHECKING:
    from PIL import ImageFont

    from ..layers import Tensor
    from ..model import Model

# ---- Arguments ----


def reverse_enumerate(iterable: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """(index, item) pairs from the last to the first."""
    items = list(iterable)
    return zip(range(len(items) - 1, -1, -1), reversed(items), strict=True)


def listify(value: Any) -> list[Any]:
    """`value` in a list, unless it is one. Unlike keras-vis's, this takes tuples, ranges and arrays apart."""
    if isinstance(value, list):
        return value
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return list(value) if isinstance(value, (tuple, range)) else [value]


def add_defaults_to_kwargs(defaults: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
    """`kwargs` with the defaults for what is not given."""
    return {**defaults, **kwargs}


def get_identifier(identifier: Any, module_globals: Mapping[str, Any], module_name: str) -> Any:
    """The object of that name; a callable is its own.

    Raises:
        ValueError: an unknown name, or neither a name nor a callable.
    """
    if isinstance(identifier, str):
        found = module_globals.get(identifier)
        if found is None:
            known = ", ".join(sorted(name for name, value in module_globals.items() if callable(value)))
            raise ValueError(f"Unknown {module_name}: {identifier} (known: {known})")
        return found
    if callable(identifier):
        return identifier
    raise ValueError("Could not interpret identifier")


# ---- Models ----


def apply_modifications(model: Model, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A new model in which the activations set on `model`'s layers take effect. No file is written.

    Args:
        model: from `swiftvis.load_model`, or a live Sequential or functional model of Keras. It stays as it was.
        custom_objects: names of a live model's own classes and functions, as Keras needs them to make it again. For
            other models accepted because keras-vis has it: swiftvis runs no code from a model file.
    Returns:
        A model of the same kind: a `Model`, which shares the weights, or a live one with copies of them (not compiled).
    """
    if is_model(model):
        return copied(model, custom_objects)
    return as_model(model).with_modifications()


def find_layer_idx(model: Model, layer_name: str) -> int:
    """The index of the first layer of that name. ValueError where there is none."""
    layers = model.layers if is_model(model) else as_model(model).layers
    for position, layer in enumerate(layers):
        if layer.name == layer_name:
            return position
    raise ValueError(f"No layer with name '{layer_name}' within the model")


# ---- Arrays ----


def set_random_seed(seed_value: int = 1337) -> None:
    """As `swiftvis.backend.set_random_seed`, which keras-vis 0.4.1 had here."""
    from ..backend import set_random_seed as seed

    seed(seed_value)


def random_array(shape: int | Sequence[int], mean: float = 128.0, std: float = 20.0) -> np.ndarray:
    """Uniform noise brought to this mean and standard deviation, from NumPy's global generator."""
    noise = np.random.random(shape)
    return (noise - noise.mean()) / (noise.std() + 1e-7) * std + mean


def normalize(array: np.ndarray, min_value: float = 0.0, max_value: float = 1.0) -> np.ndarray:
    """Scales the whole array linearly to (min_value, max_value). A constant array becomes min_value."""
    array = np.asarray(array)
    low = array.min()
    spread = float(array.max()) - float(low) + 1e-7
    return (max_value - min_value) * ((array - low) / spread) + min_value


def deprocess_input(input_array: np.ndarray, input_range: tuple[float, float] = (0, 255)) -> np.ndarray:
    """A picture from an array of any scale: its mean to the middle, its deviation to a tenth of the range.

    What is beyond the range is clipped. A float32 array of that shape; the one that is given is left alone.

    Raises:
        ValueError: the range is empty or not finite.
    """
    array = np.asarray(input_array)
    picture = _native.deprocessed(np.ascontiguousarray(array, np.float32), *map(float, input_range))
    return picture.reshape(array.shape)


def get_img_shape(img: np.ndarray | Tensor, data_format: str | None = None) -> tuple[int | None, ...]:
    """(samples, channels, sizes...) of a batch of images, whichever its format.

    Args:
        img: array or tensor.
        data_format: "channels_last" or "channels_first"; None takes the tensor's own, and channels-last for
            an array.
    """
    if is_tensor(img):
        img = as_tensor(img, "img")
    shape = tuple(img.shape)
    if (data_format or getattr(img, "data_format", "channels_last")) == "channels_first":
        return shape
    return (shape[0], shape[-1], *shape[1:-1])


class _Slicer:
    """Makes one index do for both image formats: written (samples, channels, ...), it finds the channels of a
    channels-last array, and of a model's tensors in either format. `layer.output[slicer[:, 3, ...]]`"""

    def __getitem__(self, item: tuple[Any, ...]) -> ChannelsLastIndex:
        parts = list(item)
        parts.append(parts.pop(1))
        index = ChannelsLastIndex(parts)
        index.channels_first = tuple(item)
        return index


slicer = _Slicer()


def bgr2rgb(img: np.ndarray) -> np.ndarray:
    """The picture with its channels in the other order."""
    return img[..., ::-1]


# ---- Pictures ----


def load_img(
    path: str | os.PathLike[str], grayscale: bool = False, target_size: tuple[int, int] | None = None
) -> np.ndarray:
    """Reads a picture file, upright as its camera says.

    Args:
        path: anything that Pillow opens.
        grayscale: one channel; the result is (rows, columns).
        target_size: (rows, columns) to resize to, bilinear with antialiasing.
    Returns:
        uint8 array, RGB (rows, columns, 3) or gray; transparency is dropped.
    """
    from PIL import Image, ImageOps

    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("L" if grayscale else "RGB")
    if target_size is not None:
        rows, columns = target_size
        image = image.resize((columns, rows), Image.Resampling.BILINEAR)
    return np.array(image)


def stitch_images(images: Sequence[np.ndarray], margin: int = 5, cols: int = 5) -> np.ndarray | None:
    """One picture with the given ones in rows of `cols`, black between them; None where there are none.

    Args:
        images: arrays of one shape, (rows, columns) or (rows, columns, channels).
        margin: pixels between two pictures.
        cols: pictures in a row.
    """
    if len(images) == 0:
        return None
    height, width, *channels = images[0].shape
    columns, rows = min(len(images), cols), math.ceil(len(images) / cols)
    step_y, step_x = height + margin, width + margin
    sheet = np.zeros((rows * step_y - margin, columns * step_x - margin, *channels), images[0].dtype)
    for i, image in enumerate(images):
        top, left = i // cols * step_y, i % cols * step_x
        sheet[top : top + height, left : left + width] = image
    return sheet


def draw_text(
    img: np.ndarray,
    text: str,
    position: tuple[int, int] = (10, 10),
    font: str = "FreeSans.ttf",
    font_size: int = 14,
    color: tuple[int, ...] = (0, 0, 0),
) -> np.ndarray:
    """A copy of the picture with text on it.

    Args:
        img: uint8 picture.
        text: what to write.
        position: (x, y) of the text's top left corner.
        font: a font file, or the name of one that the system has; Pillow's own font where it is not found.
        font_size: in pixels.
        color: one number for each channel, 0..255.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(np.asarray(img))
    fill = color if image.mode != "L" else color[0]
    ImageDraw.Draw(image).text(position, text, fill=fill, font=load_font(font, font_size))
    return np.array(image)


def load_font(font: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of that file or name, or Pillow's own."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(font, size)
    except OSError:
        try:
            return ImageFont.load_default(size)
        except TypeError:  # Pillow before 10.1 has one size
            return ImageFont.load_default()


# ---- Names ----


def lookup_imagenet_labels(indices: int | Sequence[int] | np.ndarray) -> list[str]:
    """The names of ImageNet's classes (ILSVRC 2012, in the usual order of 0..999) at the given indices."""
    labels = imagenet_labels()
    found = [index(i, "the index of a class") for i in listify(indices)]
    for i in found:
        if not 0 <= i < len(labels):
            raise ValueError(f"ImageNet has {len(labels)} classes, 0 to {len(labels) - 1}; got the index {i}")
    return [labels[i] for i in found]


def get_imagenet_label(indices: int | Sequence[int] | np.ndarray, join: str = ", ") -> str:
    """The names that `lookup_imagenet_labels` gives, as one text: keras-vis 0.4.1's function."""
    return join.join(lookup_imagenet_labels(indices))


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes in the usual order."""
    text = resources.files(__package__).joinpath("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
