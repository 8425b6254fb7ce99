extension Graph {
  static let formatVersion = 1
  /// A description of ten thousand layers is a third of this.
  static let maximumDescriptionLength = 16 << 20

  /// Reads and validates a description (<doc:ModelFormat>); `weights` finds a tensor by name, nil where there is none.
  /// Throws `invalidModel`, naming the layer, what was expected and what came; `unsupported` for unknown operations or
  /// versions; and what `weights` throws.
  init(description: String, weights: (String) throws -> Weights?) throws {
    guard description.utf8.count <= Self.maximumDescriptionLength else {
      throw VisError(.invalidModel, "the description is longer than \(Self.maximumDescriptionLength) bytes")
    }
    try self.init(try Fields(try JSON(parsing: description), context: "the description"), weights: weights)
  }

  private init(_ description: Fields, weights: (String) throws -> Weights?) throws {
    var fields = description
    try fields.checkFormat()
    var builder = GraphBuilder()
    for input in try fields.array("inputs") { try builder.addInput(input) }
    inputCount = builder.nodes.count
    guard inputCount > 0 else { throw fields.failure("'inputs' is empty") }
    let descriptions = try fields.array("nodes").enumerated().map { try NodeDescription($1, position: $0) }
    try NodeDescription.checkOperations(of: descriptions)
    builder.declared = Set(descriptions.map(\.name))
    for description in descriptions { try builder.add(description, weights: weights) }
    outputs = try fields.names("outputs").map { try builder.index(of: $0, for: "the model's outputs") }
    guard !outputs.isEmpty else { throw fields.failure("'outputs' is empty") }
    let isChannelsFirst = try fields.isChannelsFirst(inherited: false)
    self.isChannelsFirst = isChannelsFirst
    layers = try fields.optionalArray("layers").map { try builder.layer($0, isChannelsFirst: isChannelsFirst) }
    (nodes, indices) = (builder.nodes, builder.indices)
  }
}

/// A node as it is written, before its operation and inputs are looked up.
private struct NodeDescription {
  let name: String
  let operation: String
  let inputs: [String]
  let attributes: JSON
  /// Weight names by role.
  let weights: [(role: String, name: String)]

  init(_ json: JSON, position: Int) throws {
    var fields = try Fields(json, context: "node \(position)")
    name = try fields.name("name")
    operation = try fields.string("op")
    fields.context = "\(operation.prefix(100)) '\(name)'"
    inputs = try fields.names("inputs")
    attributes = fields.take("attributes") ?? .object([:])
    switch fields.take("weights") ?? .object([:]) {
    case .object(let members):
      let context = fields
      weights = try members.sorted { $0.key < $1.key }.map { role, value in
        guard case .string(let text) = value else { throw context.failure("weight '\(role.prefix(100))' should be a name") }
        return (role, try context.checkedName(text, "weights"))
      }
    case let other: throw fields.wrongType("weights", expected: "an object", got: other)
    }
    try fields.finish()
  }

  /// Lists every unknown operation at once.
  static func checkOperations(of nodes: [NodeDescription]) throws {
    let unknown = nodes.filter { Operation.decoders[$0.operation] == nil }
    guard !unknown.isEmpty else { return }
    let list = unknown.prefix(10).map { "'\($0.operation.prefix(40))' ('\($0.name.prefix(60))')" }.joined(separator: ", ")
    let more = unknown.count > 10 ? " and \(unknown.count - 10) more" : ""
    throw VisError(.unsupported, "operations that this version does not know: \(list)\(more)")
  }
}

/// What has been read so far.
private struct GraphBuilder {
  var nodes: [Graph.Node] = []
  var indices: [String: Graph.NodeIndex] = [:]
  /// The names of all nodes, to tell an unknown input from one that is declared too late.
  var declared: Set<String> = []

  mutating func append(_ node: Graph.Node) throws {
    guard indices.updateValue(nodes.count, forKey: node.name) == nil else {
      throw VisError(.invalidModel, "the name '\(node.name)' is used twice")
    }
    nodes.append(node)
  }

