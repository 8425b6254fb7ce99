import SwiftVisKernels

/// The inverse of `Operation.decoders`: what these write, those read. What an operation does not have is written all the same where it
/// is not the default, so that the decoder refuses it.
extension Operation {
  /// As the model format has them.
  var attributes: [String: JSON] {
    switch self {
    case .input, .constant, .dense, .affine, .merge, .choose, .softmax, .logSoftmax, .prelu, .unary(.elementary): return [:]
    case .convolution(let attributes):
      return attributes.json.merging(["groups": .integer(attributes.groups)]) { $1 }
    case .depthwiseConvolution(let attributes): return attributes.json
    case .transposedConvolution(let attributes, let outputPadding):
      return attributes.json.merging(["output_padding": outputPadding?.json ?? .null]) { $1 }
    case .matrixProduct(let transposesLeft, let transposesRight):
      return ["transpose_left": .bool(transposesLeft), "transpose_right": .bool(transposesRight)]
    case .pool(let attributes): return attributes.json
    case .reduce(let kind, let axes, let keepDims):
      return ["kind": .string(kind.name), "axes": .integers(axes), "keepdims": .bool(keepDims)]
    case .pad(let pairs): return ["padding": .array(pairs.map(\.json))]
    case .resize(let attributes): return attributes.json
    case .reshape(let shape): return ["shape": .integers(shape)]
    case .permute(let axes): return ["axes": .integers(axes)]
    case .concatenate(let axis): return ["axis": .integer(axis)]
    case .slice(let ranges):
      return [
        "starts": .integers(ranges.map(\.start)), "sizes": .integers(ranges.map { $0.size ?? -1 }),
        "steps": .integers(ranges.map(\.step)),
      ]
    case .gather(let axis, let indices): return ["axis": .integer(axis), "indices": .integers(indices)]
    case .layerNormalization(let epsilon): return ["epsilon": .finite(epsilon)]
    case .activation(let activation): return activation.attributes
    case .unary(.clip(let lower, let upper)):
      return ["min": lower == -.infinity ? .null : .finite(lower), "max": upper == .infinity ? .null : .finite(upper)]
    case .unary(.power(let exponent)): return ["exponent": .finite(exponent)]
    }
  }
}

extension Activation {
  fileprivate var attributes: [String: JSON] {
    switch self {
    case .linear, .selu, .sigmoid, .tanh, .softplus, .softsign, .silu, .hardSwish, .exponential, .mish: [:]
    case .relu(let maxValue, let negativeSlope, let threshold):
      [
        "max_value": maxValue.map { .finite($0) } ?? .null, "negative_slope": .finite(negativeSlope),
        "threshold": .finite(threshold),
      ]
    case .elu(let alpha), .celu(let alpha): ["alpha": .finite(alpha)]
    case .hardSigmoid(let slope): ["slope": .finite(slope)]
    case .gelu(let approximate): ["approximate": .bool(approximate)]
    }
  }
}

extension Reduction {
  fileprivate var name: String {
    switch self {
    case .mean: "mean"
    case .max: "max"
    case .sum: "sum"
    }
  }
}

extension Extent2D {
  fileprivate var json: JSON { .integers([height, width]) }
}

extension EdgePair {
  fileprivate var json: JSON { .integers([before, after]) }
}

extension Padding {
  fileprivate var json: JSON {
    switch self {
    case .valid: .string("valid")
    case .same: .string("same")
    case .explicit(let vertical, let horizontal): .array([vertical.json, horizontal.json])
    }
  }
}

extension Convolution2DAttributes {
  fileprivate var json: [String: JSON] {
    var json = ["strides": strides.json, "padding": padding.json, "dilations": dilations.json]
    if groups != 1 { json["groups"] = .integer(groups) }
    return json
  }
}

extension Pool2DAttributes {
  fileprivate var json: [String: JSON] {
    var json = ["pool_size": size.json, "strides": strides.json, "padding": padding.json]
    if kind == .max || dilations != Extent2D(1, 1) { json["dilations"] = dilations.json }
    if kind == .average || countIncludesPadding { json["count_include_pad"] = .bool(countIncludesPadding) }
    return json
  }
}

extension ResizeAttributes {
  fileprivate var json: [String: JSON] {
    let interpolation =
      switch interpolation {
      case .nearest: "nearest"
      case .bilinear: "bilinear"
      }
    let coordinates =
      switch coordinates {
      case .halfPixel: "half_pixel"
      case .asymmetric: "asymmetric"
      case .alignCorners: "align_corners"
      }
    let (key, extent) =
      switch target {
      case .scale(let factors): ("scale", factors)
      case .size(let size): ("size", size)
      }
    return [key: extent.json, "interpolation": .string(interpolation), "coordinates": .string(coordinates)]
  }
}
