import SwiftVisKernels

/// The backward pass: the reverse walk, and a row per operation that carries a cotangent to the operation's inputs. Weight gradients are
/// never formed, and only nodes between a cotangent and a wanted gradient are visited.
extension PlanBuilder {
  /// `cotangents` holds what the caller puts in. Returns where the wanted gradients are.
  mutating func differentiate(_ groups: [FusedNode]) throws -> [Graph.NodeIndex: TensorID] {
    var gradients: [Graph.NodeIndex: TensorID] = [:]
    producers = Producers(graph, groups)
    var gated: Set<Graph.NodeIndex> = []
    for group in groups.reversed() where path.contains(group.output) {
      current = group.core
      joinParts(of: group.output)
      guard var cotangent = cotangents[group.output] else { continue }
      if wanted.contains(group.output) {
        gradients[group.output] = cotangent.tensor
        cotangent.step = nil
      }
      guard needsInputs(group) else { continue }
      if let rectifier = group.rectifier, !gated.contains(group.output) {
        cotangent = gate(cotangent, rectifier, at: group.output)
      }
      // One gate for all parts of a concatenation, where its cotangent is written, is cheaper than one for each.
      if !gated.contains(group.output), let (rectifier, nodes) = producers.commonRectifier(of: group.output, in: graph),
        nodes.allSatisfy({ cotangents[$0] == nil && !wanted.contains($0) })
      {
        cotangent = gate(cotangent, rectifier, at: group.output)
        gated.formUnion(nodes)
      }
      if group.activation != nil, let derivative = saved[group.output]?.first {
        noteUnmodified(group.output)
        cotangent = multiplied(cotangent, by: derivative, at: group.output)
      }
      if let addend = group.addend {
        if path.contains(addend) { cotangent.step = nil }
        pass(cotangent, to: addend)
      }
      try row(group, cotangent)
    }
    return gradients
  }

  func needsInputs(_ group: FusedNode) -> Bool {
    (graph.inputs(of: group) + [group.addend].compactMap { $0 }).contains { path.contains($0) }
  }

