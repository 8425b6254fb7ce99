"""Every classification builder of torchvision, with `swiftvis.from_torch`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

TITLE = "torchvision.models"
STEPS = {"ours": "torch"}
UNIT = 4  # a class that SqueezeNets, which end in a rectifier, do not close
# One image of 224 x 224 instead of five of 96 x 96.
TRANSFORMERS = ("vit", "swin", "maxvit")


def names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


@cache
def build(name: str):
    from torchvision import models

    from . import torch_modules

    with torch_modules.uninitialized():
        return models.get_model(name, weights=None).eval()


def reference(name: str, folder: Path) -> dict[str, np.ndarray]:
    from . import torch_modules

    count, size = (1, 224) if name.startswith(TRANSFORMERS) else (5, 96)
    module = build(name)
    x = torch_modules.randomize(module, size)[:count]
    scores = {"gradient": lambda output: output[:, UNIT].mean()}
    return torch_modules.reference(module, x, scores, folder / "model.pt")


def ours(name: str, folder: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    import swiftvis

    from . import torch_modules

    module = torch_modules.restored(build(name), folder / "model.pt")
    example = torch_modules.torch.from_numpy(x[:1])
    with swiftvis.from_torch(module, example) as model:
        return {
            "output": model.predict(x),
            "gradient": model.gradient(x, model.outputs[0], UNIT),
            "gradient:exact": model.gradient(x, model.outputs[0], UNIT, exact=True),
        }
