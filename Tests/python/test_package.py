"""The installed wheel itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

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


def test_another_librarys_version_is_refused(monkeypatch) -> None:
    from swiftvis import _native

    class Old:
        SV_VERSION_MAJOR, SV_VERSION_MINOR, SV_VERSION_PATCH = 9, 9, 9
        sv_version = staticmethod(_native.lib.sv_version)

    monkeypatch.setattr(_native, "lib", Old)
    try:
        _native.check_version()
    except ImportError as error:
        assert "reinstall" in str(error)
    else:
        raise AssertionError("another version was accepted")
