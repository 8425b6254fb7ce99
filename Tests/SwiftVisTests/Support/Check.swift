import SwiftVis
import Testing

/// Expects the engine to agree with the reference on a network: every value, the gradient of a random cotangent, and the same bits
/// with and without reuse of memory, on one thread and on three. Of every gradient, `places` elements are compared.
func check(
  _ network: Network, cotangents: [String]? = nil, gradients: [String]? = nil, tolerance: Double = 1e-4,
  places: Int = 96, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let note = Comment(rawValue: network.description)
  let model = try network.model()
  for (node, decoded) in zip(
    network.nodes.filter { $0.operation != .input }, model.graph.nodes.dropFirst(model.graph.inputCount))
  {
    #expect(decoded.operation == node.operation, note, sourceLocation: sourceLocation)
  }

  let everything = network.question(values: network.nodes.map(\.name))
  let all = try Session(model, everything, threads: 1)
  for (name, value) in zip(everything.values, try all.run(everything, inputs: network.samples).values) {
    #expect(try all.shape(of: name) == network.shape(name), note, sourceLocation: sourceLocation)
    expectAgreement(value, network.values[name]!.values, tolerance, "value of \(name) in \(note)", sourceLocation)
  }

  var question = network.question(
    values: network.outputNames, cotangents: cotangents ?? network.outputNames, gradients: gradients ?? network.inputs)
  let sent = network.randomCotangents(question.cotangents)
  let answer = try Session(model, question, threads: 1)
    .run(question, inputs: network.samples, cotangents: sent.map(\.floats))
  for (name, value) in zip(question.values, answer.values) {
    expectAgreement(value, network.values[name]!.values, tolerance, "output \(name) in \(note)", sourceLocation)
  }
  for (name, gradient) in zip(question.gradients, answer.gradients) {
    let differences = FiniteDifferences(network, cotangents: Array(zip(question.cotangents, sent)), at: name, limit: places)
    differences.expect(gradient, tolerance, "gradient at \(name) in \(note)", sourceLocation)
  }

  let threaded = try Session(model, question, threads: 3)
    .run(question, inputs: network.samples, cotangents: sent.map(\.floats))
  #expect(threaded.isIdentical(to: answer), "three threads: \(note)", sourceLocation: sourceLocation)
  question.reusesMemory = false
  let spacious = try Session(model, question, threads: 1)
    .run(question, inputs: network.samples, cotangents: sent.map(\.floats))
  #expect(spacious.isIdentical(to: answer), "no memory reuse: \(note)", sourceLocation: sourceLocation)
}

/// Expects the gradients under a rule that the reverse walk finds. Unlike finite differences of the whole network it knows what
/// to do where values are exactly at a bend.
func checkAgainstWalk(
  _ network: Network, cotangents: [String], gradients: [String], _ rule: RuleKind,
  rules: [String: RuleKind] = [:], custom: @escaping ReverseWalk.Custom = { _, gradient, _, _ in gradient },
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  var question = network.question(cotangents: cotangents, gradients: gradients, rule: rule)
  question.rules = rules
  let sent = network.randomCotangents(cotangents)
  let session = try Session(try network.model(), question)
  session.customRule = { $0.apply(custom) }
  let answer = try session.run(question, inputs: network.samples, cotangents: sent.map(\.floats))
  let walk = ReverseWalk(network: network, rule: rule, rules: rules, custom: custom)
  for (name, gradient) in zip(gradients, answer.gradients) {
    let expected = walk.gradient(at: name, cotangents: Array(zip(cotangents, sent)))
    expectAgreement(gradient, expected.values, 1e-4, "\(rule) gradient at \(name) in \(network.description)", sourceLocation)
  }
}

extension ActivationGradient {
  /// A rule written for the reference.
  func apply(_ rule: ReverseWalk.Custom) {
    func tensor(_ buffer: UnsafeBufferPointer<Float>) -> Tensor { Tensor(shape, buffer.map { Double($0) }) }
    _ = result.update(fromContentsOf: rule(node, tensor(gradient), tensor(x), tensor(y)).floats)
  }
}

extension Network {
  func randomCotangents(_ names: [String], seed: Int = 99) -> [Tensor] {
    var random = SeededGenerator(UInt64(seed))
    return names.map { random.tensor(shape($0)) }
  }
}

/// Differences relative to the largest expected magnitude.
func expectAgreement(
  _ actual: [Float], _ expected: [Double], _ tolerance: Double, _ note: @autoclosure () -> String,
  _ sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record("\(actual.count) elements, not \(expected.count): \(note())", sourceLocation: sourceLocation)
    return
  }
  let limit = tolerance * (expected.map { abs($0) }.max() ?? 0) + 1e-6
  let wrong = expected.indices.filter { !(abs(Double(actual[$0]) - expected[$0]) <= limit) }
  guard let first = wrong.first else { return }
  Issue.record(
    """
    \(wrong.count) of \(expected.count) differ, first [\(first)] is \(actual[first]), not \(expected[first]) \
    (limit \(limit)): \(note())
    """, sourceLocation: sourceLocation)
}
