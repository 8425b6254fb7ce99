"""ONNX files: structure, names, open sizes, refusals, damage."""

import contextlib
import re

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import swiftvis
from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.program import core
from swiftvis.visualization import visualize_cam, visualize_saliency

rng = np.random.default_rng(3)


def array(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def model(nodes, inputs, outputs, constants=None, opset=17, functions=(), opsets=(), **more):
    """A ModelProto; inputs and outputs are shapes by name."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(*entry) for entry in opsets)]
    return helper.make_model(graph, opset_imports=versions, functions=functions, ir_version=8, **more)


def loaded(proto, path, **more):
    file = path / "net.onnx"
    file.write_bytes(proto.SerializeToString())
    return swiftvis.load_model(file, **more)


def check(proto, path, x, **more):
    """The forward pass is that of ONNX's own definitions."""
    net = loaded(proto, path, **more)
    name = proto.graph.input[-1].name
    expected = ReferenceEvaluator(proto).run(None, {name: x})[0]
    np.testing.assert_allclose(net.predict(x), expected, 1e-4, 1e-5)
    return net


CONV = helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv1", pads=[1, 1, 1, 1])


def convolution(size=8):
    nodes = [
        CONV,
        helper.make_node("Relu", ["c"], ["r"], "relu1"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "v"], ["logits"], "fc"),
        helper.make_node("Softmax", ["logits"], ["p"], "softmax"),
    ]
    constants = {"w": array(4, 3, 3, 3), "b": array(4), "v": array(4, 5)}
    return model(nodes, {"x": ["N", 3, size, size]}, ["p"], constants)


def test_layers_are_nodes_and_values_have_their_names(tmp_path):
    net = check(convolution(), tmp_path, array(1, 3, 8, 8))
    assert [layer.name for layer in net.layers] == ["x", "conv1", "relu1", "g", "flatten", "fc", "softmax"]
    assert [layer.class_name for layer in net.layers][1:3] == ["Conv", "Relu"]
    assert net.input_shape == (None, 3, 8, 8) and net.output_shape == (None, 5)
    assert net.input.channel_axis == net.get_layer("conv1").output.channel_axis == 1
    assert net.get_layer("fc").output.channel_axis == 1 and net.get_layer("fc").output.shape == (None, 5)
    assert net.tensor("logits").name == net.get_layer("fc").output.name == "logits"
    assert net.get_layer("softmax").activation == "softmax" and net.get_layer("relu1").activation == "relu"
    assert net.source.startswith("onnx opset 17")


def test_maps_and_modifiers(tmp_path):
    net = loaded(convolution(), tmp_path)
    x = array(3, 8, 8)
    map_ = visualize_saliency(net, "logits", 2, x, backprop_modifier="guided")
    assert map_.shape == (8, 8)
    named = visualize_cam(net, -1, 2, x, penultimate_layer_idx="conv1")
    assert named.shape == (8, 8)
    np.testing.assert_array_equal(visualize_cam(net, -1, 2, x), named)


def test_open_sizes_stay_open(tmp_path):
    net = check(convolution(None), tmp_path, array(1, 3, 9, 7))
    assert net.input_shape == (None, 3, None, None)
    assert net.predict(array(2, 3, 6, 11)).shape == (2, 5)


def test_computing_with_an_open_size_names_the_remedy(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "two"], ["h"], "height"),
        helper.make_node("Mul", ["h", "two"], ["d"], "double"),
        helper.make_node("Unsqueeze", ["d", "zero"], ["u"]),
        helper.make_node("Concat", ["head", "u", "tail"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"], "reshape"),
    ]
    constants = {"two": np.int64(2), "zero": np.array([0]), "head": np.array([0, 3]), "tail": np.array([-1])}
    proto = model(nodes, {"x": ["N", 3, "H", "W"]}, ["y"], constants)
    with pytest.raises(UnsupportedModelError, match=r"double \(Mul, opset 17\): .*input_shape="):
        loaded(proto, tmp_path)
    net = check(proto, tmp_path, array(1, 3, 4, 6), input_shape=(1, 3, 4, 6))
    assert net.output_shape == (None, 3, 8, 3)
    with pytest.raises(ValueError, match="input_shape says"):
        loaded(proto, tmp_path, input_shape=(1, 4, 4, 6))
    with pytest.raises(ValueError, match="not inputs of the model"):
        loaded(proto, tmp_path, input_shape={"z": (1, 3, 4, 6)})


def test_batches_of_a_program_for_one_image(tmp_path):
    """Windows as Swin has them: their number is put into the first axis, and out of it again."""
    nodes = [
        helper.make_node("Reshape", ["x", "split"], ["a"]),
        helper.make_node("Transpose", ["a"], ["b"], perm=[0, 2, 4, 3, 5, 1]),
        helper.make_node("Reshape", ["b", "windows"], ["c"]),
        helper.make_node("Softmax", ["c"], ["d"], axis=1),
        helper.make_node("Reshape", ["d", "whole"], ["y"]),
    ]
    constants = {
        "split": np.array([1, 2, 3, 2, 2, 4]),
        "windows": np.array([-1, 8, 2]),
        "whole": np.array([1, 3, 2, 16]),
    }
    proto = model(nodes, {"x": [1, 2, 6, 8]}, ["y"], constants)
    net = check(proto, tmp_path, array(1, 2, 6, 8))
    x = array(3, 2, 6, 8)
    np.testing.assert_allclose(net.predict(x), np.concatenate([net.predict(one[None]) for one in x]), 1e-6)


def test_a_first_axis_that_is_no_batch(tmp_path):
    proto = model(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=0)], {"x": [3, 4, 5]}, ["y"]
    )
    net = loaded(proto, tmp_path)
    x = array(2, 3, 4, 5)
    assert net.input_shape == (None, 3, 4, 5)
    np.testing.assert_allclose(net.predict(x), x.mean(1), 1e-5, 1e-6)


