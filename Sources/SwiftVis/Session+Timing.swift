import SwiftVisKernels

/// What one step of a session is, what it costs by definition, and how long it takes: for benchmarks.
package struct StepTiming {
  /// Kernel, direction, shapes and algorithm.
  package let name: String
  /// Of the definition, whatever the algorithm.
  package let multiplyAdds: Int
  /// Every operand read once and every result written once.
  package let byteCount: Int
  /// The best of the runs.
  package var seconds = Double.infinity
}

extension Session {
  /// Runs forward and backward `runs` times and takes the time of each step. Buffers as for `forward` and `backward`.
  package func timeSteps(
    _ inputs: [UnsafeBufferPointer<Float>], cotangents: [UnsafeBufferPointer<Float>], runs: Int
  ) throws -> [StepTiming] {
    var timings = plan.steps.map { step in
      let tensors = (step.reads + step.outputs).reduce(0) { $0 + plan.counts[$1] }
      return StepTiming(
        name: step.kernel.summary, multiplyAdds: step.kernel.multiplyAdds,
        byteCount: (tensors + step.kernel.weightCount) * MemoryLayout<Float>.stride)
    }
    let clock = ContinuousClock()
    for _ in 0..<runs {
      for (buffer, tensor) in zip(inputs, plan.inputs) { _ = try copyIn(buffer, to: tensor) }
      for index in plan.steps.indices {
        if index == plan.forwardCount {
          for (buffer, tensor) in zip(cotangents, plan.cotangents) { _ = try copyIn(buffer, to: tensor) }
        }
        let duration = try clock.measure { try execute(index) }.components
        timings[index].seconds = min(timings[index].seconds, Double(duration.seconds) + Double(duration.attoseconds) * 1e-18)
      }
    }
    return timings
  }
}

extension Kernel {
  var multiplyAdds: Int {
    switch self {
    case .convolution(let plan, _): plan.geometry.multiplyAdds
    case .depthwise(let plan, _):
      plan.geometry.outputChannels * plan.geometry.batch * plan.geometry.outputHeight * plan.geometry.outputWidth
        * plan.geometry.kernelHeight * plan.geometry.kernelWidth
    case .dense(let plan, _): plan.rows * plan.inputs * plan.outputs
    case .matrixProduct(let product): product.multiplyAdds
    default: 0
    }
  }

  var weightCount: Int {
    switch self {
    case .convolution(_, let weights), .depthwise(_, let weights), .dense(_, let weights): weights.count
    default: 0
    }
  }

  /// For people: what runs, on which shapes, by which algorithm.
  var summary: String {
    func window(_ g: WindowGeometry, _ direction: Direction) -> String {
      let stride = g.strideHeight * g.strideWidth > 1 ? "/\(g.strideHeight)" : ""
      let arrow = direction == .forward ? "->" : "<-"
      return "\(g.kernelHeight)x\(g.kernelWidth)\(stride) \(g.inputHeight)x\(g.inputWidth)x\(g.inputChannels)"
        + " \(arrow) \(g.outputHeight)x\(g.outputWidth)x\(g.outputChannels)"
    }
    switch self {
    case .convolution(let plan, _):
      return "convolution \(window(plan.geometry, plan.direction)) \(plan.algorithmName)"
    case .depthwise(let plan, _): return "depthwise \(window(plan.geometry, plan.direction))"
    case .dense(let plan, _):
      return "dense \(plan.rows) x \(plan.inputs) \(plan.direction == .forward ? "->" : "<-") \(plan.outputs)"
    case .matrixProduct(let product):
      return "matmul \(product.multiplyAdds / (product.rows * product.depth * product.columns)) of "
        + "\(product.rows) x \(product.depth) x \(product.columns)"
    default:
      return name
    }
  }
}
