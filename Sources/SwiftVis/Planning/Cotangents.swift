import SwiftVisKernels

/// The cotangent of a node as far as it has been summed.
struct Cotangent {
  var tensor: TensorID
  /// The step that wrote it, as long as nothing else reads it: that step may still be told to gate what it writes.
  var step: Int?

  /// The same, to be read more than once.
  var shared: Cotangent { Cotangent(tensor: tensor, step: nil) }
}

/// How cotangents are summed, gated and brought to shape.
extension PlanBuilder {
  /// The cotangent that the last step wrote.
  func written(_ tensor: TensorID) -> Cotangent { Cotangent(tensor: tensor, step: steps.count - 1) }

  /// Appends a step and returns the cotangent that it writes. (`written(emit(...))` would count the steps before the new one.)
  mutating func write(
    _ kernel: Kernel, _ inputs: [TensorID], shape: [Int], _ epilogue: EpilogueSpec = .init()
  ) -> Cotangent {
    let tensor = emit(kernel, inputs, shape: shape, epilogue)
    return written(tensor)
  }

  /// Adds a cotangent that exists already to what the node has.
  mutating func pass(_ cotangent: Cotangent, to node: Graph.NodeIndex) {
    guard path.contains(node) else { return }
    guard let present = cotangents[node] else {
      cotangents[node] = cotangent
      return
    }
    var epilogue = EpilogueSpec()
    epilogue.addend = present.tensor
    cotangents[node] = write(.epilogue, [cotangent.tensor], shape: shapes[node], epilogue)
  }

  /// Adds what the kernel makes of its inputs to what the node has, in the same step where the kernel can.
  mutating func propagate(_ kernel: Kernel, _ inputs: [TensorID], to node: Graph.NodeIndex) {
    guard path.contains(node) else { return }
    var epilogue = EpilogueSpec()
    if kernel.takesAddend, let present = cotangents.removeValue(forKey: node) { epilogue.addend = present.tensor }
    let output = emit(kernel, inputs, shape: shapes[node], epilogue)
    pass(written(output), to: node)
  }

  /// Through a convolution and a normalization (an affine, perhaps rectified) before it that nothing else reads, as one step: the
  /// gate and the scale may change places, so the scale is in the weights. False where that is not so.
  mutating func propagateThroughAffine(
    _ convolution: FusedNode, _ cotangent: TensorID, _ input: Graph.NodeIndex
  ) throws -> Bool {
    guard let before = producers.groupReadOnce(input), case .affine = operation(before.core),
      before.rectifier.map({ $0.rule == .plain }) ?? true,
      !wanted.contains(input), cotangents[input] == nil, let source = graph.inputs(of: before).first, path.contains(source)
    else { return false }
    var epilogue = EpilogueSpec()
    if let rectifier = before.rectifier { (epilogue.gate, epilogue.gateLimit) = (values[input], rectifier.limit) }
    if let present = cotangents.removeValue(forKey: source) { (epilogue.addend, epilogue.addsLast) = (present.tensor, true) }
    let kernel = try linearKernel(convolution, .inputGradient, affineBefore: before.core)
    pass(write(kernel, [cotangent], shape: shapes[source], epilogue), to: source)
    return true
  }

  /// The cotangent behind a rectifier whose output is the node's value, by its rule.
  mutating func gate(_ cotangent: Cotangent, _ rectifier: Rectifier, at node: Graph.NodeIndex) -> Cotangent {
    var epilogue = EpilogueSpec()
    epilogue.positiveOnly = rectifier.rule != .plain
    if rectifier.rule != .rectified { (epilogue.gate, epilogue.gateLimit) = (values[node], rectifier.limit) }
    return finished(cotangent, epilogue, at: node)
  }

  /// The cotangent behind an activation whose derivative the forward pass has kept.
  mutating func multiplied(_ cotangent: Cotangent, by derivative: TensorID, at node: Graph.NodeIndex) -> Cotangent {
    var epilogue = EpilogueSpec()
    epilogue.factor = derivative
    return finished(cotangent, epilogue, at: node)
  }

