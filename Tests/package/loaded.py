"""Computes a gradient and prints the versions.

usage: loaded.py FOLDER    fails where NumPy is not below FOLDER, or a Swift library other than the package's own was loaded
"""

import sys
from pathlib import Path

import numpy as np

import swiftvis

model = swiftvis.load_model("examples/models/efficientnet_lite0.safetensors")
image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
assert np.isfinite(model.gradient(image, filter_indices=504)).all()

maps = Path("/proc/self/maps")  # of Linux
lines = maps.read_text().splitlines() if maps.exists() else []
files = {Path(line[line.index("/") :]) for line in lines if "/" in line}
package = Path(swiftvis.__file__).resolve().parent
foreign = [str(file) for file in files if "swift" in file.name.lower() and package not in file.parents]
if foreign:
    sys.exit(f"loaded from elsewhere: {', '.join(foreign)}")
numpy = Path(np.__file__).resolve().parent
if Path(sys.argv[1]).resolve() not in numpy.parents:
    sys.exit(f"NumPy comes from {numpy}, expected below {sys.argv[1]}")
print(
    f"swiftvis {swiftvis.__version__}, Python {sys.version.split()[0]}, NumPy {np.__version__}, Swift only in the package"
)
