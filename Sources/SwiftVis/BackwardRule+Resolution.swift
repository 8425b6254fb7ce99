extension BackwardRule {
  /// The kinds of rules of single nodes, and one function for all custom ones.
  func resolved(in model: Model) throws -> (kinds: [String: RuleKind], function: CustomRule?) {
    var kinds: [String: RuleKind] = [:]
    var functions: [String: Function] = [:]
    for (name, rule) in own.sorted(by: { $0.key < $1.key }) {
      for node in try model.graph.activations(named: name) {
        kinds[node] = rule.kind
        functions[node] = rule.function
      }
    }
    guard function != nil || !functions.isEmpty else { return (kinds, nil) }
    return (kinds, { [function, functions] pass in try (functions[pass.node] ?? function)?(pass) })
  }
}

extension Graph {
  /// The activations of the layer of that name, or the node of that name.
  fileprivate func activations(named name: String) throws -> [String] {
    guard let layer = layer(named: name) else {
      guard indices[name] != nil else {
        throw VisError(
          .invalidArgument, "the model has neither a layer nor a node '\(name)': there is no backward rule for it")
      }
      return [name]
    }
    let nodes = activations(of: layer)
    guard !nodes.isEmpty else {
      throw VisError(
        .invalidArgument, "layer '\(name)' (\(layer.className)) has no activation: there is no backward rule for it")
    }
    return nodes.sorted().map { self.nodes[$0].name }
  }

  private func activations(of layer: Layer) -> Set<NodeIndex> {
    var found = Set(layer.activations)
    for inner in layer.layers { found.formUnion(activations(of: inner)) }
    guard layer.layers.isEmpty else { return found }
    // Channels-first sources move an activation's result.
    let others = outputs(of: layers).subtracting(layer.outputs)
    for output in layer.outputs {
      var node = output
      while nodes[node].operation.isMovement, let input = nodes[node].inputs.first, !others.contains(input) { node = input }
      if nodes[node].operation.isActivation, nodes[node].operation != .activation(.linear) { found.insert(node) }
    }
    return found
  }

  /// Those of all layers that have none inside.
  private func outputs(of layers: [Layer]) -> Set<NodeIndex> {
    layers.reduce(into: []) { $0.formUnion($1.layers.isEmpty ? Set($1.outputs) : outputs(of: $1.layers)) }
  }
}

extension Operation {
  fileprivate var isMovement: Bool {
    switch self {
    case .permute, .reshape: true
    default: false
    }
  }
}
