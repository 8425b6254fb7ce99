import SwiftVis
import Testing

@Suite struct MovementTests {
  struct Padded: Sendable {
    let shape: [Int]
    let edges: [EdgePair]
  }

  @Test(arguments: [
    Padded(shape: [1, 3, 4, 3], edges: [EdgePair(1, 2), EdgePair(0, 3), EdgePair(0, 0)]),
    Padded(shape: [2, 5, 6, 5], edges: [EdgePair(-1, -2), EdgePair(-3, 0), EdgePair(0, 0)]),
    Padded(shape: [1, 5, 6, 17], edges: [EdgePair(-2, 3), EdgePair(2, -4), EdgePair(0, 0)]),
    Padded(shape: [1, 2, 2, 3], edges: [EdgePair(0, 0), EdgePair(1, 0), EdgePair(2, 3)]),
    Padded(shape: [1, 2, 2, 5], edges: [EdgePair(0, 0), EdgePair(0, 0), EdgePair(-2, -1)]),
    Padded(shape: [2, 7], edges: [EdgePair(1, -2)]),
    Padded(shape: [2, 4, 3], edges: [EdgePair(3, 0), EdgePair(0, 0)]),
    Padded(shape: [1, 2, 3, 2, 2], edges: [EdgePair(1, 0), EdgePair(0, 1), EdgePair(-1, 1), EdgePair(1, 1)]),
    Padded(shape: [1, 3, 3, 2], edges: [EdgePair(0, 0), EdgePair(0, 0), EdgePair(0, 0)]),
  ]) func pad(_ c: Padded) throws {
    var network = Network()
    network.add(.pad(c.edges), [network.input(c.shape)])
    try check(network)
  }

  @Test(
    arguments: [ResizeAttributes.Interpolation.nearest, .bilinear],
    [ResizeAttributes.Coordinates.halfPixel, .asymmetric, .alignCorners]
  ) func resize(_ interpolation: ResizeAttributes.Interpolation, _ coordinates: ResizeAttributes.Coordinates) throws {
    let cases: [([Int], ResizeAttributes.Target)] = [
      ([1, 2, 3, 3], .scale(Extent2D(2, 2))), ([2, 3, 2, 1], .scale(Extent2D(3, 1))),
      ([1, 2, 2, 17], .scale(Extent2D(1, 4))),
      ([1, 3, 4, 3], .size(Extent2D(7, 5))), ([1, 7, 6, 2], .size(Extent2D(3, 4))), ([1, 1, 1, 5], .size(Extent2D(3, 2))),
      ([1, 5, 4, 2], .size(Extent2D(1, 1))), ([1, 4, 4, 8], .size(Extent2D(4, 4))), ([1, 3, 5, 2], .size(Extent2D(9, 10))),
    ]
    for (shape, target) in cases {
      var network = Network()
      var attributes = ResizeAttributes(target: target)
      attributes.interpolation = interpolation
      attributes.coordinates = coordinates
      network.add(.resize(attributes), [network.input(shape)])
      try check(network)
    }
  }

  @Test(arguments: [
    ([1, 3, 4, 2], [-1]), ([2, 3, 4, 2], [4, -1]), ([2, 24], [2, 3, 4]), ([1, 3, 4], [-1, 2, 1, 3]), ([2, 6], [6]),
  ])
  func reshape(_ shape: [Int], _ target: [Int]) throws {
    var network = Network()
    network.add(.reshape(target), [network.input(shape)])
    try check(network)
  }

  @Test(arguments: [
    ([1, 3, 4, 5], [0, 3, 1, 2]), ([2, 3, 4, 5], [0, 2, 3, 1]), ([2, 3, 4, 5], [0, 2, 1, 3]), ([2, 3, 17], [0, 2, 1]),
    ([2, 3, 4, 5], [0, 3, 2, 1]), ([1, 2, 3, 2, 3, 2], [0, 4, 2, 5, 1, 3]), ([2, 5], [0, 1]),
    ([1, 9, 17, 16], [0, 3, 1, 2]),
  ]) func permute(_ shape: [Int], _ axes: [Int]) throws {
    var network = Network()
    network.add(.permute(axes), [network.input(shape)])
    try check(network)
  }

  @Test(arguments: [1, 2, 3]) func concatenate(_ axis: Int) throws {
    for counts in [[3, 2], [1, 4, 2], [5, 5, 1, 16]] {
      var network = Network()
      let inputs = counts.map { count in
        var shape = [2, 3, 2, 3]
        shape[axis] = count
        return network.input(shape)
      }
      network.add(.concatenate(axis: axis), inputs)
      try check(network)
    }
  }

  @Test func concatenateOtherRanks() throws {
    var network = Network()
    network.add(.concatenate(axis: 1), [network.input([2, 3]), network.input([2, 5])])
    try check(network)
    network = Network()
    network.add(.concatenate(axis: 2), [network.input([1, 2, 3, 1, 2]), network.input([1, 2, 2, 1, 2])])
    try check(network)
  }

  @Test(arguments: [
    ([2, 5], [SliceRange(1, 3)]), ([2, 5], [SliceRange(-1, step: -1)]), ([2, 5], [SliceRange(-4, 2, step: 3)]),
    ([1, 4, 6, 3], [SliceRange(0), SliceRange(0), SliceRange(1, 1)]),
    ([2, 4, 6, 3], [SliceRange(1, 2), SliceRange(0), SliceRange(0)]),
    ([2, 5, 6, 3], [SliceRange(1, 3), SliceRange(-4), SliceRange(0, 2)]),
    ([1, 5, 6, 3], [SliceRange(0, step: 2), SliceRange(1, step: 2), SliceRange(0)]),
    ([1, 5, 6, 4], [SliceRange(-1, 2, step: -3), SliceRange(1, 4), SliceRange(-1, step: -1)]),
    ([1, 3, 3, 9], [SliceRange(0), SliceRange(0), SliceRange(0, 3, step: 3)]),
    (
      [1, 2, 3, 2, 3, 2], [SliceRange(1), SliceRange(0, 2, step: 2), SliceRange(0), SliceRange(1), SliceRange(-1, step: -1)]
    ),
    ([2, 3, 3], [SliceRange(0), SliceRange(-3, 3)]), ([3], []),
  ]) func slice(_ shape: [Int], _ ranges: [SliceRange]) throws {
    var network = Network()
    network.add(.slice(ranges), [network.input(shape)])
    try check(network)
    network = Network()
    let x = network.activation(network.input(shape), .tanh)
    network.add(.slice(ranges), [x])
    try check(network, gradients: [x] + network.inputs)
  }

  @Test(arguments: [
    ([2, 5], 1, [4, 0, 4, 4, 2]), ([1, 3, 4, 5], 3, [0]), ([2, 3, 4, 5], 2, [3, 3, 1]), ([2, 3, 4, 5], 1, [2, 1, 0]),
    ([1, 2, 3, 9], 2, [0, 1, 2, 1, 0]), ([2, 3, 1], 2, [0, 0, 0, 0]), ([2, 1, 4], 1, [0, 0]),
  ]) func gather(_ shape: [Int], _ axis: Int, _ indices: [Int]) throws {
    var network = Network()
    network.add(.gather(axis: axis, indices: indices), [network.activation(network.input(shape), .tanh)])
    try check(network)
  }

  /// A node twice in one concatenation has two shares of the cotangent.
  @Test func concatenateWithItself() throws {
    var network = Network()
    let x = network.input([1, 3, 2, 3])
    network.add(.concatenate(axis: 3), [x, network.relu(x), x])
    try check(network)
  }
}
