"""keras-vis's three functions here beside tf-keras-vis, which goes on from it: the whole call, pictures included."""

from __future__ import annotations

import statistics
from typing import Any

from networks import CACHE, ensure
from race import Worker, WorkerError, race

MEASURED = ("mobilenet_v2", "plain")
TURNS = {"saliency": 10, "cam": 10, "activation": 1}  # the last takes a minute there


def measure(name: str) -> dict[str, Any]:
    """Seconds by function and package."""
    ensure([name])
    return {task: compare(name, task, turns) for task, turns in TURNS.items()}


def compare(name: str, task: str, turns: int) -> dict[str, Any]:
    packages = {"swiftvis": "keras_vis_api", "tf-keras-vis": "tf_keras_vis"}
    workers = {title: Worker(peer, task, CACHE, name) for title, peer in packages.items()}
    try:
        for worker in workers.values():
            _ = worker.first  # warms up
        seconds = {
            title: {"min": min(t), "median": statistics.median(t)}
            for title, t in race(workers, turns).items()
        }
    except WorkerError as error:
        return {"skipped": str(error)}
    finally:
        for worker in workers.values():
            worker.close()
    return {"seconds": seconds, "ratio": seconds["tf-keras-vis"]["min"] / seconds["swiftvis"]["min"]}


def line(name: str, row: dict[str, Any]) -> str:
    def text(found: dict[str, Any]) -> str:
        if "skipped" in found:
            return found["skipped"]
        times = ", ".join(f"{title} {s['min'] * 1e3:.1f} ms" for title, s in found["seconds"].items())
        return f"{times}: {found['ratio']:.1f} x"

    return f"{name}: " + "; ".join(f"{task} {text(found)}" for task, found in row.items())
