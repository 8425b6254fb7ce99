"""The table of all sets, as docs/parity.md and docs/parity.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
OUTPUT, GRADIENT = 1e-4, 1e-3
PACKAGES = ("keras", "jax", "torch", "torchvision", "onnx", "onnxruntime", "numpy")
PEERS = ("PyTorch", "JAX")
Row = dict[str, Any]
Rows = dict[str, Row]

HEADER = """# Networks of other frameworks, measured

`make parity` prints this table and writes it; `python parity/run.py --only SET --networks NAME...` measures single networks.
Weights are random and seeded, the statistics of batch normalizations measured, and every rectifier's bend lies some
deviations from the mean (`parity/sets/conditioning.py`): with plain random weights rounding moves gradients by percents.

- **output**: the largest difference of the outputs from float64, relative to the largest. Target: 1e-4.
- **gradient**: of the gradient of a class's score at the image, the largest difference relative to the largest value, for
  the median image. Target: 1e-3. `exact` is with `exact=True`, without Winograd's algorithm; then the frameworks' own in
  float32.
- **jumps**: how many images are off by more than 1e-3; ours, then the peers'. The likely cause, of which no
  case was traced to its end: a rectifier or a pool whose inputs are within rounding of each other decides otherwise than in
  float64, and the gradient jumps.
- **median / peer**: the median relative error of the gradient's pixels by that of the worse peer: 1 is a framework's own
  rounding. Then the same with `exact=True`.

**measured** counts the networks whose row is below; the others of a set have not been run yet, and `make parity` runs them.
"""


def verdict(row: Row) -> str:
    """Empty where all is as it should be."""
    if "failed" in row:
        return f"{row['failed']}: {row['reason']}"
    if "cases" in row:
        return ", ".join(f"{name} ({why})" for name, why in row["failures"].items())
    problems = []
    if not row["output"] <= OUTPUT:
        problems.append(f"output {row['output']:.1e}")
    for kind, errors in row["gradients"].items():
        if not errors["swiftvis"]["typical"] <= GRADIENT:
            problems.append(f"{kind} {errors['swiftvis']['typical']:.1e}")
    return ", ".join(problems)


def multiple(errors: dict[str, dict[str, float]], title: str) -> float | None:
    """Our median error by the worse peer's."""
    peers = [errors[peer]["median"] for peer in PEERS if peer in errors]
    return errors[title]["median"] / max(peers) if peers and title in errors and max(peers) else None


def write(sets: dict[str, Rows], names: dict[str, list[str]]) -> str:
    """Writes both files and returns the summary. `names` are all networks of each set, measured or not."""
    summary = _summary(sets, names)
    parts = [HEADER, _versions(), summary, *(_section(name, rows) for name, rows in sets.items())]
    (DOCS / "parity.md").write_text("\n".join(parts))
    (DOCS / "parity.json").write_text(json.dumps({"versions": _found(), "sets": sets}, indent=1) + "\n")
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
    lines = ["| set | networks | measured | pass | failures |", "|---|---:|---:|---:|---|"]
    for name, rows in sets.items():
        failures = ", ".join(network for network, row in rows.items() if verdict(row)) or "none"
        passed = sum(not verdict(row) for row in rows.values())
        cells = (_title(name), len(names[name]), len(rows), passed, failures)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _section(name: str, rows: Rows) -> str:
    lines = [f"## {_title(name)}\n", (import_module(f"sets.{name}").__doc__ or "").strip() + "\n"]
    columns = (
        "network",
        "input",
        "parameters",
        "output",
        "gradient",
        "exact",
        *PEERS,
        "jumps",
        "median / peer",
        "exact",
        "",
    )
    lines += ["| " + " | ".join(columns) + " |", "|---|---|" + "---:|" * 9 + "---|"]
    notes: list[str] = []
    for network, row in rows.items():
        if "failed" in row:
            lines.append(f"| {network} |" + " |" * 10 + f" FAILED, {_escaped(verdict(row))} |")
        elif "cases" in row:
            left_out = ", ".join(f"{count} {why}" for why, count in row["left out"].items())
            lines.append(f"| {network} |" + " |" * 10 + f" {row['passed']} of {row['cases']} pass |")
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
            f"{row['output']:.1e}",
        ]
        cells += [f"{errors[t]['typical']:.1e}" if t in errors else "" for t in ("swiftvis", "exact", *PEERS)]
        jumps = [str(errors[t]["jumps"]) for t in ("swiftvis", *PEERS) if t in errors]
        cells.append(f"{', '.join(jumps)} of {errors['swiftvis']['images']}" if jumps else "")
        cells += [f"{m:.1f}" if (m := multiple(errors, t)) else "" for t in ("swiftvis", "exact")]
        problem = verdict(row)
        yield "| " + " | ".join([*cells, f"DIFFERENT, {_escaped(problem)}" if problem else "ok"]) + " |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
