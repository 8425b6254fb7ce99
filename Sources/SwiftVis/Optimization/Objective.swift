/// Weighted losses on a network with one input, planned for one shape of it.
final class Objective {
  private let model: Model
  private let terms: [Term]
  /// What the losses read besides the input, each once.
  private let nodes: [Graph.NodeIndex]
  /// Nil where nothing is asked of the network.
  private let session: Session?
  private var values: [Graph.NodeIndex: Tensor] = [:]

  private struct Term {
    let loss: Loss
    let kind: Kind
    enum Kind {
      /// The cotangent is the same in every step.
      case score(Graph.NodeIndex, cotangent: Tensor)
      case totalVariation(TotalVariation)
      case lpNorm(LPNorm)
      case custom([Graph.NodeIndex], Loss.Function)
    }
  }

  init(_ losses: [Loss], of model: Model, shape: [Int], rule: BackwardRule, options: RunOptions) throws {
    guard options.threads >= 0 else { throw VisError(.invalidArgument, "threads: \(options.threads) is below 0") }
    let used = losses.filter { $0.weight != 0 }
    guard !used.isEmpty else {
      throw VisError(.invalidArgument, "there is nothing to minimize: no loss has a weight other than 0")
    }
    if let wrong = used.first(where: { !$0.weight.isFinite }) {
      throw VisError(.invalidArgument, "loss '\(wrong.name)': the weight \(wrong.weight) is not finite")
    }
    let input = try model.onlyInput()
    let inputName = model.graph.nodes[input].name
    let read = try used.map { loss in try Self.nodes(of: loss, in: model) }
    nodes = Set(read.joined()).subtracting([input]).sorted()
    self.model = model

    var question = Question(inputShapes: [shape])
    let names = nodes.map { model.graph.nodes[$0].name }
    (question.values, question.cotangents, question.gradients) = (names, names, [inputName])
    let (kinds, function) = try rule.resolved(in: model)
    (question.rule, question.rules, question.exact) = (rule.kind, kinds, options.exact)
    let session = nodes.isEmpty ? nil : try Session(model, question, threads: options.threads)
    session?.customRule = function
    self.session = session

    let isChannelsFirst = model.graph.channelAxis(of: input) == 1 && shape.count > 2
    terms = try zip(used, read).map { loss, nodes in
      switch loss.formula {
      case .activation(let target):
        let score = try Score(target, in: model)
        let outputShape = score.node == input ? shape : try session?.shape(of: score.name) ?? []
        let cotangent = try Tensor(shape: outputShape) {
          try Score.writeCotangent(
            shape: outputShape, channelAxis: score.channelAxis, filters: score.filters, name: score.name, into: $0)
        }
        return Term(loss: loss, kind: .score(score.node, cotangent: cotangent))
      case .totalVariation(let beta):
        return Term(
          loss: loss, kind: .totalVariation(try TotalVariation(shape: shape, channelsFirst: isChannelsFirst, beta: beta)))
      case .lpNorm(let p): return Term(loss: loss, kind: .lpNorm(try LPNorm(shape: shape, p: p)))
      case .custom(_, let function): return Term(loss: loss, kind: .custom(nodes, function))
      }
    }
  }

  private static func nodes(of loss: Loss, in model: Model) throws -> [Graph.NodeIndex] {
    switch loss.formula {
    case .activation(let target): [try Score(target, in: model).node]
    case .custom(let layers, _): try layers.map { try model.node(named: $0) }
    case .totalVariation, .lpNorm: []
    }
  }

