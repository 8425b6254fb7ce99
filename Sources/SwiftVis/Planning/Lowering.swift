import SwiftVisKernels

/// The forward pass: a row per operation.
extension PlanBuilder {
  mutating func lower(_ group: FusedNode) throws {
    let node = group.core
    current = node
    let shape = shapes[node]
    let inputs = try graph.inputs(of: group).map { try value($0) }
    let inputShapes = graph.inputs(of: group).map { shapes[$0] }
    var epilogue = EpilogueSpec()
    if let rectifier = group.rectifier { (epilogue.lowerBound, epilogue.upperBound) = (0, rectifier.limit) }

    switch operation(node) {
    case .input:
      if values[node] == nil { values[node] = tensor(shape) }
      return
    case .constant: try lowerConstant(node)
    case .convolution, .depthwiseConvolution, .transposedConvolution, .dense:
      epilogue.bias = try foldedBias(group)
      epilogue.addend = try group.addend.map { try value($0) }
      let kernel = try linearKernel(group, .forward)
      var output = emit(kernel, inputs, shape: shape, epilogue)
      if let activation = group.activation {
        if !kernel.appliesActivation { output = emit(.epilogue, [output], shape: shape) }
        steps[steps.count - 1].epilogue.activation = activation
        // The derivative is cheap where the value is computed; backward then only multiplies by it.
        if path.contains(group.output) && needsInputs(group) {
          let derivative = tensor(shape)
          steps[steps.count - 1].epilogue.derivative = derivative
          steps[steps.count - 1].outputs.append(derivative)
          saved[group.output] = [derivative]
        }
      }
      values[group.output] = output
    case .matrixProduct(let transposesLeft, let transposesRight):
      let factors = try operands(graph.inputs(of: node))
      let product = MatrixProduct(
        left: factors[0].shape, right: factors[1].shape, transposesLeft: transposesLeft, transposesRight: transposesRight)
      values[node] = emit(.matrixProduct(product), factors.map(\.tensor), shape: shape)
    case .affine:
      values[group.output] = emit(try affineKernel(node, offset: true), inputs, shape: shape, epilogue)
    case .pool(let pool):
      let keepsArgmax = pool.kind == .max && path.contains(node)
      if keepsArgmax {
        let (window, overflow) = pool.size.height.multipliedReportingOverflow(by: pool.size.width)
        guard !overflow, window <= Int(UInt16.max) + 1 else {
          throw VisError(
            .unsupported, "max_pool2d '\(graph.nodes[node].name)': no gradient for a window of more than 65536 pixels")
        }
      }
      // Indices are 16 bits, so half as many floats hold them.
      let argmax = keepsArgmax ? [tensor([(shape.reduce(1, *) + 1) / 2])] : []
      let output = emit(.pool(try pooling(node, pool, .forward)), inputs, shape: shape)
      steps[steps.count - 1].outputs += argmax
      saved[node] = argmax
      values[node] = output
    case .reduce(let kind, let axes, _):
      values[node] = emit(.reduce(AxisReduction(kind, inputShapes[0], axes)), inputs, shape: shape)
    case .pad(let pairs):
      let copy = PlacedCopy(source: inputShapes[0], destination: shape, offset: [0] + pairs.map(\.before))
      values[node] = emit(.place(copy), inputs, shape: shape)
    case .resize(let attributes):
      values[node] = emit(.resize(try resizing(node, attributes, .forward)), inputs, shape: shape)
    case .reshape, .activation(.linear):
      values[node] = inputs[0]
      samples[node] = samples[graph.inputs(of: group)[0]]
    case .permute(let axes):
      values[node] = emit(.permute(Permutation(shape: inputShapes[0], axes: axes)), inputs, shape: shape)
    case .concatenate(let axis):
      var total = 0
      let parts = inputShapes.map { inputShape in
        defer { total += inputShape[axis...].reduce(1, *) }
        return RowPart(offset: total, width: inputShape[axis...].reduce(1, *))
      }
      values[node] = emit(.concatenate(parts, total: total), inputs, shape: shape)
    case .slice(let ranges):
      values[node] = lower(ranges.selections(of: inputShapes[0]), inputs[0], shape: inputShapes[0])
    case .gather(let axis, let indices):
      values[node] = lower([.pick(axis: axis, indices: indices)], inputs[0], shape: inputShapes[0])
    case .choose:
      var parts: [(tensor: TensorID, shape: [Int])] = []
      for (kind, side) in [(BinaryKind.keepWhere, 1), (.keepUnless, 2)] {
        let binary = BroadcastBinary(kind, left: inputShapes[0], right: inputShapes[side])
        let shape = broadcast(inputShapes[0], inputShapes[side])
        parts.append((emit(.binary(binary), [inputs[0], inputs[side]], shape: shape), shape))
      }
      let sum = BroadcastBinary(.add, left: parts[0].shape, right: parts[1].shape)
      values[node] = emit(.binary(sum), parts.map(\.tensor), shape: shape)
    case .merge(let merge):
      values[group.output] = try lower(merge, node, try operands(graph.inputs(of: group)), epilogue)
    case .layerNormalization(let epsilon):
      let (scale, offset) = (graph.nodes[node].weights["scale"], graph.nodes[node].weights["offset"])
      values[node] = emit(
        .layerNormalization(scale: scale, offset: offset, epsilon: epsilon, count: shape.last ?? 1), inputs, shape: shape)
    case .softmax:
      values[node] = emit(.softmax(count: shape.last ?? 1), inputs, shape: shape)
    case .logSoftmax:
      values[node] = emit(.logSoftmax(count: shape.last ?? 1), inputs, shape: shape)
    case .activation(let activation):
      let isClamp = group.rectifier?.threshold == 0
      let kernel = isClamp ? Kernel.epilogue : .activate(ActivationKind(activation))
      values[node] = emit(kernel, inputs, shape: shape, isClamp ? epilogue : EpilogueSpec())
    case .unary(let function):
      values[node] = emit(.activate(.unary(function)), inputs, shape: shape)
    case .prelu:
      let (alpha, period) = try preluAlpha(node)
      values[node] = emit(.prelu(alpha: alpha, period: period), inputs, shape: shape)
    }
  }

