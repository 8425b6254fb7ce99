import SwiftVis
import SwiftVisKernels
import Testing

@Suite struct PointwiseTests {
  static let activations: [Activation] = [
    .linear, .relu(maxValue: nil, negativeSlope: 0, threshold: 0), .relu(maxValue: 6, negativeSlope: 0, threshold: 0),
    .relu(maxValue: 1.5, negativeSlope: 0, threshold: 0), .relu(maxValue: nil, negativeSlope: 0.3, threshold: 0),
    .relu(maxValue: 2, negativeSlope: 0.1, threshold: 0), .relu(maxValue: nil, negativeSlope: 0, threshold: 1),
    .relu(maxValue: 2.5, negativeSlope: 0.25, threshold: 0.5), .relu(maxValue: nil, negativeSlope: 0.1, threshold: -1),
    .elu(alpha: 1), .elu(alpha: 0.4), .selu, .sigmoid, .hardSigmoid(slope: 0.2), .hardSigmoid(slope: 1 / 6), .tanh,
    .softplus,
    .softsign, .silu, .hardSwish, .gelu(approximate: false), .gelu(approximate: true), .exponential,
    .mish, .celu(alpha: 1), .celu(alpha: 0.3),
  ]

  @Test(arguments: activations) func activation(_ activation: Activation) throws {
    for shape in [[1, 3, 5, 3], [2, 17], [1, 1], [3], [1, 2, 3, 2, 3]] {
      var network = Network()
      _ = network.activation(network.input(shape, scale: 4), activation)
      try check(network)
    }
  }

  /// After a convolution, where an activation may be fused, and before one.
  @Test(arguments: activations) func activationBetweenConvolutions(_ activation: Activation) throws {
    var network = Network()
    let x = network.input([1, 4, 5, 3], scale: 3)
    let y = network.activation(network.conv(x, filters: 9, padding: .same), activation)
    _ = network.conv(y, filters: 2, kernel: (2, 2))
    try check(network)
  }

  /// Far from zero nothing overflows to NaN: an infinity is only right where the reference has one.
  @Test(arguments: activations.filter { $0 != .exponential }) func activationFarFromZero(_ activation: Activation) throws {
    var network = Network()
    _ = network.activation(network.input(Tensor([1, 8], [-1000, -200, -90, -30, 30, 90, 200, 1000])), activation)
    // The reference's softplus and gelu overflow here, so only what is finite in it is compared.
    let question = network.question(values: [network.last], cotangents: [network.last], gradients: network.inputs)
    let answer = try Session(try network.model(), question)
      .run(question, inputs: network.samples, cotangents: [Array(repeating: 1, count: 8)])
    for (value, expected) in zip(answer.values[0], network.values[network.last]!.values) where expected.isFinite {
      #expect(abs(Double(value) - expected) <= 1e-5 * abs(expected) + 1e-6)
    }
    #expect(answer.values[0].allSatisfy { $0.isFinite } && answer.gradients[0].allSatisfy { $0.isFinite })
  }

  /// With arguments that are in the function's domain for x in [-1, 1]: slope * x + offset.
  static let functions: [(UnaryFunction, slope: Double, offset: Double)] =
    UnaryFunction.Elementary.allCases.map { function in
      switch function {
      case .sqrt, .log, .reciprocal: (.elementary(function), 1, 1.5)
      case .asin, .acos, .atanh: (.elementary(function), 0.9, 0)
      case .acosh: (.elementary(function), 2, 3.5)
      default: (.elementary(function), 3, 0)
      }
    } + [
      (.clip(min: -1, max: 0.5), 2, 0), (.clip(min: -.infinity, max: 0.5), 2, 0), (.clip(min: 0.25, max: .infinity), 1, 0),
      (.clip(min: 1, max: -1), 2, 0), (.power(2), 2, 0), (.power(3), 2, 0), (.power(0.5), 1, 1.5), (.power(-0.5), 1, 1.5),
      (.power(-1), 0.5, 1), (.power(1), 1, 0), (.power(0), 1, 0), (.power(-2), 1, 1.5), (.power(1.7), 1, 1.5),
      (.power(4), 1, 0),
    ]

