/// A trained network: immutable, and shared by any number of threads. (Contract; E1 implements.)
public final class Model: Sendable {
  public let graph: Graph
  /// The graph description as JSON (docs/model-format.md), with its unknown top-level keys.
  public let description: String

  /// Reads a .safetensors model file. Throws `VisError`.
  public convenience init(contentsOf path: String) throws {
    throw VisError(.unsupported, "contract")
  }
  /// Builds a model from a description and the weights that it names.
  public init(description: String, weights: [String: Weights]) throws {
    throw VisError(.unsupported, "contract")
  }
  /// A new model with the same weights, shared, and another description.
  public func replacingDescription(_ description: String) throws -> Model { throw VisError(.unsupported, "contract") }
  /// Writes a .safetensors file; `half` stores weights of rank two and more as float16.
  public func save(to path: String, half: Bool = false) throws {}
}
