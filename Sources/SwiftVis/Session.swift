/// What a session answers: for these input shapes, the values of some nodes, and the gradients at some nodes for cotangents at
/// others. Nodes and inputs are given by name.
package struct Question: Hashable, Sendable {
  /// One per model input, in the model's order; batch first.
  package var inputShapes: [[Int]]
  package var values: [String] = []
  package var cotangents: [String] = []
  package var gradients: [String] = []
  package var rule = RuleKind.plain
  /// Activations with a rule of their own, by node name.
  package var rules: [String: RuleKind] = [:]
  /// Backward may be called again after one forward, at the price of memory.
  package var keepsForward = false
  /// Off: every tensor in a place of its own, for tests.
  package var reusesMemory = true
  /// Only convolution algorithms that sum products directly.
  package var exact = false
  package init(inputShapes: [[Int]]) { self.inputShapes = inputShapes }
}

/// One answer, planned and with its memory reserved, so that running it again costs only the arithmetic. Used by one thread at a time.
package final class Session {
  /// Of the model, which is not held itself: it holds its idle sessions.
  let graph: Graph, weights: [String: Weights], packedWeights: PackedWeights
  let plan: Plan
  let threads: Int
  /// By step, see `Step.cost`.
  let costs: [Int]
  let arena: Arena
  /// In nanoseconds.
  private static let leastCostOfThreads = 40_000
  private var state = State.fresh
  private enum State { case fresh, forward, spent }

  /// Called between steps with the share done; returning false cancels the run, as does cancelling the task that it is part of.
  package var progress: ((_ done: Int, _ total: Int) -> Bool)?
  /// What the question's `custom` rules are. May be another one for every run.
  package var customRule: CustomRule?

  /// Plans the answer. `threads` 0: as many as this process may use. Throws `VisError` where a name is unknown, shapes do not fit,
  /// no path leads from a wanted gradient to a cotangent, or memory is short.
  package init(_ model: Model, _ question: Question, threads: Int = 0) throws {
    try Processor.check()
    (graph, weights, packedWeights) = (model.graph, model.weights, model.packedWeights)
    plan = try Plan(model, question)
    costs = plan.steps.map { [plan] in $0.cost(plan.counts) }
    // A network that is done before a thread is awake needs one.
    let isTiny = costs.reduce(0, +) < Self.leastCostOfThreads
    self.threads =
      isTiny ? 1 : threads > 0 ? min(threads, ThreadPool.maximumThreadCount) : ThreadPool.defaultThreadCount
    arena = try Arena(floatCount: plan.memory.count, workerCount: self.threads, workerFloatCount: plan.workerScratchCount)
  }

  /// The shape of a node in this session.
  package func shape(of node: String) throws -> [Int] {
    guard let index = graph.index(of: node) else {
      throw VisError(.invalidArgument, "the model has no node '\(node)'")
    }
    return plan.shapes[index]
  }

  /// Activations between cotangents and gradients to which the rule does not apply, as "name (kind)".
  package var unmodifiedActivations: [String] { plan.unmodifiedActivations }
  package var arenaByteCount: Int { arena.byteCount }
  /// Weights packed for the kernels, which all sessions of the model share.
  package var packedWeightByteCount: Int { packedWeights.byteCount }

  /// Runs the network. `inputs` are in the model's order, `values` in the question's.
  /// Throws `invalidArgument` where a count is wrong or an input holds a NaN or an infinity.
  package func forward(_ inputs: [UnsafeBufferPointer<Float>], values: [UnsafeMutableBufferPointer<Float>] = []) throws {
    let inputNames = (0..<graph.inputCount).map { graph.nodes[$0].name }
    try check("input", inputs.map(\.count), plan.inputs, inputNames)
    try check("value", values.map(\.count), plan.values, plan.question.values)
    state = .spent
    for ((buffer, tensor), name) in zip(zip(inputs, plan.inputs), inputNames) {
      guard try copyIn(buffer, to: tensor) else {
        throw VisError(.invalidArgument, "input '\(name)' holds a NaN or an infinity")
      }
    }
    try run(0..<plan.forwardCount)
    for (buffer, tensor) in zip(values, plan.values) { copyOut(tensor, to: buffer) }
    state = .forward
  }

  /// Carries the cotangents back: gradient = sum of (d node / d wanted)^T cotangent. Needs a forward run before it, and a new one for
  /// every call unless the question has `keepsForward`. Rethrows what a custom rule throws.
  package func backward(_ cotangents: [UnsafeBufferPointer<Float>], gradients: [UnsafeMutableBufferPointer<Float>]) throws {
    try check("cotangent", cotangents.map(\.count), plan.cotangents, plan.question.cotangents)
    try check("gradient", gradients.map(\.count), plan.gradients, plan.question.gradients)
    if customRule == nil, let node = plan.customNodes.first {
      throw VisError(.invalidArgument, "the rule of '\(node)' is custom, and the session has no customRule")
    }
    guard state == .forward else {
      throw VisError(.invalidArgument, "backward needs a forward run before it (or a session that keeps its forward values)")
    }
    state = .spent
    for (buffer, tensor) in zip(cotangents, plan.cotangents) { _ = try copyIn(buffer, to: tensor) }
    try run(plan.forwardCount..<plan.steps.count)
    for (buffer, tensor) in zip(gradients, plan.gradients) { copyOut(tensor, to: buffer) }
    if plan.question.keepsForward { state = .forward }
  }

  private func check(_ role: String, _ found: [Int], _ tensors: [TensorID], _ names: [String]) throws {
    guard found.count == tensors.count else {
      throw VisError(.invalidArgument, "expected \(tensors.count) \(role) buffers, got \(found.count)")
    }
    for ((count, tensor), name) in zip(zip(found, tensors), names) where count != plan.counts[tensor] {
      throw VisError(
        .invalidArgument, "\(role) '\(name)': expected a buffer of \(plan.counts[tensor]) floats, got \(count)")
    }
  }

  private func run(_ range: Range<Int>) throws {
    for index in range {
      if Task.isCancelled { throw VisError(.cancelled, "the task was cancelled") }
      try execute(index)
      if let progress, !progress(index - range.lowerBound + 1, range.count) {
        throw VisError(.cancelled, "the run was cancelled")
      }
    }
  }
}
