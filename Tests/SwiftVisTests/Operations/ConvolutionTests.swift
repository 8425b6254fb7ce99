import SwiftVis
import Testing

/// A convolution of any kind; what is not given is as plain as can be.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var input: [Int]
  /// Filters, or the multiplier of a depthwise convolution.
  var filters: Int
  var kernel: (Int, Int)
  var strides = (1, 1)
  var padding = Padding.valid
  var dilations = (1, 1)
  var groups = 1
  var bias = true
  var outputPadding: Extent2D?

  var testDescription: String {
    "\(input) k\(kernel) -> \(filters) s\(strides) d\(dilations) g\(groups) \(padding)"
  }
}

func edges(_ top: Int, _ bottom: Int, _ left: Int, _ right: Int) -> Padding {
  .explicit(vertical: EdgePair(top, bottom), horizontal: EdgePair(left, right))
}

@Suite struct ConvolutionTests {
  static let kernels: [(Int, Int)] = [(1, 1), (2, 2), (3, 3), (5, 5), (7, 1), (1, 7), (2, 3)]
  static let strides: [(Int, Int)] = [(1, 1), (2, 2), (3, 3), (1, 2), (3, 1)]

  /// Every kernel with every stride, channel counts going round.
  static let windows: [ConvolutionCase] = kernels.enumerated().flatMap { k, kernel in
    strides.enumerated().map { s, stride in
      ConvolutionCase(
        input: [1 + (k + s) % 2, 8, 9, [1, 3, 5, 17][(k + s) % 4]], filters: [5, 1, 3, 16, 17][(2 * k + s) % 5],
        kernel: kernel,
        strides: stride, padding: [.valid, .same, edges(1, 2, 0, 3), edges(0, 0, 2, 1)][(k + 3 * s) % 4],
        bias: (k + s) % 3 != 0)
    }
  }

  /// Channel counts round the width of a vector and of a tile.
  static let channels: [ConvolutionCase] = [
    (1, 1), (3, 16), (5, 17), (16, 33), (17, 16), (33, 5), (33, 33), (8, 8), (16, 16), (31, 15), (32, 32), (1, 48),
  ].flatMap { inputs, filters in
    [(1, 1), (3, 3)].map { ConvolutionCase(input: [1, 5, 7, inputs], filters: filters, kernel: $0, padding: .same) }
  }

  static let dilated: [ConvolutionCase] = [
    ConvolutionCase(input: [1, 7, 8, 3], filters: 5, kernel: (3, 3), dilations: (2, 2)),
    ConvolutionCase(input: [2, 7, 8, 3], filters: 5, kernel: (3, 3), padding: .same, dilations: (2, 3)),
    ConvolutionCase(input: [1, 9, 8, 2], filters: 17, kernel: (3, 2), strides: (2, 1), padding: .same, dilations: (1, 3)),
    ConvolutionCase(
      input: [1, 6, 6, 5], filters: 3, kernel: (2, 2), strides: (2, 3), padding: edges(3, 1, 0, 2), dilations: (3, 2)),
    ConvolutionCase(input: [1, 4, 4, 2], filters: 3, kernel: (3, 3), padding: .same, dilations: (4, 4)),
  ]

  static let grouped: [ConvolutionCase] = [
    ConvolutionCase(input: [1, 5, 6, 4], filters: 6, kernel: (3, 3), padding: .same, groups: 2),
    ConvolutionCase(input: [2, 5, 6, 6], filters: 9, kernel: (3, 2), strides: (2, 1), groups: 3),
    ConvolutionCase(input: [1, 5, 5, 7], filters: 7, kernel: (3, 3), padding: .same, groups: 7),
    ConvolutionCase(input: [1, 5, 5, 5], filters: 10, kernel: (3, 3), strides: (2, 2), padding: .same, groups: 5),
    ConvolutionCase(input: [1, 4, 5, 34], filters: 34, kernel: (1, 1), groups: 2),
    ConvolutionCase(input: [1, 4, 5, 32], filters: 64, kernel: (3, 3), padding: edges(1, 0, 0, 1), groups: 2, bias: false),
    ConvolutionCase(input: [1, 6, 5, 6], filters: 4, kernel: (2, 2), padding: .same, dilations: (2, 1), groups: 2),
  ]

