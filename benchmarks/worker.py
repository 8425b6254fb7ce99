"""One framework with one network in a process of its own, driven over a pipe: a JSON object a line, both ways.

usage: python worker.py PEER VARIANT FOLDER NAME

Its first line tells the seconds that importing, loading and the first map took, and the peak of its memory then.
"""

from __future__ import annotations

import time

START = time.perf_counter()

import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402


def memory(field: str = "VmHWM") -> float:
    """In MB: VmHWM is the peak so far, VmRSS what is resident now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main(peer_name: str, variant: str, folder: str, name: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a framework prints stays out of the protocol

    def answer(**what: object) -> None:
        print(json.dumps(what), file=answers, flush=True)

    peer = importlib.import_module(f"peers.with_{peer_name}")
    imported = time.perf_counter()
    import numpy as np
    from networks import images

    batch = images(name)
    began = time.perf_counter()
    prepare = peer.open_network(Path(folder), name, variant)
    loaded = time.perf_counter()
    call = prepare(batch)
    np.abs(peer.as_array(call())).max(-1)
    seconds = {"import": imported - START, "load": loaded - began, "first": time.perf_counter() - loaded}
    answer(seconds=seconds, peak=memory())

    for line in sys.stdin:
        command = json.loads(line)
        match command.pop("do"):
            case "prepare":
                call = prepare(images(name, command["batch"]))
                call()
                answer()
            case "threads":
                peer.set_threads(command["count"])
                call()
                answer()
            case "gradient":
                np.save(command["path"], peer.as_array(call()))
                answer()
            case "run":
                times, end = [], time.perf_counter() + command["seconds"]
                while not times or time.perf_counter() < end:
                    before = time.perf_counter()
                    call()
                    times.append(time.perf_counter() - before)
                answer(times=times)
            case "calls":
                before = time.perf_counter()
                for _ in range(command["count"]):
                    call()
                answer(seconds=time.perf_counter() - before, resident=memory("VmRSS"), peak=memory())


if __name__ == "__main__":
    main(*sys.argv[1:])
