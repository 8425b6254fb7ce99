import SwiftVisKernels

/// Collects the steps of a plan: first the forward ones (`Lowering.swift`), then the backward ones (`Differentiation.swift`).
struct PlanBuilder {
  let graph: Graph
  let packedWeights: PackedWeights
  /// With every size known, by node.
  let shapes: [[Int]]
  let exact: Bool
  let rules: ActivationRules

  /// Nodes on a way from a wanted gradient to a cotangent.
  let path: Set<Graph.NodeIndex>
  /// Nodes whose gradient is wanted.
  let wanted: Set<Graph.NodeIndex>

  /// In cycles, about a millisecond, or less where the whole network is large: small networks are fast anyway, and keep the last
  /// bits of their gradients.
  private let leastWinogradCost: Double

  private(set) var counts: [Int] = []
  /// Floats in a row, the last axis, by tensor.
  private(set) var widths: [Int] = []
  var steps: [Step] = []
  /// The node whose steps are being planned.
  var current: Graph.NodeIndex = 0
  /// Where the value of a node is.
  var values: [Graph.NodeIndex: TensorID] = [:]
  /// Tensors that lie with the model's weights, and are only read.
  private(set) var constants: [TensorID: Weights] = [:]
  /// Of a constant: its value for one sample, which is that of all.
  var samples: [Graph.NodeIndex: TensorID] = [:]
  /// What the forward pass keeps for the backward pass beside values: a max pool's argmax, the partial results of a merge.
  var saved: [Graph.NodeIndex: [TensorID]] = [:]
  var cotangents: [Graph.NodeIndex: Cotangent] = [:]
  var parts: [Graph.NodeIndex: [CotangentPart]] = [:]
  var unmodified: [Graph.NodeIndex] = []
  var producers = Producers()

  init(
    _ graph: Graph, _ packedWeights: PackedWeights, shapes: [[Int]], question: Question, rules: ActivationRules,
    path: Set<Graph.NodeIndex>, wanted: Set<Graph.NodeIndex>
  ) {
    self.graph = graph
    self.packedWeights = packedWeights
    self.shapes = shapes
    self.exact = question.exact
    self.rules = rules
    self.path = path
    self.wanted = wanted
    leastWinogradCost = graph.convolutionProducts(shapes) > 1e9 ? 4e5 : 4e6
  }

  mutating func tensor(_ shape: [Int]) -> TensorID {
    counts.append(shape.reduce(1, *))
    widths.append(shape.last ?? 1)
    return counts.count - 1
  }

  /// Appends a step with one output and returns that.
  mutating func emit(_ kernel: Kernel, _ inputs: [TensorID], shape: [Int], _ epilogue: EpilogueSpec = .init()) -> TensorID {
    let output = tensor(shape)
    steps.append(
      Step(kernel: kernel, node: graph.nodes[current].name, inputs: inputs, outputs: [output], epilogue: epilogue))
    return output
  }

  func value(_ node: Graph.NodeIndex) throws -> TensorID {
    guard let tensor = values[node] else {
      throw VisError(.internal, "'\(graph.nodes[node].name)' was planned before its inputs")
    }
    return tensor
  }

  /// A constant is read where it is; steps that need it for every sample get copies.
  mutating func lowerConstant(_ node: Graph.NodeIndex) throws {
    let value = try weight("value", of: node), shape = shapes[node]
    let sample = tensor(Array(shape.dropFirst()))
    constants[sample] = value
    samples[node] = sample
    // The gradient of a sum repeats what it is given.
    values[node] =
      shape[0] == 1 ? sample : emit(.reduceGradient(AxisReduction(.sum, shape, [0])), [sample], shape: shape)
  }

  /// What a step that broadcasts reads of a node: a constant once for all samples.
  func operand(_ node: Graph.NodeIndex) throws -> (tensor: TensorID, shape: [Int]) {
    guard let sample = samples[node], !path.contains(node) else { return (try value(node), shapes[node]) }
    return (sample, [1] + shapes[node].dropFirst())
  }

  /// The same for all of a node's inputs, of which at least one has the whole batch.
  func operands(_ nodes: [Graph.NodeIndex]) throws -> [(tensor: TensorID, shape: [Int])] {
    let operands = try nodes.map { try operand($0) }
    if operands.contains(where: { $0.shape[0] > 1 }) { return operands }
    return try nodes.map { (try value($0), shapes[$0]) }
  }

  func weight(_ role: String, of node: Graph.NodeIndex) throws -> Weights {
    guard let weights = graph.nodes[node].weights[role] else {
      throw VisError(.invalidModel, "'\(graph.nodes[node].name)': weight '\(role)' is missing")
    }
    return weights
  }

  func operation(_ node: Graph.NodeIndex) -> Operation { graph.nodes[node].operation }
  func name(_ node: Graph.NodeIndex) -> String { graph.nodes[node].name }

