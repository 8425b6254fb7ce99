"""The notebooks of examples/ run from their first cell to their last, and draw what they showed when they were committed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
NEEDS = {"regression": ("keras", "jax", "sklearn")}


def pictures(notebook) -> list[int]:
    """How many pictures each cell draws."""
    return [
        sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        for cell in notebook.cells
    ]


def test_the_notebooks_are_found() -> None:
    assert {path.stem for path in NOTEBOOKS} == {"imagenet", "regression", "tour"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, tmp_path: Path) -> None:
    missing = [name for name in ("matplotlib", *NEEDS.get(path.stem, ())) if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    for folder in ("images", "models"):
        (tmp_path / folder).symlink_to(EXAMPLES / folder)
    notebook = nbformat.read(path, 4)
    expected = pictures(notebook)
    # Files that the cells write go to the temporary folder.
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    assert pictures(notebook) == expected
    assert sum(expected) >= 3
