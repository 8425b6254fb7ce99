/// A trained network: immutable, and shared by any number of threads.
public final class Model: Sendable {
  public let graph: Graph
  /// The graph description as JSON (docs/model-format.md): exactly the text that was given, with its unknown top-level keys.
  public let description: String
  /// All that were given, by name, so that another description finds them again.
  let weights: [String: Weights]
  /// Derived from them for the kernels, on demand.
  let packedWeights = PackedWeights()

  /// Builds a model from a description and the weights that it names; others are ignored. Throws `VisError`:
  /// `invalidModel` where the two do not fit or contradict themselves, `unsupported` for unknown operations.
  public init(description: String, weights: [String: Weights]) throws {
    self.graph = try Graph(description: description) { weights[$0] }
    self.description = description
    self.weights = weights
  }

  /// A new model with the same weights, shared, and another description.
  public func replacingDescription(_ description: String) throws -> Model {
    try Model(description: description, weights: weights)
  }

  /// Reads a .safetensors model file. Throws `VisError`: `io` with the path, or as `init(description:weights:)` does.
  public convenience init(contentsOf path: String) throws {
    throw VisError(.unsupported, "contract")
  }

  /// Writes a .safetensors file; `half` stores weights of rank two and more as float16.
  public func save(to path: String, half: Bool = false) throws {}
}
