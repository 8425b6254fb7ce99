import SwiftVis
import Testing

/// Chains that planning may compute in one step, and the demands that stop it from doing so.
@Suite struct FusionTests {
  static let tails: [Activation] = [
    .linear, .relu(maxValue: nil, negativeSlope: 0, threshold: 0), .relu(maxValue: 6, negativeSlope: 0, threshold: 0),
    .relu(maxValue: 0.7, negativeSlope: 0, threshold: 0), .relu(maxValue: nil, negativeSlope: 0.2, threshold: 0), .silu,
    .sigmoid,
    .hardSwish, .elu(alpha: 1), .gelu(approximate: false),
  ]
  enum Layer: CaseIterable, Sendable {
    case conv, pointwise, strided, grouped, depthwise, multiplied, transposed, dense, shared
  }

  /// A layer that keeps five channels, six for `multiplied`.
  private func layer(_ kind: Layer, _ network: inout Network, _ x: String) -> String {
    switch kind {
    case .conv: network.conv(x, filters: 5, padding: .same)
    case .pointwise: network.conv(x, filters: 5, kernel: (1, 1))
    case .strided: network.conv(x, filters: 5, strides: (2, 2), padding: .same, bias: false)
    case .grouped: network.conv(x, filters: 5, padding: .same, groups: 5)
    case .depthwise: network.depthwise(x, padding: .same)
    case .multiplied: network.depthwise(x, multiplier: 2)
    case .transposed: network.transposed(x, filters: 5, strides: (2, 2), padding: .same)
    case .dense: network.dense(x, units: 5)
    case .shared: x
    }
  }

  @Test(arguments: Layer.allCases, tails) func layerAffineActivation(_ kind: Layer, _ tail: Activation) throws {
    var network = Network(seed: 2)
    let x = network.input([2, 4, 5, 5])
    let y = network.affine(layer(kind, &network, x))
    _ = network.conv(network.activation(y, tail), filters: 3, kernel: (2, 2))
    try check(network)
  }

  @Test(arguments: Layer.allCases, [false, true]) func affineTwice(_ kind: Layer, scalarFirst: Bool) throws {
    var network = Network(seed: 3)
    let x = network.input([1, 4, 5, 5])
    let y = network.affine(network.affine(layer(kind, &network, x), scalar: scalarFirst), scalar: !scalarFirst)
    _ = network.relu(y)
    try check(network)
  }

  /// A normalization, perhaps rectified, before a convolution and beside a shortcut: going back its scale is in the weights, behind
  /// the gate.
  @Test(arguments: [false, true], [false, true]) func preActivation(rectified: Bool, shared: Bool) throws {
    var network = Network(seed: 12)
    let x = network.conv(network.input([2, 6, 5, 3]), filters: 16, padding: .same)
    let scaled = network.affine(x)
    let active = rectified ? network.relu(scaled) : scaled
    let inner = network.relu(network.affine(network.conv(active, filters: 8, kernel: (1, 1))))
    let sum = network.merge(.add, network.conv(inner, filters: 16, padding: .same), shared ? active : x)
    _ = network.globalAverage(network.relu(sum))
    try check(network)
    try check(network, gradients: [x, active] + network.inputs)
    for rule in [RuleKind.guided, .rectified] {
      try checkAgainstWalk(network, cotangents: [network.last], gradients: network.inputs, rule)
    }
  }

  /// Before a layer, where padding with zeros forbids folding the offset.
  @Test(arguments: Layer.allCases) func affineBefore(_ kind: Layer) throws {
    var network = Network(seed: 4)
    let x = network.input([1, 4, 5, 5])
    _ = network.relu(layer(kind, &network, network.affine(x)))
    try check(network)
  }

  @Test(arguments: tails, [false, true]) func residual(_ tail: Activation, projected: Bool) throws {
    var network = Network(seed: 5)
    let x = network.input([1, 5, 5, 6])
    let shortcut = projected ? network.affine(network.conv(x, filters: 6, kernel: (1, 1))) : x
    let first = network.relu(network.affine(network.conv(x, filters: 4, padding: .same)))
    let second = network.affine(network.conv(first, filters: 6, padding: .same))
    let block = network.activation(network.merge(.add, second, shortcut), tail)
    _ = network.globalAverage(block)
    try check(network)
    try check(network, cotangents: [block], gradients: [x, first, second, shortcut])
  }

