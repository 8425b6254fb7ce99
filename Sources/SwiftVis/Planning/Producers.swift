/// Which group has a node's value, and how many read it: what the backward pass can do ahead.
struct Producers {
  private var groups: [Graph.NodeIndex: FusedNode] = [:]
  private var useCount: [Graph.NodeIndex: Int] = [:]

  init() {}
  init(_ graph: Graph, _ groups: [FusedNode]) {
    for group in groups {
      self.groups[group.output] = group
      for input in graph.inputs(of: group) + [group.addend].compactMap({ $0 }) { useCount[input, default: 0] += 1 }
    }
  }

  func rectifier(of node: Graph.NodeIndex) -> Rectifier? { groups[node]?.rectifier }

  /// The group whose output only one other group reads.
  func groupReadOnce(_ node: Graph.NodeIndex) -> FusedNode? { useCount[node] == 1 ? groups[node] : nil }

  /// The rectifier that made all parts of a concatenation, and the parts, those of parts that are concatenations too, if nothing
  /// else reads any of them.
  func commonRectifier(of node: Graph.NodeIndex, in graph: Graph) -> (Rectifier, parts: [Graph.NodeIndex])? {
    guard let group = groups[node], case .concatenate = graph.nodes[group.core].operation else { return nil }
    var rectifier: Rectifier?
    var parts: [Graph.NodeIndex] = []
    for input in graph.inputs(of: group) {
      guard useCount[input] == 1, let found = groups[input]?.rectifier.map({ ($0, [input]) }) ?? nested(input, in: graph),
        (rectifier ?? found.0) == found.0
      else { return nil }
      rectifier = found.0
      parts += found.1
    }
    return rectifier.map { ($0, parts) }
  }

  private func nested(_ node: Graph.NodeIndex, in graph: Graph) -> (Rectifier, [Graph.NodeIndex])? {
    commonRectifier(of: node, in: graph).map { ($0.0, $0.parts + [node]) }
  }
}