  private mutating func row(_ group: FusedNode, _ cotangent: Cotangent) throws {
    let node = group.core
    let inputs = graph.inputs(of: group)
    guard let input = inputs.first else { return }
    let g = cotangent.tensor
    let shape = shapes[node], inputShape = shapes[input]

    switch operation(node) {
    case .input, .constant: break
    case _ where rules[node] == .custom:
      propagate(
        .customGradient(node: graph.nodes[node].name, shape: shape), [try value(input), try value(node), g], to: input)
    case .convolution where try propagateThroughAffine(group, g, input): break
    case .convolution, .depthwiseConvolution, .transposedConvolution, .dense:
      propagate(try linearKernel(group, .inputGradient), [g], to: input)
    case .matrixProduct(let transposesLeft, let transposesRight):
      let factors = try operands(inputs)
      let result = (tensor: g, shape: shape)
      // y = l r: dl = dy r', dr = l' dy; and with a factor turned the transposes of these.
      if path.contains(input) {
        let (a, b) = transposesLeft ? (factors[1], result) : (result, factors[1])
        propagateProduct(a, transposesLeft && transposesRight, b, transposesLeft || !transposesRight, to: input)
      }
      if path.contains(inputs[1]) {
        let (a, b) = transposesRight ? (result, factors[0]) : (factors[0], result)
        propagateProduct(a, transposesRight || !transposesLeft, b, transposesLeft && transposesRight, to: inputs[1])
      }
    case .affine:
      propagate(try affineKernel(node, offset: false), [g], to: input)
    case .pool(let pool):
      if pool.kind == .max, let rectifier = producers.rectifier(of: input), rectifier.rule != .rectified {
        gateAhead(of: node, cotangent)
      }
      propagate(.poolGradient(try pooling(node, pool, .inputGradient)), [g] + (saved[node] ?? []), to: input)
    case .reduce(let kind, let axes, _):
      let operands = kind == .max ? [g, try value(input), try value(node)] : [g]
      let reduction = AxisReduction(kind, inputShape, axes)
      if addToScaled(reduction, g, axes: axes, to: input) { return }
      propagate(.reduceGradient(reduction), operands, to: input)
    case .pad(let pairs):
      let copy = PlacedCopy(source: shape, destination: inputShape, offset: [0] + pairs.map { -$0.before })
      propagate(.place(copy), [g], to: input)
    case .resize(let attributes):
      propagate(.resize(try resizing(node, attributes, .inputGradient)), [g], to: input)
    case .reshape, .activation(.linear):
      pass(cotangent, to: input)
    case .permute(let axes):
      let inverse = axes.indices.sorted { axes[$0] < axes[$1] }
      propagate(.permute(Permutation(shape: shape, axes: inverse)), [g], to: input)
    case .concatenate(let axis):
      let total = shape[axis...].reduce(1, *)
      var offset = 0
      for input in inputs {
        let width = shapes[input][axis...].reduce(1, *)
        propagate(.slice(RowPart(offset: offset, width: width), total: total), [g], to: input)
        offset += width
      }
    case .slice(let ranges):
      differentiate(ranges.selections(of: inputShape), cotangent, to: input)
    case .gather(let axis, let indices):
      differentiate([.pick(axis: axis, indices: indices)], cotangent, to: input)
    case .choose:
      for (kind, side) in [(BinaryKind.keepWhere, 1), (.keepUnless, 2)] where path.contains(inputs[side]) {
        let binary = BroadcastBinary(kind, left: inputShape, right: shape)
        let part = write(.binary(binary), [try value(input), g], shape: shape)
        pass(reduced(part, from: shape, to: shapes[inputs[side]]), to: inputs[side])
      }
    case .merge(let merge):
      try row(merge, node, inputs, cotangent)
    case .layerNormalization(let epsilon):
      let scale = graph.nodes[node].weights["scale"]
      propagate(
        .layerNormalizationGradient(scale: scale, epsilon: epsilon, count: shape.last ?? 1), [try value(input), g], to: input
      )
    case .softmax:
      noteUnmodified(node)
      propagate(.softmaxGradient(count: shape.last ?? 1), [try value(node), g], to: input)
    case .logSoftmax:
      noteUnmodified(node)
      propagate(.logSoftmaxGradient(count: shape.last ?? 1), [try value(node), g], to: input)
    case .activation(let activation):
      if group.rectifier != nil { return pass(cotangent, to: input) }
      noteUnmodified(node)
      try propagateThrough(ActivationKind(activation), node, g, to: input)
    case .unary(let function):
      try propagateThrough(.unary(function), node, g, to: input)
    case .prelu:
      noteUnmodified(node)
      let (alpha, period) = try preluAlpha(node)
      propagate(.preluGradient(alpha: alpha, period: period), [try value(input), g], to: input)
    }
  }

  /// With sums over the axes along which the factor was repeated.
  private mutating func propagateProduct(
    _ left: (tensor: TensorID, shape: [Int]), _ transposesLeft: Bool, _ right: (tensor: TensorID, shape: [Int]),
    _ transposesRight: Bool, to node: Graph.NodeIndex
  ) {
    let product = MatrixProduct(
      left: left.shape, right: right.shape, transposesLeft: transposesLeft, transposesRight: transposesRight)
    let shape = Array(broadcast(left.shape, right.shape).dropLast(2)) + [product.rows, product.columns]
    guard shape != shapes[node] else {
      return propagate(.matrixProduct(product), [left.tensor, right.tensor], to: node)
    }
    let whole = write(.matrixProduct(product), [left.tensor, right.tensor], shape: shape)
    pass(reduced(whole, from: shape, to: shapes[node]), to: node)
  }

