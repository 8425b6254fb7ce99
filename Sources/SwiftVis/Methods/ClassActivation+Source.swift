extension Graph {
  /// The last output of a layer before the target that still has several positions: what the paper takes. Of a graph without layers, the
  /// last such node.
  func lastWithPositions(before target: NodeIndex) throws -> NodeIndex {
    let leading = nodesLeading(to: target).subtracting([target] + Array(0..<inputCount))
    let candidates = layers.isEmpty ? Array(nodes.indices) : Self.outputs(of: layers, among: leading)
    guard let source = candidates.last(where: { leading.contains($0) && hasPositions($0) }) else {
      throw VisError(
        .invalidArgument,
        "no layer before '\(nodes[target].name)' has an output with positions to map; say which layer with source:")
    }
    return source
  }

  /// Of every layer the last output that leads to the target, which its other calls need not; nested models' in their place.
  private static func outputs(of layers: [Layer], among leading: Set<NodeIndex>) -> [NodeIndex] {
    layers.flatMap { layer in
      layer.layers.isEmpty
        ? layer.outputs.last { leading.contains($0) }.map { [$0] } ?? [] : outputs(of: layer.layers, among: leading)
    }
  }

  private func hasPositions(_ node: NodeIndex) -> Bool {
    let axis = channelAxis(of: node)
    return nodes[node].shape.enumerated().contains { $0.offset > 0 && $0.offset != axis && $0.element != 1 }
  }

  private func nodesLeading(to target: NodeIndex) -> Set<NodeIndex> {
    var found: Set = [target]
    for node in nodes.indices.reversed() where found.contains(node) { found.formUnion(nodes[node].inputs) }
    return found
  }
}
