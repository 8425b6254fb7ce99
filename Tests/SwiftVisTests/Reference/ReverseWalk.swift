import SwiftVis

/// The gradient under a backward rule, node by node in reverse. The rule is written out; every other derivative comes from finite
/// differences of that one operation, so nothing here is derived by hand.
struct ReverseWalk {
  let network: Network
  let rule: RuleKind
  /// Of activations that do not follow the rule, by name.
  var rules: [String: RuleKind] = [:]
  /// What `custom` is.
  var custom: Custom = { _, gradient, _, _ in gradient }
  typealias Custom = (_ node: String, _ gradient: Tensor, _ x: Tensor, _ y: Tensor) -> Tensor

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
    let rule =
      network.isActivation(node) ? rules[node.name] ?? (node.operation == .activation(.linear) ? .plain : rule) : .plain
    if rule == .custom {
      return custom(node.name, cotangent, network.values[node.inputs[0]]!, network.values[node.name]!)
    }
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
          case .custom: fatalError("answered above")
          }
        })
    }
    let inputs = node.inputs.map { network.values[$0]! }
    if case .pool(let attributes) = node.operation, attributes.kind == .max {
      return toFirstMaximum(inputs[0], attributes, cotangent)
    }
    // At a bend (leaky ReLU at 0) the slope to the left is the derivative.
    let (left, right) = bends(node.operation) ? (-1e-7, 0) : (-1e-5, 1e-5)
    return Tensor(
      inputs[place].shape,
      inputs[place].values.indices.map { element in
        func loss(_ step: Double) -> Double {
          var moved = inputs
          moved[place].values[element] += step
          let value = Reference.evaluate(node.operation, moved, node.weights)
          return zip(value.values, cotangent.values).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return (loss(right) - loss(left)) / (right - left)
      })
  }

  private func bends(_ operation: SwiftVis.Operation) -> Bool {
    if case .activation = operation { return true }
    return operation == .prelu
  }

  /// Written out because behind ReLU many windows hold nothing but zeros, and a rule that lets a cotangent through there must find
  /// the first of them; differences would give each a share.
  private func toFirstMaximum(_ x: Tensor, _ a: Pool2DAttributes, _ cotangent: Tensor) -> Tensor {
    let rows = Reference.axis(
      input: x.shape[1], kernel: a.size.height, stride: a.strides.height, dilation: a.dilations.height, a.padding, .rows)
    let columns = Reference.axis(
      input: x.shape[2], kernel: a.size.width, stride: a.strides.width, dilation: a.dilations.width, a.padding, .columns)
    var gradient = Tensor(x.shape)
    Tensor.forEachIndex(cotangent.shape) { index in
      var first: [Int]?
      for h in 0..<a.size.height {
        for w in 0..<a.size.width {
          let place = [
            index[0], index[1] * a.strides.height + h * a.dilations.height - rows.before,
            index[2] * a.strides.width + w * a.dilations.width - columns.before, index[3],
          ]
          guard place[1] >= 0, place[1] < x.shape[1], place[2] >= 0, place[2] < x.shape[2] else { continue }
          if first.map({ x[place] > x[$0] }) ?? true { first = place }
        }
      }
      gradient[first!] += cotangent[index]
    }
    return gradient
  }
}

extension Network {
  func isActivation(_ node: Node) -> Bool {
    switch node.operation {
    case .activation, .softmax, .logSoftmax, .prelu: true
    default: false
    }
  }

  /// Where equal values may meet in a maximum, other than a pool's: differences give each half, however many they are.
  var hasSharedMaxima: Bool {
    nodes.contains { [.merge(.maximum), .reduce(.max, axes: [1, 2], keepDims: false)].contains($0.operation) }
  }
}
