import SwiftVis
import Testing

/// What nobody thought of: plans and fusions of random networks.
@Suite struct RandomNetworkTests {
  @Test(arguments: 1...100) func agreesWithTheReference(_ seed: Int) throws {
    let network = Network.random(seed: seed)
    try check(network)
  }

  @Test(arguments: 101...160) func cotangentsAndGradientsAnywhere(_ seed: Int) throws {
    var network = Network.random(seed: seed, steps: 7)
    let last = network.nodes.count - 1
    let middle = network.nodes[network.random.int(1...last)].name
    let below = network.nodes[network.random.int(0...last)].name
    try check(network, cotangents: network.outputNames + (network.outputNames.contains(middle) ? [] : [middle]))
    // A gradient may be asked wherever the network's cotangent goes.
    guard network.reaches(network.last, from: below), !network.hasSharedMaxima else { return }
    let gradients = below == network.inputs[0] ? [below] : [below, network.inputs[0]]
    try checkAgainstWalk(network, cotangents: [network.last], gradients: gradients, .plain)
  }

  @Test(arguments: 161...200, [RuleKind.guided, .rectified]) func rules(_ seed: Int, _ rule: RuleKind) throws {
    let network = Network.random(seed: seed)
    guard !network.hasSharedMaxima else { return }
    try checkAgainstWalk(network, cotangents: [network.last], gradients: network.inputs, rule)
  }
}
