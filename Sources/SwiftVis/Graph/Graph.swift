/// A trained network as a value: nodes in topological order, and the weights they name.
///
/// A `Graph` can only be made by validation (`Graph+Decoding.swift`), so the engine may rely on what it says: names are
/// unique, inputs precede their users, ranks, channel counts and weight shapes fit as far as they are known.
public struct Graph: Sendable {
  public typealias NodeIndex = Int

  public struct Node: Sendable {
    public let name: String
    public let operation: Operation
    public let inputs: [NodeIndex]
    /// By role: "kernel", "bias", "scale", "offset", "alpha", "value".
    public let weights: [String: Weights]
    /// Batch first; nil where a size is open until run time.
    public let shape: [Int?]
  }

  /// Inputs first, in the model's order.
  public internal(set) var nodes: [Node]
  public let inputCount: Int
  public let outputs: [NodeIndex]
  public let layers: [Layer]
  let indices: [String: NodeIndex]

  public func index(of name: String) -> NodeIndex? { indices[name] }

  /// A graph of the planner's own, which nobody knows by layers or names.
  init(nodes: [Node], inputCount: Int) {
    (self.nodes, self.inputCount) = (nodes, inputCount)
    (outputs, layers, indices) = ([], [], [:])
  }
}

/// A layer as the source's users know it. `outputs` has a node for each time it is called.
public struct Layer: Sendable {
  public let name: String
  public let className: String
  public let outputs: [Graph.NodeIndex]
  public let activations: [Graph.NodeIndex]
  public let isChannelsFirst: Bool
  /// Those of a nested model.
  public let layers: [Layer]
}

/// Why something cannot be done; `message` is for the user and names the layer, what was expected and what came.
public struct VisError: Error, Sendable, CustomStringConvertible {
  public enum Kind: Sendable {
    case invalidArgument, invalidModel, unsupported, io, outOfMemory, cancelled, `internal`, callbackFailed
  }
  public let kind: Kind
  public let message: String
  public init(_ kind: Kind, _ message: String) { self.kind = kind; self.message = message }
  public var description: String { message }
}