def test_initializers_that_are_inputs_too(tmp_path):
    proto = convolution()
    for name, shape in (("w", [4, 3, 3, 3]), ("b", [4]), ("v", [4, 5])):
        proto.graph.input.insert(0, helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    proto.ir_version = 3
    assert check(proto, tmp_path, array(1, 3, 8, 8)).input_shape == (None, 3, 8, 8)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_widths_of_weights(tmp_path, dtype):
    weights = array(4, 6).astype(dtype)
    nodes = [helper.make_node("Cast", ["w"], ["f"], to=1), helper.make_node("MatMul", ["x", "f"], ["y"])]
    check(model(nodes, {"x": [1, 4]}, ["y"], {"w": weights}), tmp_path, array(1, 4))
    net = loaded(model([nodes[1]], {"x": [1, 4]}, ["y"], {"f": weights}), tmp_path)
    x = array(1, 4)
    np.testing.assert_allclose(net.predict(x), x @ weights.astype(np.float32), 1e-5, 1e-6)


def test_bfloat16_weights(tmp_path):
    tensor = TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=[2, 2])
    tensor.raw_data = (
        (np.array([[1, -2], [0.5, 3]], np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
    )
    proto = model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [1, 2]}, ["y"])
    proto.graph.initializer.append(tensor)
    assert loaded(proto, tmp_path).predict(np.ones((1, 2))).tolist() == [[1.5, 1]]


def test_an_image_of_bytes_with_channels_last(tmp_path):
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=1),
        helper.make_node("Transpose", ["f"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["y"], "conv"),
    ]
    proto = model(nodes, {"x": ["N", 6, 6, 3]}, ["y"], {"w": array(2, 3, 3, 3)})
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    net = check(proto, tmp_path, rng.integers(0, 9, (1, 6, 6, 3), np.uint8))
    assert net.input.channel_axis == 3 and net.get_layer("conv").output.channel_axis == 1
    assert visualize_saliency(net, -1, 0, array(6, 6, 3)).shape == (6, 6)


@pytest.mark.parametrize(
    "node, constants",
    [
        (helper.make_node("Trilu", ["x", "k"], ["y"], upper=0), {"k": np.int64(1)}),
        (helper.make_node("GlobalLpPool", ["x"], ["y"], p=2), {}),
        (helper.make_node("GlobalLpPool", ["x"], ["y"], p=3), {}),
    ],
)
def test_operators_without_stored_cases(tmp_path, node, constants):
    net = loaded(model([node], {"x": [1, 2, 4, 5]}, ["y"], constants), tmp_path)
    x = array(1, 2, 4, 5)
    if node.op_type == "Trilu":
        expected = np.tril(x, 1)
    else:
        p = node.attribute[0].i
        expected = (np.abs(x) ** p).sum((2, 3), keepdims=True) ** (1 / p)
    np.testing.assert_allclose(net.predict(x), expected, 1e-5)


def test_truth_values(tmp_path):
    nodes = [
        helper.make_node("Greater", ["x", "low"], ["a"]),
        helper.make_node("Less", ["x", "high"], ["b"]),
        helper.make_node("And", ["a", "b"], ["c"]),
        helper.make_node("Xor", ["a", "b"], ["d"]),
        helper.make_node("Not", ["d"], ["e"]),
        helper.make_node("Or", ["c", "e"], ["f"]),
        helper.make_node("Cast", ["f"], ["g"], to=1),
        helper.make_node("Cast", ["x"], ["h"], to=9),
        helper.make_node("Where", ["h", "g", "x"], ["i"]),
        helper.make_node("Mul", ["x", "i"], ["y"]),
    ]
    constants = {"low": np.float32(-0.5), "high": np.float32(0.5)}
    check(model(nodes, {"x": [1, 3, 5]}, ["y"], constants), tmp_path, array(1, 3, 5))


