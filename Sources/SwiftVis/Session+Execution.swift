import SwiftVisKernels

/// From a step to its kernel: pointers, and the work cut up for the threads.
extension Session {
  func pointer(_ tensor: TensorID) throws -> UnsafeMutablePointer<Float> {
    guard let offset = plan.memory.offsets[tensor] else {
      // Only read.
      if let constant = plan.constants[tensor] { return UnsafeMutablePointer(mutating: constant.base) }
      throw VisError(.internal, "a tensor of the plan has no place in memory")
    }
    return arena.base + offset
  }

  /// False where an element is not finite. A tensor that the plan never reads has no place and is only checked for that.
  func copyIn(_ buffer: UnsafeBufferPointer<Float>, to tensor: TensorID) throws -> Bool {
    guard let source = buffer.baseAddress, let offset = plan.memory.offsets[tensor] else { return true }
    return copyFinite(source, into: arena.base + offset, range: 0..<buffer.count)
  }

  func copyOut(_ tensor: TensorID, to buffer: UnsafeMutableBufferPointer<Float>) {
    guard let target = buffer.baseAddress, let source = try? pointer(tensor) else { return }
    target.update(from: source, count: buffer.count)
  }

  func execute(_ index: Int) throws {
    let step = plan.steps[index]
    let x = try step.inputs.map { UnsafePointer(try pointer($0)) }
    let output = try pointer(step.outputs[0])
    let count = plan.counts[step.outputs[0]]
    let epilogue = try resolve(step.epilogue)
    let cost = costs[index]
    let pitches = pitches(step)

    switch step.kernel {
    case .convolution(let plan, let weights):
      let shared = try self.plan.scratch[index].map { try pointer($0) }
      for stage in 0..<plan.stageCount {
        parallel(plan.unitCount(stage: stage), cost) { units, scratch in
          plan.run(
            stage: stage, units: units, source: x[0], packed: weights.base, destination: output, epilogue: epilogue,
            pitches: pitches, sharedScratch: shared, workerScratch: scratch)
        }
      }
    case .dense(let plan, let weights):
      parallel(plan.unitCount, cost) { units, scratch in
        plan.run(
          units: units, source: x[0], weights: weights.base, destination: output, epilogue: epilogue, workerScratch: scratch)
      }
    case .depthwise(let plan, let weights):
      parallel(plan.unitCount, cost) { units, scratch in
        plan.run(
          units: units, source: x[0], packed: weights.base, destination: output, epilogue: epilogue, workerScratch: scratch)
      }
    case .matrixProduct(let product):
      parallel(product.unitCount, cost) { units, scratch in
        product.run(units: units, left: x[0], right: x[1], output: output, epilogue: epilogue, workerScratch: scratch)
      }
    case .pool(let pooling):
      let argmax = step.outputs.count > 1 ? try indices(step.outputs[1]) : nil
      parallel(pooling.unitCount, cost) { units, _ in
        pooling.runForward(units: units, input: x[0], output: output, argmax: argmax, pitches: pitches)
      }
    case .poolGradient(let pooling):
      let argmax = step.inputs.count > 1 ? UnsafePointer(try indices(step.inputs[1])) : nil
      parallel(pooling.unitCount, cost) { units, _ in
        pooling.runInputGradient(
          units: units, cotangent: x[0], argmax: argmax, inputGradient: output, epilogue: epilogue, pitches: pitches)
      }
    case .activate(let kind):
      try elements(of: step, cost) { activate(kind, $0.inputs.0, into: $0.output, range: $1) }
    case .activateGradient(let kind):
      try elements(of: step, cost) {
        activateGradient(
          kind, saved: $0.inputs.0, cotangent: $0.inputs.1, addend: $0.epilogue.addend, into: $0.output, range: $1)
      }
    case .customGradient(let node, let shape):
      func whole(_ pointer: UnsafePointer<Float>) -> UnsafeBufferPointer<Float> { .init(start: pointer, count: count) }
      try customRule?(
        ActivationGradient(
          node: node, shape: shape, gradient: whole(x[2]), x: whole(x[0]), y: whole(x[1]),
          result: .init(start: output, count: count)))
    case .epilogue:
      try elements(of: step, cost) { applyEpilogue($0.epilogue, $0.inputs.0, into: $0.output, range: $1) }
    case .affine(let scale, let offset, let period) where pitches != Pitches():
      let width = plan.widths[step.outputs[0]]
      parallel(count / width, cost) { rows, _ in
        affine(
          x[0], scale: scale?.base, offset: offset?.base, period: period, epilogue: epilogue, into: output, rows: rows,
          width: width, pitches: pitches)
      }
    case .affine(let scale, let offset, let period):
      try elements(of: step, cost) {
        affine(
          $0.inputs.0, scale: scale?.base, offset: offset?.base, period: period, epilogue: $0.epilogue, into: $0.output,
          range: $1)
      }
    case .prelu(let alpha, let period):
      elements(count, cost) { prelu(x[0], alpha: alpha.base, period: period, into: output, range: $0) }
    case .preluGradient(let alpha, let period):
      elements(count, cost) {
        preluGradient(
          x[0], alpha: alpha.base, period: period, cotangent: x[1], addend: epilogue.addend, into: output, range: $0)
      }
    case .scale(let factor):
      try elements(of: step, cost) {
        scale($0.inputs.0, by: factor, addend: $0.epilogue.addend, into: $0.output, range: $1)
      }
    case .binary(let binary):
      parallel(binary.rowCount, cost) { rows, _ in binary.run(rows: rows, left: x[0], right: x[1], into: output) }
    case .selectGradient(let binary, let ofLeft):
      parallel(binary.rowCount, cost) { rows, _ in
        binary.runSelectGradient(rows: rows, left: x[0], right: x[1], cotangent: x[2], ofLeft: ofLeft, into: output)
      }
    case .reduce(let reduction):
      parallel(reduction.unitCount, cost) { units, _ in
        reduction.run(units: units, input: x[0], output: output)
      }
    case .reduceProduct(let reduction):
      parallel(reduction.unitCount, cost) { units, _ in
        reduction.runProduct(units: units, left: x[0], right: x[1], output: output)
      }
    case .scaleGradient(let scaling):
      parallel(scaling.unitCount, cost) { units, _ in
        scaling.runInputGradient(
          units: units, cotangent: x[0], scale: x[1], spread: x[2], inputGradient: output, epilogue: epilogue)
      }
    case .reduceGradient(let reduction):
      let isMax = x.count > 2
      parallel(reduction.unitCount, cost) { units, _ in
        reduction.runInputGradient(
          units: units, cotangent: x[0], input: isMax ? x[1] : nil, output: isMax ? x[2] : nil, inputGradient: output,
          epilogue: epilogue)
      }
    case .softmax(let width):
      parallel(count / width, cost) { rows, _ in softmax(x[0], into: output, count: width, rows: rows) }
    case .softmaxGradient(let width):
      parallel(count / width, cost) { rows, _ in
        softmaxGradient(output: x[0], cotangent: x[1], into: output, count: width, rows: rows)
      }
    case .logSoftmax(let width):
      parallel(count / width, cost) { rows, _ in logSoftmax(x[0], into: output, count: width, rows: rows) }
    case .logSoftmaxGradient(let width):
      parallel(count / width, cost) { rows, _ in
        logSoftmaxGradient(output: x[0], cotangent: x[1], into: output, count: width, rows: rows)
      }
    case .layerNormalization(let scale, let offset, let epsilon, let width):
      parallel(count / width, cost) { rows, _ in
        layerNormalization(
          x[0], scale: scale?.base, offset: offset?.base, epsilon: epsilon, into: output, count: width, rows: rows)
      }
    case .layerNormalizationGradient(let scale, let epsilon, let width):
      parallel(count / width, cost) { rows, _ in
        layerNormalizationGradient(
          input: x[0], scale: scale?.base, epsilon: epsilon, cotangent: x[1], into: output, count: width, rows: rows)
      }
    case .permute(let permutation):
      parallel(permutation.unitCount, cost) { units, _ in permutation.run(units: units, input: x[0], output: output) }
    case .place(let copy):
      parallel(copy.unitCount, cost) { units, _ in copy.run(units: units, source: x[0], destination: output) }
    case .gather(let gather):
      parallel(gather.unitCount, cost) { units, _ in gather.run(units: units, source: x[0], destination: output) }
    case .gatherGradient(let gather):
      parallel(gather.unitCount, cost) { units, _ in
        gather.runInputGradient(units: units, cotangent: x[0], inputGradient: output)
      }
    case .resize(let resizing):
      parallel(resizing.unitCount, cost) { units, _ in resizing.run(units: units, source: x[0], destination: output) }
    case .concatenate(let parts, let total):
      let pitch = pitches.destination > 0 ? pitches.destination : total
      let sources = step.inputs.map { plan.memory.pitches[$0] }
      parallel(count / total, cost) { rows, _ in
        for ((source, pitchOfSource), part) in zip(zip(x, sources), parts) {
          copyRows(
            from: source, stride: pitchOfSource > 0 ? pitchOfSource : part.width, to: output + part.offset, stride: pitch,
            count: part.width, rows: rows)
        }
      }
    case .slice(let part, let total):
      let pitch = pitches.source > 0 ? pitches.source : total
      let pitchOfOutput = pitches.destination > 0 ? pitches.destination : part.width
      parallel(count / part.width, cost) { rows, _ in
        copyRows(
          from: x[0] + part.offset, stride: pitch, to: output, stride: pitchOfOutput, count: part.width, rows: rows)
      }
    }
  }

