"""The cffi binding of the C ABI, made from swiftvis.h: the declarations are never typed twice."""

from __future__ import annotations

import re
from pathlib import Path

from cffi import FFI


def declarations(header: str) -> str:
    """The part of the header that cffi reads: no comments, no preprocessor lines but integer constants."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    # The braces of extern "C" stand between #ifdef __cplusplus and #endif.
    text = re.sub(r"^#ifdef __cplusplus$.*?^#endif.*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    constant = re.compile(r"\s*#\s*define\s+\w+\s+\d+u?\s*$")
    return "\n".join(
        line for line in text.splitlines() if not line.lstrip().startswith("#") or constant.match(line)
    )


def builder(include: Path, library: Path, rpath: str) -> FFI:
    """The extension module `swiftvis._abi`, linked to the library in the folder `library`."""
    ffi = FFI()
    ffi.cdef(declarations((include / "swiftvis.h").read_text()))
    # The callbacks that _native.py defines.
    ffi.cdef('extern "Python" int32_t swiftvis_read(void *, size_t, float *, size_t);')
    ffi.cdef(
        'extern "Python" int32_t swiftvis_backward_rule(void *, const char *, const sv_shape *, const float *, '
        "const float *, const float *, float *);"
    )
    ffi.set_source(
        "swiftvis._abi",
        '#include "swiftvis.h"',
        include_dirs=[str(include)],
        library_dirs=[str(library)],
        libraries=["swiftvis"],
        extra_link_args=[f"-Wl,-rpath,{rpath}"],
        py_limited_api=True,
    )
    return ffi
