extension Session {
  /// What the plan does, as JSON: its steps in order, the memory that it takes and the weights that the model has.
  package var description: String {
    let steps = plan.steps.enumerated().map { index, step in
      #"{"node": \#(JSON.quoted(step.node)), "backward": \#(index >= plan.forwardCount), "#
        + #""kernel": \#(JSON.quoted(step.kernel.name)), "summary": \#(JSON.quoted(step.kernel.summary)), "#
        + #""algorithm": \#(step.kernel.algorithmName.map(JSON.quoted) ?? "null"), "#
        + #""multiply_adds": \#(step.kernel.multiplyAdds)}"#
    }
    let weights = graph.used(of: weights).sorted { $0.key < $1.key }.map { name, weights in
      "\(JSON.quoted(name)): [\(weights.shape.map(String.init).joined(separator: ", "))]"
    }
    return #"{"steps": [\#(steps.joined(separator: ", "))], "arena_bytes": \#(arenaByteCount), "#
      + #""packed_weight_bytes": \#(packedWeightByteCount), "threads": \#(threads), "#
      + #""weights": {\#(weights.joined(separator: ", "))}}"#
  }
}

extension Kernel {
  /// What it is called in the source.
  var name: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }

  /// Of a convolution, which of several.
  var algorithmName: String? {
    if case .convolution(let plan, _) = self { plan.algorithmName } else { nil }
  }
}
