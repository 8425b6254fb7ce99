/// The answer to a question, worked out: immutable, and run by sessions.
struct Plan: Sendable {
  let question: Question
  /// With every size known, by node of the model.
  let shapes: [[Int]]
  /// Forward steps, then backward steps.
  let steps: [Step]
  let forwardCount: Int
  /// In the question's order (inputs: the model's).
  let inputs: [TensorID]
  let values: [TensorID]
  let cotangents: [TensorID]
  let gradients: [TensorID]
  /// Tensors that lie with the model's weights.
  let constants: [TensorID: Weights]
  /// In floats.
  let counts: [Int]
  /// Floats in a row of a tensor, the last axis.
  let widths: [Int]
  let memory: MemoryPlan
  /// By step, where it needs memory that its workers share.
  let scratch: [TensorID?]
  let workerScratchCount: Int
  let unmodifiedActivations: [String]
  /// Activations that a custom rule is called for.
  let customNodes: [String]
}

extension Plan {
  init(_ model: Model, _ question: Question) throws {
    let sourceShapes = try ShapeInference.shapes(of: model.graph, inputShapes: question.inputShapes)
    func nodes(_ names: [String]) throws -> [Graph.NodeIndex] {
      try names.map { name in
        guard let node = model.graph.index(of: name) else {
          throw VisError(.invalidArgument, "the model has no node '\(name)'")
        }
        return node
      }
    }
    let asked = (
      values: try nodes(question.values), cotangents: try nodes(question.cotangents),
      gradients: try nodes(question.gradients)
    )
    let sourceRules = try ActivationRules(model.graph, question)
    let kept = Set(asked.gradients + sourceRules.customNodes)
    let source = model.graph.recognizingPatterns(kept: kept, rules: sourceRules)
    try Self.checkPaths(source, from: asked.gradients, to: asked.cotangents)
    var physical = try PhysicalGraph(
      source, model.packedWeights, shapes: sourceShapes, wanted: Set(asked.values + asked.cotangents), kept: kept,
      rules: sourceRules)
    let valueNodes = try asked.values.map { try physical.place($0) }
    let cotangentNodes = try asked.cotangents.map { try physical.place($0) }
    let gradientNodes = try asked.gradients.map { try physical.place($0) }
    let (graph, shapes) = (physical.graph, physical.shapes)
    let path = Self.path(graph, from: gradientNodes, to: cotangentNodes)
    var rules = sourceRules.moved(to: physical)
    rules.restrict(to: path, of: graph)

    var builder = PlanBuilder(
      graph, model.packedWeights, shapes: shapes, question: question, rules: rules, path: path, wanted: Set(gradientNodes))
    let fusion = Fusion(
      graph, shapes: shapes, rules: rules, wanted: Set(valueNodes).union(cotangentNodes),
      kept: Set(valueNodes + cotangentNodes + gradientNodes))
    for input in 0..<graph.inputCount { builder.values[input] = builder.tensor(shapes[input]) }
    for group in fusion.groups { try builder.lower(group) }
    let forwardCount = builder.steps.count

    var cotangents: [TensorID] = []
    for node in cotangentNodes {
      let tensor = builder.tensor(shapes[node])
      cotangents.append(tensor)
      builder.pass(Cotangent(tensor: tensor), to: node)
    }
    let gradientOf = try builder.differentiate(fusion.groups)
    let values = try valueNodes.map { try builder.value($0) }
    let gradients = try gradientNodes.map { node in
      guard let tensor = gradientOf[node] else {
        throw VisError(.internal, "the gradient of '\(graph.nodes[node].name)' was not planned")
      }
      return tensor
    }

    let inputs = (0..<graph.inputCount).map { $0 }  // the first tensors that were made
    var schedule = Schedule(builder.steps, forwardCount: forwardCount, needed: Set(values + gradients))
    let constants = Set(builder.constants.keys)
    let slicing = Slicing(
      schedule, widths: builder.widths, fixed: constants.union(inputs + values + cotangents + gradients),
      constants: constants)
    if question.reusesMemory { schedule = Schedule(slicing) }
    var lifetimes = schedule.lifetimes(tensorCount: builder.counts.count, keepsForward: question.keepsForward)
    // What is read only through its slices is there from the start too.
    let hosts = Set(slicing.slices.values.map(\.host))
    for input in inputs where lifetimes[input] != nil || values.contains(input) || hosts.contains(input) {
      lifetimes[input].extend(to: 0)
    }
    for value in values { lifetimes[value].extend(to: schedule.turn) }
    for cotangent in cotangents
    where lifetimes[cotangent] != nil || gradients.contains(cotangent) || hosts.contains(cotangent) {
      lifetimes[cotangent].extend(to: schedule.turn)
    }
    for gradient in gradients { lifetimes[gradient].extend(to: schedule.end) }
    for constant in constants { lifetimes[constant] = nil }

    var counts = builder.counts, widths = builder.widths
    var scratch: [TensorID?] = []
    for (index, step) in schedule.steps.enumerated() {
      let needed = step.kernel.sharedScratchCount
      scratch.append(needed > 0 ? counts.count : nil)
      guard needed > 0 else { continue }
      counts.append(needed)
      widths.append(needed)
      lifetimes.append(.init(first: schedule.time(ofStep: index), last: schedule.time(ofStep: index)))
    }
    let planner = MemoryPlanner(
      counts: counts, lifetimes: lifetimes, takeovers: schedule.takeovers, widths: widths, slices: slicing.slices,
      rigid: slicing.rigid)
    self.init(
      question: question, shapes: sourceShapes, steps: schedule.steps, forwardCount: schedule.forwardCount, inputs: inputs,
      values: values, cotangents: cotangents, gradients: gradients, constants: builder.constants, counts: counts,
      widths: widths,
      memory: try planner.plan(reusingMemory: question.reusesMemory), scratch: scratch,
      workerScratchCount: schedule.steps.map(\.kernel.workerScratchCount).max() ?? 0,
      unmodifiedActivations: builder.unmodified.compactMap { physical.origins[$0].map { model.graph.activationName($0) } },
      customNodes: rules.customNodes.map { graph.nodes[$0].name })
  }

