import SwiftVisKernels

/// Layer normalization over the last axis, written out.
extension Patterns {
  /// (x - mean) / sqrt(mean of its square + epsilon).
  func layerNormalization(_ node: Graph.NodeIndex) -> Graph.Node? {
    guard graph.nodes[node].inputs.count == 2 else { return nil }
    let (left, right) = (input(node, 0), input(node, 1))
    let found: (centered: Graph.NodeIndex, variance: Graph.NodeIndex)?
    switch operation(node) {
    case .merge(.divide): found = squareRoot(right).map { (left, $0) }
    case .merge(.multiply):
      found = reciprocalSquareRoot(right).map { (left, $0) } ?? reciprocalSquareRoot(left).map { (right, $0) }
    default: found = nil
    }
    guard let (centered, shifted) = found, let x = centeredInput(centered), !kept.contains(shifted),
      let (scale, epsilon) = scaling(shifted), scale == 1, epsilon >= 0, let squares = mean(input(shifted)),
      let again = square(squares), centeredInput(again) == x
    else { return nil }
    return replacement(node, .layerNormalization(epsilon: epsilon), of: x)
  }

  /// A normalization followed by a scale and an offset for each channel is one with weights. Offset and scale may come one after the
  /// other.
  func foldedScale(_ node: Graph.NodeIndex) -> Graph.Node? {
    guard case .affine = operation(node), let scale = graph.nodes[node].weights["scale"],
      let offset = graph.nodes[node].weights["offset"], case let normal = input(node), !kept.contains(normal),
      case .layerNormalization(let epsilon) = operation(normal), graph.nodes[normal].shape.last == scale.count,
      scale.count == offset.count
    else { return nil }
    var weights = graph.nodes[normal].weights
    // A product that would need weights of its own is left alone.
    if weights["scale"] == nil, weights["offset"] == nil {
      (weights["scale"], weights["offset"]) = (scale, offset)
    } else if isAll(scale, 1), weights["offset"].map({ isAll($0, 0) }) ?? true {
      weights["offset"] = offset
    } else {
      return nil
    }
    return replacement(node, .layerNormalization(epsilon: epsilon), of: input(normal), weights: weights)
  }

  private func isAll(_ weights: Weights, _ value: Float) -> Bool {
    (0..<weights.count).allSatisfy { weights.base[$0] == value }
  }

  private func squareRoot(_ node: Graph.NodeIndex) -> Graph.NodeIndex? {
    guard !kept.contains(node) else { return nil }
    switch operation(node) {
    case .unary(.elementary(.sqrt)), .unary(.power(0.5)): return input(node)
    default: return nil
    }
  }

  private func reciprocalSquareRoot(_ node: Graph.NodeIndex) -> Graph.NodeIndex? {
    guard !kept.contains(node) else { return nil }
    switch operation(node) {
    case .unary(.power(-0.5)): return input(node)
    case .unary(.elementary(.reciprocal)), .unary(.power(-1)): return squareRoot(input(node))
    default: return nil
    }
  }

  /// What the mean over the last axis is of.
  private func mean(_ node: Graph.NodeIndex) -> Graph.NodeIndex? {
    guard !kept.contains(node), case .reduce(.mean, let axes, keepDims: true) = operation(node),
      axes == [graph.nodes[node].shape.count - 1]
    else { return nil }
    return input(node)
  }

  private func centeredInput(_ node: Graph.NodeIndex) -> Graph.NodeIndex? {
    guard !kept.contains(node), operation(node) == .merge(.subtract), mean(input(node, 1)) == input(node) else { return nil }
    return input(node)
  }

  private func square(_ node: Graph.NodeIndex) -> Graph.NodeIndex? {
    guard !kept.contains(node) else { return nil }
    switch operation(node) {
    case .unary(.power(2)): return input(node)
    case .merge(.multiply) where graph.nodes[node].inputs.count == 2 && input(node) == input(node, 1): return input(node)
    default: return nil
    }
  }
}