  /// Images smaller than the kernel, single pixels, and padding that is a window wide.
  static let tiny: [ConvolutionCase] = [
    ConvolutionCase(input: [1, 1, 1, 1], filters: 1, kernel: (1, 1)),
    ConvolutionCase(input: [3, 1, 1, 17], filters: 5, kernel: (1, 1)),
    ConvolutionCase(input: [1, 1, 1, 3], filters: 5, kernel: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 2, 1, 3], filters: 5, kernel: (5, 5), strides: (2, 2), padding: .same),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (3, 3)),
    ConvolutionCase(input: [1, 1, 9, 2], filters: 3, kernel: (1, 3), strides: (1, 2), padding: .same),
    ConvolutionCase(input: [1, 2, 2, 1], filters: 2, kernel: (3, 3), padding: edges(3, 3, 3, 3)),
    ConvolutionCase(input: [1, 5, 5, 3], filters: 4, kernel: (1, 1), strides: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 7, 7, 3], filters: 4, kernel: (2, 2), strides: (3, 3)),
    ConvolutionCase(input: [1, 8, 8, 3], filters: 4, kernel: (2, 2), strides: (5, 4), padding: .same),
  ]

  @Test(arguments: windows + channels) func windowsAndChannels(_ c: ConvolutionCase) throws { try run(c) }
  @Test(arguments: dilated + grouped + tiny) func dilationsGroupsAndTinyImages(_ c: ConvolutionCase) throws { try run(c) }

  /// Larger than a tile in every direction, so that more than one thread has work.
  @Test(arguments: [
    ConvolutionCase(input: [2, 23, 29, 19], filters: 37, kernel: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 31, 27, 7], filters: 40, kernel: (5, 3), strides: (2, 2), padding: .same),
    ConvolutionCase(input: [1, 20, 21, 70], filters: 130, kernel: (1, 1)),
    ConvolutionCase(input: [2, 13, 14, 16], filters: 32, kernel: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 25, 30, 16], filters: 16, kernel: (3, 3)),
    ConvolutionCase(input: [1, 17, 12, 48], filters: 16, kernel: (3, 3), padding: edges(0, 2, 3, 1)),
    ConvolutionCase(input: [1, 57, 58, 64], filters: 64, kernel: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 41, 39, 16], filters: 48, kernel: (3, 3), padding: .same),
  ]) func largerThanATile(_ c: ConvolutionCase) throws {
    var network = Network()
    let x = network.input(c.input)
    let y = network.conv(
      x, filters: c.filters, kernel: c.kernel, strides: c.strides, padding: c.padding, dilations: c.dilations)
    let model = try network.model()
    let question = network.question(values: [y], cotangents: [y], gradients: [x])
    let cotangent = network.randomCotangents([y])[0]
    let answer = try Session(model, question, threads: 1)
      .run(question, inputs: network.samples, cotangents: [cotangent.floats])
    expectAgreement(answer.values[0], network.values[y]!.values, 1e-4, c.testDescription)
    // The transpose by its definition: <gradient, v> = <cotangent, f(v) - f(0)> for any v.
    for seed in 1...3 {
      var random = SeededGenerator(UInt64(seed))
      let v = random.tensor(c.input)
      let image = network.values(replacing: [x: v])[y]!
      let zero = network.values(replacing: [x: Tensor(c.input)])[y]!
      let expected = image.values.indices.reduce(0) { $0 + cotangent.values[$1] * (image.values[$1] - zero.values[$1]) }
      let actual = zip(answer.gradients[0], v.values).reduce(0) { $0 + Double($1.0) * $1.1 }
      #expect(abs(actual - expected) < 1e-4 * (abs(expected) + 10))
    }
    let threaded = try Session(model, question, threads: 2)
      .run(question, inputs: network.samples, cotangents: [cotangent.floats])
    #expect(threaded.isIdentical(to: answer))
  }

  private func run(_ c: ConvolutionCase) throws {
    var network = Network()
    let x = network.input(c.input)
    _ = network.conv(
      x, filters: c.filters, kernel: c.kernel, strides: c.strides, padding: c.padding, dilations: c.dilations,
      groups: c.groups, bias: c.bias)
    try check(network)
  }
}

