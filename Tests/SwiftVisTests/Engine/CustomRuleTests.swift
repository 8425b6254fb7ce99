import Foundation
import SwiftVis
import Testing

@Suite struct CustomRuleTests {
  struct Refusal: Error, Equatable { let node: String }

  /// Residual, pre-activation and concatenation, with every kind of activation that planning treats in a way of its own.
  private func network(seed: Int = 1, batch: Int = 2) -> Network {
    var network = Network(seed: seed)
    let x = network.input([batch, 7, 6, 3])
    let stem = network.relu(network.affine(network.conv(x, filters: 6, padding: .same)), max: 6)
    let branch = network.affine(network.conv(stem, filters: 6, padding: .same))
    let block = network.relu(network.merge(.add, branch, stem))
    let before = network.relu(network.affine(block))
    let left = network.relu(network.conv(before, filters: 4, kernel: (1, 1)))
    let right = network.relu(network.depthwise(before, padding: .same))
    let joined = network.pool(network.add(.concatenate(axis: 3), [left, right]), .max)
    let silu = network.activation(network.conv(joined, filters: 5), .silu)
    let row = network.activation(network.dense(network.globalAverage(silu), units: 8), .tanh)
    network.add(.softmax, [network.activation(network.dense(row, units: 3), .linear)])
    return network
  }

  private func rectifiers(_ network: Network) -> [String] {
    network.nodes.filter {
      if case .activation(.relu(_, negativeSlope: 0, _)) = $0.operation { true } else { false }
    }.map(\.name)
  }

  private func activations(_ network: Network) -> [String] {
    network.nodes.filter { network.isActivation($0) && $0.operation != .activation(.linear) }.map(\.name)
  }

  /// Reads all that it is given, and is smooth in it.
  private let smooth: ReverseWalk.Custom = { _, gradient, x, y in
    Tensor(
      gradient.shape,
      gradient.values.indices.map {
        let dy = gradient.values[$0]
        return 0.6 * dy + 0.2 * abs(dy) + 0.3 * dy * tanh(x.values[$0]) - 0.2 * dy * tanh(y.values[$0])
      })
  }

  /// Custom rules that do what the built-in ones do, for some of the rectifiers and for all.
  @Test(arguments: [RuleKind.plain, .guided, .rectified], 0...5)
  func reimplementsTheBuiltInRules(_ rule: RuleKind, seed: Int) throws {
    var network = network(seed: seed + 50)
    var question = network.question(cotangents: [network.last], gradients: network.inputs, rule: rule)
    let cotangents = network.randomCotangents([network.last]).map(\.floats)
    let model = try network.model()
    let expected = try Session(model, question).run(question, inputs: network.samples, cotangents: cotangents)
    let limits = Dictionary(
      uniqueKeysWithValues: network.nodes.map { node -> (String, Float) in
        if case .activation(.relu(let limit?, _, _)) = node.operation { (node.name, limit) } else { (node.name, .infinity) }
      })
    for node in rectifiers(network) where seed == 0 || network.random.chance(0.5) { question.rules[node] = .custom }
    let session = try Session(model, question)
    session.customRule = { pass in
      for i in pass.result.indices {
        let isOpen = rule == .rectified || (0 < pass.y[i] && pass.y[i] < limits[pass.node]!)
        pass.result[i] = isOpen && (rule == .plain || pass.gradient[i] > 0) ? pass.gradient[i] : 0
      }
    }
    let found = try session.run(question, inputs: network.samples, cotangents: cotangents)
    // Not to the bit: plain gradients go through a normalization before a convolution as a scale in the weights.
    expectAgreement(found.gradients[0], expected.gradients[0].map { Double($0) }, 1e-6, "\(rule) \(question.rules)")
  }

  @Test(arguments: 201...260) func randomNetworks(_ seed: Int) throws {
    var network = Network.random(seed: seed)
    guard !network.hasSharedMaxima else { return }
    let common: RuleKind = network.random.element([.plain, .guided, .rectified, .custom])
    var rules: [String: RuleKind] = [:]
    for node in network.nodes where network.isActivation(node) && network.random.chance(0.5) {
      rules[node.name] = network.random.element([.custom, .custom, .guided, .rectified, .plain])
    }
    try checkAgainstWalk(
      network, cotangents: [network.last], gradients: network.inputs, common, rules: rules, custom: smooth)
  }