  private mutating func row(
    _ merge: Merge, _ node: Graph.NodeIndex, _ inputs: [Graph.NodeIndex], _ cotangent: Cotangent
  ) throws {
    let shape = shapes[node]
    switch merge {
    case .add:
      let readers = inputs.filter { path.contains($0) }
      let part = readers.count == 1 ? cotangent : cotangent.shared
      for input in readers { pass(reduced(part, from: shape, to: shapes[input]), to: input) }
    case .subtract:
      pass(reduced(cotangent.shared, from: shape, to: shapes[inputs[0]]), to: inputs[0])
      if path.contains(inputs[1]) {
        propagate(.scale(-1), [reduced(cotangent.shared, from: shape, to: shapes[inputs[1]]).tensor], to: inputs[1])
      }
    case .average:
      for input in inputs where path.contains(input) {
        let part = reduced(cotangent.shared, from: shape, to: shapes[input])
        propagate(.scale(1 / Float(inputs.count)), [part.tensor], to: input)
      }
    case .multiply:
      for (index, input) in inputs.enumerated() where path.contains(input) {
        if inputs.count == 2, shapes[inputs[1 - index]] == shape,
          let sum = summedProduct(cotangent, with: try value(inputs[1 - index]), from: shape, to: shapes[input])
        {
          pass(sum, to: input)
          continue
        }
        var product = cotangent.shared
        for (other, factor) in inputs.enumerated() where other != index {
          let factor = try operand(factor)
          let binary = BroadcastBinary(.multiply, left: shape, right: factor.shape)
          product = write(.binary(binary), [product.tensor, factor.tensor], shape: shape)
        }
        pass(reduced(product, from: shape, to: shapes[input]), to: input)
      }
    case .divide:
      let quotient = BroadcastBinary(.divide, left: shape, right: shapes[inputs[1]])
      let part = write(.binary(quotient), [cotangent.tensor, try value(inputs[1])], shape: shape)
      pass(reduced(part.shared, from: shape, to: shapes[inputs[0]]), to: inputs[0])
      if path.contains(inputs[1]) {
        // d (a / b) / db = -(a / b) / b.
        let product = BroadcastBinary(.multiply, left: shape, right: shape)
        let slope = write(.binary(product), [part.tensor, try value(node)], shape: shape)
        propagate(.scale(-1), [reduced(slope, from: shape, to: shapes[inputs[1]]).tensor], to: inputs[1])
      }
    case .power:
      let operands = try inputs.map { try value($0) }
      for (kind, input) in zip([BinaryKind.powerSlope, .powerLog], inputs) where path.contains(input) {
        let binary = BroadcastBinary(kind, left: shapes[inputs[0]], right: shapes[inputs[1]])
        let slope = emit(.binary(binary), operands, shape: shape)
        let product = BroadcastBinary(.multiply, left: shape, right: shape)
        let part = write(.binary(product), [slope, cotangent.tensor], shape: shape)
        pass(reduced(part, from: shape, to: shapes[input]), to: input)
      }
    case .maximum, .minimum:
      try selectRow(merge, node, inputs, cotangent)
    case .greater, .greaterEqual, .equal: break
    }
  }

  private mutating func propagateThrough(
    _ kind: ActivationKind, _ node: Graph.NodeIndex, _ cotangent: TensorID, to input: Graph.NodeIndex
  ) throws {
    let operand = kind.derivativeReadsInput ? try value(input) : try value(node)
    propagate(.activateGradient(kind), [operand, cotangent], to: input)
  }

  /// Maximum and minimum are folds over their inputs; the walk goes back through the partial results.
  private mutating func selectRow(
    _ merge: Merge, _ node: Graph.NodeIndex, _ inputs: [Graph.NodeIndex], _ cotangent: Cotangent
  ) throws {
    let values = try operands(inputs)
    var partialShapes = [values[0].shape]
    for value in values.dropFirst() {
      partialShapes.append(broadcast(partialShapes[partialShapes.count - 1], value.shape))
    }
    var cotangent = cotangent.shared
    for index in stride(from: inputs.count - 1, to: 0, by: -1) {
      guard let partials = saved[node], index - 1 < partials.count else { return }
      let (left, right) = (partialShapes[index - 1], values[index].shape)
      let binary = BroadcastBinary(merge.binaryKind, left: left, right: right)
      let operands = [partials[index - 1], values[index].tensor, cotangent.tensor]
      if path.contains(inputs[index]) {
        let part = emit(.selectGradient(binary, ofLeft: false), operands, shape: partialShapes[index])
        pass(reduced(written(part), from: partialShapes[index], to: right), to: inputs[index])
      }
      let rest = emit(.selectGradient(binary, ofLeft: true), operands, shape: partialShapes[index])
      cotangent = reduced(written(rest), from: partialShapes[index], to: left)
    }
    pass(cotangent, to: inputs[0])
  }

  private mutating func noteUnmodified(_ node: Graph.NodeIndex) {
    if rules[node] != .plain { unmodified.append(node) }
  }
}
