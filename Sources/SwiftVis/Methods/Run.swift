/// One pass forward and one back: what all methods are made of.
extension Model {
  /// The values of some nodes, and the gradients at others of each sample's own score.
  func run(
    _ inputs: [Tensor], values: [Graph.NodeIndex] = [], score: Score? = nil, gradients: [Graph.NodeIndex] = [],
    rule: BackwardRule = .plain, options: RunOptions
  ) throws -> (values: [Tensor], gradients: [Tensor]) {
    guard options.threads >= 0 else { throw VisError(.invalidArgument, "threads: \(options.threads) is below 0") }
    let (kinds, function) = try rule.resolved(in: self)
    var question = Question(inputShapes: inputs.map(\.shape))
    question.values = values.map { graph.nodes[$0].name }
    question.cotangents = score.map { [$0.name] } ?? []
    question.gradients = gradients.map { graph.nodes[$0].name }
    (question.rule, question.rules) = (rule.kind, kinds)
    question.exact = options.exact
    let session = try Session(self, question, threads: options.threads)
    session.customRule = function

    let stepCount = Double(session.plan.steps.count), forwardCount = session.plan.forwardCount
    if let progress = options.progress {
      session.progress = { done, _ in
        progress(Double(done) / stepCount)
        return true
      }
    }
    var valuesFound = try question.values.map { try Tensor(zeros: session.shape(of: $0)) }
    try withBuffers(inputs) { inputs in
      try withMutableBuffers(&valuesFound) { try session.forward(inputs, values: $0) }
    }
    guard let score else { return (valuesFound, []) }
    if let progress = options.progress {
      session.progress = { done, _ in
        progress(Double(forwardCount + done) / stepCount)
        return true
      }
    }
    let cotangent = try score.cotangent(shape: session.shape(of: score.name))
    var gradientsFound = try question.gradients.map { try Tensor(zeros: session.shape(of: $0)) }
    try withBuffers([cotangent]) { cotangents in
      try withMutableBuffers(&gradientsFound) { try session.backward(cotangents, gradients: $0) }
    }
    return (valuesFound, gradientsFound)
  }

  /// The model's only input. Methods that make one map have one image.
  func onlyInput() throws -> Graph.NodeIndex {
    guard graph.inputCount == 1 else {
      throw VisError(.invalidArgument, "the model has \(graph.inputCount) inputs: use gradient(of:) with a tensor for each")
    }
    return 0
  }
}

/// Borrows the values of all tensors at once.
private func withBuffers<Result>(
  _ tensors: [Tensor], _ collected: [UnsafeBufferPointer<Float>] = [],
  _ body: ([UnsafeBufferPointer<Float>]) throws -> Result
) throws -> Result {
  guard collected.count < tensors.count else { return try body(collected) }
  return try tensors[collected.count].values.withUnsafeBufferPointer { try withBuffers(tensors, collected + [$0], body) }
}

private func withMutableBuffers(
  _ tensors: inout [Tensor], _ body: ([UnsafeMutableBufferPointer<Float>]) throws -> Void
) throws {
  func borrow(_ rest: ArraySlice<Int>, _ collected: [UnsafeMutableBufferPointer<Float>]) throws {
    guard let index = rest.first else { return try body(collected) }
    var values: [Float] = []
    swap(&values, &tensors[index].values)
    defer { swap(&values, &tensors[index].values) }
    try values.withUnsafeMutableBufferPointer { try borrow(rest.dropFirst(), collected + [$0]) }
  }
  try borrow(Array(tensors.indices)[...], [])
}