  @Test(arguments: 1...8) func cotangentsAndGradientsAnywhere(_ seed: Int) throws {
    let network = network(seed: seed)
    let nodes = activations(network)
    try checkAgainstWalk(
      network, cotangents: [network.last, nodes[2]], gradients: [network.inputs[0], nodes[0], nodes[4]], .custom,
      custom: smooth)
    try checkAgainstWalk(
      network, cotangents: [nodes[4]], gradients: [nodes[0]], .guided, rules: [nodes[2]: .custom], custom: smooth)
  }

  private static let rules: [RuleKind] = [.plain, .guided, .rectified, .custom]

  /// Gates that planning would shut together, were the rules one.
  @Test(arguments: rules, rules) func partsOfAConcatenation(_ left: RuleKind, _ right: RuleKind) throws {
    var network = Network(seed: 5)
    let x = network.input([2, 5, 4, 3])
    let parts = (0..<2).map { _ in network.relu(network.conv(x, filters: 4, kernel: (1, 1))) }
    _ = network.conv(network.add(.concatenate(axis: 3), parts), filters: 3)
    try checkAgainstWalk(
      network, cotangents: [network.last], gradients: [x], .plain, rules: [parts[0]: left, parts[1]: right], custom: smooth)
  }

  /// A max pool over a rectifier, and a normalization before a convolution: what goes on ahead of a gate depends on its rule.
  @Test(arguments: rules, rules) func ownAndCommonRules(_ own: RuleKind, _ common: RuleKind) throws {
    var network = Network(seed: 6)
    let x = network.input([2, 9, 8, 3])
    let first = network.relu(network.affine(network.conv(x, filters: 6, kernel: (1, 1))))
    let before = network.relu(network.affine(network.pool(first, .average)))
    let second = network.relu(network.conv(before, filters: 6, padding: .same))
    let pooled = network.pool(second, .max)
    _ = network.relu(network.dense(network.add(.reshape([-1]), [pooled]), units: 7))
    for node in [first, before, second, network.last] {
      try checkAgainstWalk(
        network, cotangents: [network.last], gradients: [x], common, rules: [node: own], custom: smooth)
    }
  }