  /// The nodes on some way from a gradient to a cotangent, both included.
  private static func path(
    _ graph: Graph, from gradients: [Graph.NodeIndex], to cotangents: [Graph.NodeIndex]
  ) -> Set<Graph.NodeIndex> {
    below(gradients, in: graph).intersection(above(cotangents, in: graph))
  }

  private static func below(_ nodes: [Graph.NodeIndex], in graph: Graph) -> Set<Graph.NodeIndex> {
    var below = Set(nodes)
    for node in graph.nodes.indices where !below.isDisjoint(with: graph.inputsWithGradient(of: node)) { below.insert(node) }
    return below
  }

  private static func above(_ nodes: [Graph.NodeIndex], in graph: Graph) -> Set<Graph.NodeIndex> {
    var above = Set(nodes)
    for node in graph.nodes.indices.reversed() where above.contains(node) {
      above.formUnion(graph.inputsWithGradient(of: node))
    }
    return above
  }

  /// Throws where a gradient or a cotangent is on no path.
  private static func checkPaths(
    _ graph: Graph, from gradients: [Graph.NodeIndex], to cotangents: [Graph.NodeIndex]
  ) throws {
    let (below, above) = (below(gradients, in: graph), above(cotangents, in: graph))
    let name = { (node: Graph.NodeIndex) in "'\(graph.nodes[node].name)'" }
    if let stray = gradients.first(where: { !above.contains($0) }) {
      let targets = cotangents.map(name).joined(separator: ", ")
      throw VisError(.invalidArgument, "no path leads from \(name(stray)) to \(targets): there is no gradient")
    }
    if let stray = cotangents.first(where: { !below.contains($0) }), !gradients.isEmpty {
      let wanted = gradients.map(name).joined(separator: ", ")
      throw VisError(.invalidArgument, "no path leads from \(wanted) to \(name(stray)): there is no gradient")
    }
  }
}

extension Graph {
  /// Those that a cotangent is carried to: a condition has none.
  fileprivate func inputsWithGradient(of node: NodeIndex) -> ArraySlice<NodeIndex> {
    switch nodes[node].operation {
    case .merge(.greater), .merge(.greaterEqual), .merge(.equal): []
    case .choose: nodes[node].inputs.dropFirst()
    default: nodes[node].inputs[...]
    }
  }

  /// "name (kind)" of an activation, with the name of the layer that users know it by.
  fileprivate func activationName(_ node: NodeIndex) -> String {
    func owner(_ layers: [Layer]) -> String? {
      for layer in layers {
        if let inner = owner(layer.layers) { return inner }
        if layer.activations.contains(node) || layer.outputs.contains(node) { return layer.name }
      }
      return nil
    }
    return "\(owner(layers) ?? nodes[node].name) (\(nodes[node].operation.name))"
  }
}
