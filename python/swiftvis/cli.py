"""The command `swiftvis`: explain a photo, convert a model, say what a model is made of."""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

import swiftvis

from .layers import Tensor
from .model import Model
from .panel import compose
from .utils.utils import load_img
from .visualization import visualize_saliency


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 2 after an error, which is told in one line."""
    warnings.showwarning = lambda message, *_, **__: print(f"swiftvis: note: {message}", file=sys.stderr)
    # argparse takes the -1,1 of "--range -1,1" for an option.
    text = "\0".join(sys.argv[1:] if arguments is None else arguments).replace("--range\0-", "--range=-")
    options = _parser().parse_args(text.split("\0") if text else [])
    try:
        options.run(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"swiftvis: error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


# ---- explain ----


def explain(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    model = swiftvis.load_model(options.model)
    classes = _read_classes(options.classes) if options.classes else model.classes
    if len(model.inputs) != 1:
        raise ValueError(f"the model has {len(model.inputs)} inputs; explain works with one image")
    photo = _fitted(options.photo, model.inputs[0])
    seed = _in_range(photo, options.range)
    output = model.predict(seed)
    scores = (output if isinstance(output, np.ndarray) else output[0])[0]
    subject = _subject(options, model, scores, classes)

    def saliency(modifier: str | None) -> np.ndarray:
        return visualize_saliency(
            subject.model, subject.target, subject.filters, seed, backprop_modifier=modifier
        )

    maps = {name: saliency(name) for name in dict.fromkeys((None, "guided", options.backprop_modifier))}
    chosen = maps[options.backprop_modifier]
    overlay = swiftvis.smoothed_overlay(photo, chosen, options.sigma, options.colormap, options.alpha)
    took = time.perf_counter() - start

    tiles = {
        "photo": swiftvis.imaging.as_rgb(photo),
        "saliency": swiftvis.colormap("gray", _contrast(maps[None])),
        "guided": swiftvis.colormap("gray", _contrast(maps["guided"])),
        f"overlay ({options.backprop_modifier or 'saliency'}, smoothed)": overlay,
    }
    compose(tiles, subject.title).save(options.out)
    if scores.ndim == 1:
        print("\n".join(_ranking(scores, classes)), end="\n\n")
    print(f"explained {subject.text} in {took:.2f} s; the picture is {options.out}")


class _Subject(NamedTuple):
    """What is explained."""

    model: Model
    target: int | str | Tensor
    filters: list[int] | None
    title: str
    text: str


def _subject(
    options: argparse.Namespace, model: Model, scores: np.ndarray, classes: list[str] | None
) -> _Subject:
    filters: list[int] | None = options.filter
    if options.layer or scores.ndim != 1:
        place = f"layer {options.layer}" if options.layer else "the output"
        name = place + (f", filter {', '.join(map(str, filters))}" if filters else "")
        return _Subject(model, options.layer or _output_layer(model), filters, name, name)
    filters = filters or [int(np.argmax(scores))]
    name = ", ".join(_class_name(classes, unit) for unit in filters)
    title = name
    if len(filters) == 1 and -scores.size <= filters[0] < scores.size:
        title = f"{name}: {_number(scores[filters[0]])}"
    target = _output_layer(model)
    linear = _with_linear_output(model, target)
    how = "" if linear is model else " by its score before the softmax"
    return _Subject(linear, target, filters, title, f"'{name}'{how}")


def _output_layer(model: Model) -> int | Tensor:
    """The layer that makes the model's first output."""
    output = model.outputs[0]
    for layer in reversed(model.layers):
        if layer.makes(output):
            return layer.index
    return output


def _with_linear_output(model: Model, target: int | Tensor) -> Model:
    """The model with a softmax output swapped for linear: then the map shows what speaks for the class, and not what
    speaks against the others."""
    if isinstance(target, int) and getattr(model.layers[target], "activation", None) == "softmax":
        model.layers[target].activation = "linear"
        return model.with_modifications()
    return model


