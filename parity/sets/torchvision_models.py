"""Every classification builder of torchvision, with `swiftvis.from_torch`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

TITLE = "torchvision.models"
STEPS = {"ours": "torch"}
UNIT = 3
WITHOUT_SLOW_INITIALIZATION = ("googlenet", "inception_v3")
# Two images of 224 x 224 instead of six of 96 x 96.
TRANSFORMERS = ("vit", "swin", "maxvit")
# One image.
SLOW = ("regnet_y_128gf", "vit_h_14", "vit_l_16", "vit_l_32", "swin_b", "swin_v2_b")


def names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


@cache
def build(name: str):
    from torchvision import models

    options = {"init_weights": False} if name in WITHOUT_SLOW_INITIALIZATION else {}
    return models.get_model(name, weights=None, **options).eval()


def reference(name: str, folder: Path) -> dict[str, np.ndarray]:
    from . import torch_modules

    count, size = (2, 224) if name.startswith(TRANSFORMERS) else (6, 96)
    module = build(name)
    torch_modules.randomize(module, size)
    x = torch_modules.images(1 if name in SLOW else count, size, 2)
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
