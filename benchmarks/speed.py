"""Milliseconds for a gradient, swiftvis beside its peers, at some batch sizes."""

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
    "PyTorch folded": ("torch", "folded"),
    "PyTorch compile": ("torch", "compile"),
    "TensorFlow": ("tensorflow", "graph"),
    "TensorFlow XLA": ("tensorflow", "XLA"),
    "JAX": ("jax", "jit"),
}
NEAR = 2  # times the fastest: some gain more from a batch than others
AGREEMENT = 1e-2  # of correlation with the first peer: roundings flip ReLUs, and the peers differ by 4e-4 on InceptionV3


def measure(name: str, batches: list[int], turns: int, peers: list[str]) -> dict[str, Any]:
    """A row for each batch size. Peers far behind the fastest one at the first sit the others out."""
    ensure([name])
    ways = {OURS: ("swiftvis", "")} | {title: PEERS[title] for title in peers}
    skipped, rows = {}, {}
    with ExitStack() as stack:
        workers = {t: stack.enter_context(Worker(*way, CACHE, name)) for t, way in ways.items()}
        for title in ways:
            try:
                _ = workers[title].first
            except WorkerError as error:
                del workers[title]
                skipped[title] = str(error)
                print(f"  skipped: {error}", flush=True)
        for batch in batches:
            row = rows[str(batch)] = compare(workers, batch, turns)
            print(f"  {name} x {batch}: {line(row)}", flush=True)
            fastest = min((row["seconds"][t]["min"] for t in workers if t != OURS), default=0)
            workers = {
                t: w for t, w in workers.items() if row["seconds"][t]["min"] <= NEAR * fastest or t == OURS
            }
    return rows | {"skipped": skipped}


def compare(workers: dict[str, Worker], batch: int, turns: int) -> dict[str, Any]:
    """Seconds by framework; the row is void where a framework computes something else."""
    for worker in workers.values():
        worker.ask("prepare", batch=batch)  # which runs once, and the gradient once more: that warms up
    gradients = {title: worker.gradient() for title, worker in workers.items()}
    reference = next((g for title, g in gradients.items() if title != OURS), gradients[OURS])
    agreement = {title: disagreement(g, reference) for title, g in gradients.items()}
    seconds = {
        title: {"min": min(t), "median": statistics.median(t), "calls": len(t)}
        for title, t in race(workers, turns).items()
    }
    void = any(not a["decorrelation"] < AGREEMENT for a in agreement.values())
    return {"void": void, "seconds": seconds, "agreement": agreement, **comparison(seconds)}


def comparison(seconds: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The fastest peer, and its time by ours."""
    peers = [title for title in seconds if not title.startswith(OURS)]
    if not peers:
        return {}
    best = min(peers, key=lambda title: seconds[title]["min"])
    ratios = {kind: seconds[best][kind] / seconds[OURS][kind] for kind in ("min", "median")}
    return {"best": best, "ratio": ratios["min"], "median_ratio": ratios["median"]}


def line(row: dict[str, Any]) -> str:
    cells = [f"{title} {s['min'] * 1e3:.2f} ({s['median'] * 1e3:.2f})" for title, s in row["seconds"].items()]
    verdict = "VOID, gradients differ" if row["void"] else f"{row.get('ratio', 0):.2f} x"
    return f"{', '.join(cells)}: {verdict}"
