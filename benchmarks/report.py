"""The README's tables and the chart, from benchmarks/results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import results
from networks import NETWORKS

ROOT = Path(__file__).parent.parent
CHART = ROOT / "docs" / "images" / "benchmark.svg"
START, END = "<!-- benchmark: written by make bench -->", "<!-- end of benchmark -->"
FRAMEWORKS = ("PyTorch", "TensorFlow", "JAX")


def write() -> None:
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(START)
    after = rest.split(END)[1]
    picture = f"![How much longer the others take]({CHART.relative_to(ROOT)})"
    parts = [setting(), speeds(), picture, visualizations(), processes(), accuracies()]
    text = "\n\n".join(part for part in parts if part)
    readme.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}")
    chart(CHART)
    print(f"wrote {readme.name} and {CHART.relative_to(ROOT)}")


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def setting() -> str:
    machine, peak = results.load("machine"), results.load("peak").get("machine", {})
    if not machine:
        return ""
    versions = machine["versions"]
    names = {"torch": "PyTorch", "tensorflow-cpu": "TensorFlow", "jax": "JAX"}
    peers = ", ".join(f"{title} {versions[name]}" for name, title in names.items() if name in versions)
    return (
        f"{machine['processor']}, {machine['processors']} cores, whose multiply-add peak was "
        f"{peak.get('peak', 0):.0f} GFLOP/s in the same run; {peers}; {machine['date']}. The last column counts the "
        "multiply-adds of the definition, of which Winograd's algorithm saves more than half."
    )


# ---- Speed ----


def best_of(framework: str, seconds: dict[str, dict[str, float]]) -> float | None:
    """The framework's fastest way."""
    found = [s["min"] for title, s in seconds.items() if title.split()[0] == framework]
    return min(found) if found else None


def milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value * 1e3:.{0 if value >= 0.1 else 1 if value >= 0.01 else 2}f}"


def ratio(row: dict[str, Any]) -> str:
    return "void" if row.get("void") else f"{row['ratio']:.1f}" if "ratio" in row else ""


def speeds() -> str:
    measured, peak = results.load("speed"), results.load("peak")
    rows = []
    for name, network in NETWORKS.items():
        if row := measured.get(name, {}).get("1"):
            times = [milliseconds(best_of(title, row["seconds"])) for title in ("swiftvis", *FRAMEWORKS)]
            ratios = [f"**{ratio(row)}**", *(ratio(measured[name].get(batch, {})) for batch in ("8", "25"))]
            percent = f"{peak[name]['percent']:.0f} %" if name in peak else ""
            rows.append([network.title, *times, *ratios, percent])
    head = ["network", "swiftvis (ms)", *FRAMEWORKS, "best peer / ours", "batch of 8", "25 copies", "of peak"]
    return table(head, rows) if rows else ""


def visualizations() -> str:
    rows = []
    for name, tasks in results.load("visualizations").items():
        for task, found in tasks.items():
            if "seconds" in found:
                times = [
                    milliseconds(found["seconds"][title]["min"]) for title in ("swiftvis", "tf-keras-vis")
                ]
                rows.append([NETWORKS[name].title, f"`visualize_{task}`", *times, f"{found['ratio']:.1f}"])
    return table(["network", "call", "swiftvis (ms)", "tf-keras-vis (ms)", "ratio"], rows) if rows else ""


# ---- Processes, threads, accuracy ----


def processes() -> str:
    cold, sizes = results.load("cold"), results.load("machine").get("disk", {})
    titles = {t: t for t in ("swiftvis .safetensors", "swiftvis .keras", *FRAMEWORKS)}
    rows = []
    for title in titles:
        found = [cold.get(name, {}).get(title) for name in ("mobilenet_v2", "resnet50", "vgg16")]
        if any(found):
            first = f"{found[0]['total']:.2f} s" if found[0] else ""
            peaks = [f"{f['peak']:.0f} MB" if f else "" for f in found]
            rows.append([title, first, *peaks, f"{sizes.get(title.split()[0], 0):.0f} MB"])
    head = [
        "",
        "MobileNetV2: import to first map",
        "peak memory",
        "of ResNet50",
        "of VGG16",
        "installed, with what it needs",
    ]
    return table(head, rows) if rows else ""


def accuracies() -> str:
    threads, lasting = results.load("threads"), results.load("lasting")
    sentences = []
    if errors := results.load("accuracy"):
        worst = [max(e[t] / e["PyTorch"] for e in errors.values()) for t in ("swiftvis", "swiftvis exact")]
        sentences.append(
            "The median relative error over pixels, against a float64 gradient, is at most "
            f"{worst[0]:.1f} times PyTorch's, and {worst[1]:.1f} times with `exact=True`."
        )
    if threads:
        speedups = ", ".join(f"{r['speedup']:.2f} ({NETWORKS[n].title})" for n, r in threads.items())
        sentences.append(f"Two threads against one: {speedups}.")
    if lasting:
        late = max(r["late_seconds"] / r["early_seconds"] for r in lasting.values())
        growth = max(r["late_mb"] - r["early_mb"] for r in lasting.values())
        sentences.append(f"Call 10,000 takes {late:.2f} times as long as call 10, and {growth:.1f} MB more.")
    return " ".join(sentences)


# ---- Chart ----


def chart(path: Path) -> None:
    """How much longer each framework takes, in its fastest way."""
    single = {n: r["1"] for n, r in results.load("speed").items() if "1" in r and not r["1"]["void"]}
    names = [name for name in NETWORKS if name in single]
    if not names:
        return
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    height, colors = 0.26, ("#d1693c", "#e3a63d", "#6a9a58")
    figure, axes = plt.subplots(figsize=(8, 0.4 + 0.55 * len(names)), layout="constrained")
    for i, (framework, color) in enumerate(zip(FRAMEWORKS, colors, strict=True)):
        for row, name in enumerate(names):
            ours, theirs = (best_of(t, single[name]["seconds"]) for t in ("swiftvis", framework))
            if theirs is not None:
                label, place = framework if row == 0 else None, row + (i - 1) * height
                bar = axes.barh(place, theirs / ours, height * 0.9, color=color, label=label)
                axes.bar_label(bar, fmt="%.1f", padding=2, fontsize=7)
    axes.axvline(1, color="#2b5d8a", linewidth=2, label="swiftvis")
    labels = [
        f"{NETWORKS[n].title}\n{milliseconds(best_of('swiftvis', single[n]['seconds']))} ms" for n in names
    ]
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(0.8)
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.set_xlabel("time of one gradient, in times of swiftvis's")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
