/// A trained network as a value: nodes in topological order, and the weights they name.
///
/// A `Graph` can only be made by validation (`Graph+Decoding.swift`), so the engine may rely on what it says: names are
/// unique, inputs precede their users, ranks, channel counts and weight shapes fit as far as they are known.
public struct Graph: Sendable {
  package typealias NodeIndex = Int

  package struct Node: Sendable {
    package let name: String
    package let operation: Operation
    package let inputs: [NodeIndex]
    /// By role: "kernel", "bias", "scale", "offset", "alpha", "value".
    package let weights: [String: Weights]
    /// Batch first; nil where a size is open until run time.
    package let shape: [Int?]
  }

  /// Inputs first, in the model's order.
  package internal(set) var nodes: [Node]
  package let inputCount: Int
  package let outputs: [NodeIndex]
  package let layers: [Layer]
  /// Of inputs and of nodes that are no layer's output.
  let isChannelsFirst: Bool
  let indices: [String: NodeIndex]

  package func index(of name: String) -> NodeIndex? { indices[name] }

  /// A graph of the planner's own, which nobody knows by layers or names.
  init(nodes: [Node], inputCount: Int) {
    (self.nodes, self.inputCount) = (nodes, inputCount)
    (outputs, layers, isChannelsFirst, indices) = ([], [], false, [:])
  }
}
