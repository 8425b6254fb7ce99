"""Every case of the `onnx` package's own tests of operators that this package claims."""

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx_cases
from onnx_cases import Case, floats, left_out, node_cases

from swiftvis.errors import UnsupportedModelError
from swiftvis.importers.onnx.operators import OPERATORS

CASES = {case.name: case for case in node_cases()}
ASKED = {name: case for name, case in CASES.items() if left_out(case) is None}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.filterwarnings("ignore")
def test_case(name):
    model = ASKED[name].model
    inputs, outputs = ASKED[name].data_sets[0]
    rng = np.random.default_rng(len(name))
    # What networks compute is the first input's; the others may be computed too where that can be carried.
    case = Case(model, inputs, outputs, floats(model)[:1])
    case.check_forward()
    if name.endswith("_3d_default") and "pool" in name:
        return  # ONNX's own definitions take minutes for these; smaller ones are differentiated
    case.check_gradient(rng)
    if len(floats(model)) > 1:
        case = Case(model, inputs, outputs, floats(model))
        try:
            case.loaded()
        except UnsupportedModelError as error:
            assert "must be constant" in str(error)
            return
        case.check_forward()
        case.check_gradient(rng)


@pytest.mark.parametrize("name", onnx_cases.STORED)
@pytest.mark.filterwarnings("ignore")
def test_stored_model(name):
    model, inputs, outputs = onnx_cases.stored(onnx_cases.STORED[name])
    if not onnx_cases.claimed(model):
        pytest.skip("an operator that is not claimed")
    constants = {tensor.name for tensor in model.graph.initializer}
    variable = [name for name in floats(model) if name not in constants]
    if not variable or not all(np.isfinite(value.astype(np.float32)).all() for value in inputs):
        pytest.skip("no input of finite numbers")
    case = Case(model, inputs, outputs, variable)
    try:
        case.check_forward()
    except UnsupportedModelError as error:
        assert "PReLU" in name and "broadcast" in str(error)  # opset 6 had other rules of broadcasting
        return
    # ONNX's own definitions do not compute the ones as they are stored, and take minutes for the others.
    if "BatchNorm" not in name and not ("MaxPool" in name and "dilation" in name):
        case.check_gradient(np.random.default_rng(len(name)))


def test_every_operator_of_the_table_has_cases():
    asked = {node.op_type for case in ASKED.values() for node in case.model.graph.node}
    # Upsample was replaced before these tests were written; ConstantOfShape, Range and Size have integers alone.
    assert set(OPERATORS) - asked <= onnx_cases.WITHOUT_CASES


def test_what_is_left_out_is_told():
    reasons = {left_out(case) for case in CASES.values()} - {None}
    assert reasons <= onnx_cases.REASONS
