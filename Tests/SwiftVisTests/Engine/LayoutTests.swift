import Testing

@testable import SwiftVis

/// Channels-first networks become the steps of channels-last ones.
@Suite struct LayoutTests {
  /// A network under construction in one of the two orders.
  private struct Builder {
    var network = Network(seed: 11)
    let isFirst: Bool

    var channelAxis: Int { isFirst ? 1 : 3 }

    mutating func input(_ height: Int, _ width: Int, _ channels: Int) -> String {
      network.input([2] + (isFirst ? [channels, height, width] : [height, width, channels]))
    }

    /// An operation that needs channels last.
    mutating func image(_ x: String, _ layer: (inout Network, String) -> String) -> String {
      guard isFirst else { return layer(&network, x) }
      let y = layer(&network, network.add(.permute([0, 2, 3, 1]), [x]))
      return network.add(.permute([0, 3, 1, 2]), [y])
    }

    mutating func conv(_ x: String, _ filters: Int, kernel: Int = 3, affine: Bool = true) -> String {
      let padding = kernel / 2
      let pairs = [padding, padding].map { EdgePair($0, $0) }
      let channels = [EdgePair(0, 0)]
      let padded = padding == 0 ? x : network.add(.pad(isFirst ? channels + pairs : pairs + channels), [x])
      let y = image(padded) { $0.conv($1, filters: filters, kernel: (kernel, kernel), bias: !affine) }
      return affine ? image(y) { $0.affine($1) } : y
    }

    mutating func average(_ x: String, keepDims: Bool) -> String {
      network.add(.reduce(.mean, axes: isFirst ? [2, 3] : [1, 2], keepDims: keepDims), [x])
    }

    mutating func concatenate(_ inputs: String...) -> String { network.add(.concatenate(axis: channelAxis), inputs) }
  }

  private func steps(_ network: Network) throws -> [String] {
    let question = network.question(values: [network.last], cotangents: [network.last], gradients: network.inputs)
    return try Session(try network.model(), question).plan.steps.map(\.kernel.summary)
  }

  /// Expects the same steps, and one permutation at the image and one at its gradient.
  private func compare(_ build: (inout Builder) -> Void, sourceLocation: SourceLocation = #_sourceLocation) throws {
    var (first, last) = (Builder(isFirst: true), Builder(isFirst: false))
    build(&first)
    build(&last)
    let expected = try steps(last.network), found = try steps(first.network)
    #expect(found.filter { $0 != "permute" } == expected, sourceLocation: sourceLocation)
    #expect(found.count { $0 == "permute" } == 2, sourceLocation: sourceLocation)
    try check(first.network, places: 24)
  }

  @Test func residualBlocks() throws {
    try compare { b in
      var x = b.network.relu(b.conv(b.input(9, 8, 3), 16))
      x = b.image(x) { $0.pool($1, .max, size: (3, 3), strides: (2, 2)) }
      for filters in [16, 24] {
        let inner = b.network.relu(b.conv(b.network.relu(b.conv(x, 8, kernel: 1)), 8))
        let shortcut = filters == 16 ? x : b.conv(x, filters, kernel: 1)
        x = b.network.relu(b.network.merge(.add, b.conv(inner, filters, kernel: 1), shortcut))
      }
      let row = b.network.add(.reshape([-1]), [b.average(x, keepDims: true)])
      _ = b.network.add(.softmax, [b.network.dense(row, units: 5)])
    }
  }

  @Test func invertedBottlenecksWithSqueezing() throws {
    try compare { b in
      var x = b.network.activation(b.conv(b.input(8, 8, 3), 16), .silu)
      let expanded = b.network.activation(b.conv(x, 32, kernel: 1), .silu)
      let deep = b.image(expanded) { $0.affine($0.depthwise($1, padding: .same, bias: false)) }
      let active = b.network.activation(deep, .silu)
      let squeezed = b.network.activation(b.conv(b.average(active, keepDims: true), 4, kernel: 1, affine: false), .silu)
      let gate = b.network.activation(b.conv(squeezed, 32, kernel: 1, affine: false), .sigmoid)
      x = b.network.merge(.add, b.conv(b.network.merge(.multiply, gate, active), 16, kernel: 1), x)
      _ = b.network.dense(b.average(x, keepDims: false), units: 5)
    }
  }

  @Test func denseAndInceptionBlocks() throws {
    try compare { b in
      var x = b.network.relu(b.conv(b.input(8, 8, 3), 16))
      for _ in 0..<3 {
        let active = b.network.relu(b.image(x) { $0.affine($1) })
        x = b.concatenate(x, b.conv(b.network.relu(b.conv(active, 16, kernel: 1)), 16, affine: false))
      }
      x = b.concatenate(
        b.network.relu(b.conv(x, 16, kernel: 1)), b.network.relu(b.conv(x, 8)),
        b.image(x) { $0.pool($1, .average, size: (3, 3), strides: (1, 1), padding: .same) })
      _ = b.average(x, keepDims: false)
    }
  }