def test_upsample(tmp_path):
    scales = np.array([1, 1, 2, 3], np.float32)
    proto = model(
        [helper.make_node("Upsample", ["x", "s"], ["y"])], {"x": [1, 2, 3, 4]}, ["y"], {"s": scales}, 9
    )
    x = array(1, 2, 3, 4)
    np.testing.assert_array_equal(loaded(proto, tmp_path).predict(x), x.repeat(2, 2).repeat(3, 3))
    node = helper.make_node("Upsample", ["x"], ["y"], scales=scales.tolist())
    proto = model([node], {"x": [1, 2, "H", "W"]}, ["y"], opset=7)
    np.testing.assert_array_equal(loaded(proto, tmp_path).predict(x), x.repeat(2, 2).repeat(3, 3))


def test_several_inputs_and_outputs(tmp_path):
    nodes = [
        helper.make_node("Add", ["a", "b"], ["s"]),
        helper.make_node("Split", ["s"], ["y", "z"], "split", axis=1),
    ]
    net = loaded(model(nodes, {"a": [1, 4], "b": [1, 4]}, ["y", "z"]), tmp_path)
    a, b = array(2, 4), array(2, 4)
    y, z = net.predict({"a": a, "b": b})
    np.testing.assert_allclose(np.concatenate([y, z], 1), a + b, 1e-6)
    assert len(net.get_layer("split").nodes) == 2


def test_functions_and_branches(tmp_path):
    double = helper.make_function(
        "own",
        "Scaled",
        ["x"],
        ["y"],
        [
            helper.make_node("Constant", [], ["factor"]),
            helper.make_node("Mul", ["x", "factor"], ["m"], "mul"),
            helper.make_node("Relu", ["m"], ["y"], "relu"),
        ],
        [helper.make_opsetid("", 17)],
        ["factor"],
    )
    double.node[0].attribute.add(name="value_float", ref_attr_name="factor", type=1)
    then, otherwise = (
        helper.make_graph(
            [node], "branch", [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
        )
        for node, name in (
            (helper.make_node("Neg", ["a"], ["n"]), "n"),
            (helper.make_node("Exp", ["a"], ["e"]), "e"),
        )
    )
    nodes = [
        helper.make_node("Scaled", ["x"], ["a"], "first", domain="own", factor=2.0),
        helper.make_node("If", ["yes"], ["y"], "if", then_branch=then, else_branch=otherwise),
    ]
    proto = model(nodes, {"x": [1, 4]}, ["y"], {"yes": np.True_}, functions=[double], opsets=[("own", 1)])
    net = check(proto, tmp_path, array(1, 4))
    assert [layer.name for layer in net.layers] == ["x", "first/mul", "first/relu", "if/n"]


def test_external_data(tmp_path):
    proto = convolution()
    folder = tmp_path / "model"
    folder.mkdir()
    x = array(1, 3, 8, 8)
    expected = ReferenceEvaluator(proto).run(None, {"x": x})[0]
    onnx.save(proto, folder / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    np.testing.assert_allclose(swiftvis.load_model(folder / "net.onnx").predict(x), expected, 1e-4, 1e-5)
    (folder / "net.data").rename(tmp_path / "net.data")
    with pytest.raises(FileNotFoundError, match="net.data"):
        swiftvis.load_model(folder / "net.onnx")
    (folder / "net.data").symlink_to(tmp_path / "net.data")
    with pytest.raises(ModelError, match="outside"):
        swiftvis.load_model(folder / "net.onnx")
    stored = onnx.load(folder / "net.onnx", load_external_data=False)
    for place in ("../net.data", str(tmp_path / "net.data"), ""):
        for tensor in stored.graph.initializer:
            tensor.external_data[0].value = place
        with pytest.raises(ModelError, match="outside"):
            loaded(stored, folder)


def test_all_refusals_are_in_one_message(tmp_path):
    nodes = [
        helper.make_node("LSTM", ["x", "w", "w"], ["a"], "lstm", hidden_size=3),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("QuantizeLinear", ["b", "s", "z"], ["c"], "quantize"),
        helper.make_node("FusedConv", ["c", "w"], ["d"], "fused", domain="com.microsoft"),
        helper.make_node("Softmax", ["x"], ["e"], "softmax", axis=7),
        helper.make_node("ArgMax", ["e"], ["f"], "argmax"),
        helper.make_node("Conv", ["x", "w"], ["y"], "conv", unheard_of=1),
    ]
    constants = {"w": array(2, 3, 1), "s": np.float32(1), "z": np.uint8(0)}
    proto = model(nodes, {"x": [1, 3, 4]}, ["y"], constants, opsets=[("com.microsoft", 1)])
    with pytest.raises(UnsupportedModelError) as refused:
        loaded(proto, tmp_path)
    lines = str(refused.value).splitlines()
    assert "6 operations" in lines[0]
    for line, part in zip(
        lines[1:],
        (
            r"lstm \(LSTM, opset 17\): recurrent",
            r"quantize \(QuantizeLinear, opset 17\): quantised",
            r"fused \(com\.microsoft\.FusedConv, opset 1\): operators of 'com\.microsoft'",
            r"softmax \(Softmax, opset 17\): axis 7",
            r"argmax \(ArgMax, opset 17\): its choice",
            r"conv \(Conv, opset 17\): attribute 'unheard_of'",
        ),
    ):
        assert re.search(part, line)


def test_integers_and_old_opsets_are_refused(tmp_path):
    proto = model([helper.make_node("Add", ["x", "x"], ["y"], "add")], {"x": [1, 4]}, ["y"])
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(UnsupportedModelError, match=r"add \(Add, opset 17\): it computes with integers"):
        loaded(proto, tmp_path)
    proto = model([helper.make_node("Add", ["x", "x"], ["y"], "add")], {"x": [1, 4]}, ["y"], opset=6)
    with pytest.raises(UnsupportedModelError, match="opsets before 7"):
        loaded(proto, tmp_path)


def test_a_small_file_cannot_ask_for_much(tmp_path, monkeypatch):
    big = np.array([1 << 14, 1 << 14, 1 << 14])
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])]
    with pytest.raises(UnsupportedModelError, match="elements"):
        loaded(model(nodes, {"x": [1, 1]}, ["y"], {"s": big}), tmp_path)
    monkeypatch.setattr(core, "_MOST_FOLDED", 1 << 16)
    copies = [helper.make_node("Neg", [f"n{i}"], [f"n{i + 1}"]) for i in range(200)]
    nodes = [*copies, helper.make_node("MatMul", ["x", "n200"], ["y"])]
    with pytest.raises(UnsupportedModelError, match="too large together"):
        loaded(model(nodes, {"x": [1, 1]}, ["y"], {"n0": np.ones((1, 200), np.float32)}), tmp_path)
    nested = [
        helper.make_function(
            "own",
            f"F{level}",
            ["x"],
            ["y"],
            [
                helper.make_node(f"F{level + 1}", ["x"], ["m"], domain="own"),
                helper.make_node(f"F{level + 1}", ["m"], ["y"], domain="own"),
            ],
            [helper.make_opsetid("own", 1)],
        )
        for level in range(60)
    ]
    node = helper.make_node("F0", ["x"], ["y"], domain="own")
    with pytest.raises(ModelError, match="deep|more than"):
        loaded(model([node], {"x": [1, 1]}, ["y"], functions=nested, opsets=[("own", 1)]), tmp_path)


