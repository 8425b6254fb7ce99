import Testing

@testable import SwiftVis

/// Concatenations that are no work: their parts are written to and read from their place.
@Suite struct SliceTests {
  /// Steps that copy.
  private func copies(_ network: Network) throws -> Int {
    let question = network.question(cotangents: [network.last], gradients: network.inputs)
    return try Session(try network.model(), question).plan.steps.filter {
      switch $0.kernel {
      case .concatenate, .slice: true
      default: false
      }
    }.count
  }

  private func denseBlock(_ layers: Int) -> Network {
    var network = Network(seed: 3)
    var x = network.pool(network.conv(network.input([2, 12, 12, 3]), filters: 16), .max)
    for _ in 0..<layers {
      let bottleneck = network.affine(network.conv(network.relu(network.affine(x)), filters: 16, kernel: (1, 1)))
      let grown = network.conv(network.relu(bottleneck), filters: 16, padding: .same)
      x = network.add(.concatenate(axis: 3), [x, grown])
    }
    _ = network.globalAverage(network.relu(network.affine(x)))
    return network
  }

  private func inceptionBlock() -> Network {
    var network = Network(seed: 4)
    var x = network.relu(network.conv(network.input([2, 7, 6, 3]), filters: 9))
    for _ in 0..<2 {
      let one = network.relu(network.affine(network.conv(x, filters: 16, kernel: (1, 1))))
      let inner = network.relu(network.conv(x, filters: 6, kernel: (1, 1)))
      let left = network.relu(network.conv(inner, filters: 16, kernel: (1, 3), padding: .same))
      let right = network.relu(network.conv(inner, filters: 19, kernel: (3, 1), padding: .same))
      let both = network.add(.concatenate(axis: 3), [left, right])
      let pooled = network.pool(x, .average, size: (3, 3), strides: (1, 1), padding: .same)
      let last = network.relu(network.conv(pooled, filters: 5, kernel: (1, 1)))
      x = network.add(.concatenate(axis: 3), [one, both, last])
    }
    _ = network.globalAverage(x)
    return network
  }

  @Test func denseBlocksCopyNothing() throws {
    let network = denseBlock(4)
    #expect(try copies(network) == 0)
    try check(network)
  }

  @Test func inceptionBlocksCopyNothing() throws {
    let network = inceptionBlock()
    #expect(try copies(network) == 0)
    try check(network)
  }

  @Test(arguments: [RuleKind.guided, .rectified]) func rules(_ rule: RuleKind) throws {
    for network in [denseBlock(2), inceptionBlock()] {
      try checkAgainstWalk(network, cotangents: [network.last], gradients: network.inputs, rule)
    }
  }

  /// A split whose halves are read where they are, and whose cotangents are written side by side.
  @Test func splitsCopyNothing() throws {
    var network = Network(seed: 6)
    let x = network.conv(network.input([2, 3, 4, 3]), filters: 32, kernel: (1, 1))
    let halves = [0, 16].map { network.add(.slice([SliceRange(0), SliceRange(0), SliceRange($0, 16)]), [x]) }
    let left = network.relu(network.conv(halves[0], filters: 8, kernel: (1, 1)))
    let right = network.conv(network.relu(halves[1]), filters: 8, kernel: (1, 1))
    _ = network.globalAverage(network.merge(.add, left, right))
    #expect(try copies(network) == 0)
    try check(network)
    try check(network, gradients: halves + [x] + network.inputs)
    try checkAgainstWalk(network, cotangents: [network.last, x], gradients: network.inputs, .guided)
  }

  /// Parts that overlap, leave something out, lie along different axes, or are read beside the whole.
  @Test func partsThatDoNotCover() throws {
    let cases = [
      [(3, 0, 5), (3, 3, 5)], [(3, 0, 2), (3, 5, 3)], [(3, 0, 4), (1, 0, 2), (3, 4, 4)], [(2, 0, 3), (2, 3, 2)],
    ]
    for parts in cases {
      var network = Network(seed: 7)
      let x = network.conv(network.input([1, 4, 5, 3]), filters: 8, padding: .same)
      for isReadWhole in [false, true] {
        var rows = parts.map { axis, start, count in
          let ranges = (1...3).map { $0 == axis ? SliceRange(start, count) : SliceRange(0) }
          return network.dense(network.globalAverage(network.add(.slice(ranges), [x])), units: 3)
        }
        if isReadWhole { rows.append(network.dense(network.globalAverage(x), units: 3)) }
        network.add(.merge(.add), rows)
        try check(network)
      }
    }
  }

  /// Parts that cannot lie in the result: one that is there already, the network's input, one that another joins, one that is
  /// read with other rows.
  @Test func partsThatAreCopied() throws {
    var network = Network(seed: 5)
    let input = network.input([2, 6, 4, 8])
    let x = network.relu(network.conv(input, filters: 8, kernel: (1, 1)))
    let twice = network.add(.concatenate(axis: 3), [x, x, input])
    let tall = network.add(.concatenate(axis: 1), [x, network.conv(twice, filters: 8, kernel: (1, 1))])
    let narrow = network.add(.reshape([6, 8, 4]), [x])
    let again = network.add(.concatenate(axis: 3), [network.conv(narrow, filters: 2, kernel: (1, 1)), narrow])
    _ = network.merge(
      .add, network.dense(network.add(.reshape([-1]), [tall]), units: 3),
      network.dense(network.add(.reshape([-1]), [again]), units: 3))
    try check(network)
    try check(network, gradients: [x, twice, input])
  }

  /// Gradients that are asked for in the middle of what lies together.
  @Test func gradientsOfParts() throws {
    let network = denseBlock(3)
    let joins = network.nodes.filter { if case .concatenate = $0.operation { true } else { false } }.map(\.name)
    try check(network, gradients: network.inputs + joins)
    try checkAgainstWalk(network, cotangents: [network.last, joins[1]], gradients: joins.prefix(2) + network.inputs, .plain)
  }
}
