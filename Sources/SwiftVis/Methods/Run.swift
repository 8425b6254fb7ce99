/// A question at work for a method: inputs forward, cotangents back, with the caller's rule and progress.
struct Run {
  /// What is asked, by node.
  struct Wish {
    var values: [Graph.NodeIndex] = []
    var cotangents: [Graph.NodeIndex] = []
    var gradients: [Graph.NodeIndex] = []
    /// How often the cotangents will go back after one pass forward.
    var backwardCount = 1
    /// How often inputs will go forward.
    var repetitions = 1
  }

  let session: Session
  private let question: Question
  private let progress: (@Sendable (Double) -> Void)?
  private let stepCount: Double
  private var stepsDone = 0

  fileprivate init(_ session: Session, _ question: Question, _ options: RunOptions, _ wish: Wish) {
    (self.session, self.question, progress) = (session, question, options.progress)
    let forwardCount = session.plan.forwardCount
    let backwardCount = wish.backwardCount * (session.plan.steps.count - forwardCount)
    stepCount = Double(wish.repetitions * (forwardCount + backwardCount))
  }

  /// The values that were wished.
  mutating func forward(_ inputs: [Tensor]) throws -> [Tensor] {
    report(session.plan.forwardCount)
    return try filled(question.values) { values in
      try withBuffers(inputs) { try session.forward($0, values: values) }
    }
  }

  /// The gradients that were wished.
  mutating func backward(_ cotangents: [Tensor]) throws -> [Tensor] {
    report(session.plan.steps.count - session.plan.forwardCount)
    return try filled(question.gradients) { gradients in
      try withBuffers(cotangents) { try session.backward($0, gradients: gradients) }
    }
  }

  private mutating func report(_ count: Int) {
    guard let progress else { return }
    session.progress = { [stepsDone, stepCount] done, _ in
      progress(Double(stepsDone + done) / stepCount)
      return true
    }
    stepsDone += count
  }

  private func filled(_ nodes: [String], _ body: ([UnsafeMutableBufferPointer<Float>]) throws -> Void) throws -> [Tensor] {
    var tensors = try nodes.map { try Tensor(zeros: session.shape(of: $0)) }
    try withMutableBuffers(&tensors, body)
    return tensors
  }
}

extension Model {
  /// A run of inputs of these shapes; its session is kept for the next one like it, unless it failed.
  func withRun<Result>(
    _ inputs: [Tensor], _ wish: Run.Wish, rule: BackwardRule = .plain, options: RunOptions,
    _ body: (inout Run) throws -> Result
  ) throws -> Result {
    guard options.threads >= 0 else { throw VisError(.invalidArgument, "threads: \(options.threads) is below 0") }
    let (kinds, function) = try rule.resolved(in: self)
    var question = Question(inputShapes: inputs.map(\.shape))
    func names(_ nodes: [Graph.NodeIndex]) -> [String] { nodes.map { graph.nodes[$0].name } }
    (question.values, question.cotangents) = (names(wish.values), names(wish.cotangents))
    question.gradients = names(wish.gradients)
    (question.rule, question.rules) = (rule.kind, kinds)
    question.exact = options.exact
    question.keepsForward = wish.backwardCount > 1
    let session = try idleSessions.take(question, options.threads) ?? Session(self, question, threads: options.threads)
    session.customRule = function
    var run = Run(session, question, options, wish)
    let result = try body(&run)
    idleSessions.keep(session, question, options.threads)
    return result
  }

  /// The values of some nodes, and the gradients at others of each sample's own score.
  func run(
    _ inputs: [Tensor], values: [Graph.NodeIndex] = [], score: Score, gradients: [Graph.NodeIndex], rule: BackwardRule,
    options: RunOptions
  ) throws -> (values: [Tensor], gradients: [Tensor]) {
    let wish = Run.Wish(values: values, cotangents: [score.node], gradients: gradients)
    return try withRun(inputs, wish, rule: rule, options: options) { run in
      let values = try run.forward(inputs)
      let cotangent = try score.cotangent(shape: run.session.shape(of: score.name))
      return (values, try run.backward([cotangent]))
    }
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
func withBuffers<Result>(
  _ tensors: [Tensor], _ collected: [UnsafeBufferPointer<Float>] = [],
  _ body: ([UnsafeBufferPointer<Float>]) throws -> Result
) throws -> Result {
  guard collected.count < tensors.count else { return try body(collected) }
  return try tensors[collected.count].values.withUnsafeBufferPointer { try withBuffers(tensors, collected + [$0], body) }
}

func withMutableBuffers(
  _ tensors: inout [Tensor], _ body: ([UnsafeMutableBufferPointer<Float>]) throws -> Void
) throws {
  func borrow(_ rest: ArraySlice<Int>, _ collected: [UnsafeMutableBufferPointer<Float>]) throws {
    guard let index = rest.first else { return try body(collected) }
    // Taken out, so that the next one can be borrowed too.
    var values: [Float] = []
    swap(&values, &tensors[index].values)
    defer { swap(&values, &tensors[index].values) }
    try values.withUnsafeMutableBufferPointer { try borrow(rest.dropFirst(), collected + [$0]) }
  }
  try borrow(Array(tensors.indices)[...], [])
}