def _fitted(path: str, tensor: Tensor) -> np.ndarray:
    """The photo in the model's size, uint8 (H, W, C): the middle of it, in the right proportions."""
    from PIL import Image, ImageOps

    if len(tensor.shape) != 4:
        raise ValueError(f"the model's input {tensor.shape} is not an image")
    sizes = [size for axis, size in enumerate(tensor.shape) if axis not in (0, tensor.channel_axis)]
    channels = tensor.shape[tensor.channel_axis]
    if channels not in (1, 3):
        raise ValueError(f"the model's input {tensor.shape} is neither a gray nor an RGB image")
    photo = load_img(path, grayscale=channels == 1)
    rows, columns = (size or own for size, own in zip(sizes, photo.shape, strict=False))
    image = ImageOps.fit(Image.fromarray(photo), (columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(rows, columns, channels)


def _in_range(photo: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    low, high = value_range
    return photo.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)


def _contrast(saliency: np.ndarray) -> np.ndarray:
    """The map with its largest hundredth clipped: a few extreme pixels would leave the rest black."""
    white = np.percentile(saliency, 99)
    return saliency / white if white > 0 else saliency


def _ranking(scores: np.ndarray, classes: list[str] | None) -> list[str]:
    best = np.argsort(scores)[::-1][:5]
    names = [_class_name(classes, int(i)) for i in best]
    width = max(map(len, names))
    return [f"{name.ljust(width)}  {_number(scores[i])}" for name, i in zip(names, best, strict=True)]


def _class_name(classes: list[str] | None, unit: int) -> str:
    return classes[unit] if classes and 0 <= unit < len(classes) else f"unit {unit}"


def _number(value: np.floating) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.4g}"


# ---- convert ----


def convert(options: argparse.Namespace) -> None:
    out = Path(options.out)
    if out.suffix.lower() != ".safetensors":
        raise ValueError(f"the output is a .safetensors file, got {out}")
    from .importers.torch.builders import build, is_builder

    if is_builder(options.model) and not Path(options.model).exists():
        if options.input is None:
            raise ValueError(f"{options.model}: --input is missing, the shape of what it takes: 1,3,224,224")
        model = build(options.model, options.weights, options.input)
    elif options.weights or options.input:
        raise ValueError("--weights and --input are for networks of PyTorch (package.module:function)")
    else:
        model = swiftvis.load_model(options.model, replace=dict(options.replace))
    if options.classes:
        model = model.with_classes(_read_classes(options.classes))
    model.save(out, half=options.half)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def _read_classes(path: str) -> list[str]:
    names = Path(path).read_text(encoding="utf-8").splitlines()
    if not names:
        raise ValueError(f"{path} holds no class names; one a line is expected")
    return names


# ---- info ----


def info(options: argparse.Namespace) -> None:
    found = swiftvis.load_model(options.model).info(options.shape)
    print(json.dumps(found.to_dict(), indent=1) if options.json else found)


# ---- Arguments ----


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"swiftvis: error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="swiftvis", description="Shows what a trained convolutional network looks at.")
    parser.add_argument("--version", action="version", version=f"swiftvis {swiftvis.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser(
        "explain",
        help="a picture of what the network sees in a photo",
        description="Prints the model's first guesses about a photo, and draws what they rest on: the photo, its "
        "saliency map, the guided one, and the smoothed map over the photo. A softmax output is explained by "
        "its class score before the softmax.",
    )
    one.add_argument("photo", metavar="PHOTO", help="any picture; its middle is resized to the model's input")
    one.add_argument(
        "--model", required=True, metavar="FILE", help=".h5, .hdf5, .keras, .onnx or .safetensors"
    )
    one.add_argument("--out", required=True, metavar="PICTURE", help="the picture to write (.png, .jpg, ...)")
    one.add_argument("--layer", metavar="NAME", help="explain this layer instead of the output")
    one.add_argument(
        "--filter", type=int, nargs="+", metavar="N", help="its filters or classes (default: the first guess)"
    )
    one.add_argument(
        "--backprop-modifier",
        choices=("guided", "rectified"),
        help="the rule of the map in the overlay (default: plain)",
    )
    one.add_argument(
        "--sigma", type=float, default=5, help="how far the overlay's map is smoothed, in pixels (5)"
    )
    one.add_argument("--colormap", default="jet", choices=swiftvis.colormaps, help="of the overlay (jet)")
    one.add_argument("--alpha", type=float, default=0.5, help="the share of the overlay's colors, 0..1 (0.5)")
    one.add_argument(
        "--range",
        type=_range,
        default=(0.0, 255.0),
        metavar="LOW,HIGH",
        help="the values the model was trained on (0,255)",
    )
    one.add_argument(
        "--classes", metavar="FILE", help="class names, one a line (default: the model file's own)"
    )
    one.set_defaults(run=explain)

    two = commands.add_parser("convert", help="a trained model as one .safetensors file")
    two.add_argument(
        "model",
        metavar="IN",
        help=".h5, .hdf5, .keras, .onnx or .safetensors; or a function that makes a PyTorch network, such as "
        "torchvision.models:resnet50, which is imported",
    )
    two.add_argument("out", metavar="OUT.safetensors")
    two.add_argument(
        "--weights",
        metavar="FILE",
        help="of a PyTorch network: a file of torch.save, of which nothing is run",
    )
    two.add_argument(
        "--input",
        type=_shape,
        metavar="N,C,H,W",
        help="of a PyTorch network: the shape of what it takes, such as 1,3,224,224",
    )
    two.add_argument("--half", action="store_true", help="store large weights as float16: half the size")
    two.add_argument("--classes", metavar="FILE", help="class names to keep in the file, one a line")
    two.add_argument(
        "--replace",
        type=_replacement,
        action="append",
        default=[],
        metavar="LAYER=rescale:SCALE[,OFFSET]",
        help="what stands in for a Keras layer whose code is never run (also LAYER=identity); may be given again",
    )
    two.set_defaults(run=convert)

    three = commands.add_parser(
        "info",
        help="what a model is made of, and what running it takes",
        description="Prints a model's layers with their shapes, parameters and floating-point operations, which algorithm "
        "each convolution runs by, and the memory that the gradient of its outputs takes.",
    )
    three.add_argument("model", metavar="FILE", help=".h5, .hdf5, .keras, .onnx or .safetensors")
    three.add_argument(
        "--shape",
        type=_shape,
        action="append",
        metavar="N,H,W,C",
        help="of an input, the batch first; once for each input (one sample, 224 for sizes that are open)",
    )
    three.add_argument("--json", action="store_true", help="everything, as JSON")
    three.set_defaults(run=info)
    return parser


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected sizes such as 1,224,224,3, got {text!r}") from None


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected two numbers such as 0,1 or -1,1, got {text!r}") from None
    if not low < high:
        raise argparse.ArgumentTypeError(f"expected the lower number first, got {text!r}")
    return low, high


def _replacement(text: str) -> tuple[str, swiftvis.Rescaling | swiftvis.Identity]:
    layer, _, kind = text.rpartition("=")
    name, _, numbers = kind.partition(":")
    try:
        if layer and kind == "identity":
            return layer, swiftvis.Identity()
        if layer and name == "rescale" and numbers.count(",") <= 1:
            return layer, swiftvis.Rescaling(*map(float, numbers.split(",")))
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"expected a layer's name and what it does, such as lambda_1=rescale:0.00784,-1, got {text!r}"
    )


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
