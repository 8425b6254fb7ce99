/// Operations of several inputs: those that lie otherwise than most are moved.
extension PhysicalGraph {
  /// An element-wise operation of values of equal or broadcast sizes.
  mutating func merge(_ node: Graph.NodeIndex) throws -> View {
    let inputs = source.inputs(of: node)
    let views = try inputs.map { try view($0) }
    let whole = inputs.indices.filter { sourceShapes[inputs[$0]] == sourceShapes[node] }
    guard let target = try target(whole, among: inputs, views) else { return try compute(node) }
    let (layout, orders) = try arrangement(as: views[target].layout, of: inputs, views)

    // The shape of the newest of the whole values: it may become one step with this.
    let base = whole.filter { orders[$0].order.count <= 1 }.max { views[$0].node < views[$1].node } ?? target
    let fine = shapes[views[target].node].prefix(1) + layout.inMemory.map(\.size)
    let parts = orders.map(\.isPresent)
    let shapes =
      self.parts(parts, of: shapes[views[base].node], layout) ?? self.parts(parts, of: Array(fine), layout) ?? []
    var operands: [Graph.NodeIndex] = []
    for (order, shape) in zip(orders, shapes) { operands.append(try arranged(order.view.node, order.order, shape)) }
    return View(node: try compute(node, operands), layout: layout)
  }

  mutating func concatenate(_ node: Graph.NodeIndex, axis: Int) throws -> View {
    let inputs = source.inputs(of: node)
    let views = try inputs.map { try view($0) }
    let candidates = inputs.indices.filter { views[$0].layout.axes[axis].count == 1 }
    guard let target = try target(candidates, among: inputs, views, along: axis) else { return try compute(node) }
    let (layout, orders) = try arrangement(as: views[target].layout, of: inputs, views, along: axis)

    let factor = layout.axes[axis][0]
    var shape = shapes[views[target].node]
    if dimension(of: factor, in: shape) == nil { shape = shape.prefix(1) + layout.inMemory.map(\.size) }
    guard let dimension = dimension(of: factor, in: shape) else { return try compute(node) }
    var operands: [Graph.NodeIndex] = []
    for (input, order) in zip(inputs, orders) {
      shape[dimension] = sourceShapes[input][axis + 1]
      operands.append(try arranged(order.view.node, order.order, shape))
    }
    let output = try compute(node, operands, as: .concatenate(axis: dimension))
    return View(node: output, layout: layout.resized([(axis, sourceShapes[node][axis + 1])]))
  }

  private typealias Order = (view: View, order: [Layout.Factor], isPresent: [Bool])

  /// The candidate as which all others are to lie, so that least is moved.
  private func target(
    _ candidates: [Int], among inputs: [Graph.NodeIndex], _ views: [View], along axis: Int? = nil
  ) throws -> Int? {
    var best: (cost: (Int, Int, Int), index: Int)?
    let computed = candidates.filter { !isConstant(views[$0].node) }
    for index in computed.isEmpty ? candidates : computed {
      let layout = views[index].layout
      var moved = 0
      for (input, view) in zip(inputs, views) where view.layout != layout {
        let order = order(view, as: layout, sourceShapes[input], along: axis)
        if order.map({ isArranged(view, $0.order) }) != true { moved += sourceShapes[input].reduce(1, *) }
      }
      // Of equals the one in fewer pieces, and rather one that some operation has asked for.
      let cost = (moved, layout.factors.count, layout.isRowMajor ? 1 : 0)
      if best.map({ cost < $0.cost }) ?? true { best = (cost, index) }
      if moved == 0 { break }
    }
    return best?.index
  }

  /// How the inputs become arranged as a layout. Those that it cannot be said of are put into the source's order first.
  private mutating func arrangement(
    as layout: Layout, of inputs: [Graph.NodeIndex], _ views: [View], along axis: Int? = nil
  ) throws -> (Layout, [Order]) {
    var orders: [Order] = []
    for (input, view) in zip(inputs, views) {
      let shape = sourceShapes[input]
      if let order = order(view, as: layout, shape, along: axis) {
        orders.append(order)
      } else {
        let plain = View(node: try arranged(view, shape), layout: Layout(rowMajor: shape.dropFirst()))
        guard let order = order(plain, as: layout, shape, along: axis) else {
          throw VisError(.internal, "an input of two layouts")
        }
        orders.append(order)
      }
    }
    return (layout, orders)
  }

  /// The view's factors in the order of the layout's memory, and which of the layout's the view has: it may be of size 1 along some
  /// axes. Along `axis` sizes may differ. Nil where a factor would have to be divided that cannot be, or into too many.
  private func order(_ view: View, as layout: Layout, _ shape: [Int], along axis: Int?) -> Order? {
    var pieces: [Layout.Factor: [Layout.Factor]] = [:]
    for (index, factors) in layout.axes.enumerated() where shape[index + 1] > 1 {
      if index == axis {
        pieces[factors[0]] = view.layout.axes[index]
        continue
      }
      guard let split = view.layout.split(index, factors.map(\.size)) else { return nil }
      for (factor, piece) in zip(factors, split) { pieces[factor] = piece }
    }
    let memory = layout.inMemory
    let order = memory.flatMap { pieces[$0] ?? [] }.joined
    guard order.count <= Layout.maximumFactorCount else { return nil }
    return (view, order, memory.map { pieces[$0] != nil })
  }

  /// The shapes of values that have only some of a layout's factors, where the whole has this shape. Nil where a dimension
  /// would be there in part.
  private func parts(_ parts: [[Bool]], of shape: [Int], _ layout: Layout) -> [[Int]]? {
    var results = parts.map { _ in shape }
    let memory = layout.inMemory
    var stride = 1
    for dimension in shape.indices.dropFirst().reversed() where shape[dimension] > 1 {
      let end = stride * shape[dimension]
      let inside = memory.indices.filter { memory[$0].stride < end && memory[$0].end > stride }
      for (part, isPresent) in parts.enumerated() {
        let count = inside.count { isPresent[$0] }
        if count == 0 { results[part][dimension] = 1 }
        guard count == 0 || count == inside.count else { return nil }
      }
      stride = end
    }
    return results
  }
}