@Suite struct DepthwiseConvolutionTests {
  static let cases: [ConvolutionCase] = [1, 3, 5, 8, 16, 17, 33].enumerated().flatMap { i, channels in
    [1, 2, 3].map { multiplier in
      ConvolutionCase(
        input: [1 + i % 2, 6, 7, channels], filters: multiplier,
        kernel: [(3, 3), (5, 5), (2, 3), (1, 1)][(i + multiplier) % 4],
        strides: [(1, 1), (2, 2), (1, 1), (2, 1), (3, 3)][(i + 2 * multiplier) % 5],
        padding: [.same, .valid, edges(0, 1, 2, 0)][i % 3], bias: (i + multiplier) % 2 == 0)
    }
  }
  static let others: [ConvolutionCase] = [
    ConvolutionCase(input: [1, 7, 7, 5], filters: 1, kernel: (3, 3), padding: .same, dilations: (2, 2)),
    ConvolutionCase(input: [1, 7, 6, 9], filters: 2, kernel: (3, 3), dilations: (2, 1)),
    ConvolutionCase(input: [1, 1, 1, 4], filters: 1, kernel: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 2, 3, 24], filters: 1, kernel: (5, 5), strides: (2, 2), padding: .same),
    ConvolutionCase(input: [1, 9, 9, 8], filters: 1, kernel: (3, 3), strides: (2, 2), padding: edges(0, 1, 0, 1)),
    ConvolutionCase(input: [1, 7, 7, 8], filters: 1, kernel: (2, 2), strides: (3, 3)),
  ]

  @Test(arguments: cases + others) func matches(_ c: ConvolutionCase) throws {
    var network = Network()
    let x = network.input(c.input)
    _ = network.depthwise(
      x, multiplier: c.filters, kernel: c.kernel, strides: c.strides, padding: c.padding, dilations: c.dilations,
      bias: c.bias)
    try check(network)
  }
}

@Suite struct TransposedConvolutionTests {
  static let cases: [ConvolutionCase] = [
    ConvolutionCase(input: [1, 3, 4, 3], filters: 5, kernel: (3, 3)),
    ConvolutionCase(input: [2, 3, 4, 1], filters: 17, kernel: (3, 3), strides: (2, 2)),
    ConvolutionCase(input: [1, 3, 4, 5], filters: 1, kernel: (3, 3), strides: (2, 2), padding: .same),
    ConvolutionCase(input: [1, 3, 4, 17], filters: 3, kernel: (4, 4), strides: (2, 2), padding: .same),
    ConvolutionCase(input: [1, 3, 4, 3], filters: 16, kernel: (4, 4), strides: (2, 2), padding: edges(1, 1, 1, 1)),
    ConvolutionCase(input: [1, 3, 4, 3], filters: 2, kernel: (5, 2), strides: (3, 2), padding: edges(1, 2, 0, 1)),
    ConvolutionCase(input: [1, 3, 3, 3], filters: 5, kernel: (2, 2), strides: (2, 2), bias: false),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (2, 2), strides: (3, 3)),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (2, 2), strides: (3, 3), padding: .same),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (1, 1), strides: (2, 2)),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (1, 1), strides: (3, 2), padding: .same),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (3, 3), strides: (2, 2), outputPadding: Extent2D(1, 1)),
    ConvolutionCase(input: [1, 3, 3, 2], filters: 3, kernel: (3, 3), strides: (2, 2), outputPadding: Extent2D(0, 1)),
    ConvolutionCase(
      input: [1, 3, 3, 2], filters: 3, kernel: (3, 3), strides: (2, 2), padding: .same, outputPadding: Extent2D(1, 0)),
    ConvolutionCase(
      input: [1, 3, 3, 2], filters: 3, kernel: (5, 3), strides: (3, 2), padding: .same, outputPadding: Extent2D(2, 1)),
    ConvolutionCase(
      input: [1, 3, 3, 2], filters: 3, kernel: (3, 3), strides: (2, 2), padding: edges(1, 1, 1, 1),
      outputPadding: Extent2D(1, 1)),
    ConvolutionCase(input: [1, 3, 4, 3], filters: 5, kernel: (3, 3), dilations: (2, 2)),
    ConvolutionCase(input: [1, 3, 4, 3], filters: 5, kernel: (3, 2), padding: .same, dilations: (1, 2)),
    ConvolutionCase(input: [1, 4, 3, 3], filters: 4, kernel: (3, 3), strides: (1, 2), padding: .same),
    ConvolutionCase(input: [1, 1, 1, 3], filters: 4, kernel: (3, 3), strides: (2, 2), padding: .same),
    ConvolutionCase(input: [2, 1, 1, 33], filters: 9, kernel: (4, 4)),
  ]

  @Test(arguments: cases) func matches(_ c: ConvolutionCase) throws {
    var network = Network()
    let x = network.input(c.input)
    _ = network.transposed(
      x, filters: c.filters, kernel: c.kernel, strides: c.strides, padding: c.padding, dilations: c.dilations,
      outputPadding: c.outputPadding, bias: c.bias)
    try check(network)
  }
}
