extension Graph {
  /// A network built in code, layer by layer, instead of read from a file.
  ///
  /// Each method adds a layer and returns its output, to be fed to others. Attributes and their defaults are those of the model
  /// format; weights have its shapes, images are channels-last (N, H, W, C).
  ///
  /// ```swift
  /// var network = Graph.Builder(name: "digits")
  /// let image = network.input("image", shape: [nil, 28, 28, 1])
  /// var x = network.convolution(image, kernel: k1, bias: b1, padding: .same, activation: .relu, name: "conv1")
  /// x = network.maxPool(x)
  /// x = network.convolution(x, kernel: k2, strides: (2, 2), name: "conv2")
  /// x = network.batchNormalization(x, gamma: g, beta: b, mean: m, variance: v)
  /// x = network.relu(x)
  /// x = network.globalAveragePool(x)
  /// x = network.dense(x, kernel: k3, bias: b3, name: "logits")
  /// let model = try network.model(outputs: [network.softmax(x, name: "probabilities")])
  /// try model.save(to: "digits.safetensors")
  /// ```
  ///
  /// Methods do not throw: ``model(outputs:)`` validates the whole as it does a file, and its error names the layer. A builder is a
  /// value; what a copy adds is not in the original.
  public struct Builder: Sendable {
    /// What flows between layers: an input of the network, or a layer's output.
    public struct Value: Hashable, Sendable {
      /// The name of the node in the graph.
      public let name: String
    }

    private let header: [String: JSON]
    private var inputs: [JSON] = []
    private var nodes: [JSON] = []
    private var layers: [JSON] = []
    private var weights: [String: Weights] = [:]
    private var names: Set<String> = []
    /// The first thing that could not be written down.
    private var failure: VisError?

    /// A network without inputs or layers.
    ///
    /// - Parameters:
    ///   - name: of the network.
    ///   - classes: names of the output's units.
    public init(name: String = "", classes: [String] = []) {
      var header: [String: JSON] = ["format": .string("swiftvis"), "version": .number(Double(formatVersion))]
      if !name.isEmpty { header["name"] = .string(name) }
      if !classes.isEmpty { header["classes"] = .array(classes.map { .string($0) }) }
      self.header = header
    }

    /// Adds an input of the network.
    ///
    /// - Parameters:
    ///   - name: not that of another input or layer.
    ///   - shape: batch first; nil where a size is open until run time, as the batch should be.
    public mutating func input(_ name: String, shape: [Int?]) -> Value {
      let sizes = shape.map { size in size.map { JSON.number(Double($0)) } ?? .null }
      inputs.append(.object(["name": .string(name), "shape": .array(sizes)]))
      names.insert(name)
      let value = Value(name: name)
      addLayer(name, "InputLayer", output: value)
      return value
    }

    /// Validates the network as a model file is, and makes a model of it.
    ///
    /// - Parameter outputs: what the model puts out, at least one. Layers that lead to none stay in the model too.
    /// - Throws: ``VisError``: `invalidModel` where a name is used twice, a layer's inputs or weights do not fit it or an attribute is
    ///   out of its range; `invalidArgument` for weights that cannot be; `outOfMemory`. The message names the layer.
    // Mutating, although it changes nothing: its arguments are then evaluated before `self`, so that they may add layers.
    public mutating func model(outputs: [Value]) throws(VisError) -> Model {
      if let failure { throw failure }
      var members = header
      members["inputs"] = .array(inputs)
      members["nodes"] = .array(nodes)
      members["outputs"] = .array(outputs.map { .string($0.name) })
      members["layers"] = .array(layers)
      return try asVisError { try Model(description: JSON.object(members).text, weights: weights) }
    }

    // MARK: - What the layers are made of

    /// Adds a layer of one operation.
    mutating func layer(
      _ className: String, _ operation: Operation, _ inputs: [Value], weights: [String: Tensor?] = [:], name: String?
    ) -> Value {
      let output = node(operation, inputs, weights: weights, name: name)
      addLayer(output.name, className, output: output, activates: operation.isActivation)
      return output
    }

    /// Adds a layer whose activation can be set: a node of its own, `linear` where there is none.
    mutating func layer(
      _ className: String, _ operation: Operation, _ input: Value, weights: [String: Tensor?], activation: Activation,
      name: String?
    ) -> Value {
      let output = node(operation, [input], weights: weights, name: name)
      let activated = node(.activation(activation), [output], name: "\(output.name)/activation")
      addLayer(output.name, className, output: activated, activates: true)
      return activated
    }

    /// Adds a node. A weight that is nil is left out.
    mutating func node(
      _ operation: Operation, _ inputs: [Value], weights: [String: Tensor?] = [:], name: String? = nil
    ) -> Value {
      let name = name ?? unusedName(operation.name)
      names.insert(name)
      var weightNames: [String: JSON] = [:]
      for case (let role, let tensor?) in weights {
        let weight = "\(name)/\(role)"
        weightNames[role] = .string(weight)
        do {
          self.weights[weight] = try asVisError { try Weights(shape: tensor.shape, values: tensor.values) }
        } catch {
          fail("\(operation.name) '\(name)': its \(role): \(error.message)", error.kind)
        }
      }
      nodes.append(
        .object([
          "name": .string(name), "op": .string(operation.name), "inputs": .array(inputs.map { .string($0.name) }),
          "attributes": .object(operation.attributes), "weights": .object(weightNames),
        ]))
      return Value(name: name)
    }

    /// Has `model` throw.
    mutating func fail(_ message: String, _ kind: VisError.Kind = .invalidArgument) {
      failure = failure ?? VisError(kind, message)
    }

    private mutating func addLayer(_ name: String, _ className: String, output: Value, activates: Bool = false) {
      let outputs = JSON.array([.string(output.name)])
      var members: [String: JSON] = ["name": .string(name), "class_name": .string(className), "outputs": outputs]
      if activates { members["activations"] = outputs }
      layers.append(.object(members))
    }

    func unusedName(_ stem: String) -> String {
      var number = nodes.count + 1
      while names.contains("\(stem)_\(number)") { number += 1 }
      return "\(stem)_\(number)"
    }
  }
}
