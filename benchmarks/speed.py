"""Milliseconds for a gradient, swiftvis beside its peers, at one batch size."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import Any

from networks import CACHE, ensure
from race import Worker, WorkerError, disagreement, race

OURS = "swiftvis"
PEERS = {
    "PyTorch": ("torch", "NCHW"),
    "PyTorch channels_last": ("torch", "channels_last"),
    "PyTorch compile": ("torch", "compile"),
    "TensorFlow": ("tensorflow", "graph"),
    "TensorFlow XLA": ("tensorflow", "XLA"),
    "JAX": ("jax", "jit"),
}
COMPILERS = ("PyTorch compile", "TensorFlow XLA", "JAX")  # which take a minute a network before they run
AGREEMENT = 1e-3  # of correlation with the first peer; rounding can flip a ReLU, which moves a few pixels


def measure(name: str, batch: int, turns: int, peers: list[str]) -> dict[str, Any]:
    """Seconds by framework; the row is void where a framework computes something else."""
    ensure([name])
    skipped, workers, agreement = {}, {}, {}
    with ExitStack() as stack:
        for title, (peer, variant) in ({OURS: ("swiftvis", "")} | {p: PEERS[p] for p in peers}).items():
            try:
                workers[title] = stack.enter_context(Worker(peer, variant, CACHE, name))
                workers[title].ask("prepare", batch=batch)
            except WorkerError as error:
                workers.pop(title, None)
                skipped[title] = str(error)
                print(f"  skipped: {error}", flush=True)
        gradients = {title: worker.gradient() for title, worker in workers.items()}
        reference = next((g for title, g in gradients.items() if title != OURS), gradients[OURS])
        agreement = {title: disagreement(g, reference) for title, g in gradients.items()}
        race(workers, 1)  # warms up
        times = race(workers, turns)
    row: dict[str, Any] = {"batch": batch, "turns": turns, "skipped": skipped, "agreement": agreement}
    row["void"] = any(not a["decorrelation"] < AGREEMENT for a in agreement.values())
    row["seconds"] = {
        title: {"min": min(t), "median": statistics.median(t), "calls": len(t)} for title, t in times.items()
    }
    return row | comparison(row["seconds"])


def comparison(seconds: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The fastest peer, and its time by ours."""
    peers = [title for title in seconds if not title.startswith(OURS)]
    if not peers:
        return {}
    best = min(peers, key=lambda title: seconds[title]["min"])
    ratios = {kind: seconds[best][kind] / seconds[OURS][kind] for kind in ("min", "median")}
    return {"best": best, "ratio": ratios["min"], "median_ratio": ratios["median"]}


def finalists(single: dict[str, Any], within: float = 1.3) -> list[str]:
    """The peers that came near the fastest one at one image; the others sit the batches out."""
    seconds = {title: s["min"] for title, s in single.get("seconds", {}).items() if title in PEERS}
    if not seconds:
        return [title for title in PEERS if title not in COMPILERS]
    return [title for title, s in seconds.items() if s <= within * min(seconds.values())]


def line(name: str, row: dict[str, Any]) -> str:
    cells = [f"{title} {s['min'] * 1e3:.2f} ({s['median'] * 1e3:.2f})" for title, s in row["seconds"].items()]
    verdict = "VOID, gradients differ" if row["void"] else f"{row.get('ratio', 0):.2f} x"
    return f"{name} x {row['batch']}: {', '.join(cells)}: {verdict}"
