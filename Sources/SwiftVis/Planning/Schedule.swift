/// The steps that are really needed, in order, and the times at which tensors live. Time 0 is when inputs arrive; the forward steps
/// follow; at the turn values leave and cotangents arrive; then come the backward steps; at the end gradients leave.
struct Schedule {
  let steps: [Step]
  let forwardCount: Int

  var turn: Int { forwardCount + 1 }
  var end: Int { steps.count + 2 }
  func time(ofStep index: Int) -> Int { index < forwardCount ? index + 1 : index + 2 }

  /// Drops steps from which nothing needed follows.
  init(_ steps: [Step], forwardCount: Int, needed: Set<TensorID>) {
    var needed = needed
    var kept: [Step] = []
    var keptForward = 0
    for (index, step) in steps.enumerated().reversed() where !needed.isDisjoint(with: step.outputs) {
      needed.formUnion(step.reads)
      kept.append(step)
      if index < forwardCount { keptForward += 1 }
    }
    self.steps = kept.reversed()
    self.forwardCount = keptForward
  }

  init(_ slicing: Slicing) { (steps, forwardCount) = (slicing.steps, slicing.forwardCount) }

  /// From the step that writes a tensor to the last that reads it. With `keepsForward`, what backward steps read of the forward pass
  /// lives to the end, so that they can run again.
  func lifetimes(tensorCount: Int, keepsForward: Bool) -> [MemoryPlanner.Lifetime?] {
    var lifetimes = [MemoryPlanner.Lifetime?](repeating: nil, count: tensorCount)
    for (index, step) in steps.enumerated() {
      for tensor in step.outputs + step.reads { lifetimes[tensor].extend(to: time(ofStep: index)) }
    }
    if keepsForward {
      for tensor in lifetimes.indices {
        if let life = lifetimes[tensor], life.first < turn, life.last > turn { lifetimes[tensor].extend(to: end) }
      }
    }
    return lifetimes
  }

  var takeovers: [MemoryPlanner.Takeover] {
    steps.enumerated().map {
      .init(step: time(ofStep: $0), output: $1.outputs[0], candidates: $1.inPlaceCandidates, reads: $1.reads)
    }
  }
}

extension Optional where Wrapped == MemoryPlanner.Lifetime {
  mutating func extend(to time: Int) {
    self = .init(first: Swift.min(self?.first ?? time, time), last: Swift.max(self?.last ?? time, time))
  }
}
