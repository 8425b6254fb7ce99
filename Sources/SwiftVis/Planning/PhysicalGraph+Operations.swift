/// What each operation needs of the layout of its inputs, and how its result lies: a row per operation.
extension PhysicalGraph {
  mutating func row(_ node: Graph.NodeIndex) throws -> View {
    let inputs = source.inputs(of: node)
    guard let first = inputs.first else { return try compute(node) }
    let view = try view(first)
    let shape = sourceShapes[node], inputShape = sourceShapes[first]
    switch source.nodes[node].operation {
    case .activation(.linear): return view
    case .permute(let axes):
      return View(node: view.node, layout: view.layout.permuted(axes.dropFirst().map { $0 - 1 }))
    case .reshape:
      if let layout = view.layout.reshaped(shape.dropFirst()) { return View(node: view.node, layout: layout) }
      return View(node: try arranged(view, inputShape), layout: Layout(rowMajor: shape.dropFirst()))

    case .activation, .unary: return View(node: try compute(node, [view.node]), layout: view.layout)
    case .affine where source.nodes[node].weights.values.allSatisfy({ $0.count == 1 }):
      // A batch of single numbers may lie without any other axis.
      let x = shapes[view.node].count > 1 ? view.node : try reshaped(view.node, shapes[view.node] + [1])
      return View(node: try compute(node, [x]), layout: view.layout)
    case .merge, .choose: return try merge(node)
    case .concatenate(let axis): return try concatenate(node, axis: axis - 1)
    case .pad(let pairs):
      let touched = pairs.indices.filter { pairs[$0] != EdgePair(0, 0) }
      return try along(touched, node) { dimensions, count in
        var moved = Array(repeating: EdgePair(0, 0), count: count)
        for (axis, dimension) in zip(touched, dimensions) { moved[dimension] = pairs[axis] }
        return .pad(moved)
      }
    case .slice(let ranges):
      let touched = ranges.indices.filter { inputShape[$0 + 1] != shape[$0 + 1] || ranges[$0].step < 0 && shape[$0 + 1] > 1 }
      return try along(touched, node) { dimensions, count in
        var moved = Array(repeating: SliceRange(0), count: count)
        for (axis, dimension) in zip(touched, dimensions) { moved[dimension] = ranges[axis] }
        return .slice(moved)
      }
    case .gather(let axis, let indices):
      return try along([axis - 1], node) { dimensions, _ in .gather(axis: dimensions[0] + 1, indices: indices) }
    case .reduce(let kind, let axes, let keepDims):
      return try reduce(node, kind, axes.map { $0 - 1 }, keepDims: keepDims)
    case .prelu: return try prelu(node)

    case .dense, .affine, .layerNormalization, .softmax, .logSoftmax: return try overChannels(node)
    case .matrixProduct(let transposesLeft, let transposesRight):
      let (left, right) = (try matrix(first), try matrix(inputs[1]))
      let operation = Operation.matrixProduct(
        transposesLeft: transposesLeft != left.isTurned, transposesRight: transposesRight != right.isTurned)
      return View(
        node: try compute(node, [left.node, right.node], as: operation), layout: Layout(rowMajor: shape.dropFirst()))
    case .input, .constant, .convolution, .depthwiseConvolution, .transposedConvolution, .pool, .resize:
      return try compute(node)
    }
  }

  /// An operation over the last axis: the others may lie in any order.
  private mutating func overChannels(_ node: Graph.NodeIndex) throws -> View {
    let view = try view(source.inputs(of: node)[0])
    let axis = view.layout.axes.count - 1
    guard let channels = view.layout.axes.last, channels.count == 1, channels[0].stride == 1 else {
      return try compute(node)
    }
    let shape = shapes[view.node]
    let rest = shape.dropFirst().reduce(1, *) / channels[0].size
    let rows = rest == 1 ? [shape[0]] : [shape[0], rest]
    let x = shape.last == channels[0].size ? view.node : try reshaped(view.node, rows + [channels[0].size])
    return View(
      node: try compute(node, [x]), layout: view.layout.resized([(axis, sourceShapes[node][axis + 1])]))
  }

  /// An operation along some axes that leaves all others as they are. `operation` makes it from the node's dimensions that are
  /// those axes, and their number, both without the batch.
  mutating func along(
    _ touched: [Int], _ node: Graph.NodeIndex, _ operation: (_ dimensions: [Int], _ count: Int) -> Operation
  ) throws -> View {
    var view = try view(source.inputs(of: node)[0])
    guard !touched.isEmpty else { return view }
    view = try gathered(view, touched)
    let factors = touched.compactMap { view.layout.axes[$0].first }
    guard factors.count == touched.count else { return try compute(node) }
    let (x, dimensions) = try self.dimensions(of: factors, in: view)
    let output = try compute(node, [x], as: operation(dimensions.map { $0 - 1 }, shapes[x].count - 1))
    return View(node: output, layout: view.layout.resized(touched.map { ($0, sourceShapes[node][$0 + 1]) }))
  }