  @Test func threadsAndMemoryChangeNoBit() throws {
    let network = network(batch: 3)
    var question = network.question(
      values: [network.last], cotangents: [network.last], gradients: network.inputs, rule: .custom)
    let cotangents = network.randomCotangents([network.last]).map(\.floats)
    let model = try network.model()
    func answer(threads: Int) throws -> [Answer] {
      let session = try Session(model, question, threads: threads)
      let rule = smooth
      session.customRule = { $0.apply(rule) }
      return try (0..<2).map { _ in try session.run(question, inputs: network.samples, cotangents: cotangents) }
    }
    let first = try answer(threads: 1)[0]
    var answers = try answer(threads: 3)
    question.reusesMemory = false
    answers += try answer(threads: 2)
    for other in answers { #expect(other.isIdentical(to: first)) }
  }

  /// Once for each activation on the way, from the last to the first, on the caller's thread, with the true values.
  @Test func isCalledOnTheWayBack() throws {
    let network = network()
    let question = network.question(cotangents: [network.last], gradients: network.inputs, rule: .custom)
    let session = try Session(try network.model(), question, threads: 3)
    var seen: [String] = []
    let caller = pthread_self()
    session.customRule = { pass in
      #expect(pthread_equal(pthread_self(), caller) != 0)
      seen.append(pass.node)
      #expect(pass.shape == network.shape(pass.node))
      let input = network.nodes.first { $0.name == pass.node }!.inputs[0]
      expectAgreement(Array(pass.x), network.values[input]!.values, 1e-5, "x of \(pass.node)")
      expectAgreement(Array(pass.y), network.values[pass.node]!.values, 1e-5, "y of \(pass.node)")
      _ = pass.result.update(from: pass.gradient)
    }
    _ = try session.run(
      question, inputs: network.samples, cotangents: network.randomCotangents([network.last]).map(\.floats))
    #expect(seen.sorted() == activations(network).sorted())
    #expect(seen.first == network.last && seen.last == activations(network)[0])
  }

  /// Activations that no cotangent passes are left alone, and fused as ever.
  @Test func onlyBetweenCotangentAndGradient() throws {
    let network = network()
    let nodes = activations(network)
    let question = network.question(
      values: [network.last], cotangents: [nodes[3]], gradients: [nodes[1]], rule: .custom)
    let session = try Session(try network.model(), question)
    var seen: [String] = []
    session.customRule = { pass in
      seen.append(pass.node)
      _ = pass.result.update(from: pass.gradient)
    }
    _ = try session.run(question, inputs: network.samples, cotangents: network.randomCotangents([nodes[3]]).map(\.floats))
    #expect(seen == [nodes[3], nodes[2]])
  }

  /// A rule may be given to a `linear` node by name; a rule for all activations does not mean it.
  @Test func linearByName() throws {
    var network = Network(seed: 3)
    let x = network.input([1, 4])
    let y = network.activation(network.dense(x, units: 3), .linear)
    let model = try network.model()
    func gradient(_ question: Question) throws -> [Float] {
      let session = try Session(model, question)
      session.customRule = { pass in for i in pass.result.indices { pass.result[i] = -2 * pass.gradient[i] } }
      return try session.run(question, inputs: network.samples, cotangents: [[1, 2, 3]]).gradients[0]
    }
    var question = network.question(cotangents: [y], gradients: [x])
    let plain = try gradient(question)
    question.rule = .custom
    #expect(try gradient(question) == plain)
    question.rules = [y: .custom]
    #expect(try gradient(question) == plain.map { -2 * $0 })
  }

  /// xplique's numbers: a ReLU whose output is squared and negated.
  @Test func xpliquesFixture() throws {
    var network = Network()
    let x = network.input(Tensor([1, 4], [5, 0, -5, 10]))
    let rectified = network.relu(x)
    let squared = network.merge(.multiply, rectified, rectified)
    let y = network.add(.affine, [squared], weights: ["scale": Tensor([1], [-1]), "offset": Tensor([1], [0])])
    let model = try network.model()
    let input = try SwiftVis.Tensor(shape: [1, 4], values: [5, 0, -5, 10])
    func gradient(_ rule: BackwardRule) throws -> [Float] {
      try model.gradient(of: input, target: .filters([0, 1, 2, 3], of: y), rule: rule).values
    }
    #expect(try gradient(.plain) == [-10, 0, 0, -20])
    #expect(try gradient(.guided) == [0, 0, 0, 0])
    #expect(try gradient(.elementwise { gradient, _, y in y > 0 ? max(gradient, 0) : 0 }) == [0, 0, 0, 0])
    #expect(try gradient(.plain) == [-10, 0, 0, -20])
  }

  @Test func whatItThrowsReachesTheCaller() throws {
    let network = network()
    let question = network.question(cotangents: [network.last], gradients: network.inputs, rule: .custom)
    let cotangents = network.randomCotangents([network.last]).map(\.floats)
    let session = try Session(try network.model(), question)
    let rule = smooth
    session.customRule = { $0.apply(rule) }
    let expected = try session.run(question, inputs: network.samples, cotangents: cotangents)
    for node in activations(network) {
      session.customRule = { pass in
        if pass.node == node { throw Refusal(node: node) }
        pass.apply(rule)
      }
      #expect(throws: Refusal(node: node)) {
        _ = try session.run(question, inputs: network.samples, cotangents: cotangents)
      }
      session.customRule = { $0.apply(rule) }
      // The failed run has used up the forward pass.
      #expect(throws: VisError.self) { _ = try session.backward(question, cotangents: cotangents) }
      #expect(try session.run(question, inputs: network.samples, cotangents: cotangents).isIdentical(to: expected))
    }
  }

  @Test func keptForward() throws {
    let network = network()
    var question = network.question(cotangents: [network.last], gradients: network.inputs, rule: .custom)
    let cotangents = network.randomCotangents([network.last]).map(\.floats)
    let model = try network.model(), rule = smooth
    let once = try Session(model, question)
    once.customRule = { $0.apply(rule) }
    let expected = try once.run(question, inputs: network.samples, cotangents: cotangents)
    question.keepsForward = true
    let session = try Session(model, question)
    session.customRule = { $0.apply(rule) }
    _ = try session.forward(network.samples, values: [])
    for _ in 0..<3 { #expect(try session.backward(question, cotangents: cotangents) == expected.gradients) }
  }

  @Test func refusals() throws {
    let network = network()
    let model = try network.model()
    let convolution = network.nodes[1].name
    for (node, part) in [("nowhere", "nowhere"), (convolution, "conv2d"), (network.inputs[0], "no activation")] {
      var question = network.question(cotangents: [network.last], gradients: network.inputs)
      question.rules = [node: .custom]
      let error = #expect(throws: VisError.self) { _ = try Session(model, question) }
      #expect(error?.kind == .invalidArgument && error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    let question = network.question(cotangents: [network.last], gradients: network.inputs, rule: .custom)
    let session = try Session(model, question)
    let error = #expect(throws: VisError.self) {
      _ = try session.run(
        question, inputs: network.samples, cotangents: network.randomCotangents([network.last]).map(\.floats))
    }
    #expect(error?.message.contains("customRule") == true)
  }
}
