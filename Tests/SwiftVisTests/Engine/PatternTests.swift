import SwiftVisKernels
import Testing

@testable import SwiftVis

/// Chains that exporters write for one operation.
@Suite struct PatternTests {
  /// What the node behind the chain becomes, and the chain from the node given.
  struct Chain: Sendable, CustomTestStringConvertible {
    let name: String
    let becomes: SwiftVis.Operation
    let build: @Sendable (inout Network, String) -> String
    var testDescription: String { name }
  }

  static let chains: [Chain] = [
    Chain(name: "silu", becomes: .activation(.silu)) { $0.merge(.multiply, $1, $0.activation($1, .sigmoid)) },
    Chain(name: "silu, gate first", becomes: .activation(.silu)) {
      let x = $0.activation($1, .linear)
      return $0.merge(.multiply, $0.activation($1, .sigmoid), x)
    },
    Chain(name: "mish", becomes: .activation(.mish)) {
      $0.merge(.multiply, $1, $0.activation($0.activation($1, .softplus), .tanh))
    },
    Chain(name: "hard_swish", becomes: .activation(.hardSwish)) {
      $0.scaled($0.merge(.multiply, $1, $0.relu($0.scaled($1, 1, 3), max: 6)), 1 / 6)
    },
    Chain(name: "hard_swish, divided first", becomes: .activation(.hardSwish)) {
      $0.merge(.multiply, $1, $0.scaled($0.relu($0.scaled($1, 1, 3), max: 6), 1 / 6))
    },
    Chain(name: "hard_swish by hard_sigmoid", becomes: .activation(.hardSwish)) {
      $0.merge(.multiply, $0.activation($1, .hardSigmoid(slope: 1 / 6)), $1)
    },
    Chain(name: "hard_swish by a clip to 1", becomes: .activation(.hardSwish)) {
      $0.merge(.multiply, $1, $0.relu($0.scaled($1, 1 / 6, 0.5), max: 1))
    },
    Chain(name: "hard_sigmoid", becomes: .activation(.hardSigmoid(slope: 1 / 6))) {
      $0.scaled($0.relu($0.scaled($1, 1, 3), max: 6), 1 / 6)
    },
    Chain(name: "gelu", becomes: .activation(.gelu(approximate: false))) {
      let gate = $0.scaled($0.add(.unary(.elementary(.erf)), [$0.scaled($1, 0.70710678)]), 1, 1)
      return $0.merge(.multiply, $0.scaled($1, 0.5), gate)
    },
    Chain(name: "gelu, halved last", becomes: .activation(.gelu(approximate: false))) {
      let gate = $0.scaled($0.add(.unary(.elementary(.erf)), [$0.scaled($1, 0.70710678)]), 1, 1)
      return $0.scaled($0.merge(.multiply, $1, gate), 0.5)
    },
    Chain(name: "tanh gelu", becomes: .activation(.gelu(approximate: true))) {
      let cube = $0.scaled($0.add(.unary(.power(3)), [$1]), 0.044715)
      let gate = $0.activation($0.scaled($0.merge(.add, $1, cube), 0.79788456), .tanh)
      return $0.merge(.multiply, $0.scaled($1, 0.5), $0.scaled(gate, 1, 1))
    },
    Chain(name: "tanh gelu by products", becomes: .activation(.gelu(approximate: true))) {
      let square = $0.scaled($0.merge(.multiply, $1, $1), 0.044715, 1)
      let gate = $0.activation($0.merge(.multiply, $0.scaled($1, 0.79788456), square), .tanh)
      return $0.scaled($0.merge(.multiply, $0.scaled(gate, 1, 1), $1), 0.5)
    },
    Chain(name: "layer_normalization", becomes: .layerNormalization(epsilon: Double(Float(1e-3)))) { network, x in
      let centered = network.merge(.subtract, x, network.meanOfRows(x))
      let variance = network.meanOfRows(network.add(.unary(.power(2)), [centered]))
      let deviation = network.add(.unary(.elementary(.sqrt)), [network.scaled(variance, 1, 1e-3)])
      return network.merge(.divide, centered, deviation)
    },
    Chain(name: "layer_normalization by a reciprocal root", becomes: .layerNormalization(epsilon: Double(Float(1e-3)))) {
      network, x in
      let centered = network.merge(.subtract, x, network.meanOfRows(x))
      let again = network.merge(.subtract, x, network.meanOfRows(x))
      let variance = network.meanOfRows(network.merge(.multiply, again, again))
      let root = network.add(.unary(.power(-0.5)), [network.scaled(variance, 1, 1e-3)])
      return network.merge(.multiply, root, centered)
    },
    Chain(name: "layer_normalization with weights", becomes: .layerNormalization(epsilon: 1e-3)) { network, x in
      let count = network.channels(x)
      let normal = network.normalization(x, scale: false, offset: false)
      let scale = network.random.tensor([count]), offset = network.random.tensor([count])
      let scaled = network.add(.affine, [normal], weights: ["scale": scale, "offset": Tensor([count])])
      return network.add(.affine, [scaled], weights: ["scale": Tensor([count], repeating: 1), "offset": offset])
    },
  ]

