import SwiftVis
import Testing

@Suite struct BackwardRuleTests {
  private func gradient(
    _ network: Network, _ node: String, _ cotangent: [Float], at wanted: String, _ rule: RuleKind
  ) throws -> [Float] {
    let question = network.question(cotangents: [node], gradients: [wanted], rule: rule)
    return try Session(try network.model(), question)
      .run(question, inputs: network.samples, cotangents: [cotangent]).gradients[0]
  }

  /// The network and the numbers of Captum's own tests: a convolution of ones, ReLU, a dense layer, ReLU.
  @Test func captumsFixture() throws {
    var network = Network()
    let x = network.input(Tensor([1, 4, 4, 1], (0..<16).map { Double($0) }))
    let conv = network.add(
      .convolution(Convolution2DAttributes()), [x],
      weights: ["kernel": Tensor([3, 3, 1, 2], repeating: 1), "bias": Tensor([2], [-50, -75])])
    // PyTorch flattens channels first.
    let flat = network.add(.reshape([-1]), [network.add(.permute([0, 3, 1, 2]), [network.relu(conv)])])
    let logits = network.add(
      .dense, [flat],
      weights: ["kernel": Tensor([8, 4]) { $0[0] < 5 ? 1 : -1 }, "bias": Tensor([4])])
    let y = network.relu(logits)
    #expect(network.values[y]!.values == [54, 54, 54, 54])
    #expect(
      try gradient(network, y, [1, 0, 0, 0], at: x, .guided) == [0, 1, 1, 1, 1, 3, 3, 2, 1, 3, 3, 2, 1, 2, 2, 1])
    #expect(
      try gradient(network, y, [1, 0, 0, 0], at: x, .rectified) == [2, 3, 3, 1, 3, 5, 5, 2, 3, 5, 5, 2, 1, 2, 2, 1])
    #expect(
      try gradient(network, y, [1, 0, 0, 0], at: x, .plain) == [0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0])
  }

  /// keras-vis's own test: two dense layers; inputs, the plain gradient and the guided one.
  @Test func kerasVisFixture() throws {
    let cases: [(x: [Double], plain: [Float], guided: [Float])] = [
      ([0, 0], [0, 0], [0, 0]), ([1, 0], [1, 1], [1, 1]), ([0, 1], [1, 1], [1, 1]), ([1, 1], [1, 1], [1, 1]),
      ([-1, 0], [1, 1], [0, 0]), ([0, -1], [1, 1], [0, 0]), ([-1, -1], [1, 1], [0, 0]),
    ]
    for (sample, plain, guided) in cases {
      var network = Network()
      let x = network.input(Tensor([1, 2], sample))
      let hidden = network.add(.dense, [x], weights: ["kernel": Tensor([2, 2], [-1, 1, -1, 1])])
      let y = network.add(.dense, [network.relu(hidden)], weights: ["kernel": Tensor([2, 1], [-1, 1])])
      #expect(try gradient(network, y, [1], at: x, .plain) == plain, "\(sample)")
      #expect(try gradient(network, y, [1], at: x, .guided) == guided, "\(sample)")
    }
  }

  /// Where a max pool finds only zeros behind a rectifier, the dense layer's gradient is not computed; unless it is asked for, or
  /// the rule needs it.
  @Test(arguments: [RuleKind.plain, .guided, .rectified], [Float?.none, 0.4])
  func poolBetweenRectifierAndDense(_ rule: RuleKind, limit: Float?) throws {
    var network = Network(seed: 31)
    let x = network.input([2, 9, 8, 3])
    let rectified = network.relu(network.affine(network.conv(x, filters: 6, kernel: (1, 1))), max: limit)
    let pooled = network.pool(rectified, .max)
    _ = network.dense(network.add(.reshape([-1]), [pooled]), units: 7)
    for wanted in [[x], [x, rectified], [x, pooled], [rectified, pooled]] {
      try checkAgainstWalk(network, cotangents: [network.last], gradients: wanted, rule)
    }
    #expect(network.values[pooled]!.values.contains(0))
  }

  /// keras-vis meant its rectified rule to give [0, 1] here.
  @Test func rectifiedHasNoForwardGate() throws {
    var network = Network()
    let x = network.input(Tensor([1, 2], [1, -1]))
    let y = network.relu(x)
    #expect(try gradient(network, y, [-1, 1], at: x, .rectified) == [0, 1])
    #expect(try gradient(network, y, [-1, 1], at: x, .plain) == [-1, 0])
    #expect(try gradient(network, y, [-1, 1], at: x, .guided) == [0, 0])
  }

  /// Strictly greater: a value or a cotangent of zero passes nothing, and neither does a value at the upper limit.
  @Test func limitsAreStrict() throws {
    var network = Network()
    let x = network.input(Tensor([1, 7], [-1, 0, 1e-30, 3, 5.9, 6, 7]))
    let y = network.relu(x, max: 6)
    let ones = Array(repeating: Float(2), count: 7)
    #expect(try gradient(network, y, ones, at: x, .plain) == [0, 0, 2, 2, 2, 0, 0])
    #expect(try gradient(network, y, ones, at: x, .guided) == [0, 0, 2, 2, 2, 0, 0])
    #expect(try gradient(network, y, ones, at: x, .rectified) == ones)
    let signs: [Float] = [-1, 1, -1, 1, -1, 1, -1]
    #expect(try gradient(network, y, signs, at: x, .guided) == [0, 0, 0, 1, 0, 0, 0])
    #expect(try gradient(network, y, signs, at: x, .rectified) == [0, 1, 0, 1, 0, 1, 0])
  }

  @Test(arguments: [RuleKind.plain, .guided, .rectified], 1...12) func walk(_ rule: RuleKind, seed: Int) throws {
    var network = Network(seed: seed)
    let x = network.input([seed % 2 + 1, 6, 5, 3])
    let first = network.relu(network.conv(x, filters: 6, padding: .same), max: seed % 3 == 0 ? 6 : nil)
    let normal = network.affine(network.conv(first, filters: 6, padding: .same))
    let block = network.relu(network.merge(.add, normal, first), max: seed % 3 == 1 ? 1 : nil)
    let pooled = network.pool(block, seed % 2 == 0 ? .max : .average)
    let deep = network.relu(network.affine(network.depthwise(pooled, padding: .same)))
    let row = network.relu(network.dense(network.globalAverage(deep), units: 8))
    let y = network.dense(row, units: 3)
    try checkAgainstWalk(network, cotangents: [y], gradients: [x], rule)
    try checkAgainstWalk(network, cotangents: [y, block], gradients: [x, first, normal], rule)
  }

  @Test(arguments: [RuleKind.guided, .rectified]) func otherActivationsKeepTheirDerivative(_ rule: RuleKind) throws {
    let others: [(Activation, String)] = [
      (.elu(alpha: 1), "elu"), (.relu(maxValue: nil, negativeSlope: 0.3, threshold: 0), "relu"), (.silu, "silu"),
      (.sigmoid, "sigmoid"), (.softplus, "softplus"),
    ]
    for (activation, _) in others {
      var network = Network(seed: 21)
      let x = network.input([1, 5, 5, 3])
      let odd = network.activation(network.conv(x, filters: 5), activation)
      let y = network.dense(network.globalAverage(network.relu(network.conv(odd, filters: 4))), units: 2)
      try checkAgainstWalk(network, cotangents: [y], gradients: [x], rule)
      let model = try network.model()
      let session = try Session(model, network.question(cotangents: [y], gradients: [x], rule: rule))
      #expect(
        session.unmodifiedActivations.count == 1 && session.unmodifiedActivations.allSatisfy { $0.hasPrefix(odd + " (") })
      let plain = try Session(model, network.question(cotangents: [y], gradients: [x]))
      #expect(plain.unmodifiedActivations.isEmpty)
      let elsewhere = try Session(model, network.question(cotangents: [y], gradients: [odd], rule: rule))
      #expect(elsewhere.unmodifiedActivations.isEmpty)
    }
  }

  /// The rule belongs to the question: the model answers a plain one as before.
  @Test func theModelIsUnchanged() throws {
    var network = Network(seed: 22)
    let x = network.input([1, 5, 5, 3])
    let y = network.globalAverage(network.relu(network.conv(x, filters: 4)))
    let model = try network.model()
    let cotangent = network.randomCotangents([y]).map(\.floats)
    func answer(_ rule: RuleKind) throws -> Answer {
      let question = network.question(cotangents: [y], gradients: [x], rule: rule)
      return try Session(model, question).run(question, inputs: network.samples, cotangents: cotangent)
    }
    let before = try answer(.plain)
    let guided = try answer(.guided)
    #expect(before != guided)
    #expect(try answer(.plain).isIdentical(to: before))
  }
}