  @Test(arguments: functions) func unary(_ function: UnaryFunction, slope: Double, offset: Double) throws {
    for shape in [[2, 3, 5, 3], [3]] {
      var network = Network()
      let x = network.input(network.random.tensor(shape).map { Double(Float(slope * $0 + offset)) })
      network.add(.unary(function), [x])
      try check(network)
    }
    // Read and written as a slice of a wider tensor.
    var network = Network()
    let sample = network.random.tensor([1, 2, 3, 16]).map { Double(Float(slope * $0 + offset)) }
    let x = network.input(sample)
    let y = network.activation(x, .linear)
    let part = network.add(.slice([SliceRange(0), SliceRange(0), SliceRange(0, 8)]), [y])
    network.add(.concatenate(axis: 3), [network.add(.unary(function), [part]), part])
    try check(network)
  }

  @Test(arguments: [[], [1, 2], [1], [2], [3], [1, 2, 3]]) func prelu(sharing axes: [Int]) throws {
    var network = Network()
    _ = network.prelu(network.input([2, 3, 4, 5]), sharing: axes)
    try check(network)
    network = Network()
    let y = network.conv(network.input([1, 4, 4, 2]), filters: 9)
    _ = network.prelu(y, sharing: axes)
    try check(network)
  }

  @Test func preluOfARow() throws {
    var network = Network()
    _ = network.prelu(network.input([3, 17]))
    try check(network)
  }

  @Test(arguments: [[2, 3, 4, 5], [1, 2, 3, 17], [3, 16], [2, 5, 33], [1, 1]], [false, true])
  func affine(_ shape: [Int], scalar: Bool) throws {
    var network = Network()
    _ = network.affine(network.input(shape), scalar: scalar)
    try check(network)
  }

  @Test(arguments: [[1, 3, 5], [2, 4], [2, 2, 3, 5], [1, 1], [1, 33], [5, 17], [7, 3, 16]], [1, 3, 16, 37])
  func dense(_ shape: [Int], units: Int) throws {
    var network = Network()
    _ = network.dense(network.input(shape), units: units, bias: units != 3)
    try check(network)
  }

  @Test(arguments: [[2, 5], [1, 1], [3, 17], [1, 2, 3, 5], [2, 3, 8]], [1, 20]) func softmax(_ shape: [Int], scale: Double)
    throws
  {
    var network = Network()
    network.add(.softmax, [network.input(shape, scale: scale)])
    try check(network)
    network = Network()
    network.add(.logSoftmax, [network.input(shape, scale: scale)])
    try check(network)
  }

  /// Shifted by the maximum, so that no power overflows.
  @Test func softmaxOfLargeValues() throws {
    var network = Network()
    network.add(.softmax, [network.input(Tensor([1, 3], [1000, 999, -1000]))])
    try check(network)
    network = Network()
    network.add(.logSoftmax, [network.input(Tensor([1, 3], [1000, 999, 400]))])
    try check(network)
  }

  @Test(arguments: [[2, 5], [1, 3, 17], [1, 3, 4, 8], [2, 1]], [1e-3, 1e-6])
  func layerNormalization(_ shape: [Int], epsilon: Double) throws {
    for (scale, offset) in [(true, true), (false, true), (true, false), (false, false)] {
      var network = Network()
      _ = network.normalization(network.input(shape), epsilon: epsilon, scale: scale, offset: offset)
      try check(network)
    }
  }
}

@Suite struct MergeTests {
  static let kinds: [Merge] = [.add, .subtract, .multiply, .average, .maximum, .minimum]

  @Test(arguments: kinds) func two(_ kind: Merge) throws {
    let shapes: [([Int], [Int])] = [
      ([1, 3, 4, 5], [1, 3, 4, 5]), ([2, 3, 4, 5], [2, 1, 1, 5]), ([2, 1, 4, 5], [2, 3, 1, 5]),
      ([1, 3, 4, 1], [1, 3, 4, 17]),
      ([2, 7], [2, 1]), ([2, 1], [2, 7]), ([2, 3, 5], [2, 1, 1]), ([1, 1, 1, 1], [1, 2, 3, 4]),
      ([1, 2, 1, 3, 1, 2], [1, 2, 2, 1, 3, 2]),
    ]
    for (left, right) in shapes {
      var network = Network()
      let a = network.input(left)
      let b = network.input(right)
      _ = network.merge(kind, a, b)
      try check(network)
    }
  }

