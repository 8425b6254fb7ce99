"""The test cases of the `onnx` package, read by this package: forward against the stored outputs, and gradients against
finite differences of ONNX's own NumPy definitions in double precision."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter
from onnx.reference import ReferenceEvaluator

from swiftvis import Model
from swiftvis.importers import onnx as importer
from swiftvis.importers.onnx.operators import OPERATORS

_FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
}


# Of the table, what no case computes with numbers from outside: test_onnx.py has some.
WITHOUT_CASES: set[str] = {
    "GlobalLpPool",
    "Trilu",
    "Upsample",
    "ConstantOfShape",
    "Range",
    "Not",
    "And",
    "Or",
    "Xor",
}
# What only these cases need, and why it is refused.
_REFUSED = {
    "training": "training",
    "scatternd_add": "a scatter that adds",
    "scatternd_max": "a scatter that takes the maximum",
    "scatternd_min": "a scatter that takes the minimum",
    "scatternd_multiply": "a scatter that multiplies",
    "maxpool_with_argmax": "integers that depend on the input",
    "range_": "sizes that depend on the input",
    "nan_robustness": "attention in which a row is masked whole",
    "fullymasked": "attention in which a row is masked whole",
    "local_window_gqa_rank4_mask": "attention in which a row is masked whole",
    "flexattention": "operators of another domain",
    "structural_empty": "attention in which a row is masked whole",
    "padded_kv_bf16": "attention in which a row is masked whole",
}
_INTEGERS = {
    getattr(onnx.TensorProto, name)
    for name in "UINT8 INT8 UINT16 INT16 INT32 INT64 UINT32 UINT64 BOOL".split()
}


REASONS = {
    *_REFUSED.values(),
    "no input is of floating point numbers",
    "types narrower than a byte, or texts",
    "integers that depend on the input",
    "tensors without elements",
    "inputs that are not finite",
}


def left_out(case) -> str | None:
    """Why a case cannot be asked of this package: no float goes in, or what goes in is not numbers."""
    model = case.model
    entries = [*model.graph.input, *model.graph.output]
    if not floats(model):
        return "no input is of floating point numbers"
    if any(entry.type.tensor_type.elem_type not in _FLOATS | _INTEGERS for entry in entries):
        return "types narrower than a byte, or texts"
    casts = any(node.op_type in ("Cast", "CastLike") for node in model.graph.node)
    if casts and not any(entry.type.tensor_type.elem_type in _FLOATS for entry in model.graph.output):
        return "integers that depend on the input"
    inputs, outputs = ([_array(value) for value in values] for values in case.data_sets[0])
    if any(value.size == 0 for value in [*inputs, *outputs]):
        return "tensors without elements"
    if not all(np.isfinite(value).all() for value in inputs if value.dtype.kind in "fV"):
        return "inputs that are not finite"
    return next((why for part, why in _REFUSED.items() if part in case.name), None)


def node_cases():
    """All cases of one node that are of operators in the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_node_model_tests

        cases = load_node_model_tests()
    return [case for case in cases if claimed(case.model)]


# Operators without a row that are computed by ONNX's own definition.
EXPANDED = {"Attention", "RotaryEmbedding", "SwiGLU", "CenterCropPad", "AffineGrid"}


def claimed(model) -> bool:
    known = EXPANDED.union(OPERATORS)
    return all(node.domain in ("", "ai.onnx") and node.op_type in known for node in model.graph.node)


_HALVES = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}


def stored_cases():
    """The models of several nodes in the package's data: exported from PyTorch, and simple ones."""
    cases = {}
    data = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for folder in sorted(data.glob(f"{kind}/*")):
            if (folder / "model.onnx").exists():
                cases[folder.name] = folder
    return cases


def stored(folder):
    """The model with its inputs and outputs."""
    model = onnx.load(folder / "model.onnx")
    if model.opset_import[0].version < 7:
        model = version_converter.convert_version(model, 8)
    values = {}
    for kind in ("input", "output"):
        files = sorted(folder.glob(f"test_data_set_0/{kind}_*.pb"), key=lambda f: int(f.stem.split("_")[-1]))
        values[kind] = [
            numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes())) for file in files
        ]
    return model, values["input"], values["output"]


