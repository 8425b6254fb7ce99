import SwiftVis

/// A graph under construction for a test, with a sample of every input. Each node is evaluated by the reference as it is added,
/// so `values` holds what the engine should compute.
struct Network {
  struct Node {
    let name: String
    let operation: SwiftVis.Operation
    let inputs: [String]
    let weights: [String: Tensor]
  }

  private(set) var nodes: [Node] = []
  private(set) var values: [String: Tensor] = [:]
  /// The shapes of the inputs as the description gives them.
  private(set) var declaredShapes: [String: [Int?]] = [:]
  /// The last node where nothing is said.
  var outputs: [String] = []
  var random: SeededGenerator

  init(seed: Int = 1) { random = SeededGenerator(UInt64(seed)) }

  var inputs: [String] { nodes.filter { $0.operation == .input }.map(\.name) }
  var last: String { nodes[nodes.count - 1].name }
  var outputNames: [String] { outputs.isEmpty ? [last] : outputs }
  func shape(_ name: String) -> [Int] { values[name]!.shape }
  func channels(_ name: String) -> Int { shape(name).last! }

  /// An input filled with random values. Its batch is open in the description unless `declared` says otherwise.
  mutating func input(_ shape: [Int], declared: [Int?]? = nil, scale: Double = 1) -> String {
    input(random.tensor(shape, scale: scale), declared: declared)
  }
  mutating func input(_ sample: Tensor, declared: [Int?]? = nil) -> String {
    let name = "input\(nodes.count)"
    nodes.append(Node(name: name, operation: .input, inputs: [], weights: [:]))
    declaredShapes[name] = declared ?? [nil] + sample.shape.dropFirst().map { Optional($0) }
    values[name] = sample
    return name
  }

  @discardableResult
  mutating func add(_ operation: SwiftVis.Operation, _ inputs: [String], weights: [String: Tensor] = [:]) -> String {
    let name = "\(nodes.count)_\(jsonName(of: operation))"
    nodes.append(Node(name: name, operation: operation, inputs: inputs, weights: weights))
    values[name] = evaluate(nodes[nodes.count - 1], values)
    return name
  }

  private func evaluate(_ node: Node, _ values: [String: Tensor]) -> Tensor {
    let operands = node.operation == .constant ? [nodes[0].name] : node.inputs
    return Reference.evaluate(node.operation, operands.map { values[$0]! }, node.weights)
  }

  /// All values where those of some nodes are replaced: only what depends on them is computed anew.
  func values(replacing replaced: [String: Tensor]) -> [String: Tensor] {
    var values = values
    var changed = Set(replaced.keys)
    for node in nodes {
      if let value = replaced[node.name] {
        values[node.name] = value
      } else if node.inputs.contains(where: changed.contains) {
        changed.insert(node.name)
        values[node.name] = evaluate(node, values)
      }
    }
    return values
  }

  /// The same network with other samples, of other sizes perhaps.
  func resampled(_ samples: [String: Tensor]) -> Network {
    var copy = self
    for node in nodes {
      copy.values[node.name] =
        samples[node.name]
        ?? (node.operation == .input ? values[node.name]! : evaluate(node, copy.values))
    }
    return copy
  }

  func reaches(_ node: String, from start: String) -> Bool {
    var reached: Set = [start]
    for node in nodes where node.inputs.contains(where: reached.contains) { reached.insert(node.name) }
    return reached.contains(node)
  }

  /// The engine's model, made from the description alone.
  func model() throws -> Model {
    var weights: [String: Weights] = [:]
    for node in nodes {
      for (role, tensor) in node.weights {
        weights["\(node.name)/\(role)"] = try Weights(shape: tensor.shape, values: tensor.floats)
      }
    }
    return try Model(description: description, weights: weights)
  }
}
