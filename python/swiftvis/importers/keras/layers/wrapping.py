"""TimeDistributed: the layer inside is called for each step."""

from __future__ import annotations

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal

# Each step is a call of the whole layer or model inside.
_MOST_STEPS = 256


def steps(call: LayerCall) -> list[Tensor]:
    """The slices along the axis after the batch."""
    x = call.input
    count = x.shape[1] if x.rank > 2 else None
    if count is None or count > _MOST_STEPS:
        raise Refusal(
            f"its input has the shape {list(x.shape)}: it needs a number of steps up to {_MOST_STEPS}"
        )
    rest = x.shape[2:]
    parts = []
    for step in range(count):
        front = (0,) * (x.rank - 2)
        attributes = {
            "starts": [step, *front],
            "sizes": [1, *(-1 for _ in front)],
            "steps": [1] * (x.rank - 1),
        }
        y = call.emit("slice", [x], (None, 1, *rest), attributes, suffix=f"{step}/slice")
        sizes = _sizes(rest)
        parts.append(call.emit("reshape", [y], (None, *rest), {"shape": sizes}, suffix=f"{step}/reshape"))
    return parts


def joined(call: LayerCall, results: list[Tensor]) -> Tensor:
    rest = results[0].shape[1:]
    raised = [
        call.emit("reshape", [y], (None, 1, *rest), {"shape": [1, *_sizes(rest)]}, suffix=f"{step}/result")
        for step, y in enumerate(results)
    ]
    if len(raised) == 1:
        return call.emit("linear", raised, raised[0].shape)
    return call.emit("concatenate", raised, (None, len(raised), *rest), {"axis": 1})


def _sizes(rest: tuple[int | None, ...]) -> list[int]:
    if rest.count(None) > 1:
        raise Refusal("it needs sizes that the model leaves open")
    return [-1 if size is None else size for size in rest]
