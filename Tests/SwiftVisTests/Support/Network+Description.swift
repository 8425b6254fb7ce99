import SwiftVis
import SwiftVisKernels

/// The graph description of ModelFormat.md, written here by hand: it is the other side of the engine's decoder.
extension Network {
  var description: String {
    let inputs = nodes.filter { $0.operation == .input }.map {
      #"{"name": "\#($0.name)", "shape": \#(json(declaredShapes[$0.name]!))}"#
    }
    let others = nodes.filter { $0.operation != .input }.map { node in
      let attributes = jsonAttributes(of: node.operation).sorted { $0.key < $1.key }.map { #""\#($0)": \#($1)"# }
      let weights = node.weights.keys.sorted().map { #""\#($0)": "\#(node.name)/\#($0)""# }
      return #"{"name": "\#(node.name)", "op": "\#(jsonName(of: node.operation))", "inputs": \#(json(node.inputs)), "#
        + #""attributes": {\#(attributes.joined(separator: ", "))}, "weights": {\#(weights.joined(separator: ", "))}}"#
    }
    return #"{"format": "swiftvis", "version": 1, "name": "test", "inputs": [\#(inputs.joined(separator: ", "))], "#
      + #""nodes": [\#(others.joined(separator: ",\n"))], "outputs": \#(json(outputNames)), "layers": []}"#
  }
}

private func json(_ names: [String]) -> String { "[" + names.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
private func json(_ sizes: [Int?]) -> String {
  "[" + sizes.map { $0.map(String.init) ?? "null" }.joined(separator: ", ") + "]"
}
private func json(_ extent: Extent2D) -> String { "[\(extent.height), \(extent.width)]" }
private func json(_ edges: EdgePair) -> String { "[\(edges.before), \(edges.after)]" }
private func json(_ padding: Padding) -> String {
  switch padding {
  case .valid: "\"valid\""
  case .same: "\"same\""
  case .explicit(let vertical, let horizontal): "[\(json(vertical)), \(json(horizontal))]"
  }
}

func jsonName(of operation: SwiftVis.Operation) -> String {
  switch operation {
  case .input: "input"
  case .constant: "constant"
  case .convolution: "conv2d"
  case .depthwiseConvolution: "depthwise_conv2d"
  case .transposedConvolution: "conv2d_transpose"
  case .dense: "dense"
  case .matrixProduct: "matmul"
  case .affine: "affine"
  case .pool(let attributes): attributes.kind == .max ? "max_pool2d" : "average_pool2d"
  case .reduce: "reduce"
  case .pad: "pad"
  case .resize: "resize"
  case .reshape: "reshape"
  case .permute: "permute"
  case .concatenate: "concatenate"
  case .slice: "slice"
  case .gather: "gather"
  case .choose: "where"
  case .merge(let kind):
    switch kind {
    case .add: "add"
    case .subtract: "subtract"
    case .multiply: "multiply"
    case .divide: "divide"
    case .power: "power"
    case .greater: "greater"
    case .greaterEqual: "greater_equal"
    case .equal: "equal"
    case .average: "average"
    case .maximum: "maximum"
    case .minimum: "minimum"
    }
  case .layerNormalization: "layer_normalization"
  case .softmax: "softmax"
  case .logSoftmax: "log_softmax"
  case .activation(let activation):
    switch activation {
    case .linear: "linear"
    case .relu: "relu"
    case .elu: "elu"
    case .selu: "selu"
    case .sigmoid: "sigmoid"
    case .hardSigmoid: "hard_sigmoid"
    case .tanh: "tanh"
    case .softplus: "softplus"
    case .softsign: "softsign"
    case .silu: "silu"
    case .hardSwish: "hard_swish"
    case .gelu: "gelu"
    case .exponential: "exponential"
    case .mish: "mish"
    case .celu: "celu"
    }
  case .unary(.elementary(let function)): "\(function)"
  case .unary(.clip): "clip"
  case .unary(.power): "power"
  case .prelu: "prelu"
  }
}

private func jsonAttributes(of operation: SwiftVis.Operation) -> [String: String] {
  switch operation {
  case .input, .constant, .dense, .affine, .merge, .choose, .softmax, .logSoftmax, .prelu, .unary(.elementary): return [:]
  case .matrixProduct(let transposesLeft, let transposesRight):
    return ["transpose_left": "\(transposesLeft)", "transpose_right": "\(transposesRight)"]
  case .convolution(let a):
    return window(strides: a.strides, a.padding).merging(["dilations": json(a.dilations), "groups": "\(a.groups)"]) { $1 }
  case .depthwiseConvolution(let a):
    return window(strides: a.strides, a.padding).merging(["dilations": json(a.dilations)]) { $1 }
  case .transposedConvolution(let a, let outputPadding):
    return window(strides: a.strides, a.padding).merging([
      "dilations": json(a.dilations), "output_padding": outputPadding.map { json($0) } ?? "null",
    ]) { $1 }
  case .pool(let a):
    var attributes = window(strides: a.strides, a.padding).merging(["pool_size": json(a.size)]) { $1 }
    if a.kind == .max { attributes["dilations"] = json(a.dilations) }
    if a.kind == .average { attributes["count_include_pad"] = "\(a.countIncludesPadding)" }
    return attributes
  case .reduce(let kind, let axes, let keepDims):
    return ["kind": "\"\(kind)\"", "axes": json(axes), "keepdims": "\(keepDims)"]
  case .pad(let edges): return ["padding": "[" + edges.map { json($0) }.joined(separator: ", ") + "]"]
  case .resize(let a):
    let coordinates =
      switch a.coordinates {
      case .halfPixel: "half_pixel"
      case .asymmetric: "asymmetric"
      case .alignCorners: "align_corners"
      }
    var attributes = ["interpolation": "\"\(a.interpolation)\"", "coordinates": "\"\(coordinates)\""]
    switch a.target {
    case .scale(let factor): attributes["scale"] = json(factor)
    case .size(let size): attributes["size"] = json(size)
    }
    return attributes
  case .reshape(let shape): return ["shape": json(shape)]
  case .permute(let axes): return ["axes": json(axes)]
  case .gather(let axis, let indices): return ["axis": "\(axis)", "indices": json(indices)]
  case .unary(.clip(let lower, let upper)):
    return ["min": lower.isFinite ? "\(lower)" : "null", "max": upper.isFinite ? "\(upper)" : "null"]
  case .unary(.power(let exponent)): return ["exponent": "\(exponent)"]
  case .slice(let ranges):
    return [
      "starts": json(ranges.map(\.start)), "sizes": json(ranges.map { $0.size ?? -1 }), "steps": json(ranges.map(\.step)),
    ]
  case .concatenate(let axis): return ["axis": "\(axis)"]
  case .layerNormalization(let epsilon): return ["epsilon": "\(epsilon)"]
  case .activation(let activation): return jsonAttributes(of: activation)
  }
}

private func window(strides: Extent2D, _ padding: Padding) -> [String: String] {
  ["strides": json(strides), "padding": json(padding)]
}

private func jsonAttributes(of activation: Activation) -> [String: String] {
  switch activation {
  case .linear, .selu, .sigmoid, .tanh, .softplus, .softsign, .silu, .hardSwish, .exponential, .mish: [:]
  case .relu(let maxValue, let negativeSlope, let threshold):
    [
      "max_value": maxValue.map { "\($0)" } ?? "null", "negative_slope": "\(negativeSlope)", "threshold": "\(threshold)",
    ]
  case .elu(let alpha), .celu(let alpha): ["alpha": "\(alpha)"]
  case .hardSigmoid(let slope): ["slope": "\(slope)"]
  case .gelu(let approximate): ["approximate": "\(approximate)"]
  }
}