  /// The weighted losses, and the gradient of their sum at the input.
  func evaluate(
    _ image: Tensor, progress: ((_ share: Double) -> Void)?
  ) throws -> (losses: [(name: String, value: Float)], gradient: Tensor) {
    values = [0: image]
    try forward(image, progress)
    var losses: [(name: String, value: Float)] = []
    var cotangents: [Graph.NodeIndex: Tensor] = [:]
    for node in nodes { cotangents[node] = try Tensor(zeros: tensor(node).shape) }
    var direct = try Tensor(zeros: image.shape)
    for term in terms {
      let value = try evaluate(term, image, &cotangents, &direct)
      losses.append((term.loss.name, Float(term.loss.weight * value)))
    }
    return (losses, try backward(cotangents, adding: direct, progress))
  }

  /// The unweighted value. Gradients at the image go into `direct`.
  private func evaluate(
    _ term: Term, _ image: Tensor, _ cotangents: inout [Graph.NodeIndex: Tensor], _ direct: inout Tensor
  ) throws -> Double {
    let weight = term.loss.weight
    func add(_ gradient: Tensor, at node: Graph.NodeIndex, _ factor: Double) {
      if node == 0 {
        direct.add(gradient, times: Float(factor))
      } else {
        cotangents[node]?.add(gradient, times: Float(factor))
      }
    }
    switch term.kind {
    case .score(let node, let cotangent):
      add(cotangent, at: node, -weight)
      return try -zip(tensor(node).values, cotangent.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    case .totalVariation(let variation):
      return try image.values.withUnsafeBufferPointer { image in
        try direct.values.withUnsafeMutableBufferPointer { try variation.addGradient(image, weight: weight, to: $0) }
        return try variation.value(image)
      }
    case .lpNorm(let norm):
      return try image.values.withUnsafeBufferPointer { image in
        try direct.values.withUnsafeMutableBufferPointer { try norm.addGradient(image, weight: weight, to: $0) }
        return try norm.value(image)
      }
    case .custom(let nodes, let function):
      let operands = try nodes.map(tensor)
      let answer = try function(operands)
      guard answer.gradients.map(\.shape) == operands.map(\.shape) else {
        throw VisError(
          .invalidArgument,
          "loss '\(term.loss.name)': expected gradients of the shapes \(operands.map(\.shape)), got \(answer.gradients.map(\.shape))"
        )
      }
      for (node, gradient) in zip(nodes, answer.gradients) { add(gradient, at: node, weight) }
      return Double(answer.value)
    }
  }

  private func tensor(_ node: Graph.NodeIndex) throws -> Tensor {
    guard let tensor = values[node] else { throw VisError(.internal, "node \(node) was not computed") }
    return tensor
  }

  private func forward(_ image: Tensor, _ progress: ((_ share: Double) -> Void)?) throws {
    guard let session else { return }
    report(session, after: 0, to: progress)
    var found = try nodes.map { try Tensor(zeros: session.shape(of: model.graph.nodes[$0].name)) }
    try withBuffers([image]) { inputs in
      try withMutableBuffers(&found) { try session.forward(inputs, values: $0) }
    }
    for (node, value) in zip(nodes, found) { values[node] = value }
  }

  private func backward(
    _ cotangents: [Graph.NodeIndex: Tensor], adding direct: Tensor, _ progress: ((_ share: Double) -> Void)?
  ) throws -> Tensor {
    guard let session else { return direct }
    report(session, after: session.plan.forwardCount, to: progress)
    var gradients = [try Tensor(zeros: direct.shape)]
    try withBuffers(nodes.compactMap { cotangents[$0] }) { cotangents in
      try withMutableBuffers(&gradients) { try session.backward(cotangents, gradients: $0) }
    }
    gradients[0].add(direct, times: 1)
    return gradients[0]
  }

  private func report(_ session: Session, after steps: Int, to progress: ((_ share: Double) -> Void)?) {
    guard let progress else { return }
    let count = Double(session.plan.steps.count)
    session.progress = { done, _ in
      progress(Double(steps + done) / count)
      return true
    }
  }
}

extension Tensor {
  /// Of one shape.
  fileprivate mutating func add(_ other: Tensor, times factor: Float) {
    for place in values.indices { values[place] += factor * other.values[place] }
  }
}
