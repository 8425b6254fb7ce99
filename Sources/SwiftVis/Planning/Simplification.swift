extension Graph {
  /// The graph as the planner reads it: nobody reads a `linear` node, or a movement that undoes the one before it, but rather what
  /// has the same value. `sources` says what that is for each node.
  ///
  /// Nodes in `kept` are those whose gradient is asked for: what is read past them would be missing from it.
  func simplified(shapes: [[Int]], kept: Set<NodeIndex>) -> (graph: Graph, sources: [NodeIndex]) {
    var graph = self
    var sources = Array(nodes.indices)
    for (index, node) in nodes.enumerated() {
      graph.nodes[index] = Node(
        name: node.name, operation: node.operation, inputs: node.inputs.map { sources[$0] }, weights: node.weights,
        shape: node.shape)
      if !kept.contains(index) { sources[index] = graph.source(of: index, shapes, kept) }
    }
    return (graph, sources)
  }

  /// A node of the same value that comes earlier, or the node itself.
  private func source(of node: NodeIndex, _ shapes: [[Int]], _ kept: Set<NodeIndex>) -> NodeIndex {
    guard let input = nodes[node].inputs.first else { return node }
    let before = kept.contains(input) ? nil : nodes[input].inputs.first
    switch (nodes[node].operation, nodes[input].operation) {
    case (.activation(.linear), _): return input
    case (.reshape, .reshape):
      return before.flatMap { shapes[$0] == shapes[node] ? $0 : nil } ?? node
    case (.permute(let outer), .permute(let inner)):
      return before.flatMap { outer.map { inner[$0] } == Array(outer.indices) ? $0 : nil } ?? node
    case (.slice(let ranges), _):
      return shapes[input] == shapes[node] && ranges.allSatisfy { $0.step > 0 } ? input : node
    default: return node
    }
  }
}
