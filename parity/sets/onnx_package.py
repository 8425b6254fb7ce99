"""What comes with the `onnx` package: the tests of its operators, those of float32 that the importer claims, forward against
the stored outputs and backward against finite differences; and its nine networks of constant weights, forward against ONNX
Runtime."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TITLE = "the onnx package"
STEPS = {"ours": "torch"}
NODES = "operators"
TESTS = Path(__file__).parents[2] / "Tests" / "python"


def names() -> list[str]:
    return [NODES, *sorted(path.stem for path in _light().glob("*.onnx"))]


def measure(name: str) -> dict[str, Any]:
    return _operators() if name == NODES else _network(_light() / f"{name}.onnx")


def _light() -> Path:
    import onnx.backend.test

    return Path(onnx.backend.test.__file__).parent / "data" / "light"


def _operators() -> dict[str, Any]:
    sys.path.insert(0, str(TESTS))
    import onnx_cases

    random, failures, left_out, passed = np.random.default_rng(0), {}, {}, 0
    for case in onnx_cases.node_cases():
        if reason := onnx_cases.left_out(case):
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        inputs, outputs = case.data_sets[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one = onnx_cases.Case(case.model, inputs, outputs, onnx_cases.floats(case.model)[:1])
                one.check_forward()
                one.check_gradient(random)
            passed += 1
        except Exception as error:
            failures[case.name] = f"{type(error).__name__}: {str(error).strip().splitlines()[-1][:200]}"
    return {"cases": passed + len(failures), "passed": passed, "failures": failures, "left out": left_out}


def _network(path: Path) -> dict[str, Any]:
    import errors
    import onnxruntime

    import swiftvis

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    x = np.random.default_rng(0).random(entry.shape, np.float32)
    found = swiftvis.load_model(path).predict(x)
    expected = session.run(None, {entry.name: x})[0]
    return {
        "input": list(x.shape),
        "parameters": 0,
        "output": {"swiftvis": errors.largest(found, expected)},
        "gradients": {},
    }