  /// Of positive numbers, none of which are equal.
  @Test(arguments: [Merge.divide, .power, .greater, .greaterEqual, .equal]) func ofTwo(_ kind: Merge) throws {
    let shapes: [([Int], [Int])] = [
      ([1, 3, 4, 5], [1, 3, 4, 5]), ([2, 3, 4, 5], [2, 1, 1, 5]), ([2, 1, 4, 1], [2, 3, 1, 5]), ([2, 7], [2, 1]), ([3], [3]),
    ]
    for (left, right) in shapes {
      var network = Network()
      let a = network.input(network.random.tensor(left).map { 1.5 + $0 })
      let b = network.input(network.random.tensor(right).map { 1.5 - $0 })
      let y = network.merge(kind, a, b)
      if kind == .divide || kind == .power {
        try check(network)
        try check(network, gradients: [b])
      } else {
        try check(network, gradients: [y])
        // Nothing leads through a comparison, but beside it.
        _ = network.merge(.multiply, y, b)
        try check(network, gradients: [b])
        #expect(throws: VisError.self) {
          _ = try Session(try network.model(), network.question(cotangents: [network.last], gradients: [a]))
        }
      }
    }
  }

  @Test func powerOfZero() throws {
    var network = Network()
    let x = network.input(Tensor([1, 4], [0, 0, 2, -2]))
    _ = network.merge(.power, x, network.input(Tensor([1, 4], [2, 0, 3, 3])))
    let question = network.question(cotangents: [network.last], gradients: network.inputs)
    let answer = try Session(try network.model(), question).run(
      question, inputs: network.samples, cotangents: [[1, 1, 1, 1]])
    #expect(answer.gradients[0] == [0, 0, 12, 12])
    #expect(answer.gradients[1][0] == 0 && answer.gradients[1][1] == 0 && answer.gradients[1][3].isNaN)
  }

  @Test func `where`() throws {
    let shapes: [[[Int]]] = [
      [[2, 3, 4, 5], [2, 3, 4, 5], [2, 3, 4, 5]], [[1, 3, 1, 5], [1, 1, 4, 5], [1, 3, 4, 1]], [[2, 7], [2, 1], [2, 1]],
      [[2, 1], [2, 7], [2, 1]],
    ]
    for shapes in shapes {
      var network = Network()
      let condition = network.input(network.random.tensor(shapes[0]).map { $0 > 0 ? $0 : 0 })
      let parts = shapes.dropFirst().map { network.input($0) }
      network.add(.choose, [condition] + parts)
      try check(network, gradients: parts)
      #expect(throws: VisError.self) {
        _ = try Session(try network.model(), network.question(cotangents: [network.last], gradients: [condition]))
      }
    }
    // What is not chosen may be infinite.
    var network = Network()
    let x = network.input(Tensor([1, 3], [0, 2, 4]))
    network.add(.choose, [x, network.add(.unary(.elementary(.reciprocal)), [x]), x])
    let question = network.question(values: [network.last])
    let answer = try Session(try network.model(), question).run(question, inputs: network.samples)
    #expect(answer.values[0] == [0, 0.5, 0.25])
  }

  @Test(arguments: kinds.filter { $0 != .subtract }) func three(_ kind: Merge) throws {
    let shapes: [[[Int]]] = [
      [[2, 3, 4, 5], [2, 3, 4, 5], [2, 3, 4, 5]], [[1, 3, 1, 5], [1, 1, 4, 5], [1, 3, 4, 1]], [[2, 1], [2, 1], [2, 7]],
    ]
    for shapes in shapes {
      var network = Network()
      let inputs = shapes.map { network.input($0) }
      network.add(.merge(kind), inputs)
      try check(network)
    }
  }

  @Test(arguments: kinds) func withItself(_ kind: Merge) throws {
    var network = Network()
    let x = network.input([1, 3, 3, 5])
    let y = network.conv(x, filters: 5, kernel: (1, 1))
    // A maximum of equals bends everywhere but in their common direction, where it has the derivative that all shares sum to.
    _ = network.merge(kind, y, y)
    try check(network)
  }

  /// Squeeze and excitation: a whole image multiplied by a row that comes from it.
  @Test func multiplyByAGate() throws {
    var network = Network()
    let x = network.conv(network.input([2, 4, 3, 3]), filters: 6)
    let squeezed = network.add(.reduce(.mean, axes: [1, 2], keepDims: true), [x])
    let gate = network.activation(network.conv(squeezed, filters: 6, kernel: (1, 1)), .sigmoid)
    _ = network.merge(.multiply, x, gate)
    try check(network)
  }
}
