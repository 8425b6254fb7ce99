extension Model {
  /// What goes into a model or comes out of it.
  public struct Value: Hashable, Sendable {
    /// The node's name.
    public let name: String
    /// Batch first; nil where a size is open until run time.
    public let shape: [Int?]
  }

  /// The inputs in the model's order.
  public var inputs: [Value] { values(Array(0..<graph.inputCount)) }
  /// The outputs in the model's order.
  public var outputs: [Value] { values(graph.outputs) }

  /// The names of the first output's units, where the model file has one for each of them. Read anew each time.
  public var classes: [String]? {
    guard case .object(let members)? = try? JSON(parsing: description), case .array(let names)? = members["classes"],
      names.count == outputs.first?.shape.last
    else { return nil }
    return names.map { if case .string(let name) = $0 { name } else { "" } }
  }

  private func values(_ nodes: [Graph.NodeIndex]) -> [Value] {
    nodes.map { Value(name: graph.nodes[$0].name, shape: graph.nodes[$0].shape) }
  }
}
