import SwiftVis
import Testing

/// What nobody thought of: plans and fusions of random networks.
@Suite struct RandomNetworkTests {
  @Test(arguments: 1...100) func agreesWithTheReference(_ seed: Int) throws {
    let network = Network.random(seed: seed)
    try check(network)
  }

  @Test(arguments: 101...140) func cotangentsAndGradientsAnywhere(_ seed: Int) throws {
    var network = Network.random(seed: seed, steps: 7)
    let last = network.nodes.count - 1
    let middle = network.nodes[network.random.int(1...last)].name
    let below = network.nodes[network.random.int(0...last)].name
    try check(network, cotangents: network.outputNames + (network.outputNames.contains(middle) ? [] : [middle]))
    // A gradient may be asked wherever the network's cotangent goes.
    guard network.reaches(network.last, from: below) else { return }
    try check(
      network, cotangents: [network.last], gradients: below == network.inputs[0] ? [below] : [below, network.inputs[0]])
  }

  @Test(arguments: 141...160, [BackwardRule.guided, .rectified]) func rules(_ seed: Int, _ rule: BackwardRule) throws {
    let network = Network.random(seed: seed)
    guard !network.hasSharedMaxima else { return }
    let question = network.question(cotangents: [network.last], gradients: network.inputs, rule: rule)
    let sent = network.randomCotangents([network.last])
    let answer = try Session(try network.model(), question)
      .run(question, inputs: network.samples, cotangents: sent.map(\.floats))
    let walk = ReverseWalk(network: network, rule: rule)
    let expected = walk.gradient(at: network.inputs[0], cotangents: [(network.last, sent[0])])
    expectAgreement(answer.gradients[0], expected.values, 1e-4, "\(rule) gradient in \(network.description)")
  }
}
