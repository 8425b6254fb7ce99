import Foundation
import SwiftVis
import Testing

/// Whatever the order of axes in which values lie, they and their gradients are those of the source.
@Suite struct RandomLayoutTests {
  @Test(arguments: 1...150) func agreesWithTheReference(_ seed: Int) throws {
    try check(Network.randomLayouts(seed: seed))
  }

  /// Values and gradients asked for anywhere are in the source's order, and on the path.
  @Test(arguments: 151...230) func askedAnywhere(_ seed: Int) throws {
    var network = Network.randomLayouts(seed: seed)
    let all = network.nodes.map(\.name)
    let last = network.last
    network.outputs = [last] + all.filter { $0 != last && network.random.chance(0.3) }
    let gradients = all.filter { network.reaches(last, from: $0) && ($0 == all[0] || network.random.chance(0.4)) }
    try check(network, cotangents: [last], places: 12)
    guard !network.hasSharedMaxima else { return }
    try checkAgainstWalk(network, cotangents: [last], gradients: gradients, .plain)
  }

  /// Rules see values in the source's order too.
  @Test(arguments: 231...280) func rules(_ seed: Int) throws {
    var network = Network.randomLayouts(seed: seed)
    guard !network.hasSharedMaxima else { return }
    var rules: [String: RuleKind] = [:]
    for node in network.nodes where network.isActivation(node) && network.random.chance(0.5) {
      rules[node.name] = network.random.element([.custom, .custom, .guided, .rectified, .plain])
    }
    let last = network.last
    let gradients = network.nodes.map(\.name).filter {
      network.reaches(last, from: $0) && ($0 == network.inputs[0] || network.random.chance(0.3))
    }
    // Different for every place, so that it matters which is which.
    try checkAgainstWalk(
      network, cotangents: [last], gradients: gradients, network.random.element([.plain, .guided, .custom]), rules: rules
    ) { _, gradient, x, y in
      Tensor(
        gradient.shape,
        gradient.values.indices.map {
          gradient.values[$0] * (1 + 0.1 * Double($0) + 0.3 * tanh(x.values[$0]) + y.values[$0])
        })
    }
  }
}