  private func pitches(_ step: Step) -> Pitches {
    let all = plan.memory.pitches
    var pitches = Pitches()
    pitches.source = step.inputs.first.map { all[$0] } ?? 0
    pitches.destination = all[step.outputs[0]]
    pitches.addend = step.epilogue.addend.map { all[$0] } ?? 0
    pitches.gate = step.epilogue.gate.map { all[$0] } ?? 0
    return pitches
  }

  func resolve(_ spec: EpilogueSpec) throws -> Epilogue {
    var epilogue = Epilogue()
    epilogue.bias = spec.bias?.base
    epilogue.addend = try spec.addend.map { UnsafePointer(try pointer($0)) }
    epilogue.addsLast = spec.addsLast
    (epilogue.lowerBound, epilogue.upperBound) = (spec.lowerBound, spec.upperBound)
    epilogue.positiveOnly = spec.positiveOnly
    epilogue.gate = try spec.gate.map { UnsafePointer(try pointer($0)) }
    epilogue.gateLimit = spec.gateLimit
    epilogue.activation = spec.activation
    epilogue.derivative = try spec.derivative.map { try pointer($0) }
    epilogue.factor = try spec.factor.map { UnsafePointer(try pointer($0)) }
    return epilogue
  }

  private func indices(_ tensor: TensorID) throws -> UnsafeMutablePointer<UInt16> {
    let count = plan.counts[tensor] * 2
    return UnsafeMutableRawPointer(try pointer(tensor)).bindMemory(to: UInt16.self, capacity: count)
  }

  /// Cuts a step up where that pays: a region costs about half a microsecond, a piece of it a tenth. `cost` is the step's
  /// time in nanoseconds.
  func parallel(_ unitCount: Int, _ cost: Int, _ body: (Range<Int>, UnsafeMutablePointer<Float>?) -> Void) {
    let threads = min(threads, cost / 2000)
    let pieces = max(threads, min(threads * 8, cost / 1000))
    let grain = threads > 1 ? max(1, unitCount / pieces) : max(1, unitCount)
    let workers = arena.workers, workerCount = arena.workerFloatCount
    ThreadPool.run(unitCount: unitCount, grain: grain, threads: threads) { units, worker in
      body(units, workerCount > 0 ? workers + worker * workerCount : nil)
    }
  }

  private func elements(_ count: Int, _ cost: Int, _ body: (Range<Int>) -> Void) {
    // Whole cache lines for each thread.
    let block = 1024
    parallel((count + block - 1) / block, cost) { blocks, _ in
      body(blocks.lowerBound * block..<min(count, blocks.upperBound * block))
    }
  }
}