  private mutating func lower(
    _ merge: Merge, _ node: Graph.NodeIndex, _ inputs: [(tensor: TensorID, shape: [Int])], _ epilogue: EpilogueSpec
  ) throws -> TensorID {
    var (total, totalShape) = inputs[0]
    var partials: [TensorID] = []
    let isSum = merge == .add || merge == .average
    for (index, (input, inputShape)) in inputs.enumerated().dropFirst() {
      let isLast = index == inputs.count - 1
      if isSum && inputShape == totalShape {
        var sum = isLast && merge == .add ? epilogue : EpilogueSpec()
        sum.addend = input
        total = emit(.epilogue, [total], shape: totalShape, sum)
        continue
      }
      partials.append(total)
      let binary = BroadcastBinary(merge.binaryKind, left: totalShape, right: inputShape)
      totalShape = broadcast(totalShape, inputShape)
      total = emit(.binary(binary), [total, input], shape: totalShape)
      if isLast && epilogue.lowerBound == 0 {
        total = emit(.epilogue, [total], shape: totalShape, epilogue)
      }
    }
    if merge == .maximum || merge == .minimum { saved[node] = partials }
    if merge == .average { total = emit(.scale(1 / Float(inputs.count)), [total], shape: totalShape) }
    return total
  }

  func affineKernel(_ node: Graph.NodeIndex, offset: Bool) throws -> Kernel {
    let (scale, shift) = (try weight("scale", of: node), try weight("offset", of: node))
    let period = max(scale.count, offset ? shift.count : 1)
    return .affine(
      scale: try vector("scale", of: node, count: period),
      offset: offset ? try vector("offset", of: node, count: period) : nil,
      period: period)
  }

  /// Alpha as a vector that repeats along the flattened tensor, and its length.
  func preluAlpha(_ node: Graph.NodeIndex) throws -> (Weights, period: Int) {
    let alpha = try weight("alpha", of: node)
    let sample = Array(shapes[node].dropFirst())
    let leading = alpha.shape.prefix { $0 == 1 }.count
    let period = sample[leading...].reduce(1, *)
    if Array(alpha.shape[leading...]) == Array(sample[leading...]) { return (alpha, period) }
    let key = PackedWeights.Key(node: name(node), affine: nil, form: .alpha(period: period))
    let kept = Array(alpha.shape[leading...]), full = Array(sample[leading...])
    let spread = try packedWeights.weights(key, count: period) { target in
      for i in 0..<period {
        var (rest, source, stride) = (i, 0, 1)
        for axis in full.indices.reversed() {
          source += (kept[axis] == 1 ? 0 : rest % full[axis]) * stride
          stride *= kept[axis]
          rest /= full[axis]
        }
        target[i] = alpha.base[source]
      }
    }
    return (spread, period)
  }
}

extension Merge {
  var binaryKind: BinaryKind {
    switch self {
    case .add, .average: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .power: .power
    case .greater: .greater
    case .greaterEqual: .greaterEqual
    case .equal: .equal
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }
}

/// The shape of an element-wise result: sizes are equal or 1.
func broadcast(_ left: [Int], _ right: [Int]) -> [Int] { zip(left, right).map { $0 == 1 ? $1 : $0 } }
