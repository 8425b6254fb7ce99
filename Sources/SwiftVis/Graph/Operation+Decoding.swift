import SwiftVisKernels

extension Operation {
  /// The model format's word for the operation.
  package var name: String {
    switch self {
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
    case .merge(let merge): merge.name
    case .choose: "where"
    case .layerNormalization: "layer_normalization"
    case .softmax: "softmax"
    case .logSoftmax: "log_softmax"
    case .activation(let activation): activation.name
    case .unary(.elementary(let function)): function.rawValue
    case .unary(.clip): "clip"
    case .unary(.power): "power"
    case .prelu: "prelu"
    }
  }

  /// Takes an operation's attributes out of the fields; `rank` is that of the first input, 0 where there is none.
  typealias Decoder = @Sendable (_ fields: inout Fields, _ rank: Int) throws -> Operation

  static let decoders: [String: Decoder] = {
    var decoders = rows
    for function in UnaryFunction.Elementary.allCases {
      decoders[function.rawValue] = { _, _ in .unary(.elementary(function)) }
    }
    return decoders
  }()

  /// One row an op.
  private static let rows: [String: Decoder] = [
    "constant": { _, _ in .constant },
    "conv2d": { fields, _ in
      var attributes = try fields.convolution()
      attributes.groups = try fields.integer("groups", default: 1, atLeast: 1)
      return .convolution(attributes)
    },
    "depthwise_conv2d": { fields, _ in .depthwiseConvolution(try fields.convolution()) },
    "conv2d_transpose": { fields, _ in
      fields.dropNull("output_padding")
      let outputPadding = try fields.optionalExtent("output_padding", atLeast: 0)
      return .transposedConvolution(try fields.convolution(), outputPadding: outputPadding)
    },
    "dense": { _, _ in .dense },
    "matmul": { fields, _ in
      .matrixProduct(
        transposesLeft: try fields.bool("transpose_left", default: false),
        transposesRight: try fields.bool("transpose_right", default: false))
    },
    "affine": { _, _ in .affine },
    "max_pool2d": { fields, _ in
      let dilations = try fields.extent("dilations", default: Extent2D(1, 1))
      return .pool(try fields.pool(.max, dilations: dilations))
    },
    "average_pool2d": { fields, _ in
      var attributes = try fields.pool(.average)
      attributes.countIncludesPadding = try fields.bool("count_include_pad", default: false)
      return .pool(attributes)
    },
    "reduce": { fields, rank in
      let kind = try fields.word("kind", ["mean": Reduction.mean, "max": .max, "sum": .sum], default: .mean)
      let axes = try fields.array("axes").map { try fields.axis($0, "axes", rank: rank) }.sorted()
      guard let first = axes.first else { throw fields.failure("'axes' is empty") }
      guard axes == Array(first..<first + axes.count) else {
        throw fields.failure("'axes' should be adjacent, got \(axes.prefix(16))")
      }
      return .reduce(kind, axes: axes, keepDims: try fields.bool("keepdims", default: false))
    },
    "pad": { fields, _ in .pad(try fields.edgePairs("padding", atLeast: -Fields.maximumInteger)) },
    "resize": { fields, _ in .resize(try fields.resize()) },
    "reshape": { fields, _ in
      let shape = try fields.integers("shape", atLeast: -1)
      guard !shape.contains(0) else { throw fields.failure("'shape' holds a zero") }
      guard shape.filter({ $0 == -1 }).count <= 1 else { throw fields.failure("'shape' holds more than one -1") }
      return .reshape(shape)
    },
    "permute": { fields, rank in
      let axes = try fields.integers("axes", atLeast: 0)
      guard axes.first == 0, axes.sorted() == Array(0..<rank) else {
        throw fields.failure("'axes' should hold 0 to \(rank - 1) once each with 0 first, got \(axes.prefix(16))")
      }
      return .permute(axes)
    },
    "concatenate": { fields, rank in
      .concatenate(axis: try fields.axis(fields.take("axis") ?? .number(-1), "axis", rank: rank))
    },
    "slice": { fields, rank in .slice(try fields.sliceRanges(count: max(rank - 1, 0))) },
    "gather": { fields, rank in
      let axis = try fields.axis(fields.required("axis"), "axis", rank: rank)
      let indices = try fields.integers("indices", atLeast: 0)
      guard !indices.isEmpty else { throw fields.failure("'indices' is empty") }
      return .gather(axis: axis, indices: indices)
    },
    "where": { _, _ in .choose },
    "add": { _, _ in .merge(.add) },
    "subtract": { _, _ in .merge(.subtract) },
    "multiply": { _, _ in .merge(.multiply) },
    "divide": { _, _ in .merge(.divide) },
    "power": { fields, _ in
      guard fields.has("exponent") else { return .merge(.power) }
      return .unary(.power(Float(try fields.number("exponent", default: 1))))
    },
    "greater": { _, _ in .merge(.greater) },
    "greater_equal": { _, _ in .merge(.greaterEqual) },
    "equal": { _, _ in .merge(.equal) },
    "clip": { fields, _ in
      let (lower, upper) = (try fields.optionalNumber("min"), try fields.optionalNumber("max"))
      return .unary(.clip(min: lower.map { Float($0) } ?? -.infinity, max: upper.map { Float($0) } ?? .infinity))
    },
    "average": { _, _ in .merge(.average) },
    "maximum": { _, _ in .merge(.maximum) },
    "minimum": { _, _ in .merge(.minimum) },
    "layer_normalization": { fields, _ in
      let epsilon = try fields.number("epsilon", default: 0.001)
      guard epsilon >= 0 else { throw fields.failure("'epsilon' is negative: \(epsilon)") }
      return .layerNormalization(epsilon: epsilon)
    },
    "softmax": { _, _ in .softmax },
    "log_softmax": { _, _ in .logSoftmax },
    "linear": { _, _ in .activation(.linear) },
    "relu": { fields, _ in
      let maximum = try fields.optionalNumber("max_value").map { Float($0) }
      if let maximum, maximum < 0 { throw fields.failure("'max_value' is negative: \(maximum)") }
      let slope = try fields.number("negative_slope", default: 0)
      let threshold = try fields.number("threshold", default: 0)
      return .activation(.relu(maxValue: maximum, negativeSlope: Float(slope), threshold: Float(threshold)))
    },
    "elu": { fields, _ in .activation(.elu(alpha: Float(try fields.number("alpha", default: 1)))) },
    "selu": { _, _ in .activation(.selu) },
    "sigmoid": { _, _ in .activation(.sigmoid) },
    "hard_sigmoid": { fields, _ in .activation(.hardSigmoid(slope: Float(try fields.number("slope", default: 0.2)))) },
    "tanh": { _, _ in .activation(.tanh) },
    "softplus": { _, _ in .activation(.softplus) },
    "softsign": { _, _ in .activation(.softsign) },
    "silu": { _, _ in .activation(.silu) },
    "hard_swish": { _, _ in .activation(.hardSwish) },
    "gelu": { fields, _ in .activation(.gelu(approximate: try fields.bool("approximate", default: false))) },
    "exponential": { _, _ in .activation(.exponential) },
    "mish": { _, _ in .activation(.mish) },
    "celu": { fields, _ in
      let alpha = Float(try fields.number("alpha", default: 1))
      guard alpha >= Float.leastNormalMagnitude else { throw fields.failure("'alpha' should be positive, got \(alpha)") }
      return .activation(.celu(alpha: alpha))
    },
    "prelu": { _, _ in .prelu },
  ]
}