  /// Wide enough for convolutions that do not sum products directly.
  @Test(arguments: [1, 2]) func wideResidual(batch: Int) throws {
    var network = Network(seed: 15)
    let x = network.input([batch, 13, 14, 16])
    let stem = network.relu(network.affine(network.conv(x, filters: 32, padding: .same)), max: 6)
    let first = network.relu(network.affine(network.conv(stem, filters: 32, padding: .same, bias: false)))
    let second = network.affine(network.conv(first, filters: 32, padding: .same, bias: false))
    let block = network.relu(network.merge(.add, second, stem))
    _ = network.dense(network.globalAverage(network.pool(block, .max)), units: 10)
    network.outputs = [network.last, block]
    try check(network, gradients: [x, stem], places: 10)
  }

  /// The residual comes first, or is a constant row, or comes with a third operand.
  @Test func residualsOfOtherShapes() throws {
    var network = Network(seed: 6)
    let x = network.input([2, 4, 4, 3])
    let y = network.conv(x, filters: 3, padding: .same)
    _ = network.relu(network.merge(.add, x, y))
    try check(network)

    network = Network(seed: 6)
    let wide = network.input([2, 4, 4, 3])
    let row = network.input([2, 1, 1, 5])
    _ = network.relu(network.merge(.add, network.conv(wide, filters: 5), row))
    try check(network)

    network = Network(seed: 6)
    let image = network.input([1, 4, 4, 3])
    let a = network.conv(image, filters: 3, padding: .same)
    let b = network.depthwise(image, padding: .same)
    _ = network.relu(network.merge(.add, a, b, image))
    try check(network)
  }

  /// Two convolutions that meet: either may take the other as its addend, and not both.
  @Test func twoConvolutionsMeet() throws {
    var network = Network(seed: 7)
    let x = network.input([1, 5, 5, 3])
    let a = network.conv(x, filters: 7, padding: .same)
    let b = network.affine(network.conv(x, filters: 7, kernel: (1, 1)))
    _ = network.relu(network.merge(.add, a, b), max: 6)
    try check(network)
  }

  @Test func addOfANodeToItself() throws {
    var network = Network(seed: 8)
    let x = network.input([1, 4, 4, 3])
    let y = network.relu(network.conv(x, filters: 4))
    let z = network.merge(.add, y, y)
    _ = network.conv(z, filters: 2, kernel: (1, 1))
    try check(network)
    let w = network.relu(network.merge(.add, x, x))
    _ = network.globalAverage(network.merge(.multiply, w, w))
    try check(network)
  }

  /// The same convolution's value goes on with and without what could be fused.
  @Test func sharedByTwoConsumers() throws {
    var network = Network(seed: 9)
    let x = network.input([1, 5, 5, 3])
    let shared = network.conv(x, filters: 6, padding: .same)
    let normal = network.affine(shared)
    let active = network.relu(normal)
    let other = network.activation(shared, .tanh)
    let third = network.relu(normal, max: 6)
    let sum = network.merge(.add, active, other, third)
    network.outputs = [sum]
    try check(network)
    network.outputs = [active, other, sum]
    try check(network, gradients: [x, shared, normal])
  }

  /// Every value in the middle of a fusible chain, alone, and the gradient there.
  @Test func valuesInTheMiddle() throws {
    var network = Network(seed: 10)
    let x = network.input([1, 5, 5, 4])
    let conv = network.conv(x, filters: 4, padding: .same)
    let normal = network.affine(conv)
    let sum = network.merge(.add, normal, x)
    let active = network.relu(sum)
    let last = network.globalAverage(active)
    for name in [conv, normal, sum, active] {
      network.outputs = [name, last]
      try check(network, cotangents: [last], gradients: [x])
      try check(network, cotangents: [last], gradients: [name])
      try check(network, cotangents: [last], gradients: [name, x])
      try check(network, cotangents: [name], gradients: [x])
      try check(network, cotangents: [name, last], gradients: [x, name])
    }
  }

  @Test func gradientAtTheCotangentsOwnNode() throws {
    var network = Network(seed: 11)
    let x = network.input([1, 4, 4, 3])
    let y = network.relu(network.conv(x, filters: 4))
    let z = network.dense(network.globalAverage(y), units: 3)
    try check(network, cotangents: [z], gradients: [z])
    try check(network, cotangents: [z], gradients: [z, y, x])
    try check(network, cotangents: [y, z], gradients: [y])
    try check(network, cotangents: [x, y, z], gradients: [x, y, z])
    try check(network, cotangents: [x], gradients: [x])
  }