  mutating func addInput(_ json: JSON) throws {
    var fields = try Fields(json, context: "an input")
    let name = try fields.name("name")
    fields.context = "input '\(name)'"
    let sizes: [Int?] = try fields.array("shape").map { size in
      if case .null = size { return nil }
      return try fields.integer(size, "shape", atLeast: 1)
    }
    try fields.finish()
    let shape = try ShapeInference.shape(of: .input, inputs: [sizes], weights: [:], node: name)
    try append(Graph.Node(name: name, operation: .input, inputs: [], weights: [:], shape: shape))
  }

  mutating func add(_ description: NodeDescription, weights findWeights: (String) throws -> Weights?) throws {
    let (name, label) = (description.name, "\(description.operation) '\(description.name)'")
    let inputs = try description.inputs.map { try index(of: $0, for: label) }
    var fields = try Fields(description.attributes, context: label)
    let rank = inputs.first.map { nodes[$0].shape.count } ?? 0
    guard let operation = try Operation.decoders[description.operation]?(&fields, rank) else {
      throw VisError(.unsupported, "\(label): unknown operation")
    }
    try fields.finish()
    guard inputs.isEmpty == (operation == .constant) else {
      throw VisError(.invalidModel, "\(label): has \(inputs.isEmpty ? "no inputs" : "inputs, and should have none")")
    }
    var weights: [String: Weights] = [:]
    for (role, weight) in description.weights {
      guard let found = try findWeights(weight) else {
        throw VisError(.invalidModel, "\(label): its \(role.prefix(100)), weight '\(weight)', is missing")
      }
      weights[role] = found
    }
    let inputShapes = inputs.isEmpty ? [Array(nodes[0].shape.prefix(1))] : inputs.map { nodes[$0].shape }
    let shape = try ShapeInference.shape(of: operation, inputs: inputShapes, weights: weights, node: name)
    try append(Graph.Node(name: name, operation: operation, inputs: inputs, weights: weights, shape: shape))
  }

  func index(of name: String, for user: String) throws -> Graph.NodeIndex {
    if let index = indices[name] { return index }
    if declared.contains(name) {
      throw VisError(
        .invalidModel, "\(user): input '\(name)' is declared later: nodes should follow their inputs, without a cycle")
    }
    throw VisError(.invalidModel, "\(user): there is no node '\(name)'")
  }

  func layer(_ json: JSON, isChannelsFirst inherited: Bool) throws -> Layer {
    var fields = try Fields(json, context: "a layer")
    let name = try fields.name("name")
    fields.context = "layer '\(name)'"
    let className = try fields.name("class_name")
    let outputs = try fields.names("outputs").map { try index(of: $0, for: fields.context) }
    let activations = try fields.names("activations", optional: true).map { try index(of: $0, for: fields.context) }
    guard activations.isEmpty || activations.count == outputs.count else {
      throw fields.failure("expected an activation for each of \(outputs.count) outputs, got \(activations.count)")
    }
    let isChannelsFirst = try fields.isChannelsFirst(inherited: inherited)
    let layers = try fields.optionalArray("layers").map { try layer($0, isChannelsFirst: isChannelsFirst) }
    try fields.finish()
    return Layer(
      name: name, className: className, nodes: outputs.map { nodes[$0].name },
      outputShape: outputs.last.map { nodes[$0].shape } ?? [],
      layers: layers, isChannelsFirst: isChannelsFirst, outputs: outputs, activations: activations)
  }
}

extension Fields {
  fileprivate mutating func checkFormat() throws {
    let format = try string("format")
    guard format == "swiftvis" else { throw failure("'format' should be 'swiftvis', got '\(format.prefix(100))'") }
    let version = try take("version").map { try integer($0, "version", atLeast: 1) }
    guard let version else { throw failure("'version' is missing") }
    guard version <= Graph.formatVersion else {
      throw VisError(
        .unsupported, "the model has format version \(version); this library reads up to \(Graph.formatVersion)")
    }
  }

  fileprivate mutating func isChannelsFirst(inherited: Bool) throws -> Bool {
    try word("data_format", ["channels_last": false, "channels_first": true], default: inherited)
  }
}
