import SwiftVisKernels

extension Graph {
  /// The same graph with the chains that exporters write for one operation replaced by the operation: x * sigmoid(x) is a SiLU. It
  /// is found here, and not in an importer, since only a question knows which of a chain's values have to be there: a gradient
  /// in the middle (`kept`) or a backward rule for one of its activations leaves the chain as it is.
  func recognizingPatterns(kept: Set<NodeIndex>, rules: ActivationRules) -> Graph {
    var patterns = Patterns(graph: self, kept: kept, rules: rules)
    for node in nodes.indices.dropFirst(inputCount) {
      // A replaced chain may be part of a longer one.
      if let found = patterns.activation(node) ?? patterns.layerNormalization(node) ?? patterns.foldedScale(node) {
        patterns.graph.nodes[node] = found
      }
    }
    return patterns.graph
  }
}

/// Matches chains that end in a node. Nodes between the first and the last must not be `kept`.
struct Patterns {
  var graph: Graph
  let kept: Set<Graph.NodeIndex>
  let rules: ActivationRules

  init(graph: Graph, kept: Set<Graph.NodeIndex>, rules: ActivationRules) {
    (self.graph, self.kept, self.rules) = (graph, kept, rules)
  }

  func operation(_ node: Graph.NodeIndex) -> Operation { graph.nodes[node].operation }
  func input(_ node: Graph.NodeIndex, _ index: Int = 0) -> Graph.NodeIndex { through(graph.nodes[node].inputs[index]) }

  /// Past nodes that do nothing.
  func through(_ node: Graph.NodeIndex) -> Graph.NodeIndex {
    var node = node
    while operation(node) == .activation(.linear), !kept.contains(node) { node = graph.nodes[node].inputs[0] }
    return node
  }

  func replacement(
    _ node: Graph.NodeIndex, _ operation: Operation, of x: Graph.NodeIndex, weights: [String: Weights] = [:]
  ) -> Graph.Node {
    let old = graph.nodes[node]
    return Graph.Node(name: old.name, operation: operation, inputs: [x], weights: weights, shape: old.shape)
  }

  /// x * scale + offset with two numbers.
  func scaling(_ node: Graph.NodeIndex) -> (scale: Double, offset: Double)? {
    guard case .affine = operation(node), let scale = graph.nodes[node].weights["scale"],
      let offset = graph.nodes[node].weights["offset"], scale.count == 1, offset.count == 1
    else { return nil }
    return (Double(scale.base[0]), Double(offset.base[0]))
  }

  /// The coefficients of a node's value as a polynomial of x, lowest first, up to the cube. `budget`: nodes that may still be
  /// looked at, since a path may lead to one node in many ways.
  func polynomial(_ node: Graph.NodeIndex, of x: Graph.NodeIndex, _ budget: inout Int) -> [Double]? {
    budget -= 1
    if node == x { return [0, 1] }
    guard budget > 0, !kept.contains(node) else { return nil }
    let inputs = graph.nodes[node].inputs
    func inner(_ index: Int, _ budget: inout Int) -> [Double]? { polynomial(input(node, index), of: x, &budget) }
    switch operation(node) {
    case .affine:
      guard let (scale, offset) = scaling(node), let p = inner(0, &budget) else { return nil }
      return sum(p.map { $0 * scale }, [offset])
    case .merge(.add), .merge(.multiply):
      guard var result = inner(0, &budget) else { return nil }
      for index in inputs.indices.dropFirst() {
        guard let p = inner(index, &budget) else { return nil }
        result = operation(node) == .merge(.add) ? sum(result, p) : product(result, p)
        guard result.count <= 4 else { return nil }
      }
      return result
    case .unary(.power(2)), .unary(.power(3)):
      guard let p = inner(0, &budget), p.count == 2 else { return nil }
      let square = product(p, p)
      return operation(node) == .unary(.power(2)) ? square : product(square, p)
    default: return nil
    }
  }

  private func sum(_ p: [Double], _ q: [Double]) -> [Double] {
    (0..<max(p.count, q.count)).map { ($0 < p.count ? p[$0] : 0) + ($0 < q.count ? q[$0] : 0) }
  }

  private func product(_ p: [Double], _ q: [Double]) -> [Double] {
    var result = Array(repeating: 0.0, count: p.count + q.count - 1)
    for (i, a) in p.enumerated() { for (j, b) in q.enumerated() { result[i + j] += a * b } }
    return result
  }
}

/// Equal but for the rounding of constants.
func nearly(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-6 * max(abs(b), 1e-3) }
