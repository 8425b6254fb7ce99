/// A trained network: immutable, and shared by any number of threads.
public final class Model: Sendable {
  public let graph: Graph
  /// The graph description as JSON (<doc:ModelFormat>): exactly the text that was given, with its unknown top-level keys.
  public let description: String
  /// All that were given, by name, so that another description finds them again.
  let weights: [String: Weights]
  /// Derived from them for the kernels, on demand.
  let packedWeights = PackedWeights()

  private init(description: String, graph: Graph, weights: [String: Weights]) {
    (self.description, self.graph, self.weights) = (description, graph, weights)
  }

  /// Builds a model from a description and the weights that it names; others are ignored. Throws `VisError`:
  /// `invalidModel` where the two do not fit or contradict themselves, `unsupported` for unknown operations.
  public convenience init(description: String, weights: [String: Weights]) throws {
    let graph = try Graph(description: description) { weights[$0] }
    self.init(description: description, graph: graph, weights: weights)
  }

  /// A new model with the same weights, shared, and another description. Throws as `init(description:weights:)` does.
  public func replacingDescription(_ description: String) throws -> Model {
    try Model(description: description, weights: weights)
  }

  /// Reads a .safetensors model file; tensors that the description does not name are left alone. Throws `VisError`: `io`,
  /// or as `init(description:weights:)` does, with the path.
  public convenience init(contentsOf path: String) throws {
    do {
      let file = try ModelFile(path: path)
      var weights: [String: Weights] = [:]
      let graph = try Graph(description: file.description) { name in
        if let known = weights[name] { return known }
        weights[name] = try file.weights(named: name)
        return weights[name]
      }
      self.init(description: file.description, graph: graph, weights: weights)
    } catch let error as VisError where error.kind != .io {
      // A tensor that cannot be is the file's fault, not the caller's.
      throw VisError(error.kind == .invalidArgument ? .invalidModel : error.kind, "'\(path)': \(error.message)")
    }
  }

  /// Writes a .safetensors file with the weights that the graph uses; `half` stores those of rank two and more as float16,
  /// rounded to nearest. A file of that name is replaced once the new one is complete. Throws `VisError`: `io`, or
  /// `invalidArgument` for a weight beyond float16's 65504.
  public func save(to path: String, half: Bool = false) throws {
    try ModelFile.write(description: description, weights: usedWeights, to: path, half: half)
  }

  /// Those that the graph names.
  var usedWeights: [String: Weights] {
    let used = Set(graph.nodes.flatMap { $0.weights.values.map { ObjectIdentifier($0) } })
    return weights.filter { used.contains(ObjectIdentifier($0.value)) }
  }
}
