"""Compares the overlays of the examples with Python's own.

usage: overlays.py MODEL PHOTO EXAMPLE...    EXAMPLE.png is a picture, EXAMPLE.txt what its program printed
"""

import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import swiftvis

model = swiftvis.load_model(sys.argv[1])
photo = np.asarray(Image.open(sys.argv[2]).convert("RGB"))
image = swiftvis.resize(photo, model.input_shape[1:3])
scores = model.predict(image)[0]
best = int(np.argmax(scores))
guess = [str(best), f"{scores[best]:.3f}"]
model.layers[-1].activation = "linear"
saliency = swiftvis.saliency(model.with_modifications(), image, best, backprop_modifier="guided")
overlay = swiftvis.smoothed_overlay(photo, saliency, sigma=5)

for example in map(Path, sys.argv[3:]):
    name, line = example.name, example.with_suffix(".txt").read_text().partition("\n")[0]
    if re.findall(r"\b[\d.]+", line) != guess:  # a name may lie between
        sys.exit(f"{name}: the first guess is {line!r}, Python's {guess}")
    picture = np.asarray(Image.open(example.with_suffix(".png")))
    if picture.shape != overlay.shape:
        sys.exit(f"{name}: the picture has the shape {picture.shape}, Python's {overlay.shape}")
    difference = np.abs(picture.astype(int) - overlay)
    print(f"{name}: {line}; {difference.max()} grey levels at most from Python's overlay")
    if difference.max() > 1:
        sys.exit(f"{name}: {np.mean(difference > 1):.2%} of the samples differ by more than one")