  // MARK: Weights as kernels read them

  /// A vector weight of an affine, spread over `count` channels if it is one number.
  func vector(_ role: String, of node: Graph.NodeIndex, count: Int) throws -> Weights {
    let weights = try weight(role, of: node)
    guard weights.count != count else { return weights }
    let form: PackedWeights.Form = role == "scale" ? .scale(count: count) : .offset(count: count)
    return try packedWeights.weights(.init(node: name(node), affine: nil, form: form), count: count) {
      for i in 0..<count { $0[i] = weights.base[weights.count == 1 ? 0 : i] }
    }
  }

  /// The scale that a group's affine puts on its core's output channels.
  func foldedScale(_ group: FusedNode) throws -> Weights? {
    guard let affine = group.affine else { return nil }
    return try vector("scale", of: affine, count: shapes[group.core].last ?? 1)
  }

  /// The bias of a group with its affine's scale and offset in it.
  func foldedBias(_ group: FusedNode) throws -> Weights? {
    let bias = graph.nodes[group.core].weights["bias"]
    if bias == nil && group.affine == nil { return nil }
    let count = shapes[group.core].last ?? 1
    let scale = try foldedScale(group)
    let offset = try group.affine.map { try vector("offset", of: $0, count: count) }
    let key = PackedWeights.Key(node: name(group.core), affine: group.affine.map(name), form: .bias)
    return try packedWeights.weights(key, count: count) { target in
      for i in 0..<count {
        target[i] = (bias?.base[i] ?? 0) * (scale?.base[i] ?? 1) + (offset?.base[i] ?? 0)
      }
    }
  }

  // MARK: The linear operations, for both directions

  /// The kernel of a convolution, depthwise or transposed convolution or dense core, or of its transpose.
  /// The scale of an affine before a convolution can be put into its weights.
  func linearKernel(
    _ group: FusedNode, _ direction: Direction, affineBefore: Graph.NodeIndex? = nil
  ) throws -> Kernel {
    let node = group.core
    let kernel = try weight("kernel", of: node)
    let scale = try foldedScale(group)?.base
    func packed(_ form: PackedWeights.Form, _ count: Int, _ pack: (UnsafeMutablePointer<Float>) -> Void) throws -> Weights {
      try packedWeights.weights(
        .init(
          node: name(node), affine: group.affine.map(name), affineBefore: affineBefore.map(name), form: form),
        count: count, make: pack)
    }
    switch operation(node) {
    case .depthwiseConvolution:
      let plan = DepthwiseConvolution(try geometry(node, pad: group.pad), direction: direction)
      return .depthwise(
        plan,
        try packed(.depthwise(plan.packingKey), plan.packedCount) {
          plan.pack(kernel: kernel.base, inputScale: nil, outputScale: scale, into: $0)
        })
    case .dense:
      let inputs = kernel.shape[0], outputs = kernel.shape[1]
      let rows = shapes[node].dropLast().reduce(1, *)
      let plan = Dense(rows: rows, inputs: inputs, outputs: outputs, direction: direction, hasScale: scale != nil)
      guard plan.packedCount > 0 else { return .dense(plan, kernel) }
      return .dense(
        plan,
        try packed(.dense(plan.packingKey), plan.packedCount) {
          plan.pack(kernel: kernel.base, inputScale: nil, outputScale: scale, into: $0)
        })
    case .transposedConvolution:
      // A transposed convolution is the transpose of the convolution from its output to its input.
      let plan = Convolution(
        try geometry(node), direction: direction == .forward ? .inputGradient : .forward, exact: exact,
        leastWinogradCost: leastWinogradCost)
      return .convolution(
        plan,
        try packed(.convolution(plan.packingKey), plan.packedCount) {
          plan.pack(kernel: kernel.base, inputScale: scale, outputScale: nil, into: $0)
        })
    default:
      let plan = Convolution(
        try geometry(node, pad: group.pad), direction: direction, exact: exact, leastWinogradCost: leastWinogradCost)
      let inputScale = try affineBefore.map { try vector("scale", of: $0, count: shapes[$0].last ?? 1).base }
      return .convolution(
        plan,
        try packed(.convolution(plan.packingKey), plan.packedCount) {
          plan.pack(kernel: kernel.base, inputScale: inputScale, outputScale: scale, into: $0)
        })
    }
  }
}

extension Graph {
  /// Multiplications of all convolutions for one image. (The batch must not change the choice of algorithms.)
  fileprivate func convolutionProducts(_ shapes: [[Int]]) -> Double {
    nodes.indices.reduce(0) { sum, node in
      guard case .convolution = nodes[node].operation, let kernel = nodes[node].weights["kernel"] else { return sum }
      return sum + Double(kernel.count) * Double(shapes[node].dropFirst().dropLast().reduce(1, *))
    }
  }
}
