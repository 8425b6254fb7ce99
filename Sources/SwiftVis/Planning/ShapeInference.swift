/// The sizes that every operation gives. One rule serves validation at load, where the batch, heights and widths may be open
/// (nil), and sessions, where everything is known.
enum ShapeInference {
  static let maximumRank = 8
  /// Far above what fits in memory, far below what overflows.
  static let maximumElementCount = 1 << 40

  /// The shape of a node. Throws `invalidModel` where inputs or weights do not fit, `outOfMemory` where the result is
  /// absurdly large. Attributes are those that decoding lets through. An `input` is given its own shape, a `constant` the batch.
  static func shape(
    of operation: Operation, inputs: [[Int?]], weights: [String: Weights], node: String
  ) throws -> [Int?] {
    let rule = ShapeRule(operation, inputs: inputs, weights: weights, node: node)
    try rule.checkInputCount()
    try rule.checkWeightRoles()
    let shape = try rule.shape()
    try rule.checkSize(shape)
    return shape
  }

  /// The shapes of all nodes for these inputs. Throws `invalidArgument` where they do not fit the declared ones, each other,
  /// or a layer.
  static func shapes(of graph: Graph, inputShapes: [[Int]]) throws -> [[Int]] {
    guard inputShapes.count == graph.inputCount else {
      throw VisError(.invalidArgument, "the model has \(graph.inputCount) inputs, got shapes for \(inputShapes.count)")
    }
    for (node, shape) in zip(graph.nodes, inputShapes) {
      guard shape.count == node.shape.count, zip(node.shape, shape).allSatisfy({ $0 == nil || $0 == $1 }) else {
        throw VisError(.invalidArgument, "input '\(node.name)': expected shape \(text(node.shape)), got \(text(shape))")
      }
      guard shape.first == inputShapes.first?.first else {
        throw VisError(.invalidArgument, "input '\(node.name)': expected the batch of the first input, got \(text(shape))")
      }
    }
    var shapes: [[Int]] = []
    shapes.reserveCapacity(graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      let inputs =
        index < graph.inputCount
        ? [inputShapes[index]] : node.operation == .constant ? [Array(shapes[0].prefix(1))] : node.inputs.map { shapes[$0] }
      do {
        let shape = try shape(of: node.operation, inputs: inputs, weights: node.weights, node: node.name).compactMap { $0 }
        guard shape.count == node.shape.count else { throw VisError(.internal, "'\(node.name)': the shape is not known") }
        shapes.append(shape)
      } catch let error as VisError where error.kind == .invalidModel {
        // The model was valid for some sizes: it is these that do not fit.
        throw VisError(.invalidArgument, error.message)
      }
    }
    return shapes
  }

  /// "(?, 32, 32, 3)". A hostile shape may be very long.
  static func text(_ shape: [Int?]) -> String {
    let sizes = shape.prefix(2 * maximumRank).map { $0.map(String.init) ?? "?" }
    return "(" + sizes.joined(separator: ", ") + (sizes.count < shape.count ? ", ...)" : ")")
  }
}

/// One node, on its way to its shape.
struct ShapeRule {
  let operation: Operation
  let inputs: [[Int?]]
  let weights: [String: Weights]
  let node: String

  init(_ operation: Operation, inputs: [[Int?]], weights: [String: Weights], node: String) {
    (self.operation, self.inputs, self.weights, self.node) = (operation, inputs, weights, node)
  }

  var input: [Int?] { inputs.first ?? [] }

  func failure(_ problem: String, _ kind: VisError.Kind = .invalidModel) -> VisError {
    VisError(kind, "\(operation.name) '\(node)': \(problem)")
  }

  func shape() throws -> [Int?] {
    switch operation {
    case .input: return input
    case .constant: return input + (weights["value"]?.shape ?? [])
    case .convolution(let attributes): return try convolution(groups: attributes.groups)
    case .depthwiseConvolution: return try depthwiseConvolution()
    case .transposedConvolution: return try transposedConvolution()
    case .dense: return try dense()
    case .matrixProduct(let transposesLeft, let transposesRight):
      return try matrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight)
    case .affine:
      try checkChannelWeights(mayBeScalar: true)
      return input
    case .pool:
      let image = try image()
      return try windowed(image, channels: image.channels)
    case .reduce(_, let axes, let keepDims): return try reduce(axes, keepDims: keepDims)
    case .pad(let pairs): return try pad(pairs)
    case .resize(let attributes): return try resize(attributes)
    case .reshape(let target): return try reshape(target)
    case .permute(let axes):
      guard axes.count == input.count else { throw failure("expected \(axes.count) axes, got \(shapeText)") }
      return axes.map { input[$0] }
    case .concatenate(let axis): return try concatenate(axis)
    case .slice(let ranges): return try slice(ranges)
    case .gather(let axis, let indices): return try gather(axis, indices)
    case .merge, .choose: return try merge()
    case .layerNormalization:
      try checkChannelWeights(mayBeScalar: false)
      return input
    case .softmax, .logSoftmax:
      _ = try channels()
      return input
    case .activation, .unary: return input
    case .prelu:
      try checkAlpha()
      return input
    }
  }

  func checkSize(_ shape: [Int?]) throws {
    let text = ShapeInference.text(shape)
    guard (1...ShapeInference.maximumRank).contains(shape.count) else {
      throw failure("a tensor has 1 to \(ShapeInference.maximumRank) axes, got \(text)")
    }
    var count = 1
    for case let size? in shape {
      guard size >= 1 else { throw failure("size \(size) in \(text)") }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, size <= Fields.maximumInteger, product <= ShapeInference.maximumElementCount else {
        throw failure("a tensor of \(text) is too large", .outOfMemory)
      }
      count = product
    }
  }

  func checkInputCount() throws {
    let expected: String
    switch operation {
    case .merge(let merge) where merge.isBinary:
      if inputs.count == 2 { return }
      expected = "2 inputs"
    case .matrixProduct:
      if inputs.count == 2 { return }
      expected = "2 inputs"
    case .choose:
      if inputs.count == 3 { return }
      expected = "3 inputs"
    case .merge where inputs.count < 2, .concatenate where inputs.count < 2: expected = "2 or more inputs"
    case .merge, .concatenate: return
    case .input, .constant, .convolution, .depthwiseConvolution, .transposedConvolution, .dense, .affine, .pool, .reduce,
      .pad, .resize, .reshape, .permute, .slice, .gather, .layerNormalization, .softmax, .logSoftmax, .activation, .unary,
      .prelu:
      if inputs.count == 1 { return }
      expected = "1 input"
    }
    throw failure("expected \(expected), got \(inputs.count)")
  }

  func checkWeightRoles() throws {
    let required: [String]
    var optional: [String] = []
    switch operation {
    case .convolution, .depthwiseConvolution, .transposedConvolution, .dense: (required, optional) = (["kernel"], ["bias"])
    case .affine: required = ["scale", "offset"]
    case .layerNormalization: (required, optional) = ([], ["scale", "offset"])
    case .prelu: required = ["alpha"]
    case .constant: required = ["value"]
    case .input, .matrixProduct, .pool, .reduce, .pad, .resize, .reshape, .permute, .concatenate, .slice, .gather, .merge,
      .choose, .softmax, .logSoftmax, .activation, .unary:
      required = []
    }
    for role in required where weights[role] == nil { throw failure("its weight '\(role)' is missing") }
    for role in weights.keys.sorted() where !required.contains(role) && !optional.contains(role) {
      throw failure("unexpected weight '\(role.prefix(100))'")
    }
  }
}
