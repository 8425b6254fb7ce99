"""Layers that the caller replaces, since their own code is never run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from swiftvis.errors import ModelError
from swiftvis.importers.keras.topology import LayerConfig
from swiftvis.replacements import Identity, Replacement, Rescaling

HINT = (
    "A Lambda or another layer of one input that only scales it can be given instead: "
    'load_model(path, replace={"%s": swiftvis.Rescaling(1 / 127.5, -1)}), or swiftvis.Identity().'
)


def replaced(
    root: LayerConfig,
    replace: Mapping[str, Replacement],
    refusal: Callable[[LayerConfig], str | None],
    channels_first: bool,
) -> None:
    """Puts replacements in the place of layers, known by their names, or "model/layer" inside a nested model.

    Raises:
        ModelError: there is no such layer, or it needs no replacement.
    """
    layers = dict(_paths(root, ""))
    for path, replacement in replace.items():
        layer = layers.get(path)
        if layer is None or not (refusal(layer) or layer.class_name == "Activation"):
            names = [name for name, other in layers.items() if refusal(other)]
            raise ModelError(
                f"replace: {'there is no layer' if layer is None else 'swiftvis computes layer'} '{path}'; what can be "
                f"replaced here: {', '.join(names) or 'nothing'}"
            )
        _replace(layer, replacement, channels_first)


def _paths(model: LayerConfig, path: str) -> Iterator[tuple[str, LayerConfig]]:
    for child in model.children:
        own = f"{path}/{child.name}" if path else child.name
        if child.children:
            yield from _paths(child, own)
        else:
            yield own, child


def _replace(layer: LayerConfig, replacement: Replacement, channels_first: bool) -> None:
    options: dict[str, Any] = {"name": layer.name}
    if isinstance(replacement, Rescaling):
        options |= {
            key: list(value) if not isinstance(value, (int, float)) else value
            for key, value in (("scale", replacement.scale), ("offset", replacement.offset))
        }
        options["data_format"] = "channels_first" if channels_first else "channels_last"
    layer.class_name = "Identity" if isinstance(replacement, Identity) else "Rescaling"
    layer.options, layer.is_custom, layer.is_operation, layer.refusal = options, False, False, None
