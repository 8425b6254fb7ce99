"""Builds the Swift library and the Python extension that binds it; everything else is in pyproject.toml."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.errors import PlatformError

ROOT = Path(__file__).resolve().parent
SCRATCH = ROOT / "build" / "swift"
INCLUDE = ROOT / "Sources" / "CSwiftVis" / "include"
MACOS = sys.platform == "darwin"
LIBRARY = "libswiftvis.dylib" if MACOS else "libswiftvis.so"
if MACOS:  # the wheel's tag; Package.swift has the same
    os.environ.setdefault("MACOSX_DEPLOYMENT_TARGET", "15.0")
SWIFT = (6, 3)


def version() -> str:
    header = (INCLUDE / "swiftvis.h").read_text()
    return ".".join(re.findall(r"#define SV_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))


def check_tools() -> None:
    """One sentence for each tool that may be missing, before any compiler speaks."""
    wanted = ".".join(map(str, SWIFT))
    if not shutil.which("swift"):
        raise PlatformError(
            f"swiftvis needs the Swift toolchain {wanted} or newer to build, and `swift` is not on PATH."
        )
    answer = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"Swift version (\d+)\.(\d+)", answer)
    if found and tuple(map(int, found.groups())) < SWIFT:
        raise PlatformError(
            f"swiftvis needs the Swift toolchain {wanted} or newer to build; `swift` is {found[1]}.{found[2]}"
        )
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if not shutil.which(compiler):
        raise PlatformError(
            f"swiftvis needs a C compiler to build, and `{compiler}` is not on PATH (install gcc or clang)."
        )
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        raise PlatformError(
            "swiftvis needs the headers of this Python to build (Debian: apt install python3-dev)."
        )


def build_library() -> Path:
    """Builds the Swift library with its runtime linked in. SwiftPM rebuilds only what changed."""
    command = ["swift", "build", "-c", "release", "--product", "swiftvis", "--scratch-path", str(SCRATCH)]
    if not MACOS:  # whose runtime is part of the system
        command += ["-Xswiftc", "-static-stdlib"]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        print(result.stdout, file=sys.stderr)
        raise PlatformError("the Swift library did not build; the compiler's messages are above.")
    return SCRATCH / "release" / LIBRARY


class Build(build):
    def run(self) -> None:
        check_tools()  # before anything is copied or printed
        super().run()


class BuildExtension(build_ext):
    def run(self) -> None:
        check_tools()
        library = build_library()
        package = Path(self.build_lib, "swiftvis")
        if self.inplace:
            package = ROOT / "python" / "swiftvis"
        package.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, package / LIBRARY)
        if strip := shutil.which("strip"):
            subprocess.run([strip, "-x" if MACOS else "--strip-all", str(package / LIBRARY)], check=True)
        super().run()

    def build_extension(self, ext: Extension) -> None:
        # cffi is a build requirement: it is imported only here, so that `setup.py --version` works without
        # it.
        sys.path.insert(0, str(ROOT / "python" / "swiftvis"))
        from _build_abi import builder

        Path(self.build_temp).mkdir(parents=True, exist_ok=True)
        rpath = "@loader_path" if MACOS else "$ORIGIN"
        made = builder(INCLUDE, SCRATCH / "release", rpath).distutils_extension(
            self.build_temp, verbose=False
        )
        ext.__dict__.update(made.__dict__)
        super().build_extension(ext)


setup(
    version=version(),
    ext_modules=[Extension("swiftvis._abi", [], py_limited_api=True)],
    cmdclass={"build": Build, "build_ext": BuildExtension},
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
