import SwiftVisKernels
import Testing

@testable import SwiftVis

/// A description with the given parts, and the rest as small as can be.
private func description(
  inputs: String = #"[{"name": "image", "shape": [null, null, null, 3]}]"#, nodes: String = "[]",
  outputs: String = #"["image"]"#, extra: String = ""
) -> String {
  #"{"format": "swiftvis", "version": 1, "inputs": \#(inputs), "nodes": \#(nodes), "outputs": \#(outputs)\#(extra)}"#
}

private func load(_ description: String, _ weights: [String: [Int]] = [:]) throws -> Model {
  try Model(
    description: description,
    weights: weights.mapValues { try Weights(shape: $0, values: Array(repeating: 0, count: $0.reduce(1, *))) })
}

/// The error that a description gives.
private func failure(_ description: String, _ weights: [String: [Int]] = [:]) -> VisError? {
  do {
    _ = try load(description, weights)
    return nil
  } catch {
    return error as? VisError
  }
}

private func node(_ op: String, _ rest: String = "", name: String = "x", inputs: String = #"["image"]"#) -> String {
  #"{"name": "\#(name)", "op": "\#(op)", "inputs": \#(inputs)\#(rest)}"#
}

@Suite struct GraphDecodingTests {
  static let tiny = description(
    inputs: #"[{"name": "image", "shape": [null, 32, 32, 3]}]"#,
    nodes: #"""
      [{"name": "conv", "op": "conv2d", "inputs": ["image"],
        "attributes": {"strides": [2, 2], "padding": "same"}, "weights": {"kernel": "k", "bias": "b"}},
       {"name": "conv/activation", "op": "relu", "inputs": ["conv"], "attributes": {"max_value": 6}},
       {"name": "gap", "op": "reduce", "inputs": ["conv/activation"], "attributes": {"kind": "mean", "axes": [-3, 2]}}]
      """#,
    outputs: #"["gap"]"#,
    extra: #"""
      , "data_format": "channels_first", "author": {"unknown": [1, 2.5e3, null, "\u00e9\ud83d\ude00"]}, "layers": [
        {"name": "conv", "class_name": "Conv2D", "outputs": ["conv/activation"], "activations": ["conv/activation"]},
        {"name": "inner", "class_name": "Functional", "outputs": ["gap"], "data_format": "channels_last", "layers": [
          {"name": "gap", "class_name": "GlobalAveragePooling2D", "outputs": ["gap"]}]}]
      """#)
  static let tinyWeights = ["k": [3, 3, 3, 8], "b": [8]]

  @Test func readsADescription() throws {
    let model = try load(Self.tiny, Self.tinyWeights)
    let graph = model.graph
    #expect(graph.nodes.map(\.name) == ["image", "conv", "conv/activation", "gap"])
    #expect(graph.inputCount == 1)
    #expect(graph.outputs == [3])
    #expect(graph.nodes.map(\.shape) == [[nil, 32, 32, 3], [nil, 16, 16, 8], [nil, 16, 16, 8], [nil, 8]])
    #expect(graph.nodes[2].operation == .activation(.relu(maxValue: 6, negativeSlope: 0, threshold: 0)))
    #expect(graph.nodes[3].operation == .reduce(.mean, axes: [1, 2], keepDims: false))
    #expect(graph.nodes[1].weights.keys.sorted() == ["bias", "kernel"])
    #expect(graph.layers.map(\.isChannelsFirst) == [true, false])
    #expect(graph.layers[0].activations == [2])
    #expect(graph.layers[1].layers[0].className == "GlobalAveragePooling2D")
    #expect(!graph.layers[1].layers[0].isChannelsFirst)
    #expect(graph.index(of: "gap") == 3)
    #expect(model.description == Self.tiny)
  }

  @Test func sharesWeightsWithAnotherDescription() throws {
    let model = try load(Self.tiny, Self.tinyWeights)
    let edited = try model.replacingDescription(
      Self.tiny.replacing(#""op": "relu""#, with: #""op": "elu""#)
        .replacing(#"{"max_value": 6}"#, with: "{}"))
    #expect(edited.graph.nodes[2].operation == .activation(.elu(alpha: 1)))
    #expect(edited.graph.nodes[1].weights["kernel"] === model.graph.nodes[1].weights["kernel"])
  }

  @Test func readsEveryOperation() throws {
    let model = try load(EveryOperation.description, EveryOperation.weights)
    let names = model.graph.nodes.dropFirst().map(\.operation.name)
    #expect(Set(names) == Set(Operation.decoders.keys))
    let written = EveryOperation.description
    for (node, name) in zip(model.graph.nodes.dropFirst(), names) {
      #expect(written.contains(#"{"name": "\#(node.name)", "op": "\#(name)""#))
    }
    let shapes = try ShapeInference.shapes(of: model.graph, inputShapes: [[2, 8, 8, 4]])
    #expect(shapes.last == [2, 3])
  }

  @Test(arguments: [
    ("", "unexpected end"), ("[]", "expected an object"), ("{}", "'format' is missing"),
    ("{\"a\": 1, \"a\": 2}", "given twice"),
    (#"{"format": "onnx"}"#, "'format' should be 'swiftvis'"), (#"{"format": "swiftvis"}"#, "'version' is missing"),
    (#"{"format": "swiftvis", "version": 1}"#, "'inputs' is missing"), ("{\"a\": 01}", "leading zero"),
    ("{\"a\": 1e999}", "out of range"), ("{\"a\": NaN}", "unexpected character"), (#"{"a": "\ud800"}"#, "lone surrogate"),
    ("{\"a\": \"\n\"}", "control character"), ("{\"a\": 1} 2", "something follows"), ("{\"a\": tru}", "unknown literal"),
    (String(repeating: "[", count: 100_000), "nested deeper"),
    (description(outputs: "[]"), "'outputs' is empty"), (description(inputs: "[]"), "'inputs' is empty"),
    (description(outputs: #"["y"]"#), "the model's outputs: there is no node 'y'"),
    (description(inputs: #"[{"name": "", "shape": [1]}]"#), "'name' is empty"),
    (description(inputs: #"[{"name": "a\u0000", "shape": [1]}]"#), "control character"),
    (description(inputs: #"[{"name": "\#(String(repeating: "n", count: 2000))", "shape": [1]}]"#), "longer than"),
    (description(inputs: #"[{"name": "image", "shape": []}]"#), "1 to 8 axes"),
    (description(inputs: #"[{"name": "image", "shape": [1,1,1,1,1,1,1,1,1]}]"#), "1 to 8 axes"),
    (description(inputs: #"[{"name": "image", "shape": [null, 0]}]"#), "should be between 1 and"),
    (description(inputs: #"[{"name": "image", "shape": [null, -3]}]"#), "should be between 1 and"),
    (description(inputs: #"[{"name": "image", "shape": [null, 1.5]}]"#), "whole numbers"),
    (description(inputs: #"[{"name": "image", "shape": [null, 1e300]}]"#), "whole numbers"),
    (description(inputs: #"[{"name": "image", "shape": [null, 4294967296]}]"#), "should be between 1 and"),
    (description(inputs: #"[{"name": "image", "shape": [null, 2000000, 2000000]}]"#), "too large"),
    (description(inputs: #"[{"name": "image", "shape": [null], "dtype": "u8"}]"#), "unknown key 'dtype'"),
    (description(inputs: #"[{"name": "a", "shape": [1]}, {"name": "a", "shape": [1]}]"#), "'a' is used twice"),
  ])
  func refusesADescription(_ text: String, _ message: String) throws {
    let error = try #require(failure(text))
    #expect(error.kind == .invalidModel || error.kind == .outOfMemory)
    #expect(error.message.contains(message), "\(error.message)")
  }

  @Test(arguments: [
    (node("relu", name: "image"), "'image' is used twice"),
    (node("relu", inputs: #"["y"]"#), "relu 'x': there is no node 'y'"),
    (node("relu", inputs: #"["x"]"#), "without a cycle"),
    (node("relu", inputs: #"["y"]"#) + "," + node("relu", name: "y"), "declared later"),
    (node("relu", inputs: "[]"), "relu 'x': has no inputs"),
    (node("constant"), "constant 'x': has inputs, and should have none"),
    (node("constant", inputs: "[]"), "constant 'x': its weight 'value' is missing"),
    (node("relu", inputs: "[1]"), "should be a list of names"),
    (node("relu", inputs: #"["image", "image"]"#), "relu 'x': expected 1 input, got 2"),
    (node("add"), "add 'x': expected 2 or more inputs, got 1"),
    (node("subtract", inputs: #"["image", "image", "image"]"#), "expected 2 inputs, got 3"),
    (node("concatenate"), "expected 2 or more inputs"),
    (node("relu", #", "kind": 1"#), "relu 'x': unknown key 'kind'"),
    (node("relu", #", "attributes": {"alpha": 1}"#), "relu 'x': unknown key 'alpha'"),
    (node("relu", #", "attributes": []"#), "expected an object, got a list"),
    (node("relu", #", "attributes": {"max_value": "6"}"#), "'max_value' should be a number, got a string"),
    (node("relu", #", "attributes": {"max_value": -1}"#), "'max_value' is negative"),
    (node("elu", #", "attributes": {"alpha": 1e39}"#), "'alpha' is too large"),
    (node("elu", #", "attributes": {"alpha": null}"#), "'alpha' should be a number, got null"),
    (node("gelu", #", "attributes": {"approximate": 1}"#), "'approximate' should be true or false"),
    (node("relu", #", "weights": {"alpha": "k"}"#), "unexpected weight 'alpha'"),
    (node("conv2d"), "conv2d 'x': its weight 'kernel' is missing"),
    (node("conv2d", #", "weights": {"kernel": "none"}"#), "conv2d 'x': its kernel, weight 'none', is missing"),
    (node("conv2d", #", "weights": {"kernel": 1}"#), "weight 'kernel' should be a name"),
    (
      node("conv2d", #", "weights": {"kernel": "b"}"#),
      "kernel should be (height, width, channels / groups, filters), got (8)"
    ),
    (node("conv2d", #", "weights": {"kernel": "wide"}"#), "conv2d 'x': expected 64 input channels, got 3"),
    (node("conv2d", #", "weights": {"kernel": "k", "bias": "k"}"#), "bias should be (8), got (3, 3, 3, 8)"),
    (node("conv2d", #", "attributes": {"strides": [0, 1]}, "weights": {"kernel": "k"}"#), "'strides' should be between 1"),
    (
      node("conv2d", #", "attributes": {"strides": [1]}, "weights": {"kernel": "k"}"#), "'strides' should be [height, width]"
    ),
    (node("conv2d", #", "attributes": {"strides": null}, "weights": {"kernel": "k"}"#), "'strides' should be a list"),
    (
      node("conv2d", #", "attributes": {"dilations": [1, -1]}, "weights": {"kernel": "k"}"#), "'dilations' should be between"
    ),
    (node("conv2d", #", "attributes": {"padding": "causal"}, "weights": {"kernel": "k"}"#), "got 'causal'"),
    (node("conv2d", #", "attributes": {"padding": [[1, 1]]}, "weights": {"kernel": "k"}"#), "'padding' should be [[top"),
    (node("conv2d", #", "attributes": {"padding": [[1, 1], [-1, 1]]}, "weights": {"kernel": "k"}"#), "between 0 and"),
    (node("conv2d", #", "attributes": {"groups": 0}, "weights": {"kernel": "k"}"#), "'groups' should be between 1"),
    (
      node("conv2d", #", "attributes": {"groups": 3}, "weights": {"kernel": "thin"}"#),
      "8 filters do not divide into 3 groups"
    ),
    (node("max_pool2d", #", "attributes": {"padding": [[2, 0], [0, 0]]}"#), "smaller than 'pool_size'"),
    (node("reduce"), "'axes' is missing"),
    (node("reduce", #", "attributes": {"axes": []}"#), "'axes' is empty"),
    (node("reduce", #", "attributes": {"axes": [0]}"#), "axis 0 is out of range"),
    (node("reduce", #", "attributes": {"axes": [4]}"#), "axis 4 is out of range"),
    (node("reduce", #", "attributes": {"axes": [1, 3]}"#), "'axes' should be adjacent"),
    (node("reduce", #", "attributes": {"axes": [1, 1]}"#), "'axes' should be adjacent"),
    (node("reduce", #", "attributes": {"axes": [1], "kind": "median"}"#), "one of 'mean', 'max', 'sum', got 'median'"),
    (node("gather", #", "attributes": {"indices": [0]}"#), "'axis' is missing"),
    (node("gather", #", "attributes": {"axis": 0, "indices": [0]}"#), "axis 0 is out of range"),
    (node("gather", #", "attributes": {"axis": -1, "indices": []}"#), "'indices' is empty"),
    (node("gather", #", "attributes": {"axis": -1, "indices": [-1]}"#), "'indices' should be between 0"),
    (
      node("gather", #", "attributes": {"axis": -1, "indices": [2, 3]}"#),
      "index 3 is out of range for the 3 places of axis 3"
    ),
    (node("where", inputs: #"["image", "image"]"#), "where 'x': expected 3 inputs, got 2"),
    (node("divide"), "divide 'x': expected 2 inputs, got 1"), (node("power"), "power 'x': expected 2 inputs, got 1"),
    (
      node("power", #", "attributes": {"exponent": 2}"#, inputs: #"["image", "image"]"#),
      "power 'x': expected 1 input, got 2"
    ),
    (node("clip", #", "attributes": {"min": "0"}"#), "'min' should be a number"),
    (node("celu", #", "attributes": {"alpha": 0}"#), "'alpha' should be positive"),
    (node("average_pool2d", #", "attributes": {"dilations": [2, 2]}"#), "unknown key 'dilations'"),
    (node("max_pool2d", #", "attributes": {"dilations": [2, 2], "padding": [[3, 0], [0, 0]]}"#), "smaller than 'pool_size'"),
    (node("slice"), "'starts' is missing"),
    (node("slice", #", "attributes": {"starts": [0, 0], "sizes": [1, 1, 1]}"#), "'starts' should hold 3 numbers"),
    (node("slice", #", "attributes": {"starts": [0, 0, 0], "sizes": [1, 1, 0]}"#), "may not hold a zero"),
    (node("slice", #", "attributes": {"starts": [0, 0, 0], "sizes": [1, 1, -2]}"#), "'sizes' should be between -1"),
    (
      node("slice", #", "attributes": {"starts": [0, 0, 0], "sizes": [1, 1, 1], "steps": [1, 1, 0]}"#), "may not hold a zero"
    ),
    (node("slice", #", "attributes": {"starts": [0, 0, 3], "sizes": [1, 1, 1]}"#), "start 3 is out of range for 3"),
    (node("slice", #", "attributes": {"starts": [0, 0, -4], "sizes": [1, 1, -1]}"#), "start -4 is out of range for 3"),
    (node("slice", #", "attributes": {"starts": [0, 0, 1], "sizes": [1, 1, 3]}"#), "2 places from 1 on, got size 3"),
    (node("pad", #", "attributes": {"padding": [[1, 1]]}"#), "padding for 3 axes, all but the batch, got 1"),
    (node("pad", #", "attributes": {"padding": [[1], [1, 1], [1, 1]]}"#), "[before, after] pairs"),
    (node("pad", #", "attributes": {"padding": [[0, 0], [0, 0], [-2, -1]]}"#), "leaves nothing of 3"),
    (node("resize"), "one of 'scale' and 'size'"),
    (node("resize", #", "attributes": {"scale": [2, 2], "size": [4, 4]}"#), "one of 'scale' and 'size'"),
    (node("resize", #", "attributes": {"scale": [0, 2]}"#), "between 1 and"),
    (node("reshape", #", "attributes": {"shape": [-1, -1]}"#), "more than one -1"),
    (node("reshape", #", "attributes": {"shape": [0]}"#), "holds a zero"),
    (node("reshape", #", "attributes": {"shape": [2000000000, 2000000000, 2000000000]}"#), "too large"),
    (node("permute", #", "attributes": {"axes": [1, 0, 2, 3]}"#), "'axes' should hold 0 to 3 once each"),
    (node("permute", #", "attributes": {"axes": [0, 1, 2]}"#), "'axes' should hold 0 to 3 once each"),
    (node("concatenate", #", "attributes": {"axis": -4}"#, inputs: #"["image", "image"]"#), "axis -4 is out of range"),
    (node("prelu", #", "weights": {"alpha": "b"}"#), "alpha should be (?, ?, 3) with sizes equal or 1, got (8)"),
    (node("affine", #", "weights": {"scale": "b"}"#), "its weight 'offset' is missing"),
    (node("affine", #", "weights": {"scale": "b", "offset": "b"}"#), "scale should be (3), got (8)"),
    (node("layer_normalization", #", "attributes": {"epsilon": -1}"#), "'epsilon' is negative"),
    (#"{"name": "x", "op": "relu"}"#, "'inputs' is missing"), (#"{"op": "relu"}"#, "'name' is missing"),
    ("3", "node 0: expected"),
  ])
  func refusesANode(_ nodes: String, _ message: String) throws {
    let weights = ["k": [3, 3, 3, 8], "b": [8], "wide": [1, 1, 64, 4], "thin": [1, 1, 1, 8]]
    let error = try #require(failure(description(nodes: "[\(nodes)]"), weights))
    #expect(error.kind == .invalidModel || error.kind == .outOfMemory)
    #expect(error.message.contains(message), "\(error.message)")
  }

  @Test func listsEveryUnknownOperation() throws {
    let nodes = [node("lambda"), node("relu", name: "y"), node("fft", name: "z")].joined(separator: ",")
    let error = try #require(failure(description(nodes: "[\(nodes)]")))
    #expect(error.kind == .unsupported)
    #expect(error.message.contains("'lambda' ('x'), 'fft' ('z')"))
    let newer = try #require(failure(#"{"format": "swiftvis", "version": 2}"#))
    #expect(newer.kind == .unsupported)
  }

  @Test(arguments: [
    (#"[{"name": "l", "class_name": "A", "outputs": ["y"]}]"#, "layer 'l': there is no node 'y'"),
    (#"[{"name": "l", "class_name": "A", "outputs": [], "activations": ["image"]}]"#, "an activation for each of 0 outputs"),
    (#"[{"name": "l", "class_name": "A", "outputs": [], "x": 1}]"#, "layer 'l': unknown key 'x'"),
    (#"[{"name": "l", "class_name": "A", "outputs": [], "layers": [{"name": "m"}]}]"#, "layer 'm': 'class_name' is missing"),
    (
      #"[{"name": "l", "class_name": "A", "outputs": [], "data_format": "chw"}]"#, "one of 'channels_last', 'channels_first'"
    ),
  ])
  func refusesALayer(_ layers: String, _ message: String) throws {
    let error = try #require(failure(description(extra: #", "layers": \#(layers)"#)))
    #expect(error.kind == .invalidModel)
    #expect(error.message.contains(message), "\(error.message)")
  }

  @Test func readsJSONStrings() throws {
    guard case .string(let text) = try JSON(parsing: #" "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é" "#) else {
      Issue.record("not a string")
      return
    }
    #expect(text == "\"\\/\u{8}\u{C}\n\r\t\u{E9}\u{1F600}\u{E9}")
    guard case .string(let again) = try JSON(parsing: JSON.quoted(text)) else {
      Issue.record("not a string")
      return
    }
    #expect(again == text)
  }

  /// Whatever the bytes are: an error or a model.
  @Test func survivesMutations() throws {
    var generator = SeededGenerator(1)
    let original = Array(EveryOperation.description.utf8)
    let weights = try load(EveryOperation.description, EveryOperation.weights).weights
    var accepted = 0, ran = 0
    for _ in 0..<5000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &generator) { bytes.mutate(using: &generator) }
      do {
        let model = try Model(description: String(decoding: bytes, as: UTF8.self), weights: weights)
        accepted += 1
        let shapes = try ShapeInference.shapes(of: model.graph, inputShapes: [[2, 8, 8, 4]])
        // What is accepted is planned and runs, whatever it computes.
        guard shapes.reduce(0, { $0 + $1.reduce(1, *) }) < 1 << 18, let last = model.graph.outputs.first else { continue }
        var question = Question(inputShapes: [[2, 8, 8, 4]])
        question.values = [model.graph.nodes[last].name]
        let session = try Session(model, question, threads: 1)
        _ = try session.run(question, inputs: [Array(repeating: 0.5, count: 512)])
        (question.cotangents, question.gradients) = (question.values, [model.graph.nodes[0].name])
        _ = try Session(model, question, threads: 1).run(
          question, inputs: [Array(repeating: 0.5, count: 512)],
          cotangents: [Array(repeating: 1, count: shapes[last].reduce(1, *))])
        ran += 1
      } catch {
        #expect(error is VisError)
      }
    }
    #expect(accepted > 100 && ran > 50)
  }
}

/// A network of one node for each operation.
enum EveryOperation {
  static let weights = [
    "k": [3, 3, 2, 4], "b": [4], "dw": [3, 3, 4, 2], "t": [2, 2, 4, 8], "alpha": [1, 1, 4], "one": [1], "d": [4, 3],
  ]

  /// One behind the other, to `reciprocal`.
  private static let elementary = zip(
    UnaryFunction.Elementary.allCases, ["celu"] + UnaryFunction.Elementary.allCases.map(\.rawValue)
  ).map { #"{"name": "\#($0.rawValue)", "op": "\#($0.rawValue)", "inputs": ["\#($1)"]},"# }.joined(separator: "\n")

  static let description = #"""
    {"format": "swiftvis", "version": 1, "inputs": [{"name": "image", "shape": [null, null, null, 4]}], "nodes": [
      {"name": "a", "op": "conv2d", "inputs": ["image"], "weights": {"kernel": "k", "bias": "b"},
       "attributes": {"strides": [1, 2], "padding": "same", "dilations": [2, 1], "groups": 2}},
      {"name": "b", "op": "depthwise_conv2d", "inputs": ["a"], "weights": {"kernel": "dw"},
       "attributes": {"padding": [[1, 1], [0, 2]]}},
      {"name": "c", "op": "conv2d_transpose", "inputs": ["b"], "weights": {"kernel": "t", "bias": "b"},
       "attributes": {"strides": [1, 2], "padding": "same", "output_padding": null}},
      {"name": "d", "op": "prelu", "inputs": ["c"], "weights": {"alpha": "alpha"}},
      {"name": "e", "op": "affine", "inputs": ["d"], "weights": {"scale": "one", "offset": "b"}},
      {"name": "f", "op": "layer_normalization", "inputs": ["e"], "weights": {"scale": "b"}, "attributes": {"epsilon": 1e-5}},
      {"name": "g", "op": "max_pool2d", "inputs": ["f"], "attributes": {"pool_size": [2, 2], "strides": [1, 1], "dilations": [2, 2]}},
      {"name": "h", "op": "average_pool2d", "inputs": ["f"],
       "attributes": {"padding": [[1, 0], [0, 1]], "count_include_pad": true}},
      {"name": "i", "op": "pad", "inputs": ["h"], "attributes": {"padding": [[1, -1], [0, 2], [0, 0]]}},
      {"name": "j", "op": "resize", "inputs": ["g"], "attributes":
       {"size": [4, 6], "interpolation": "bilinear", "coordinates": "align_corners"}},
      {"name": "k", "op": "concatenate", "inputs": ["j", "j"], "attributes": {"axis": 2}},
      {"name": "slice", "op": "slice", "inputs": ["k"],
       "attributes": {"starts": [0, -1, 1], "sizes": [4, -1, 2], "steps": [1, -2, 1]}},
      {"name": "l", "op": "permute", "inputs": ["k"], "attributes": {"axes": [0, 2, 1, 3]}},
      {"name": "m", "op": "reshape", "inputs": ["l"], "attributes": {"shape": [-1, 4]}},
      {"name": "matmul", "op": "matmul", "inputs": ["m", "m"], "attributes": {"transpose_left": true}},
      {"name": "constant", "op": "constant", "inputs": [], "weights": {"value": "k"}},
      {"name": "add", "op": "add", "inputs": ["m", "m", "m"]}, {"name": "subtract", "op": "subtract", "inputs": ["m", "add"]},
      {"name": "multiply", "op": "multiply", "inputs": ["m", "subtract"]},
      {"name": "average", "op": "average", "inputs": ["m", "multiply"]},
      {"name": "maximum", "op": "maximum", "inputs": ["m", "average"]},
      {"name": "minimum", "op": "minimum", "inputs": ["m", "maximum"]},
      {"name": "divide", "op": "divide", "inputs": ["m", "minimum"]}, {"name": "power", "op": "power", "inputs": ["m", "divide"]},
      {"name": "square", "op": "power", "inputs": ["power"], "attributes": {"exponent": 2}},
      {"name": "greater", "op": "greater", "inputs": ["m", "square"]}, {"name": "equal", "op": "equal", "inputs": ["m", "greater"]},
      {"name": "greater_equal", "op": "greater_equal", "inputs": ["m", "equal"]},
      {"name": "where", "op": "where", "inputs": ["greater_equal", "minimum", "m"]},
      {"name": "gather", "op": "gather", "inputs": ["where"], "attributes": {"axis": -1, "indices": [3, 0, 1, 2]}},
      {"name": "clip", "op": "clip", "inputs": ["gather"], "attributes": {"min": 0.5, "max": null}},
      {"name": "mish", "op": "mish", "inputs": ["clip"]},
      {"name": "celu", "op": "celu", "inputs": ["mish"], "attributes": {"alpha": 0.5}}, \#(elementary)
      {"name": "linear", "op": "linear", "inputs": ["reciprocal"]}, {"name": "sigmoid", "op": "sigmoid", "inputs": ["linear"]},
      {"name": "tanh", "op": "tanh", "inputs": ["sigmoid"]}, {"name": "softplus", "op": "softplus", "inputs": ["tanh"]},
      {"name": "softsign", "op": "softsign", "inputs": ["softplus"]}, {"name": "silu", "op": "silu", "inputs": ["softsign"]},
      {"name": "hard_swish", "op": "hard_swish", "inputs": ["silu"]}, {"name": "selu", "op": "selu", "inputs": ["hard_swish"]},
      {"name": "exponential", "op": "exponential", "inputs": ["selu"]},
      {"name": "relu", "op": "relu", "inputs": ["exponential"],
       "attributes": {"max_value": 6, "negative_slope": 0.1, "threshold": 0.5}},
      {"name": "elu", "op": "elu", "inputs": ["relu"], "attributes": {"alpha": 0.5}},
      {"name": "hard_sigmoid", "op": "hard_sigmoid", "inputs": ["elu"], "attributes": {"slope": 0.16666667}},
      {"name": "gelu", "op": "gelu", "inputs": ["hard_sigmoid"], "attributes": {"approximate": true}},
      {"name": "reduce", "op": "reduce", "inputs": ["gelu"], "attributes": {"kind": "max", "axes": [1], "keepdims": false}},
      {"name": "dense", "op": "dense", "inputs": ["reduce"], "weights": {"kernel": "d"}},
      {"name": "softmax", "op": "softmax", "inputs": ["dense"]},
      {"name": "log_softmax", "op": "log_softmax", "inputs": ["softmax"]}],
     "outputs": ["softmax"], "layers": [{"name": "l", "class_name": "Dense", "outputs": ["dense"]}]}
    """#
}
