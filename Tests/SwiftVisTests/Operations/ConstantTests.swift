import SwiftVis
import Testing

@Suite struct ConstantTests {
  @Test(arguments: MergeTests.kinds, [1, 2]) func merged(_ kind: Merge, batch: Int) throws {
    let shapes: [([Int], [Int])] = [
      ([3, 4, 5], [3, 4, 5]), ([3, 4, 5], [1, 1, 1]), ([3, 1, 5], [1, 4, 1]), ([7], [7]), ([1], [17]), ([], []),
    ]
    for (sample, value) in shapes {
      for isFirst in [false, true] {
        var network = Network()
        let x = network.activation(network.input([batch] + sample), .tanh)
        let constant = network.constant(value)
        _ = isFirst ? network.merge(kind, constant, x) : network.merge(kind, x, constant)
        try check(network)
      }
    }
  }

  @Test(arguments: MergeTests.kinds.filter { $0 != .subtract }, [1, 3]) func amongOthers(_ kind: Merge, batch: Int) throws {
    for place in 0..<4 {
      var network = Network()
      var inputs = [network.input([batch, 4, 1]), network.input([batch, 1, 5])]
      inputs.insert(network.constant([4, 5]), at: min(place, 2))
      if place == 3 { inputs.insert(network.constant([4, 1]), at: 0) }
      network.add(.merge(kind), inputs)
      try check(network)
    }
  }

  /// A class token, and a position's embedding behind it.
  @Test(arguments: [1, 2]) func concatenated(batch: Int) throws {
    var network = Network()
    let x = network.dense(network.input([batch, 6, 3]), units: 8)
    let joined = network.add(.concatenate(axis: 1), [network.constant([1, 8]), x])
    _ = network.dense(network.merge(.add, joined, network.constant([7, 8])), units: 2)
    try check(network)
    network = Network()
    let y = network.conv(network.input([batch, 4, 4, 2]), filters: 3)
    network.add(.concatenate(axis: 3), [network.constant([2, 2, 4]), y, network.constant([2, 2, 1])])
    try check(network)
  }

  /// Whatever reads a constant, and values of nothing but constants.
  @Test(arguments: [1, 2]) func read(batch: Int) throws {
    var network = Network()
    let x = network.input([batch, 3, 4, 5])
    let constant = network.constant([3, 4, 5])
    let readers = [
      network.conv(constant, filters: 3), network.relu(constant), network.activation(constant, .linear),
      network.add(.reshape([-1]), [constant]), network.normalization(constant), network.merge(.add, constant, constant),
      network.merge(.multiply, constant, network.constant([1, 4, 1])), network.add(.permute([0, 3, 1, 2]), [constant]),
      network.pool(constant, .max), network.add(.reduce(.max, axes: [1, 2], keepDims: false), [constant]),
      network.merge(.add, network.conv(x, filters: 5, padding: .same), constant), constant,
    ]
    network.outputs = readers
    try check(network, cotangents: [readers[10]])
  }

  @Test(arguments: [1, 2]) func itsOwnGradient(batch: Int) throws {
    for kind in MergeTests.kinds {
      var network = Network()
      let x = network.input([batch, 3, 4])
      let constant = network.constant([3, 1])
      _ = network.merge(kind, x, constant)
      try check(network, gradients: [x, constant])
    }
  }
}
