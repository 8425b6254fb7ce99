"""Type-checks the Swift code of the catalogue: whole programs, and the other blocks of an article one after the other."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import symbols

# What the articles talk about without making it.
GIVEN = "model: Model, photo: Image<UInt8>, photos: [Image<UInt8>]"


def wrong(catalogue: Path, build: Path) -> list[str]:
    """What the compiler says against them, by article; `build` is as for symbols.extract."""
    problems = []
    for article in sorted(catalogue.glob("*.md")):
        blocks = re.findall(r"^```swift\n(.*?)^```", article.read_text(), re.DOTALL | re.MULTILINE)
        for number, program in enumerate(programs(blocks)):
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder, "main.swift")
                source.write_text(program)
                command = [
                    "swiftc",
                    "-typecheck",
                    "-swift-version",
                    "6",
                    *symbols.modules(build),
                    str(source),
                ]
                answer = subprocess.run(command, capture_output=True, text=True)
            if answer.returncode:
                problems.append(f"{article.name}, program {number + 1}: {answer.stderr.replace(folder, '')}")
    return problems


def programs(blocks: list[str]) -> list[str]:
    """Whole programs stand alone, parts of a manifest are not checked, and the rest of an article is one function."""
    whole = [block for block in blocks if block.startswith("import ")]
    rest = [block for block in blocks if block not in whole and not block.startswith("platforms:")]
    outside = [block for block in rest if block.startswith("extension ")]
    inside = [block for block in rest if block not in outside]
    if not rest:
        return whole
    body = "".join(outside) + f"func article({GIVEN}) async throws {{\n" + "".join(inside) + "}\n"
    return [*whole, "import Foundation\nimport SwiftVis\n" + body]
