"""torchvision's segmentation networks: the gradient of a class's mean, and of one output pixel's class."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

TITLE = "torchvision.models.segmentation"
STEPS = {"ours": "torch"}
UNIT, SIZE, PIXEL = 3, 96, (40, 71)


def names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models.segmentation)


@cache
def build(name: str):
    from torchvision import models

    from . import torch_modules

    with torch_modules.uninitialized():
        return models.get_model(name, weights=None, weights_backbone=None).eval()


def reference(name: str, folder: Path) -> dict[str, np.ndarray]:
    from . import torch_modules

    module = build(name)
    x = torch_modules.randomize(module, SIZE)[:3]
    scores = {
        "gradient": lambda output: output[:, UNIT].mean(),
        "pixel": lambda output: output[(slice(None), UNIT, *PIXEL)].mean(),
    }
    return torch_modules.reference(module, x, scores, folder / "model.pt")


def ours(name: str, folder: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    import swiftvis
    from swiftvis import backend as K
    from swiftvis.losses import Loss
    from swiftvis.optimizer import Optimizer

    from . import torch_modules

    class OfPixel(Loss):
        def build_loss(self):
            return K.mean(model.outputs[0][(slice(None), UNIT, *PIXEL)])

    module = torch_modules.restored(build(name), folder / "model.pt")
    with swiftvis.from_torch(module, torch_modules.torch.from_numpy(x[:1])) as model:
        optimizer = Optimizer(model.input, [(OfPixel(), 1)], norm_grads=False)
        return {
            "output": model.predict(x),
            "gradient": model.gradient(x, model.outputs[0], UNIT),
            "gradient:exact": model.gradient(x, model.outputs[0], UNIT, exact=True),
            "pixel": optimizer.minimize(x, max_iter=1, verbose=False)[1],
        }
