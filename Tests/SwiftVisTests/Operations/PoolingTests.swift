import SwiftVis
import Testing

@Suite struct PoolingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var input: [Int]
    var size: (Int, Int)
    var strides: (Int, Int)?
    var padding = Padding.valid
    var dilations = (1, 1)
    var testDescription: String { "\(input) \(size) s\(strides ?? size) \(padding) d\(dilations)" }
  }

  static let cases: [Case] = [
    Case(input: [1, 4, 6, 3], size: (2, 2)),
    Case(input: [2, 5, 7, 5], size: (2, 2)),
    Case(input: [1, 5, 7, 17], size: (2, 2), padding: .same),
    Case(input: [1, 7, 8, 3], size: (3, 3), strides: (2, 2), padding: .same),
    Case(input: [1, 8, 7, 16], size: (3, 3), strides: (2, 2)),
    Case(input: [1, 5, 5, 4], size: (3, 3), strides: (1, 1), padding: .same),
    Case(input: [1, 7, 7, 1], size: (3, 2), strides: (1, 3)),
    Case(input: [1, 7, 7, 9], size: (2, 2), strides: (3, 3)),
    Case(input: [1, 7, 6, 3], size: (1, 1), strides: (2, 2), padding: .same),
    Case(
      input: [1, 6, 7, 3], size: (3, 3), strides: (2, 2),
      padding: .explicit(vertical: EdgePair(1, 1), horizontal: EdgePair(1, 0))),
    Case(input: [1, 4, 4, 8], size: (4, 4)),
    Case(input: [2, 1, 1, 33], size: (2, 2), padding: .same),
    Case(input: [1, 2, 3, 3], size: (5, 5), strides: (2, 2), padding: .same),
    Case(input: [1, 1, 9, 3], size: (1, 3), strides: (1, 2), padding: .same),
  ]

  static let dilated: [Case] = [
    Case(input: [1, 7, 8, 3], size: (3, 2), strides: (1, 2), dilations: (2, 3)),
    Case(input: [2, 5, 6, 9], size: (2, 2), strides: (2, 2), padding: .same, dilations: (3, 2)),
    Case(
      input: [1, 5, 5, 17], size: (3, 3), strides: (2, 1),
      padding: .explicit(vertical: EdgePair(3, 2), horizontal: EdgePair(0, 4)), dilations: (2, 2)),
  ]

  @Test(arguments: cases + dilated) func max(_ c: Case) throws {
    var network = Network()
    _ = network.pool(
      network.input(c.input), .max, size: c.size, strides: c.strides, padding: c.padding, dilations: c.dilations)
    try check(network)
  }

  @Test(arguments: cases, [false, true]) func average(_ c: Case, countIncludesPadding: Bool) throws {
    var network = Network()
    _ = network.pool(
      network.input(c.input), .average, size: c.size, strides: c.strides, padding: c.padding,
      countIncludesPadding: countIncludesPadding)
    try check(network)
  }

  /// Zeros in the padding must not win over negative values.
  @Test func maximumOfNegativesAtTheBorder() throws {
    var network = Network()
    let x = network.input(Tensor([1, 3, 3, 2], (1...18).map { -Double($0) }))
    _ = network.pool(x, .max, size: (3, 3), strides: (2, 2), padding: .same)
    try check(network)
  }

  /// Among equal values the first of the window gets the whole cotangent.
  @Test func tiesGoToTheFirst() throws {
    var network = Network()
    let x = network.input(Tensor([1, 2, 4, 1], [1, 1, 0, 2, 1, 1, 2, 2]))
    let y = network.pool(x, .max)
    let question = network.question(cotangents: [y], gradients: [x])
    let answer = try Session(try network.model(), question).run(question, inputs: network.samples, cotangents: [[3, 5]])
    #expect(answer.gradients == [[3, 0, 0, 5, 0, 0, 0, 0]])
  }

  @Test(arguments: [Reduction.mean, .max, .sum], [false, true]) func reduce(_ kind: Reduction, keepDims: Bool) throws {
    let cases: [([Int], [Int])] = [
      ([2, 3, 5, 7], [1, 2]), ([1, 4, 3, 17], [1]), ([2, 4, 3, 5], [2]), ([1, 4, 3, 5], [3]), ([2, 4, 3, 5], [2, 3]),
      ([1, 3, 2, 5], [1, 2, 3]), ([3, 7], [1]), ([1, 5, 9], [1]), ([1, 2, 3, 2, 2, 3], [2, 3]), ([1, 1, 1, 8], [1, 2]),
    ]
    for (shape, axes) in cases {
      var network = Network()
      network.add(.reduce(kind, axes: axes, keepDims: keepDims), [network.input(shape)])
      try check(network)
    }
  }

  /// Equal maxima of a whole axis share the cotangent evenly.
  @Test func tiesOfAReductionShare() throws {
    var network = Network()
    let x = network.input(Tensor([1, 4, 1], [2, 1, 2, 0]))
    let y = network.add(.reduce(.max, axes: [1], keepDims: false), [x])
    let question = network.question(cotangents: [y], gradients: [x])
    let answer = try Session(try network.model(), question).run(question, inputs: network.samples, cotangents: [[3]])
    #expect(answer.gradients == [[1.5, 0, 1.5, 0]])
  }
}