def test_damaged_files_are_refused(tmp_path):
    """Bytes changed, removed and doubled: a model or an error of ours comes out."""
    whole = convolution(6).SerializeToString()
    file, own = tmp_path / "net.onnx", np.random.default_rng(8)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(own.integers(1, 6)):
            at = int(own.integers(len(data)))
            change = own.integers(4)
            if change == 0:
                data[at] = int(own.integers(256))
            elif change == 1:
                del data[at : at + int(own.integers(1, 20))]
            elif change == 2:
                data[at:at] = data[at : at + int(own.integers(1, 20))]
            else:
                data[at] ^= 1 << int(own.integers(8))
        file.write_bytes(bytes(data))
        with contextlib.suppress(ValueError, OSError):
            swiftvis.load_model(file).close()


def test_converting(tmp_path):
    from swiftvis import cli

    proto = convolution()
    net = loaded(proto, tmp_path)
    cli.main(["convert", str(tmp_path / "net.onnx"), str(tmp_path / "net.safetensors")])
    again, x = swiftvis.load_model(tmp_path / "net.safetensors"), array(2, 3, 8, 8)
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    assert [layer.name for layer in again.layers] == [layer.name for layer in net.layers]


def test_the_light_networks_load():
    import pathlib

    folder = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
    files = sorted(folder.glob("*.onnx"))
    if not files:
        pytest.skip("this version of onnx ships no networks")
    for file in files:
        if file.stem in ("light_vgg19", "light_zfnet512", "light_bvlc_alexnet"):
            continue  # hundreds of megabytes of weights: they are run with the other frameworks
        with swiftvis.load_model(file) as net:
            stored = TensorProto.FromString((folder / f"{file.stem}_output_0.pb").read_bytes())
            assert tuple(net.output_shape)[1:] == tuple(stored.dims)[1:]