  /// Zeros before a convolution become its padding, unless something else needs them to be zeros.
  @Test(arguments: [(1, 1, 1, 1), (0, 1, 0, 1), (3, 0, 2, 5), (4, 4, 4, 4), (-1, 2, 2, 1)]) func paddingBefore(
    _ edges: (Int, Int, Int, Int)
  ) throws {
    let pairs = [EdgePair(edges.0, edges.1), EdgePair(edges.2, edges.3), EdgePair(0, 0)]
    let around = Padding.explicit(vertical: EdgePair(1, 0), horizontal: EdgePair(0, 2))
    for strides in [(1, 1), (2, 3)] {
      for padding in [Padding.valid, .same, around] {
        var network = Network(seed: 20)
        let x = network.input([2, 7, 6, 3])
        let padded = network.add(.pad(pairs), [x])
        let conv = network.conv(padded, filters: 5, strides: strides, padding: padding)
        let depthwise = network.depthwise(network.add(.pad(pairs), [network.relu(conv)]), strides: strides, padding: padding)
        try check(network)
        try check(network, cotangents: [depthwise], gradients: [padded, x])
      }
    }
    var network = Network(seed: 21)
    let x = network.input([1, 6, 6, 4])
    let padded = network.add(.pad(pairs), [x])
    _ = network.merge(.add, network.conv(padded, filters: 4, padding: .same), padded)
    try check(network)
  }

  /// A cotangent in one branch, a gradient wanted in another: only the common part is walked.
  @Test func branches() throws {
    var network = Network(seed: 12)
    let x = network.input([1, 5, 5, 3])
    let stem = network.relu(network.conv(x, filters: 4))
    let left = network.globalAverage(network.conv(stem, filters: 3))
    let right = network.activation(network.dense(network.globalAverage(stem), units: 2), .softplus)
    network.outputs = [left, right]
    try check(network, cotangents: [left], gradients: [x])
    try check(network, cotangents: [right], gradients: [stem, x])
    try check(network, cotangents: [left, right], gradients: [x, stem])
  }

  @Test func severalInputs() throws {
    var network = Network(seed: 13)
    let image = network.input([2, 5, 5, 3])
    let row = network.input([2, 4])
    let seen = network.globalAverage(network.relu(network.conv(image, filters: 6)))
    let both = network.add(.concatenate(axis: 1), [seen, row])
    let y = network.dense(network.relu(network.dense(both, units: 7)), units: 3)
    network.outputs = [y, seen]
    try check(network, cotangents: [y])
    try check(network, cotangents: [y, seen], gradients: [row, image])
    try check(network, cotangents: [y], gradients: [row])
  }

  /// Outputs that are inputs, and a layer that does nothing.
  @Test func linearAndUnchanged() throws {
    var network = Network(seed: 14)
    let x = network.input([1, 3, 3, 2])
    let same = network.activation(x, .linear)
    let flat = network.add(.reshape([-1]), [same])
    let y = network.activation(network.dense(flat, units: 3), .linear)
    network.outputs = [x, same, flat, y]
    try check(network, cotangents: [y], gradients: [x, same, flat])
  }

  /// What another reader of a layer's input makes of it is no part of the layer's own gradient, though both have one value.
  @Test func gradientsAtLinearNodesAndMovements() throws {
    var network = Network(seed: 15)
    let x = network.input([2, 3, 4, 2])
    let first = network.relu(network.conv(x, filters: 3))
    let dropped = network.activation(first, .linear)
    let turned = network.add(.permute([0, 3, 1, 2]), [dropped])
    let back = network.add(.permute([0, 2, 3, 1]), [turned])
    let flat = network.add(.reshape([-1]), [back])
    let image = network.add(.reshape(Array(network.shape(first).dropFirst())), [flat])
    let y = network.merge(.multiply, network.conv(image, filters: 3, kernel: (1, 1)), first)
    network.outputs = [y]
    try check(network, cotangents: [y])
    try check(network, cotangents: [y], gradients: [x, first, dropped, turned, back, flat, image])
    for node in [dropped, turned, flat] { try check(network, cotangents: [y], gradients: [node]) }
  }

