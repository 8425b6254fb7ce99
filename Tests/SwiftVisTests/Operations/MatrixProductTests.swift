import SwiftVis
import Testing

@Suite struct MatrixProductTests {
  /// The first axis is the batch.
  static let leading: [([Int], [Int])] = [
    ([1], [1]), ([2], [2]), ([2, 3], [2, 3]), ([2, 1], [2, 3]), ([1, 3], [1, 1]), ([2, 1, 2], [2, 3, 1]),
  ]
  static let sizes = [(1, 1, 1), (5, 3, 7), (23, 9, 17), (49, 8, 21), (3, 50, 16), (70, 2, 1)]

  @Test(arguments: leading, [(false, false), (false, true), (true, false), (true, true)])
  func product(_ leading: ([Int], [Int]), transposed: (Bool, Bool)) throws {
    for (rows, depth, columns) in Self.sizes where leading.0.count < 3 || rows * depth * columns < 3000 {
      var network = Network()
      let left = network.input(leading.0 + (transposed.0 ? [depth, rows] : [rows, depth]))
      let right = network.input(leading.1 + (transposed.1 ? [columns, depth] : [depth, columns]))
      _ = network.product(left, right, transposed.0, transposed.1)
      try check(network, places: 12)
    }
  }

  /// More than one slice of a sum, panels in two groups, many blocks of rows.
  @Test(arguments: [(false, false), (true, true)]) func large(transposed: (Bool, Bool)) throws {
    for (rows, depth, columns) in [(30, 300, 40), (30, 1600, 100), (500, 5, 30), (3, 270, 410)] {
      var network = Network()
      let left = network.input([1] + (transposed.0 ? [depth, rows] : [rows, depth]))
      let right = network.input([1] + (transposed.1 ? [columns, depth] : [depth, columns]))
      _ = network.product(left, right, transposed.0, transposed.1)
      try check(network, places: 4)
    }
  }

  /// Both factors from one tensor, and a rectifier behind them whose gate the gradient's step shuts.
  @Test(arguments: [1, 2]) func square(batch: Int) throws {
    for (left, right) in [(false, true), (true, false)] {
      var network = Network()
      let x = network.relu(network.dense(network.input([batch, 21, 4]), units: 9))
      _ = network.dense(network.product(x, x, left, right), units: 2)
      try check(network)
    }
  }

  @Test(arguments: [1, 2]) func constants(batch: Int) throws {
    for isFirst in [false, true] {
      var network = Network()
      let x = network.dense(network.input([batch, 2, 21, 4]), units: 6)
      let constant = network.constant(isFirst ? [2, 3, 21] : [1, 6, 5])
      _ = isFirst ? network.product(constant, x) : network.product(x, constant)
      _ = network.product(network.constant([1, 3, 2]), network.constant([2, 2, 3]))
      network.outputs = network.nodes.suffix(4).map(\.name)
      try check(network, cotangents: [network.nodes[network.nodes.count - 4].name])
    }
  }

  /// Two heads, as of a vision transformer.
  @Test(arguments: [1, 2]) func attention(batch: Int) throws {
    var network = Network()
    let (tokens, heads, width) = (23, 2, 4)
    let x = network.input([batch, tokens, heads * width])
    func split(_ x: String, _ network: inout Network) -> String {
      let dense = network.dense(x, units: heads * width)
      let reshaped = network.add(.reshape([tokens, heads, width]), [dense])
      return network.add(.permute([0, 2, 1, 3]), [reshaped])
    }
    let (q, k, v) = (split(x, &network), split(x, &network), split(x, &network))
    let scores = network.add(.softmax, [network.product(q, k, false, true)])
    let mixed = network.add(.permute([0, 2, 1, 3]), [network.product(scores, v)])
    let joined = network.dense(network.add(.reshape([tokens, heads * width]), [mixed]), units: heads * width)
    _ = network.merge(.add, x, joined)
    try check(network)
  }
}
