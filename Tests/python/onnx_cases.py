"""The test cases of the `onnx` package, read by this package: forward against the stored outputs, and gradients against
finite differences of ONNX's own NumPy definitions in double precision."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from swiftvis import Model
from swiftvis.importers import onnx as importer
from swiftvis.importers.onnx.operators import OPERATORS

_FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}


def node_cases():
    """All cases of one node that are of operators in the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_node_model_tests

        cases = load_node_model_tests()
    return [case for case in cases if claimed(case.model)]


def claimed(model) -> bool:
    return all(node.domain in ("", "ai.onnx") and node.op_type in OPERATORS for node in model.graph.node)


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
        inputs = {name: _beside(value, rng) for name, value in self.inputs.items()}
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
            found = sum(float((g[0].reshape(-1) * directions[n].reshape(-1)).sum()) for n, g in zip(names, gradients))
            size = sum(float(np.abs(g).sum()) for g in gradients)
            assert abs(found - expected) <= tolerance * max(size, abs(expected), 1e-3), (found, expected, size)

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
            double.graph.initializer[i].CopyFrom(numpy_helper.from_array(array.astype(np.float64), tensor.name))
    for reader, dtype in ((double, np.float64), (model, np.float32)):
        evaluator = ReferenceEvaluator(reader)

        def run(values, evaluator=evaluator, dtype=dtype):
            return np.asarray(evaluator.run(None, {n: v.astype(dtype) for n, v in values.items()})[0])

        try:
            with np.errstate(all="ignore"):
                if run(inputs).dtype == np.float64:
                    return (lambda values, run=run: float(run(values))), 1e-6
        except Exception:
            continue
    return (lambda values: float(run(values))), 1e-2


def _array(value):
    """Stored values of types that NumPy lacks are tensors."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _batched(x, count):
    """A batch of the same samples."""
    x = x.astype(np.float32)
    return np.repeat(x if x.shape[:1] == (1,) else x[np.newaxis], count, 0)


def _beside(x, rng):
    """Smaller by up to a tenth, which leaves no function's domain, and never 0."""
    x = np.asarray(x, np.float64)
    y = x * (1 - 0.1 * rng.uniform(0.1, 1, x.shape))
    return np.where(y == 0, rng.uniform(0.01, 0.05, x.shape), y)


def floats(model):
    return [e.name for e in model.graph.input if e.type.tensor_type.elem_type in _FLOATS]