  /// Patches become a row of tokens; a normalization and a softmax over channels, which the source puts last for that.
  @Test func tokens() throws {
    try compare { b in
      var x = b.conv(b.input(6, 8, 3), 12, kernel: 1, affine: false)
      if b.isFirst {
        x = b.network.add(.permute([0, 2, 1]), [b.network.add(.reshape([12, 48]), [x])])
      } else {
        x = b.network.add(.reshape([48, 12]), [x])
      }
      let inner = b.network.activation(b.network.dense(b.network.normalization(x), units: 24), .gelu(approximate: false))
      x = b.network.merge(.add, x, b.network.dense(inner, units: 12))
      x = b.network.add(.softmax, [x])
      _ = b.network.add(.reduce(.mean, axes: [1], keepDims: false), [x])
    }
  }

  /// A channel shuffle moves channels, and leaves them last.
  @Test func channelShuffle() throws {
    var b = Builder(isFirst: true)
    let x = b.network.relu(b.conv(b.input(6, 5, 3), 12))
    let groups = b.network.add(.permute([0, 2, 1, 3, 4]), [b.network.add(.reshape([3, 4, 6, 5]), [x])])
    let y = b.conv(b.network.relu(b.network.add(.reshape([12, 6, 5]), [groups])), 4)
    _ = b.average(y, keepDims: false)
    let kinds = try steps(b.network)
    #expect(kinds.count { $0 == "permute" } == 4)
    #expect(!kinds.contains("place"))
    try check(b.network, places: 24)
  }

  /// A constant for each channel moves when planning; a matrix that lies turned is read so.
  @Test func constantsAndMatrices() throws {
    var b = Builder(isFirst: true)
    let x = b.conv(b.input(4, 3, 3), 8)
    let scaled = b.network.merge(
      .multiply, b.network.constant([8, 4, 3]), b.network.merge(.add, x, b.network.constant([8, 1, 1])))
    let rows = b.network.add(.reshape([8, 12]), [scaled])
    let product = b.network.add(.matrixProduct(transposesLeft: false, transposesRight: true), [rows, rows])
    _ = b.network.relu(product)
    #expect(try steps(b.network).count { $0 == "permute" } == 2)
    try check(b.network)
  }

  /// Halves of shuffled channels: only channels move.
  @Test func shuffledHalves() throws {
    var b = Builder(isFirst: true)
    let x = b.conv(b.input(6, 5, 3), 12)
    let groups = b.network.add(.permute([0, 2, 1, 3, 4]), [b.network.add(.reshape([2, 6, 6, 5]), [x])])
    let shuffled = b.network.add(.reshape([12, 6, 5]), [groups])
    let whole = SliceRange(0)
    let left = b.network.add(.slice([SliceRange(0, 6), whole, whole]), [shuffled])
    let right = b.network.add(.slice([SliceRange(6, 6), whole, whole]), [shuffled])
    _ = b.average(b.concatenate(left, b.network.relu(b.conv(right, 6))), keepDims: false)
    #expect(try steps(b.network).count { $0 == "permute" } == 4)
    try check(b.network, places: 24)
  }

  /// What is asked for is in the source's order, and stands in nobody's way where it is only a value.
  @Test func askedForInTheMiddle() throws {
    var b = Builder(isFirst: true)
    let x = b.network.relu(b.conv(b.input(6, 5, 3), 8))
    let y = b.network.relu(b.conv(x, 8))
    _ = b.average(b.network.merge(.add, x, y), keepDims: false)
    let model = try b.network.model()
    func permutes(_ values: [String], _ gradients: [String]) throws -> Int {
      let question = b.network.question(values: values, cotangents: [b.network.last], gradients: gradients)
      return try Session(model, question).plan.steps.count { $0.kernel.summary == "permute" }
    }
    #expect(try permutes([], b.network.inputs) == 2)
    #expect(try permutes([x, y], b.network.inputs) == 4)
    #expect(try permutes([b.network.last], [y] + b.network.inputs) == 6)
    b.network.outputs = [b.network.last, x, y]
    try check(b.network, cotangents: [b.network.last, x], gradients: [x, y] + b.network.inputs, places: 24)
  }

  /// Axes of size 1 move for nothing.
  @Test func axesOfSizeOne() throws {
    var network = Network(seed: 3)
    let x = network.input([2, 1, 6, 4])
    let y = network.conv(network.add(.permute([0, 2, 1, 3]), [x]), filters: 3, kernel: (3, 1))
    _ = network.add(.permute([0, 3, 1, 2]), [network.add(.reduce(.max, axes: [1], keepDims: true), [y])])
    #expect(try !steps(network).contains("permute"))
    try check(network)
  }
}
