/// Weighted losses on a network with one input.
struct Objective {
  /// What the losses read besides the input, each once.
  let nodes: [Graph.NodeIndex]
  private let terms: [Term]

  private struct Term {
    let loss: Loss
    let kind: Kind
    enum Kind {
      case score(Score)
      case totalVariation(TotalVariation)
      case lpNorm(LPNorm)
      case custom([Graph.NodeIndex], Loss.Function)
    }
  }

  /// `shape` is that of the input.
  init(_ losses: [Loss], of model: Model, shape: [Int]) throws {
    let used = losses.filter { $0.weight != 0 }
    guard !used.isEmpty else {
      throw VisError(.invalidArgument, "there is nothing to minimize: no loss has a weight other than 0")
    }
    if let wrong = used.first(where: { !$0.weight.isFinite }) {
      throw VisError(.invalidArgument, "loss '\(wrong.name)': the weight \(wrong.weight) is not finite")
    }
    let input = try model.onlyInput()
    let isChannelsFirst = model.graph.channelAxis(of: input) == 1 && shape.count > 2
    var read: Set<Graph.NodeIndex> = []
    terms = try used.map { loss in
      switch loss.formula {
      case .activation(let target):
        let score = try Score(target, in: model)
        read.insert(score.node)
        return Term(loss: loss, kind: .score(score))
      case .totalVariation(let beta):
        return Term(
          loss: loss, kind: .totalVariation(try TotalVariation(shape: shape, channelsFirst: isChannelsFirst, beta: beta)))
      case .lpNorm(let p): return Term(loss: loss, kind: .lpNorm(try LPNorm(shape: shape, p: p)))
      case .custom(let layers, let function):
        let nodes = try layers.map { try model.node(named: $0) }
        read.formUnion(nodes)
        return Term(loss: loss, kind: .custom(nodes, function))
      }
    }
    nodes = read.subtracting([input]).sorted()
  }

  /// The weighted losses, and the gradient of their sum at the input. `run` has the values of the nodes and takes their cotangents; nil
  /// where there are none.
  func evaluate(
    _ image: Tensor, _ run: inout Run?
  ) throws -> (losses: [(name: String, value: Float)], gradient: Tensor) {
    var values: [Graph.NodeIndex: Tensor] = [0: image]
    for (node, value) in zip(nodes, try run?.forward([image]) ?? []) { values[node] = value }
    var cotangents = try values.mapValues { try Tensor(zeros: $0.shape) }
    let losses = try terms.map { term in
      (name: term.loss.name, value: Float(term.loss.weight * (try evaluate(term, values, &cotangents))))
    }
    guard var gradient = cotangents[0] else { return (losses, image) }
    if let through = try run?.backward(nodes.compactMap { cotangents[$0] }).first { gradient.add(through, times: 1) }
    return (losses, gradient)
  }

  /// The unweighted value; its gradients are added to the cotangents.
  private func evaluate(
    _ term: Term, _ values: [Graph.NodeIndex: Tensor], _ cotangents: inout [Graph.NodeIndex: Tensor]
  ) throws -> Double {
    func value(_ node: Graph.NodeIndex) throws -> Tensor {
      guard let value = values[node] else { throw VisError(.internal, "node \(node) was not computed") }
      return value
    }
    func onImage(
      _ body: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) throws -> Double
    ) throws -> Double {
      try value(0).values.withUnsafeBufferPointer { image in
        try cotangents[0]?.values.withUnsafeMutableBufferPointer { try body(image, $0) } ?? 0
      }
    }
    let weight = term.loss.weight
    switch term.kind {
    case .score(let score):
      let output = try value(score.node)
      let slopes = try Tensor(shape: output.shape) {
        try Score.writeCotangent(
          shape: output.shape, channelAxis: score.channelAxis, filters: score.filters, name: score.name, into: $0)
      }
      cotangents[score.node]?.add(slopes, times: Float(-weight))
      return -zip(output.values, slopes.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    case .totalVariation(let variation):
      return try onImage { image, gradient in
        try variation.addGradient(image, weight: weight, to: gradient)
        return try variation.value(image)
      }
    case .lpNorm(let norm):
      return try onImage { image, gradient in
        try norm.addGradient(image, weight: weight, to: gradient)
        return try norm.value(image)
      }
    case .custom(let nodes, let function):
      let operands = try nodes.map(value)
      let answer = try function(operands)
      let (expected, found) = (operands.map(\.shape), answer.gradients.map(\.shape))
      guard found == expected else {
        throw VisError(
          .invalidArgument, "loss '\(term.loss.name)': expected gradients of the shapes \(expected), got \(found)")
      }
      for (node, gradient) in zip(nodes, answer.gradients) { cotangents[node]?.add(gradient, times: Float(weight)) }
      return Double(answer.value)
    }
  }
}

extension Tensor {
  /// Of one shape.
  fileprivate mutating func add(_ other: Tensor, times factor: Float) {
    for place in values.indices { values[place] += factor * other.values[place] }
  }
}
