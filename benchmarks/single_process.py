"""What concerns a process as a whole: cold start, peak memory, thousands of calls, and threads."""

from __future__ import annotations

import time
from typing import Any

from networks import CACHE, ensure
from race import Worker, WorkerError, race

COLD = {
    "swiftvis .safetensors": ("swiftvis", "safetensors"),
    "swiftvis .keras": ("swiftvis", ""),
    "PyTorch": ("torch", "channels_last"),
    "TensorFlow": ("tensorflow", "eager"),
    "JAX": ("jax", "jit uncached"),
}
COLD_RUNS = {"mobilenet_v2": 3, "resnet50": 2, "vgg16": 2}


def cold(name: str) -> dict[str, Any]:
    """From import over loading to the first map, and the memory it took; files are in the page cache."""
    ensure([name])
    runs: dict[str, list[dict[str, float]]] = {}
    for _ in range(COLD_RUNS.get(name, 2)):
        for title, (peer, variant) in COLD.items():
            began = time.perf_counter()
            try:
                with Worker(peer, variant, CACHE, name) as worker:
                    process = time.perf_counter() - began
                    parts = worker.first["seconds"]
                    run = parts | {"total": sum(parts.values()), "process": process}
                    runs.setdefault(title, []).append(run | {"peak": worker.first["peak"]})
            except WorkerError as error:
                print(f"  skipped: {error}", flush=True)
    return {title: {key: min(run[key] for run in all_) for key in all_[0]} for title, all_ in runs.items()}


def lasting(name: str, count: int = 10_000, block: int = 100) -> dict[str, float]:
    """Time and memory of the calls behind the 10th, and behind the 9,000th."""
    ensure([name])
    with Worker("swiftvis", "", CACHE, name) as worker:
        worker.ask("calls", count=9)  # with the first, ten
        blocks = [worker.ask("calls", count=block) for _ in range(count // block)]

    def best(some: list[dict[str, float]]) -> float:
        return min(b["seconds"] for b in some) / block

    memory = {"early_mb": blocks[0]["resident"], "late_mb": blocks[-1]["resident"]}
    return {"early_seconds": best(blocks[:10]), "late_seconds": best(blocks[-10:]), **memory}


def threads(name: str, turns: int) -> dict[str, Any]:
    """swiftvis on one thread and on two."""
    ensure([name])
    with Worker("swiftvis", "", CACHE, name) as one, Worker("swiftvis", "", CACHE, name) as two:
        one.ask("threads", count=1)
        two.ask("threads", count=2)
        times = race({"one": one, "two": two}, turns)
    best = {key: min(t) for key, t in times.items()}
    return {**best, "speedup": best["one"] / best["two"]}


def line(name: str, row: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        if isinstance(value, dict):
            return f"{value['total']:.2f} s, {value['peak']:.0f} MB"
        return f"{value:.4g}"

    return f"{name}: " + ", ".join(f"{key} {text(value)}" for key, value in row.items())