  /// By the step that wrote the cotangent, where that can still be told to.
  private mutating func finished(_ cotangent: Cotangent, _ epilogue: EpilogueSpec, at node: Graph.NodeIndex) -> Cotangent {
    var epilogue = epilogue
    if let step = cotangent.step, steps[step].kernel.hasGate, steps[step].epilogue.isOpen {
      epilogue.addend = steps[step].epilogue.addend
      steps[step].epilogue = epilogue
      return cotangent
    }
    return write(.epilogue, [cotangent.tensor], shape: shapes[node], epilogue)
  }

  /// The cotangent of a max pool over a rectifier's output passes no gate where the maximum is 0. A matrix product that knows
  /// need not read the rows of its weights for that, which are most of the time of VGG's first dense layer.
  mutating func gateAhead(of pool: Graph.NodeIndex, _ cotangent: Cotangent) {
    guard let step = cotangent.step, case .dense = steps[step].kernel, steps[step].epilogue.isOpen,
      graph.inputs(of: pool).allSatisfy({ !wanted.contains($0) })
    else { return }
    steps[step].epilogue.gate = values[pool]
  }

  /// Sums over the axes along which an operand was broadcast.
  mutating func reduced(_ cotangent: Cotangent, from shape: [Int], to target: [Int]) -> Cotangent {
    var (cotangent, shape) = (cotangent, shape)
    while let axes = broadcastAxes(from: shape, to: target) {
      let sum = AxisReduction(.sum, shape, [axes.lowerBound, axes.upperBound])
      for axis in axes { shape[axis] = 1 }
      cotangent = write(.reduce(sum), [cotangent.tensor], shape: shape)
    }
    return cotangent
  }

  /// The first run of axes along which the target is repeated.
  private func broadcastAxes(from shape: [Int], to target: [Int]) -> ClosedRange<Int>? {
    guard let first = shape.indices.first(where: { shape[$0] != target[$0] }) else { return nil }
    return first...(shape[first...].indices.prefix { shape[$0] != target[$0] || shape[$0] == 1 }.last ?? first)
  }

  /// The cotangent of a factor that is repeated along one run of axes, in one step: the products are summed as they are made.
  mutating func summedProduct(
    _ cotangent: Cotangent, with other: TensorID, from shape: [Int], to target: [Int]
  ) -> Cotangent? {
    guard let axes = broadcastAxes(from: shape, to: target) else { return nil }
    var reduced = shape
    for axis in axes { reduced[axis] = 1 }
    guard reduced == target else { return nil }
    let sum = AxisReduction(.sum, shape, [axes.lowerBound, axes.upperBound])
    return write(.reduceProduct(sum), [cotangent.tensor, other], shape: target)
  }

  /// A mean or sum whose input has, as its only cotangent so far, a product with factors of the mean's shape (squeeze and excite):
  /// both parts are summed in one step. False where it is not so.
  mutating func addToScaled(_ reduction: AxisReduction, _ cotangent: TensorID, axes: [Int], to node: Graph.NodeIndex) -> Bool
  {
    guard let present = cotangents[node], let step = present.step, case .binary(let binary) = steps[step].kernel,
      let scaling = ChannelScaling(reduction)
    else { return false }
    var factors = shapes[node]
    for axis in axes { factors[axis] = 1 }
    guard binary == BroadcastBinary(.multiply, left: shapes[node], right: factors) else { return false }
    // Nothing reads the product any more, so it will not be computed.
    cotangents[node] = write(.scaleGradient(scaling), steps[step].inputs + [cotangent], shape: shapes[node])
    return true
  }
}

extension EpilogueSpec {
  /// Whether it may still be given a gate or a factor.
  fileprivate var isOpen: Bool { gate == nil && !positiveOnly && factor == nil }
}

extension Kernel {
  /// Whether the kernel can add a tensor to what it writes.
  fileprivate var takesAddend: Bool {
    switch self {
    case .activateGradient, .preluGradient, .scale: true
    default: hasGate
    }
  }
}
