/// A target found in a model.
package struct Score {
  let node: Graph.NodeIndex
  let name: String
  let channelAxis: Int
  let filters: [Int]?

  init(_ target: Target, in model: Model) throws {
    let graph = model.graph
    var node: Graph.NodeIndex
    if let layer = target.layer {
      node = try model.node(named: layer)
    } else {
      guard let output = graph.outputs.first else { throw VisError(.invalidModel, "the model has no output") }
      node = output
    }
    while target.beforeSoftmax, graph.nodes[node].operation.isSoftmax, let input = graph.nodes[node].inputs.first {
      node = input
    }
    self.node = node
    name = graph.nodes[node].name
    channelAxis = graph.channelAxis(of: node)
    filters = target.filters
    // A wrong filter is told before anything is planned.
    if let filters, let count = graph.nodes[node].shape[channelAxis] { try Self.check(filters, count: count, of: name) }
  }

  /// The derivative of every sample's own score.
  func cotangent(shape: [Int]) throws -> Tensor {
    let sample = try Tensor(shape: [1] + shape.dropFirst()) {
      try Self.writeCotangent(
        shape: [1] + shape.dropFirst(), channelAxis: channelAxis, filters: filters, name: name, into: $0)
    }
    guard let samples = shape.first, samples > 1 else { return sample }
    return try Tensor(shape: shape, values: Array(repeatElement(sample.values, count: samples).joined()))
  }

  /// Writes the derivative of the sum over filters of the mean over all other axes.
  package static func writeCotangent(
    shape: [Int], channelAxis: Int, filters: [Int]?, name: String, into cotangent: UnsafeMutableBufferPointer<Float>
  ) throws {
    let count = cotangent.count
    guard let filters else { return cotangent.update(repeating: Float(1 / Double(count))) }
    let channels = shape[channelAxis]
    try check(filters, count: channels, of: name)
    cotangent.update(repeating: 0)
    let share = Float(Double(channels) / Double(count))
    let inner = shape[(channelAxis + 1)...].reduce(1, *)
    for filter in filters {
      for start in stride(from: filter * inner, to: count, by: channels * inner) {
        for place in start..<start + inner { cotangent[place] += share }
      }
    }
  }

  private static func check(_ filters: [Int], count: Int, of name: String) throws {
    guard !filters.isEmpty else {
      throw VisError(.invalidArgument, "no filters are chosen: name some, or nil for the mean of all")
    }
    if let wrong = filters.first(where: { !(0..<count).contains($0) }) {
      throw VisError(.invalidArgument, "'\(name)' has \(count) filters, 0 to \(count - 1); there is no filter \(wrong)")
    }
  }
}

extension Operation {
  fileprivate var isSoftmax: Bool {
    switch self {
    case .softmax, .logSoftmax: true
    default: false
    }
  }
}
