"""The table of all sets, as docs/parity.md and docs/parity.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
JSON = DOCS / "parity.json"
OUTPUT, GRADIENT = 1e-4, 1e-3
MULTIPLE = 2  # of the peer's median error, with exact=True: two roundings scatter
PACKAGES = ("keras", "jax", "torch", "torchvision", "onnx", "onnxruntime", "numpy")
PEERS = ("PyTorch", "JAX")
Row = dict[str, Any]
Rows = dict[str, Row]

HEADER = """# Networks of other frameworks, measured

`make parity` prints this table and writes it; `python parity/run.py --only SET --networks NAME...` measures single networks.
Weights are random and seeded, the statistics of batch normalizations measured, and every rectifier's bend lies some
deviations from the mean (`parity/sets/conditioning.py`): with plain random weights rounding moves gradients by percents.

- **output**: the largest difference of the outputs from float64, relative to the largest; then the worse peer's in float32.
  Target: 1e-4, or what float32 costs the peer.
- **gradient**: of the gradient of a class's score at the image, the largest difference relative to the largest value, for
  the median image. Target: 1e-3, or the worse peer's. `exact` is with `exact=True`, without Winograd's algorithm; then the
  frameworks' own in float32. Where only `exact` is within the target, the summary says so.
- **jumps**: how many images are off by more than 1e-3; ours, then the peers'. A rectifier or a pool whose inputs are within
  rounding of each other decides otherwise than in float64, and the gradient jumps. Traced to that were: in a ResNet50 one
  rectifier of layer2.3, off by 5e-7 in a map of up to 21; in GoogLeNet one window of inception3a's pool, whose two largest
  values differ by 3e-8 of 2.7, and one of inception3b's, which PyTorch decides as we do; in a VGG13 with batch
  normalization four windows of two pools, within 5e-7 and less, two of them in PyTorch too.
- **median / peer**: the median relative error of the gradient's pixels by that of the worse peer: 1 is a framework's own
  rounding. Then the same with `exact=True`, target: 2, since two roundings scatter. Winograd's algorithm, the default of
  3 x 3 convolutions, rounds up to eight times as much, and so has more jumps: most in VGGs with batch normalization, where
  5 images have 1.4 million windows to decide.

**measured** counts the networks whose row is below; the others of a set have not been run yet, and `make parity` runs them.
"""


def verdict(row: Row) -> str:
    """Empty where all is as it should be."""
    if "failed" in row:
        return f"{row['failed']}: {row['reason']}"
    if "cases" in row:
        return ", ".join(f"{name} ({why})" for name, why in row["failures"].items())
    problems = []
    if not row["output"]["swiftvis"] <= max(OUTPUT, *_peers(row["output"])):
        problems.append(f"output {row['output']['swiftvis']:.1e}")
    for kind, errors in row["gradients"].items():
        largest = _largest(errors)
        if not min(largest["swiftvis"], largest.get("exact", math.inf)) <= _allowed(largest):
            problems.append(f"{kind} {largest['swiftvis']:.1e}")
        if (times := multiple(errors, "exact") or 0) > MULTIPLE:
            problems.append(f"{kind} with exact=True: {times:.1f} times the peer's median error")
    return ", ".join(problems)


def only_exact(row: Row) -> bool:
    """Whether some gradient is within the target with `exact=True`, but not without."""
    each = map(_largest, row.get("gradients", {}).values())
    return not verdict(row) and any(not largest["swiftvis"] <= _allowed(largest) for largest in each)


def _largest(errors: dict[str, dict[str, float]]) -> dict[str, float]:
    return {title: error["typical"] for title, error in errors.items()}


def _allowed(largest: dict[str, float]) -> float:
    return max(GRADIENT, *_peers(largest))


def _peers(errors: dict[str, Any]) -> list[Any]:
    return [errors[peer] for peer in PEERS if peer in errors] or [0]


def multiple(errors: dict[str, dict[str, float]], title: str) -> float | None:
    """Our median error by the worse peer's."""
    peer = max(_peers({title: error["median"] for title, error in errors.items()}))
    return errors[title]["median"] / peer if peer and title in errors else None


def rows(title: str) -> Rows:
    """Of the networks of a set that have been measured."""
    return _stored().get(title, {})


