import SwiftVisKernels

/// The graph as the engine computes it: the source's operations in the order of axes in which values lie, and permutations only
/// where an operation needs another. Nobody reads a `linear`, `permute` or `reshape` of the source, but what has the same value.
///
/// A value that was made channels-last stays so through whatever does not care (activations, sums, pads, concatenations,
/// reductions, ...) until something needs the source's order: a matrix product, or a caller.
struct PhysicalGraph {
  /// A value of the source: the node that has it, and how it lies there.
  struct View {
    var node: Graph.NodeIndex
    var layout: Layout
  }

  private(set) var graph: Graph
  /// With every size known, by node of `graph`.
  private(set) var shapes: [[Int]] = []
  /// By node of `graph`: the source's node whose operation it has. Nil for movements.
  private(set) var origins: [Graph.NodeIndex?] = []
  private let packedWeights: PackedWeights
  let source: Graph
  let sourceShapes: [[Int]]
  /// How many of the source's needed nodes read one.
  private var readerCounts: [Int]
  /// Of the source's nodes that are needed.
  private var views: [View?]
  /// Movements that others may read too.
  private var movements: [Movement: Graph.NodeIndex] = [:]
  /// Nodes that stand for a node of the source, which nobody may look past.
  private var kept: Set<Graph.NodeIndex> = []
  /// The source's name of what is being added.
  private var name = ""

  private struct Movement: Hashable {
    let node: Graph.NodeIndex
    let order: [Layout.Factor]
    let shape: [Int]
  }

  /// `wanted`: nodes that must be computed. `kept`: those whose gradient is asked for, or whose rule is the caller's; what was read past
  /// them would be missing from it. They lie as in the source.
  init(
    _ source: Graph, _ packedWeights: PackedWeights, shapes: [[Int]], wanted: Set<Graph.NodeIndex>,
    kept: Set<Graph.NodeIndex>, rules: ActivationRules
  ) throws {
    (self.source, self.packedWeights, sourceShapes) = (source, packedWeights, shapes)
    graph = Graph(nodes: [], inputCount: source.inputCount)
    views = Array(repeating: nil, count: source.nodes.count)
    readerCounts = Array(repeating: 0, count: source.nodes.count)
    var needed = source.nodes.indices.map { $0 < source.inputCount || wanted.contains($0) }
    for node in source.nodes.indices.reversed() where needed[node] {
      for input in source.inputs(of: node) {
        needed[input] = true
        readerCounts[input] += 1
      }
    }
    for node in source.nodes.indices where needed[node] {
      name = source.nodes[node].name
      let view = rules[node] == .custom ? try compute(node) : try row(node)
      views[node] = kept.contains(node) ? try keep(node, view) : view
    }
  }

  func view(_ node: Graph.NodeIndex) throws -> View {
    guard let view = views[node] else {
      throw VisError(.internal, "'\(source.nodes[node].name)' was needed and not planned")
    }
    return view
  }

  func layout(rowMajor node: Graph.NodeIndex) -> Layout { Layout(rowMajor: shapes[node].dropFirst()) }

  /// The node that has a value as it lies in the source.
  mutating func place(_ node: Graph.NodeIndex) throws -> Graph.NodeIndex {
    name = source.nodes[node].name
    let view = try view(node)
    return view.layout.isRowMajor ? view.node : try arranged(view, sourceShapes[node])
  }

  /// A node that stands for the source's and nothing else.
  private mutating func keep(_ node: Graph.NodeIndex, _ view: View) throws -> View {
    var place = view.node
    if origins[place] != node || !view.layout.isRowMajor {
      let arranged = try arranged(view, sourceShapes[node])
      place = try add(.reshape(Array(sourceShapes[node].dropFirst())), [arranged])
    }
    kept.insert(place)
    return View(node: place, layout: Layout(rowMajor: sourceShapes[node].dropFirst()))
  }

  // MARK: New nodes

  /// The operation of a node of the source, perhaps with other attributes.
  mutating func compute(
    _ node: Graph.NodeIndex, _ inputs: [Graph.NodeIndex], as operation: Operation? = nil, weights: [String: Weights]? = nil
  ) throws -> Graph.NodeIndex {
    let original = source.nodes[node]
    return try add(
      operation ?? original.operation, inputs, weights: weights ?? original.weights, origin: node,
      shape: inputs.isEmpty ? sourceShapes[node] : nil)
  }

  /// The source's operation on inputs as they lie in the source.
  mutating func compute(_ node: Graph.NodeIndex) throws -> View {
    let inputs = try source.inputs(of: node).map { try arranged(try view($0), sourceShapes[$0]) }
    return View(node: try compute(node, inputs), layout: Layout(rowMajor: sourceShapes[node].dropFirst()))
  }

  private mutating func add(
    _ operation: Operation, _ inputs: [Graph.NodeIndex], weights: [String: Weights] = [:], origin: Graph.NodeIndex? = nil,
    shape known: [Int]? = nil
  ) throws -> Graph.NodeIndex {
    let shape =
      try known
      ?? ShapeInference.shape(of: operation, inputs: inputs.map { shapes[$0] }, weights: weights, node: name)
      .compactMap { $0 }
    graph.nodes.append(.init(name: name, operation: operation, inputs: inputs, weights: weights, shape: shape))
    shapes.append(shape)
    origins.append(origin)
    return graph.nodes.count - 1
  }

