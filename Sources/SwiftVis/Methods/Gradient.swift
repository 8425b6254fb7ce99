extension Model {
  /// The output of the model's first output node for one input of shape (N, ...). Throws `VisError`.
  public func predict(_ input: Tensor, threads: Int = 0) throws -> Tensor {
    let output = try firstOutput()
    var question = Question(inputShapes: [input.shape])
    question.values = [output]
    let session = try Session(self, question, threads: threads)
    return try Tensor(shape: session.shape(of: output)) { result in
      try input.values.withUnsafeBufferPointer { try session.forward([$0], values: [result]) }
    }
  }

  /// The gradient with respect to the input of a node's activation: the sum over `filters` of the mean over batch and space; with
  /// `filters` nil, the mean over the whole output (Simonyan et al. 2013, arXiv:1312.6034).
  ///
  /// - Parameters:
  ///   - input: shape (N, ...), as the model's only input.
  ///   - node: a node or layer output by name; the model's first output by default. Its last axis has the filters.
  ///   - rule: how activations pass the cotangent back.
  ///   - rules: activations with a rule of their own, by node name.
  ///   - customRule: what `.custom` is in these two.
  /// - Returns: a tensor of the input's shape, not normalized.
  public func gradient(
    _ input: Tensor, of node: String? = nil, filters: [Int]? = nil, rule: BackwardRule = .plain,
    rules: [String: BackwardRule] = [:], threads: Int = 0, customRule: CustomRule? = nil
  ) throws -> Tensor {
    guard graph.inputCount == 1 else {
      throw VisError(.invalidArgument, "the model has \(graph.inputCount) inputs; ask a Session for its gradient")
    }
    let target = try node ?? firstOutput()
    var question = Question(inputShapes: [input.shape])
    question.cotangents = [target]
    question.gradients = [graph.nodes[0].name]
    question.rule = rule
    question.rules = rules
    let session = try Session(self, question, threads: threads)
    session.customRule = customRule
    let cotangent = try Tensor.cotangent(shape: session.shape(of: target), filters: filters, name: target)
    return try Tensor(shape: input.shape) { result in
      try input.values.withUnsafeBufferPointer { try session.forward([$0]) }
      try cotangent.values.withUnsafeBufferPointer { try session.backward([$0], gradients: [result]) }
    }
  }

  private func firstOutput() throws -> String {
    guard let output = graph.outputs.first else { throw VisError(.invalidModel, "the model has no output") }
    return graph.nodes[output].name
  }
}

extension Tensor {
  /// The derivative of the sum over filters of the mean over batch and space. Repeated filters count as often as they are named.
  static func cotangent(shape: [Int], filters: [Int]?, name: String) throws -> Tensor {
    let count = shape.reduce(1, *)
    guard count > 0, let channels = shape.last else { return try Tensor(shape: shape, values: []) }
    guard let filters else {
      return try Tensor(shape: shape, values: Array(repeating: 1 / Float(count), count: count))
    }
    guard !filters.isEmpty else {
      throw VisError(.invalidArgument, "no filters are chosen: name some, or pass nil for the mean of all")
    }
    var values = [Float](repeating: 0, count: count)
    for filter in filters {
      guard filter >= 0, filter < channels else {
        throw VisError(.invalidArgument, "'\(name)' has \(channels) filters; there is no filter \(filter)")
      }
      for start in stride(from: 0, to: count, by: channels) { values[start + filter] += Float(channels) / Float(count) }
    }
    return try Tensor(shape: shape, values: values)
  }
}
