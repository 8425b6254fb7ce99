/// A layer as the users of the network's source know it.
public struct Layer: Sendable {
  /// Its name in the model.
  public let name: String
  /// Its kind in the source, "Conv2D" for example.
  public let className: String
  /// The names of its outputs: one node for each time that the layer is called.
  public let nodes: [String]
  /// The shape of its last output, batch first; nil where a size is open until run time.
  public let outputShape: [Int?]
  /// Those of a nested model, empty otherwise.
  public let layers: [Layer]
  /// Whether an output's second axis has the channels, as in PyTorch and ONNX, instead of its last one.
  public let isChannelsFirst: Bool

  package let outputs: [Graph.NodeIndex]
  package let activations: [Graph.NodeIndex]
}

extension Model {
  /// The layers in the order of the source; those of a nested model are in ``Layer/layers``. Empty for a description without layers,
  /// whose nodes can be addressed by name all the same.
  public var layers: [Layer] { graph.layers }

  /// The first layer of that name, nested models' included. Throws `invalidArgument` where there is none.
  public func layer(named name: String) throws(VisError) -> Layer {
    if let layer = graph.layer(named: name) { return layer }
    let known = layers.suffix(8).map(\.name).joined(separator: ", ")
    throw VisError(.invalidArgument, "the model has no layer '\(name)' (its last ones: \(known))")
  }

  /// The node that a layer's or node's name stands for. A layer goes before a node of the same name.
  func node(named name: String) throws(VisError) -> Graph.NodeIndex {
    guard let layer = graph.layer(named: name) else {
      if let node = graph.index(of: name) { return node }
      throw VisError(.invalidArgument, "the model has neither a layer nor a node '\(name)'")
    }
    guard layer.outputs.count == 1, let node = layer.outputs.first else {
      let nodes = layer.nodes.map { "'\($0)'" }.joined(separator: ", ")
      throw VisError(
        .invalidArgument, "layer '\(name)' is called \(layer.outputs.count) times: name one of its outputs (\(nodes))")
    }
    return node
  }
}

extension Graph {
  func layer(named name: String) -> Layer? { Self.layer(named: name, in: layers) }

  private static func layer(named name: String, in layers: [Layer]) -> Layer? {
    if let layer = layers.first(where: { $0.name == name }) { return layer }
    for layer in layers {
      if let found = Self.layer(named: name, in: layer.layers) { return found }
    }
    return nil
  }

  /// The axis of a node's channels or units.
  func channelAxis(of node: NodeIndex) -> Int {
    let rank = nodes[node].shape.count
    return rank >= 3 && (Self.isChannelsFirst(node, in: layers) ?? isChannelsFirst) ? 1 : rank - 1
  }

  private static func isChannelsFirst(_ node: NodeIndex, in layers: [Layer]) -> Bool? {
    for layer in layers {
      if let answer = isChannelsFirst(node, in: layer.layers) { return answer }
      if layer.outputs.contains(node) { return layer.isChannelsFirst }
    }
    return nil
  }
}
