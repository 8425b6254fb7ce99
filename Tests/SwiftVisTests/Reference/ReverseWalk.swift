import SwiftVis

/// The gradient under a backward rule, node by node in reverse. The rule is written out; every other derivative comes from finite
/// differences of that one operation, so nothing here is derived by hand.
struct ReverseWalk {
  let network: Network
  let rule: BackwardRule

  /// The gradient at `node` for cotangents on others.
  func gradient(at node: String, cotangents: [(String, Tensor)]) -> Tensor {
    var collected = network.values.mapValues { Tensor($0.shape) }
    for (name, cotangent) in cotangents { collected[name] = sum(collected[name]!, cotangent) }
    for step in network.nodes.reversed() {
      if step.name == node { break }
      for (place, input) in step.inputs.enumerated() {
        collected[input] = sum(collected[input]!, transposed(step, place, collected[step.name]!))
      }
    }
    return collected[node]!
  }

  private func sum(_ a: Tensor, _ b: Tensor) -> Tensor { Tensor(a.shape, zip(a.values, b.values).map { $0 + $1 }) }

  private func transposed(_ node: Network.Node, _ place: Int, _ cotangent: Tensor) -> Tensor {
    if case .activation(.relu(let maxValue, negativeSlope: 0, threshold: 0)) = node.operation {
      let limit = maxValue.map { Double($0) } ?? .infinity
      let y = network.values[node.name]!
      return Tensor(
        y.shape,
        zip(y.values, cotangent.values).map { y, dy in
          switch rule {
          case .plain: 0 < y && y < limit ? dy : 0
          case .guided: 0 < y && y < limit && dy > 0 ? dy : 0
          case .rectified: dy > 0 ? dy : 0
          }
        })
    }
    let inputs = node.inputs.map { network.values[$0]! }
    return Tensor(
      inputs[place].shape,
      inputs[place].values.indices.map { element in
        func loss(_ step: Double) -> Double {
          var moved = inputs
          moved[place].values[element] += step
          let value = Reference.evaluate(node.operation, moved, node.weights)
          return zip(value.values, cotangent.values).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return (loss(1e-5) - loss(-1e-5)) / 2e-5
      })
  }
}