extension Merge {
  /// Whether it is of exactly two inputs.
  var isBinary: Bool {
    switch self {
    case .subtract, .divide, .power, .greater, .greaterEqual, .equal: true
    case .add, .multiply, .average, .maximum, .minimum: false
    }
  }

  var name: String {
    switch self {
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
  }
}

extension Activation {
  package var name: String {
    switch self {
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
  }
}

extension Fields {
  fileprivate mutating func convolution() throws -> Convolution2DAttributes {
    var attributes = Convolution2DAttributes()
    attributes.strides = try extent("strides", default: Extent2D(1, 1))
    attributes.dilations = try extent("dilations", default: Extent2D(1, 1))
    attributes.padding = try padding()
    return attributes
  }

  fileprivate mutating func pool(
    _ kind: Pool2DAttributes.Kind, dilations: Extent2D = Extent2D(1, 1)
  ) throws -> Pool2DAttributes {
    var attributes = Pool2DAttributes(kind: kind)
    attributes.dilations = dilations
    attributes.size = try extent("pool_size", default: Extent2D(2, 2))
    attributes.strides = try extent("strides", default: attributes.size)
    attributes.padding = try padding()
    if case .explicit(let vertical, let horizontal) = attributes.padding {
      let margin = (max(vertical.before, vertical.after), max(horizontal.before, horizontal.after))
      guard margin.0 < WindowAxis.effectiveKernel(attributes.size.height, dilations.height),
        margin.1 < WindowAxis.effectiveKernel(attributes.size.width, dilations.width)
      else {
        throw failure("'padding' should be smaller than 'pool_size': a window would hold nothing else")
      }
    }
    return attributes
  }

