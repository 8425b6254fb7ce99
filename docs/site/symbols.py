"""What the Swift library makes public, from the compiler's symbol graph; fails where a symbol has no documentation.

python symbols.py .build/release
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlparse

MODULE = "SwiftVis"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        missing = undocumented(extract(Path(sys.argv[1]), Path(folder)))
    for line in missing:
        print(line)
    if missing:
        print(f"{len(missing)} public symbols of {MODULE} have no documentation comment")
    return 1 if missing else 0


def extract(build: Path, into: Path) -> Path:
    """Writes the symbol graphs of a finished build (`swift build`'s folder of one configuration) into a folder: the
    library's own, and those of types that it extends. Takes a tenth of a second."""
    command = ["swift", "symbolgraph-extract", "-module-name", MODULE, *modules(build)]
    command += ["-minimum-access-level", "public", "-skip-synthesized-members", "-target", target()]
    into.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, "-output-dir", str(into)], check=True)
    return into


def modules(build: Path) -> list[str]:
    """The compiler's options for finding the library and the C modules that it is built on."""
    maps = [f"-fmodule-map-file={path}" for path in sorted(build.glob("C*.build/module.modulemap"))]
    return ["-I", str(build / "Modules"), *(option for path in maps for option in ("-Xcc", path))]


def target() -> str:
    """The compiler's own target triple."""
    answer = subprocess.run(
        ["swiftc", "-print-target-info"], check=True, capture_output=True, text=True
    ).stdout
    return str(json.loads(answer)["target"]["triple"])


def undocumented(graphs: Path) -> list[str]:
    """A line "file:line: name" for every symbol that has a place in the sources and no comment there."""
    missing = []
    symbols = [
        symbol for graph in graphs.glob("*.json") for symbol in json.loads(graph.read_text())["symbols"]
    ]
    for symbol in symbols:
        place = symbol.get("location")
        if place and "docComment" not in symbol:
            file = Path(unquote(urlparse(place["uri"]).path)).name
            line = place["position"]["line"] + 1
            missing.append(f"{file}:{line}: {'.'.join(symbol['pathComponents'])}")
    return sorted(missing)


if __name__ == "__main__":
    sys.exit(main())
