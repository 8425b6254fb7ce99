"""The installed wheel itself."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

import swiftvis


def test_version() -> None:
    assert swiftvis.__version__ == version("swiftvis")


def test_it_is_installed() -> None:
    folder = Path(swiftvis.__file__).parent
    assert "site-packages" in folder.parts
    assert (folder / "py.typed").exists() and list(folder.glob("_abi.abi3.*"))


def test_import_is_light() -> None:
    code = "import sys, swiftvis; print(*{'h5py', 'PIL', 'matplotlib', 'scipy', 'cffi', 'argparse'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.fixture
def doctored(tmp_path: Path) -> Callable[..., str]:
    """Imports a copy of the package with another library; answers with the error."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if not shutil.which(compiler[0]):
        pytest.skip("no C compiler to make another library with")
    header = Path(__file__).parents[2] / "Sources" / "CSwiftVis" / "include" / "swiftvis.h"
    functions = set(re.findall(r"^[a-z].*\b(sv_[a-z_]+)\(", header.read_text(), re.MULTILINE)) - {
        "sv_version"
    }

    def imported(number: int, without: str = "") -> str:
        package = shutil.copytree(Path(swiftvis.__file__).parent, tmp_path / "swiftvis")
        (library,) = package.glob("libswiftvis.*")
        source = tmp_path / "library.c"
        lines = [f"int {name}(void) {{ return 0; }}" for name in sorted(functions - {without})]
        source.write_text("\n".join([f"int sv_version(void) {{ return {number}; }}", *lines]))
        subprocess.run([*compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        done = subprocess.run(
            [sys.executable, "-c", "import swiftvis"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()[-1]

    return imported


def test_a_library_of_another_version_is_refused(doctored) -> None:
    message = doctored(90807)
    assert message == (
        f"ImportError: swiftvis {swiftvis.__version__} found a native library of version 9.8.7 beside it: "
        "reinstall the package"
    )


def test_a_library_without_a_function_is_refused(doctored) -> None:
    message = doctored(90807, without="sv_session_forward")
    assert message.startswith("ImportError: swiftvis's native library could not be loaded (")
    assert "sv_session_forward" in message and "of another version: reinstall the package" in message
