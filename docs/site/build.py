"""Builds the documentation site: DocC for Swift, pdoc for Python, the guides of docs/, and a front page to all.

python docs/site/build.py build/swift/release build/docs [/path/of/the/site/on/its/server]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import links
import pages
import pdoc
import snippets
import symbols

import swiftvis  # noqa: F401, what python() documents

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CATALOGUE = ROOT / "Sources" / "SwiftVis" / "SwiftVis.docc"


def main() -> int:
    build, site = Path(sys.argv[1]), Path(sys.argv[2])
    base = sys.argv[3].strip("/") if len(sys.argv) > 3 else ""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    problems = swift(build, site / "swift", f"{base}/swift".strip("/"))
    python(site / "python")
    pages.write(ROOT / "docs", site)
    problems += links.broken(site, base)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def swift(build: Path, out: Path, base: str) -> list[str]:
    """DocC's archive, whose pages a plain web server shows. Returns what is wrong: public symbols without
    documentation, code of the articles that does not compile, and whether DocC warned."""
    with tempfile.TemporaryDirectory() as folder:
        missing = symbols.undocumented(symbols.extract(build, Path(folder)))
        docc = ["xcrun", "docc"] if sys.platform == "darwin" else ["docc"]
        command = [*docc, "convert", str(CATALOGUE), "--additional-symbol-graph-dir", folder]
        command += ["--fallback-display-name", symbols.MODULE, "--fallback-bundle-identifier", "swiftvis"]
        command += ["--transform-for-static-hosting", "--hosting-base-path", base, "--warnings-as-errors"]
        status = subprocess.run([*command, "--output-dir", str(out)]).returncode
    problems = [f"no documentation comment: {symbol}" for symbol in missing] + snippets.wrong(
        CATALOGUE, build
    )
    return [*problems, "docc: its messages are above"] if status else problems


def python(out: Path) -> None:
    """The pages of every public module. What has no docstring (constructors that users do not call) is left out."""
    modules = [module for name, module in sys.modules.items() if name.startswith("swiftvis")]
    for alias in ("BackpropModifier", "Choices"):  # by name, since they are explained where they belong
        for module in modules:
            if hasattr(module, alias):
                setattr(module, alias, type(alias, (), {"__module__": "builtins"}))
    pdoc.render.configure(
        docformat="google", include_undocumented=False, show_source=False, template_directory=HERE / "pdoc"
    )
    pdoc.pdoc("swiftvis", output_directory=out)


if __name__ == "__main__":
    sys.exit(main())