  /// A name may be given twice, or two names of one value: cotangents add up, and every answer is written.
  @Test func theSameNodeTwice() throws {
    var network = Network(seed: 16)
    let x = network.input([1, 4, 4, 3])
    let y = network.relu(network.conv(x, filters: 4))
    let same = network.activation(y, .linear)
    network.outputs = [y, same, y]
    let question = network.question(values: [y, same, y], cotangents: [y, same, y], gradients: [x, same, x, y])
    let sent = network.randomCotangents(question.cotangents)
    let answer = try Session(try network.model(), question)
      .run(question, inputs: network.samples, cotangents: sent.map(\.floats))
    for value in answer.values { expectAgreement(value, network.values[y]!.values, 1e-4, "value") }
    let sum = Tensor(sent[0].shape, sent[0].values.indices.map { place in sent.reduce(0) { $0 + $1.values[place] } })
    let walk = ReverseWalk(network: network, rule: .plain)
    for (name, gradient) in zip(question.gradients, answer.gradients) {
      let expected = name == same ? sent[1] : walk.gradient(at: name, cotangents: [(y, sum)])
      expectAgreement(gradient, expected.values, 1e-4, "gradient at \(name)")
    }
  }

  /// Reshaped values share memory, which nothing may overwrite while one of them is wanted.
  @Test func reshapedValues() throws {
    var network = Network(seed: 17)
    let x = network.input([2, 3, 4, 2])
    let turned = network.add(.reshape([4, 3, 2]), [x])
    let active = network.relu(turned)
    let flat = network.add(.reshape([-1]), [active])
    let squashed = network.activation(flat, .tanh)
    let image = network.add(.reshape([3, 4, 2]), [squashed])
    let sum = network.merge(.add, image, x)
    network.outputs = [turned, active, flat, squashed, image, sum]
    try check(network)
    try check(network, cotangents: [flat, sum], gradients: [x, turned, active, flat, image])
    network.outputs = [sum]
    try check(network, gradients: [x, flat])
  }

  /// An input that the answer does not need is still taken and checked.
  @Test func anInputThatIsNotNeeded() throws {
    var network = Network(seed: 18)
    let x = network.input([2, 3])
    let other = network.input([2, 5])
    let y = network.relu(network.dense(x, units: 4))
    let both = network.add(.concatenate(axis: 1), [y, other])
    network.outputs = [y]
    try check(network, gradients: [x])
    try check(network, cotangents: [both], gradients: [other])
  }

  /// The bits of a fused chain's gradient where a value is exactly at ReLU's bend or ReLU6's limit.
  @Test func bends() throws {
    var network = Network()
    let x = network.input(Tensor([1, 1, 5, 1], [-1, 0, 3, 6, 7]))
    let y = network.add(
      .convolution(Convolution2DAttributes()), [x],
      weights: ["kernel": Tensor([1, 1, 1, 1], [1]), "bias": Tensor([1], [0])])
    let z = network.relu(y, max: 6)
    let direct = network.relu(x, max: 6)
    for node in [z, direct] {
      let question = network.question(values: [node], cotangents: [node], gradients: [x])
      let answer = try Session(try network.model(), question)
        .run(question, inputs: network.samples, cotangents: [[1, 2, 3, 4, 5]])
      #expect(answer == Answer(values: [[0, 0, 3, 6, 6]], gradients: [[0, 0, 3, 0, 0]]))
    }
  }

  /// Squeeze and excite: the image's cotangent is summed in one step. With a SiLU before it, and beside a concatenation whose
  /// parts lie in its result.
  @Test(arguments: [true, false]) func squeezeAndExcite(keepDims: Bool) throws {
    var network = Network(seed: 12)
    let image = network.input([2, 6, 5, 9])
    let x = network.activation(network.depthwise(image, padding: .same), .silu)
    var squeezed = network.add(.reduce(.mean, axes: [1, 2], keepDims: keepDims), [x])
    if !keepDims { squeezed = network.add(.reshape([1, 1, 9]), [squeezed]) }
    let factors = network.activation(network.conv(squeezed, filters: 9, kernel: (1, 1)), .sigmoid)
    let excited = network.conv(network.merge(.multiply, x, factors), filters: 4, kernel: (1, 1))
    let left = network.activation(network.conv(excited, filters: 5, padding: .same), .silu)
    let right = network.activation(network.conv(excited, filters: 3, kernel: (1, 1)), .silu)
    _ = network.conv(network.add(.concatenate(axis: 3), [left, right]), filters: 2, kernel: (1, 1))
    try check(network)
  }
}