  private mutating func padding() throws -> Padding {
    guard let json = take("padding") else { return .valid }
    switch json {
    case .string("valid"): return .valid
    case .string("same"): return .same
    case .string(let text):
      throw failure("'padding' should be 'valid', 'same' or [[top, bottom], [left, right]], got '\(text.prefix(100))'")
    default:
      let pairs = try edgePairs(json, "padding", atLeast: 0)
      guard pairs.count == 2 else { throw failure("'padding' should be [[top, bottom], [left, right]]") }
      return .explicit(vertical: pairs[0], horizontal: pairs[1])
    }
  }

  fileprivate mutating func resize() throws -> ResizeAttributes {
    let scale = try optionalExtent("scale", atLeast: 1)
    let size = try optionalExtent("size", atLeast: 1)
    let target: ResizeAttributes.Target
    switch (scale, size) {
    case (let scale?, nil): target = .scale(scale)
    case (nil, let size?): target = .size(size)
    default: throw failure("one of 'scale' and 'size' is needed")
    }
    var attributes = ResizeAttributes(target: target)
    attributes.interpolation = try word(
      "interpolation", ["nearest": .nearest, "bilinear": .bilinear], default: attributes.interpolation)
    attributes.coordinates = try word(
      "coordinates", ["half_pixel": .halfPixel, "asymmetric": .asymmetric, "align_corners": .alignCorners],
      default: attributes.coordinates)
    return attributes
  }

  fileprivate mutating func sliceRanges(count: Int) throws -> [SliceRange] {
    func numbers(_ key: String, atLeast minimum: Int) throws -> [Int] {
      let numbers = try integers(key, atLeast: minimum)
      guard numbers.count == count else {
        throw failure("'\(key)' should hold \(count) numbers, one for every axis but the batch, got \(numbers.count)")
      }
      return numbers
    }
    let starts = try numbers("starts", atLeast: -Self.maximumInteger)
    let sizes = try numbers("sizes", atLeast: -1)
    let steps = try has("steps") ? numbers("steps", atLeast: -Self.maximumInteger) : Array(repeating: 1, count: count)
    guard !sizes.contains(0), !steps.contains(0) else { throw failure("'sizes' and 'steps' may not hold a zero") }
    return zip(starts, zip(sizes, steps)).map { SliceRange($0, $1.0 == -1 ? nil : $1.0, step: $1.1) }
  }

  /// An axis other than the batch, counted from the end where it is negative.
  fileprivate func axis(_ json: JSON, _ key: String, rank: Int) throws -> Int {
    let axis = try integer(json, key, atLeast: -Self.maximumInteger)
    let counted = axis < 0 ? axis + rank : axis
    guard (1..<max(rank, 1)).contains(counted) else {
      throw failure("'\(key)': axis \(axis) is out of range for \(rank) axes, or is the batch")
    }
    return counted
  }
}