def keep(title: str, name: str, row: Row) -> None:
    sets = _stored()
    _store(sets | {title: sets.get(title, {}) | {name: row}})


def drop(title: str, names: list[str]) -> None:
    _store(_stored() | {title: {name: row for name, row in rows(title).items() if name not in names}})


def _stored() -> dict[str, Rows]:
    return json.loads(JSON.read_text())["sets"] if JSON.exists() else {}


def _store(sets: dict[str, Rows]) -> None:
    JSON.write_text(json.dumps({"versions": _found(), "sets": sets}, indent=1) + "\n")


def write(names: dict[str, list[str]]) -> str:
    """Writes the document and returns the summary. `names` are all networks of each set, measured or not."""
    found = {title: rows(title) for title in names}
    sets = {
        title: {name: found[title][name] for name in names[title] if name in found[title]} for title in names
    }
    _store(sets)
    summary = _summary(sets, names)
    parts = [HEADER, _versions(), summary, *(_section(name, rows) for name, rows in sets.items())]
    (DOCS / "parity.md").write_text("\n".join(parts))
    return summary


def _found() -> dict[str, str]:
    found = {}
    for name in ("swiftvis", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _versions() -> str:
    return "Measured with " + ", ".join(f"{name} {number}" for name, number in _found().items()) + ".\n"


def _title(name: str) -> str:
    return import_module(f"sets.{name}").TITLE


def _summary(sets: dict[str, Rows], names: dict[str, list[str]]) -> str:
    lines = ["| set | networks | measured | pass | of them only with exact=True | failures |"]
    lines.append("|---|---:|---:|---:|---|---|")
    for name, rows in sets.items():
        failures = ", ".join(network for network, row in rows.items() if verdict(row)) or "none"
        passed = sum(not verdict(row) for row in rows.values())
        exact = ", ".join(network for network, row in rows.items() if only_exact(row)) or "none"
        cells = (_title(name), len(names[name]), len(rows), passed, exact, failures)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _section(name: str, rows: Rows) -> str:
    lines = [f"## {_title(name)}\n", (import_module(f"sets.{name}").__doc__ or "").strip() + "\n"]
    columns = (
        "network",
        "input",
        "parameters",
        "output",
        "peer's",
        "gradient",
        "exact",
        *PEERS,
        "jumps",
        "median / peer",
        "exact",
        "",
    )
    lines += ["| " + " | ".join(columns) + " |", "|---|---|" + "---:|" * 10 + "---|"]
    notes: list[str] = []
    for network, row in rows.items():
        if "failed" in row:
            lines.append(f"| {network} |" + " |" * 11 + f" FAILED, {_escaped(verdict(row))} |")
        elif "cases" in row:
            left_out = ", ".join(f"{count} {why}" for why, count in row["left out"].items())
            lines.append(f"| {network} |" + " |" * 11 + f" {row['passed']} of {row['cases']} pass |")
            notes.append(f"Left out of {network}: {left_out}.\n")
            notes += [f"- {name}: {_escaped(why)}" for name, why in row["failures"].items()]
        else:
            lines += _lines(network, row)
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def _lines(network: str, row: Row) -> Iterable[str]:
    size = " x ".join(map(str, row["input"]))
    for kind, errors in (row["gradients"] or {"gradient": {}}).items():
        title = network if kind == "gradient" else f"{network}, {kind}"
        cells = [
            title,
            size,
            f"{row['parameters'] / 1e6:.1f} M" if row["parameters"] else "",
            f"{row['output']['swiftvis']:.1e}",
            f"{peer:.1e}" if (peer := max(_peers(row["output"]))) else "",
        ]
        cells += [f"{errors[t]['typical']:.1e}" if t in errors else "" for t in ("swiftvis", "exact", *PEERS)]
        jumps = [str(errors[t]["jumps"]) for t in ("swiftvis", *PEERS) if t in errors]
        cells.append(f"{', '.join(jumps)} of {errors['swiftvis']['images']}" if jumps else "")
        cells += [f"{m:.1f}" if (m := multiple(errors, t)) else "" for t in ("swiftvis", "exact")]
        problem = verdict(row)
        passes = "ok with exact=True" if only_exact(row) else "ok"
        yield "| " + " | ".join([*cells, f"DIFFERENT, {_escaped(problem)}" if problem else passes]) + " |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