class Case:
    """A model of which some inputs stay inputs and the others become constants."""

    def __init__(self, model, inputs, outputs, variable):
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        graph = self.model.graph
        self.outputs = [_array(output) for output in outputs]
        given = {entry.name: _array(value) for entry, value in zip(graph.input, inputs)}
        self.inputs = {name: given[name] for name in variable}
        kept = [entry for entry in graph.input if entry.name in variable]
        self.constants = {name: value for name, value in given.items() if name not in variable}
        del graph.input[:]
        graph.input.extend(kept)
        for entry, name in zip(kept, variable):
            shape = entry.type.tensor_type.shape
            del shape.dim[:]
            for size in self.inputs[name].shape:
                shape.dim.add().dim_value = size
        for name, value in self.constants.items():
            graph.initializer.append(numpy_helper.from_array(value, name))

    def loaded(self):
        return Model.from_graph(*importer.convert(self.model, Path("/nowhere"), "case"))

    def check_forward(self, rtol=1e-4, atol=1e-5):
        if self._has_halves():
            rtol, atol = 1e-2, 1e-2  # the stored outputs are rounded to 8 or 11 bits
        if "starts_on_pad" in self.model.graph.name:
            rtol = 1e-3  # and these to four digits
        model = self.loaded()
        given = [_batched(self.inputs[tensor.name], 2) for tensor in model.inputs]
        results = model.predict(given if len(given) > 1 else given[0])
        results = results if isinstance(results, list) else [results]
        assert len(results) == len(self.outputs)
        for result, expected in zip(results, self.outputs):
            expected = expected.astype(np.float32)
            for sample in result:
                shape = expected.shape[1:] if expected.shape[:1] == (1,) else expected.shape
                assert sample.shape == shape
                np.testing.assert_allclose(sample, expected.reshape(shape), rtol, atol)

    def check_gradient(self, rng, tolerance=2e-3):
        """Along random directions, of a random weighting of the outputs, at a point beside the stored one, which is
        often where a function has a kink."""
        scored = self._scored(rng)
        if scored is None or self._has_halves():
            return  # differences of halves say nothing
        grows = any(node.op_type == "Acosh" for node in self.model.graph.node)
        inputs = {name: _beside(value, rng, grows) for name, value in self.inputs.items()}
        model = Model.from_graph(*importer.convert(scored, Path("/nowhere"), "case"))
        names = [tensor.name for tensor in model.inputs]
        given = [_batched(inputs[name].astype(np.float32), 1) for name in names]
        gradients = model.gradient(given if len(given) > 1 else given[0], model.tensor("score"))
        gradients = gradients if isinstance(gradients, list) else [gradients]
        evaluator, step = _evaluator(scored, inputs)
        for _ in range(2):
            directions = {name: rng.choice([-1.0, 1.0], inputs[name].shape) for name in names}
            ahead, behind = (
                evaluator({name: inputs[name] + sign * step * directions[name] for name in names})
                for sign in (1, -1)
            )
            expected = (ahead - behind) / (2 * step)
            if not np.isfinite(expected):
                return  # a score of infinite outputs, such as masked products, has no gradient
            found = sum(
                float((g[0].reshape(-1) * directions[n].reshape(-1)).sum()) for n, g in zip(names, gradients)
            )
            size = sum(float(np.abs(g).sum()) for g in gradients)
            assert abs(found - expected) <= tolerance * max(size, abs(expected), 1e-3), (
                found,
                expected,
                size,
            )

    def _has_halves(self):
        graph = self.model.graph
        entries = [*graph.input, *graph.output]
        return any(t.data_type in _HALVES for t in graph.initializer) or any(
            entry.type.tensor_type.elem_type in _HALVES for entry in entries
        )

    def _scored(self, rng):
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        graph, parts = model.graph, []
        for i, (entry, output) in enumerate(zip(self.model.graph.output, self.outputs)):
            if entry.type.tensor_type.elem_type not in _FLOATS:
                continue
            weights = rng.standard_normal(np.shape(output)).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(weights, f"weights{i}"))
            graph.node.append(helper.make_node("Mul", [entry.name, f"weights{i}"], [f"weighted{i}"]))
            graph.node.append(helper.make_node("ReduceSum", [f"weighted{i}"], [f"part{i}"], keepdims=0))
            parts.append(f"part{i}")
        if not parts:
            return None  # truth values have no gradient
        graph.node.append(helper.make_node("Sum", parts, ["score"], name="score"))
        del graph.output[:]
        graph.output.append(helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, []))
        return model


def _evaluator(model, inputs):
    """The score in double precision, as far as ONNX's definitions keep it, and the step to take."""
    double = onnx.ModelProto()
    double.CopyFrom(model)
    for i, tensor in enumerate(double.graph.initializer):
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f":
            double.graph.initializer[i].CopyFrom(
                numpy_helper.from_array(array.astype(np.float64), tensor.name)
            )
    for node in double.graph.node:
        for attribute in node.attribute if node.op_type == "Cast" else ():
            if attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT:
                attribute.i = onnx.TensorProto.DOUBLE
    for reader, dtype in ((double, np.float64), (model, np.float32)):
        evaluator = ReferenceEvaluator(reader)

        def run(values, evaluator=evaluator, dtype=dtype):
            with np.errstate(all="ignore"):
                return float(evaluator.run(None, {n: v.astype(dtype) for n, v in values.items()})[0])

        try:
            run(inputs)
        except Exception:
            continue
        return run, 1e-6 if _is_smooth(run, inputs) else 1e-3
    raise AssertionError("ONNX's own definitions do not compute this case")


def _array(value):
    """Stored values of types that NumPy lacks are tensors."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _is_smooth(run, inputs):
    """Whether a definition keeps double precision inside: a small step and a smaller one agree."""
    near, far = (
        run({n: v * (1 + step) for n, v in inputs.items()})
        - run({n: v * (1 - step) for n, v in inputs.items()})
        for step in (1e-6, 1e-4)
    )
    return abs(far - 100 * near) <= 1e-4 * abs(far)


def _batched(x, count):
    """A batch of the same samples."""
    x = x.astype(np.float32)
    return np.repeat(x if x.shape[:1] == (1,) else x[np.newaxis], count, 0)


def _beside(x, rng, grows=False):
    """Smaller by up to a tenth (or larger), which leaves no function's domain, and never 0."""
    x = np.asarray(x, np.float64)
    change = 0.1 * rng.uniform(0.1, 1, x.shape)
    y = x * (1 + change if grows else 1 - change)
    return np.where(y == 0, rng.uniform(0.01, 0.05, x.shape), y)


def floats(model):
    """The inputs of floating point numbers that something is computed from."""
    ratios = {node.input[1] for node in model.graph.node if node.op_type == "Dropout" and len(node.input) > 1}
    entries = [entry for entry in model.graph.input if entry.name not in ratios]
    return [entry.name for entry in entries if entry.type.tensor_type.elem_type in _FLOATS]


STORED = stored_cases()