  private func graph(_ network: Network, _ question: Question) throws -> Graph {
    let graph = try network.model().graph
    let rules = try ActivationRules(graph, question)
    let kept = question.gradients.compactMap { graph.index(of: $0) } + rules.customNodes
    return graph.recognizingPatterns(kept: Set(kept), rules: rules)
  }

  @Test(arguments: chains) func areOneOperation(_ chain: Chain) throws {
    var network = Network(seed: 8)
    let x = network.conv(network.input([2, 3, 3, 4], scale: 3), filters: 6, kernel: (1, 1))
    let y = chain.build(&network, x)
    _ = network.conv(y, filters: 2, kernel: (1, 1))
    let question = network.question(cotangents: [network.last], gradients: network.inputs)
    let graph = try graph(network, question)
    let place = try #require(graph.index(of: y))
    #expect(graph.nodes[place].operation == chain.becomes)
    #expect(graph.nodes[place].inputs == [graph.index(of: x)])
    try check(network)
    // A step for each node that is left, and no more.
    let steps = try Session(try network.model(), question).plan.steps.count
    #expect(steps <= 6)
  }

  /// A gradient in the middle is the chain's.
  @Test(arguments: chains) func stayWhereAGradientIsAskedFor(_ chain: Chain) throws {
    var network = Network(seed: 8)
    let x = network.conv(network.input([1, 3, 2, 4], scale: 3), filters: 6, kernel: (1, 1))
    let first = network.nodes.count
    let y = chain.build(&network, x)
    for node in network.nodes[first...] where network.reaches(y, from: node.name) {
      // The gradient at a mean that is subtracted is all but 0, and so are its differences.
      if case .reduce = node.operation { continue }
      try check(network, gradients: [node.name] + (network.reaches(y, from: x) ? [x] : []))
    }
  }

  @Test func stayWhereARuleIsAskedFor() throws {
    for (chain, rule) in [("silu", RuleKind.custom), ("hard_swish", .guided), ("hard_sigmoid", .rectified)] {
      var network = Network(seed: 8)
      let x = network.input([1, 3, 2, 4], scale: 3)
      let y = try #require(Self.chains.first { $0.name == chain }).build(&network, x)
      let question = network.question(cotangents: [y], gradients: [x], rule: rule)
      let graph = try graph(network, question)
      #expect(graph.index(of: y).map { graph.nodes[$0].operation } == network.nodes.last?.operation)
      try checkAgainstWalk(network, cotangents: [y], gradients: [x], rule)
    }
  }

  /// Close to a pattern, but something else.
  @Test func otherChainsStay() throws {
    var network = Network(seed: 9)
    let x = network.input([1, 3, 2, 4], scale: 3)
    let other = network.activation(x, .tanh)
    _ = network.merge(.multiply, x, network.activation(other, .sigmoid))
    _ = network.merge(.multiply, x, network.activation(network.scaled(x, 1.702), .sigmoid))
    _ = network.merge(.multiply, x, network.relu(network.scaled(x, 1, 3), max: 6))
    let erf = network.add(.unary(.elementary(.erf)), [network.scaled(x, 0.7)])
    _ = network.merge(.multiply, network.scaled(x, 0.5), network.scaled(erf, 1, 1))
    let centered = network.merge(.subtract, x, network.meanOfRows(other))
    let variance = network.meanOfRows(network.add(.unary(.power(2)), [centered]))
    _ = network.merge(.divide, centered, network.add(.unary(.elementary(.sqrt)), [network.scaled(variance, 1, 1e-3)]))
    network.outputs = network.nodes.filter { $0.operation != .input }.map(\.name)
    let graph = try graph(network, network.question(cotangents: network.outputs, gradients: [x]))
    #expect(graph.nodes.map(\.operation) == network.nodes.map(\.operation))
  }
}

extension Network {
  fileprivate mutating func scaled(_ x: String, _ scale: Double, _ offset: Double = 0) -> String {
    add(
      .affine, [x], weights: ["scale": Tensor([1], [Double(Float(scale))]), "offset": Tensor([1], [Double(Float(offset))])])
  }

  fileprivate mutating func meanOfRows(_ x: String) -> String {
    add(.reduce(.mean, axes: [shape(x).count - 1], keepDims: true), [x])
  }
}