  /// The value with the pieces of some axes together where the innermost of them was: shuffled channels stay last.
  private mutating func gathered(_ view: View, _ axes: [Int]) throws -> View {
    let split = axes.map { view.layout.axes[$0] }.filter { $0.count > 1 }
    guard !split.isEmpty else { return view }
    var order: [Layout.Factor] = []
    for factor in view.layout.inMemory {
      if let axis = split.first(where: { $0.contains(factor) }) {
        if axis.allSatisfy({ $0.stride >= factor.stride }) { order += axis }
      } else {
        order.append(factor)
      }
    }
    let node = try arranged(view.node, order, shapes[view.node].prefix(1) + order.joined.map(\.size))
    return View(node: node, layout: view.layout.moved(to: order))
  }

  /// A node with the view's memory, and its dimensions that are these factors.
  private mutating func dimensions(
    of factors: [Layout.Factor], in view: View
  ) throws -> (node: Graph.NodeIndex, dimensions: [Int]) {
    let found = factors.compactMap { dimension(of: $0, in: shapes[view.node]) }
    if found.count == factors.count { return (view.node, found) }
    let memory = view.layout.inMemory
    let node = try reshaped(view.node, shapes[view.node].prefix(1) + memory.map(\.size))
    return (node, factors.map { (memory.firstIndex(of: $0) ?? 0) + 1 })
  }

  func dimension(of factor: Layout.Factor, in shape: [Int]) -> Int? {
    var stride = 1
    for dimension in shape.indices.dropFirst().reversed() {
      if stride == factor.stride && shape[dimension] == factor.size { return dimension }
      stride *= shape[dimension]
    }
    return nil
  }

  private mutating func reduce(
    _ node: Graph.NodeIndex, _ kind: Reduction, _ axes: [Int], keepDims: Bool
  ) throws -> View {
    let view = try view(source.inputs(of: node)[0])
    let memory = view.layout.inMemory
    let reduced = memory.filter { factor in axes.contains { view.layout.axes[$0].contains(factor) } }
    // Axes that lie together are one.
    guard reduced.joined.count <= 1 else { return try compute(node) }
    var output = view.node
    if let whole = reduced.joined.first {
      var (x, dimensions) = (view.node, run(whole, in: shapes[view.node]))
      if dimensions == nil {
        x = try reshaped(view.node, shapes[view.node].prefix(1) + memory.map(\.size))
        dimensions = run(whole, in: shapes[x])
      }
      guard let dimensions else { return try compute(node) }
      output = try compute(node, [x], as: .reduce(kind, axes: Array(dimensions), keepDims: keepDims))
    }
    let layout = view.layout.resized(axes.flatMap { axis in view.layout.axes[axis].isEmpty ? [] : [(axis, 1)] })
    return View(node: output, layout: keepDims ? layout : layout.removing(axes))
  }

  /// The dimensions that together are the factor.
  private func run(_ factor: Layout.Factor, in shape: [Int]) -> ClosedRange<Int>? {
    var stride = 1
    var last: Int?
    for dimension in shape.indices.dropFirst().reversed() where shape[dimension] > 1 {
      if stride == factor.stride { last = dimension }
      stride *= shape[dimension]
      if let last, stride == factor.end { return dimension...last }
    }
    return nil
  }

  /// An operand of a matrix product, which may lie turned.
  private mutating func matrix(_ node: Graph.NodeIndex) throws -> (node: Graph.NodeIndex, isTurned: Bool) {
    let view = try view(node)
    var (shape, axes) = (sourceShapes[node], Array(view.layout.axes.indices))
    axes.swapAt(axes.count - 1, axes.count - 2)
    let turned = view.layout.permuted(axes)
    guard !view.layout.isRowMajor, turned.isRowMajor else { return (try arranged(view, shape), false) }
    shape.swapAt(shape.count - 1, shape.count - 2)
    return (try reshaped(view.node, shape), true)
  }

  /// Slopes that differ along one axis at most lie along whatever that is in memory.
  private mutating func prelu(_ node: Graph.NodeIndex) throws -> View {
    let view = try view(source.inputs(of: node)[0])
    guard let alpha = source.nodes[node].weights["alpha"] else { return try compute(node) }
    let touched = alpha.shape.indices.filter { alpha.shape[$0] > 1 }
    guard touched.count <= 1, touched.allSatisfy({ view.layout.axes[$0].count == 1 }) else { return try compute(node) }
    let (x, dimensions) = try self.dimensions(of: touched.map { view.layout.axes[$0][0] }, in: view)
    var shape = Array(repeating: 1, count: shapes[x].count - 1)
    for dimension in dimensions { shape[dimension - 1] = alpha.count }
    let moved = try Weights(copying: UnsafeBufferPointer(start: alpha.base, count: alpha.count), shape: shape)
    return View(node: try compute(node, [x], weights: ["alpha": moved]), layout: view.layout)
  }
}