  // MARK: Movements

  /// The value as it lies in the source.
  mutating func arranged(_ view: View, _ shape: [Int]) throws -> Graph.NodeIndex {
    try arranged(view.node, view.layout.factors, shape)
  }

  /// A node whose memory has all factors of another's in this order.
  mutating func arranged(
    _ node: Graph.NodeIndex, _ factors: [Layout.Factor], _ shape: [Int]
  ) throws -> Graph.NodeIndex {
    let order = factors.joined
    guard order.count > 1 else { return try reshaped(node, shape) }
    if let padded = try movedPad(node, factors, shape) { return padded }
    let memory = order.sorted { $0.stride > $1.stride }
    let axes = order.map { factor in (memory.firstIndex(of: factor) ?? 0) + 1 }
    let batch = shapes[node].prefix(1)
    let moved = try shared(Movement(node: node, order: order, shape: [])) { graph in
      if let constant = try graph.movedConstant(node, order, memory.map(\.size), axes) { return constant }
      let apart = try graph.reshaped(node, batch + memory.map(\.size))
      return try graph.add(.permute([0] + axes), [apart])
    }
    return try reshaped(moved, shape)
  }

  /// What is padded is moved rather than the result, which a convolution behind it may then take for its own padding.
  private mutating func movedPad(
    _ node: Graph.NodeIndex, _ order: [Layout.Factor], _ shape: [Int]
  ) throws -> Graph.NodeIndex? {
    guard case .pad(let pairs) = graph.nodes[node].operation, let origin = origins[node], readerCounts[origin] == 1,
      !kept.contains(node)
    else { return nil }
    var edges = Array(repeating: EdgePair(0, 0), count: shape.count)
    var sizes: [Layout.Factor: Int] = [:]
    for (index, pair) in pairs.enumerated() where pair != EdgePair(0, 0) {
      // An axis that is padded has a dimension of its own before and after.
      guard let place = order.firstIndex(where: { dimension(of: $0, in: shapes[node]) == index + 1 }),
        let dimension = dimension(
          of: .init(size: order[place].size, stride: order[(place + 1)...].reduce(1) { $0 * $1.size }), in: shape)
      else { return nil }
      edges[dimension] = pair
      sizes[order[place]] = order[place].size - pair.before - pair.after
    }
    var unpadded: [Layout.Factor: Layout.Factor] = [:]
    var stride = 1
    for factor in order.sorted(by: { $0.stride < $1.stride }) {
      let inner = Layout.Factor(size: sizes[factor] ?? factor.size, stride: stride)
      unpadded[factor] = inner
      stride = inner.end
    }
    return try shared(Movement(node: node, order: order, shape: shape)) { graph in
      let moved = try graph.arranged(
        graph.graph.inputs(of: node)[0], order.compactMap { unpadded[$0] },
        zip(shape, edges).map { $0 - $1.before - $1.after })
      return try graph.add(.pad(Array(edges.dropFirst())), [moved])
    }
  }

  /// The value of a constant is moved once, for all sessions.
  private mutating func movedConstant(
    _ node: Graph.NodeIndex, _ order: [Layout.Factor], _ sizes: [Int], _ axes: [Int]
  ) throws -> Graph.NodeIndex? {
    guard isConstant(node), let value = graph.nodes[node].weights["value"] else { return nil }
    let key = PackedWeights.Key(node: graph.nodes[node].name, affine: nil, form: .permuted(order))
    let moved = try packedWeights.weights(key) {
      try Weights(shape: order.map(\.size)) { target in
        let permutation = Permutation(shape: [1] + sizes, axes: [0] + axes)
        guard let base = target.baseAddress else { return }
        permutation.run(units: 0..<permutation.unitCount, input: value.base, output: base)
      }
    }
    return try add(.constant, [], weights: ["value": moved], shape: shapes[node].prefix(1) + order.map(\.size))
  }

  func isConstant(_ node: Graph.NodeIndex) -> Bool { graph.nodes[node].operation == .constant && !kept.contains(node) }

  func isArranged(_ view: View, _ order: [Layout.Factor]) -> Bool {
    let order = order.joined
    return order.count <= 1 || isConstant(view.node) || movements[Movement(node: view.node, order: order, shape: [])] != nil
  }

  /// The same memory with other sizes.
  mutating func reshaped(_ node: Graph.NodeIndex, _ shape: [Int]) throws -> Graph.NodeIndex {
    var node = node
    while shapes[node] != shape, case .reshape = graph.nodes[node].operation, !kept.contains(node) {
      node = graph.inputs(of: node)[0]
    }
    guard shapes[node] != shape else { return node }
    return try shared(Movement(node: node, order: [], shape: shape)) {
      try $0.add(.reshape(Array(shape.dropFirst())), [node])
    }
  }

  private mutating func shared(
    _ movement: Movement, _ make: (inout Self) throws -> Graph.NodeIndex
  ) throws -> Graph.NodeIndex {
    if let node = movements[movement] { return node }
    let node = try make(&self)
    movements[movement] = node
    return node
  }
}
