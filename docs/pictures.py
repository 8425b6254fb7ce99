"""The pictures of "How a saliency map is made": what each step gives for a cup of espresso and the bundled network.

python docs/pictures.py, with swiftvis installed; they are written into the DocC catalogue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

import swiftvis
from swiftvis.imaging import unit_range
from swiftvis.utils.utils import load_font, load_img

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "Sources" / "SwiftVis" / "SwiftVis.docc" / "Resources"
ESPRESSO = 967
TILE = 320  # pixels; the network's 224 look coarse on today's displays


def main() -> None:
    model = swiftvis.load_model(ROOT / "examples" / "models" / "efficientnet_lite0.safetensors")
    whole = Image.fromarray(load_img(ROOT / "examples" / "images" / "coffee.png"))
    photo = np.asarray(ImageOps.fit(whole, (224, 224), Image.Resampling.BILINEAR))
    write("photo", photo)
    bars(model.predict(photo)[0], model.classes).save(OUT / "scores.png", optimize=True)

    model.layers[-1].activation = "linear"  # the score before the softmax
    model = model.with_modifications()
    gradient = model.gradient(photo, filter_indices=ESPRESSO)[0]
    write("gradient", signed(gradient))
    largest = np.abs(gradient).max(axis=-1)
    plain = unit_range(largest)
    write("map", swiftvis.colormap("gray", plain))
    write("map-clipped", swiftvis.colormap("gray", clipped(plain)))
    for rule in ("guided", "rectified"):
        ruled = swiftvis.saliency(model, photo, ESPRESSO, backprop_modifier=rule, normalize=True)
        write(rule, swiftvis.colormap("gray", clipped(ruled)))
        if rule == "guided":
            write("smoothed", swiftvis.colormap("gray", unit_range(swiftvis.gaussian_filter(ruled, 5))))
            write("overlay", swiftvis.smoothed_overlay(photo, ruled, sigma=5, colormap="jet", alpha=0.7))
    heat = swiftvis.cam(model, photo, ESPRESSO, normalize=True)
    write("cam", swiftvis.smoothed_overlay(photo, heat, sigma=0, colormap="jet", alpha=0.5))


def write(name: str, picture: np.ndarray) -> None:
    """JPEG: the noise of a gradient takes four times as much in a PNG."""
    tile = Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.BICUBIC)
    tile.save(OUT / f"{name}.jpg", quality=88, optimize=True)


def signed(gradient: np.ndarray) -> np.ndarray:
    """Zero is middle gray; the largest half percent is clipped."""
    white = np.percentile(np.abs(gradient), 99.5)
    return (np.clip(gradient / white, -1, 1) * 127 + 128).astype(np.uint8)


def clipped(values: np.ndarray) -> np.ndarray:
    """The largest hundredth is white: a few extreme pixels would leave the rest black."""
    return values / np.percentile(values, 99)


def bars(scores: np.ndarray, classes: list[str]) -> Image.Image:
    """The five largest probabilities."""
    best = np.argsort(scores)[::-1][:5]
    sheet = Image.new("RGB", (TILE, TILE), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), load_font("DejaVuSans.ttf", 17)
    for row, unit in enumerate(best):
        top = 18 + row * 60
        draw.text((16, top), f"{unit}  {classes[unit]}", fill=(28, 28, 30), font=font)
        draw.text((TILE - 16, top), f"{scores[unit]:.3f}", fill=(110, 110, 115), font=font, anchor="ra")
        draw.rectangle(
            (16, top + 26, 16 + max(1, int((TILE - 32) * scores[unit])), top + 38), fill=(46, 103, 178)
        )
    return sheet


if __name__ == "__main__":
    main()
