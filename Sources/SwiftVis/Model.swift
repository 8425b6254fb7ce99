/// A trained network: immutable, and shared by any number of threads.
///
/// ```swift
/// let model = try Model(contentsOf: "network.safetensors")
/// let map = try model.saliency(of: image, target: .filter(967), rule: .guided)
/// ```
///
/// Layers and nodes are addressed by name. A gradient is a vector-Jacobian product: weights have none, and only what lies between the
/// target and what is asked for is computed. Every method runs on the calling thread and on as many workers as its ``RunOptions`` say;
/// between two steps it looks whether its task was cancelled.
public final class Model: Sendable {
  package let graph: Graph
  /// The graph description as JSON (<doc:ModelFormat>): exactly the text that was given, with its unknown top-level keys.
  package let description: String
  /// All that were given, by name, so that another description finds them again.
  let weights: [String: Weights]
  /// Derived from them for the kernels, on demand.
  let packedWeights = PackedWeights()
  let idleSessions = IdleSessions()

  private init(description: String, graph: Graph, weights: [String: Weights]) {
    (self.description, self.graph, self.weights) = (description, graph, weights)
  }

  /// Builds a model from a description and the weights that it names; others are ignored. Throws `VisError`:
  /// `invalidModel` where the two do not fit or contradict themselves, `unsupported` for unknown operations.
  package convenience init(description: String, weights: [String: Weights]) throws(VisError) {
    let graph = try asVisError { try Graph(description: description) { weights[$0] } }
    self.init(description: description, graph: graph, weights: weights)
  }

  /// A new model with the same weights, shared, and another description. Throws as `init(description:weights:)` does.
  package func replacingDescription(_ description: String) throws(VisError) -> Model {
    try Model(description: description, weights: weights)
  }

  /// Builds a model from a graph description and its weights by name, which are copied; weights that it does not name are ignored.
  ///
  /// - Parameters:
  ///   - description: JSON, as <doc:ModelFormat> has it.
  ///   - tensors: the weights that it names.
  /// - Throws: ``VisError`` of kind `invalidModel` where the two do not fit or contradict themselves, `unsupported` for unknown operations,
  ///   `outOfMemory`.
  public convenience init(description: String, tensors: [String: Tensor]) throws(VisError) {
    let weights = try asVisError { try tensors.mapValues { try Weights(shape: $0.shape, values: $0.values) } }
    try self.init(description: description, weights: weights)
  }

  /// Reads a .safetensors model file, which `swiftvis convert` writes. The file is treated as hostile: it is validated as a whole, and no
  /// code from it is run.
  ///
  /// - Throws: ``VisError`` of kind `io` where it cannot be read, `invalidModel` where it is damaged or no model, `unsupported` for
  ///   operations that this version does not know, `outOfMemory`. The message has the path.
  public convenience init(contentsOf path: String) throws(VisError) {
    do {
      let (description, graph, weights) = try asVisError { try Self.read(path) }
      self.init(description: description, graph: graph, weights: weights)
    } catch {
      guard error.kind != .io else { throw error }
      // A tensor that cannot be is the file's fault, not the caller's.
      throw VisError(error.kind == .invalidArgument ? .invalidModel : error.kind, "'\(path)': \(error.message)")
    }
  }

  /// Tensors that the description does not name are left alone.
  private static func read(_ path: String) throws -> (String, Graph, [String: Weights]) {
    let file = try ModelFile(path: path)
    var weights: [String: Weights] = [:]
    let graph = try Graph(description: file.description) { name in
      if let known = weights[name] { return known }
      weights[name] = try file.weights(named: name)
      return weights[name]
    }
    return (file.description, graph, weights)
  }

  /// Writes a .safetensors file with the weights that the graph uses. A file of that name is replaced once the new one is complete.
  ///
  /// - Parameters:
  ///   - path: of the file, by custom with the extension .safetensors.
  ///   - half: whether weights of rank two and more are stored as float16, rounded to nearest.
  /// - Throws: ``VisError`` of kind `io`, or `invalidArgument` for a weight beyond float16's 65504.
  public func save(to path: String, half: Bool = false) throws(VisError) {
    try asVisError { try ModelFile.write(description: description, weights: graph.used(of: weights), to: path, half: half) }
  }

  /// Gives back the memory that the last methods' runs have left for the next ones: up to four arenas of activations. Weights packed for
  /// the kernels stay.
  public func releaseMemory() { idleSessions.removeAll() }
}

extension Graph {
  /// The weights that the nodes name.
  func used(of weights: [String: Weights]) -> [String: Weights] {
    let used = Set(nodes.flatMap { $0.weights.values.map { ObjectIdentifier($0) } })
    return weights.filter { used.contains(ObjectIdentifier($0.value)) }
  }
}
