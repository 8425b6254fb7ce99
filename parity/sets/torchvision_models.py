"""Every classification builder of torchvision, with `swiftvis.from_torch`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TITLE = "torchvision.models"
STEPS = {"reference": "torch", "ours": "torch"}
UNIT, SIZE = 3, 224
WITHOUT_SLOW_INITIALIZATION = ("googlenet", "inception_v3")
# One image, and for those that take any size a small one.
SLOW = {"regnet_y_128gf": 96, "regnet_x_32gf": 128, "regnet_y_32gf": 128, "efficientnet_b6": 160, "efficientnet_b7": 160,
        "efficientnet_v2_l": 160, "convnext_large": 160, "vit_h_14": SIZE, "vit_l_16": SIZE, "vgg19": SIZE,
        "vgg19_bn": SIZE, "wide_resnet101_2": SIZE, "resnext101_64x4d": SIZE}  # fmt: skip


def names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


def build(name: str):
    from torchvision import models

    options = {"init_weights": False} if name in WITHOUT_SLOW_INITIALIZATION else {}
    return models.get_model(name, weights=None, **options).eval()


def reference(name: str, folder: Path) -> dict[str, np.ndarray]:
    from . import torch_modules

    module, size = build(name), SLOW.get(name, SIZE)
    torch_modules.randomize(module, size)
    x = torch_modules.images(1 if name in SLOW else 2, size, 2)
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
