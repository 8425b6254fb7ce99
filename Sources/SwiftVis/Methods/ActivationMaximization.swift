/// One step of an optimization.
public struct OptimizationStep: Sendable {
  /// Counted from 0.
  public let index: Int
  /// The weighted losses for ``image``, by name. Those without a weight are left out.
  public let losses: [(name: String, value: Float)]
  /// Their sum.
  public let loss: Float
  /// What the network was shown: a batch, before this step changes it.
  public let image: Tensor
  /// The gradient of the sum there, divided by its l2 norm.
  public let gradient: Tensor
}

extension Model {
  /// The image that a target responds to most (Simonyan et al. 2014, arXiv:1312.6034), by gradient descent on minus its activation
  /// and the regularizers.
  ///
  /// Of a classifier take the score before the softmax, ``Target/logit(_:of:)``: a softmax also grows where the other classes shrink.
  ///
  /// ```swift
  /// let image = try model.maximizeActivation(of: .logit(967), range: -1...1, jitter: 16)
  /// let picture = image.bytes(from: -1...1)
  /// ```
  ///
  /// - Parameters:
  ///   - target: what should respond.
  ///   - seed: the image to start from; nil for noise around the middle of the range.
  ///   - steps: at least 1.
  ///   - regularizers: what keeps the image natural; their weights say how much.
  ///   - range: of images as the network takes them: of the noise, and of the result.
  ///   - jitter: the image is shifted by a random distance before each step, which makes it crisper; this is the largest one in each
  ///     direction: below 1 a share of the image's size, otherwise pixels.
  ///   - randomSeed: of the noise and the jitter. With the same one the result is the same.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, accuracy, progress.
  ///   - onStep: called in each step, before the image is changed. What it throws ends the optimization.
  /// - Returns: the image after the step that began with the smallest loss: its mean in the middle of the range, its deviation a tenth
  ///   of it, the rest clipped.
  /// - Throws: ``VisError`` of kind `invalidArgument` where the input is no image or its size is open and no image is given, for an
  ///   unknown layer or filter, a number out of its range, or where the loss becomes infinite or NaN; `cancelled` where the task was
  ///   cancelled; `callbackFailed` where a function of yours threw.
  public func maximizeActivation(
    of target: Target, from seed: Image<Float>? = nil, steps: Int = 200,
    regularizers: [Loss] = [.lpNorm(), .totalVariation()], range: ClosedRange<Float> = 0...255, jitter: Double = 0,
    randomSeed: UInt64 = 0, rule: BackwardRule = .plain, options: RunOptions = RunOptions(),
    onStep: (OptimizationStep) throws -> Void = { _ in }
  ) throws(VisError) -> Image<Float> {
    let size = range.upperBound - range.lowerBound
    guard size > 0, size.isFinite else { throw VisError(.invalidArgument, "range: \(range) is empty or not finite") }
    let start = if let seed { try tensor(of: seed) } else { try noise(range, seed: randomSeed) }
    let found = try minimize(
      [.activation(of: target)] + regularizers, from: start, steps: steps, jitter: jitter, randomSeed: randomSeed,
      rule: rule, options: options, onStep: onStep)
    let picture = try asVisError {
      try Tensor(shape: found.shape) { picture in
        try found.values.withUnsafeBufferPointer {
          try Deprocessing.apply($0, to: Double(range.lowerBound)...Double(range.upperBound), into: picture)
        }
      }
    }
    return try image(of: picture)
  }

  /// Makes a weighted sum of losses small by changing the input: gradient descent with RMSProp (decay 0.95, rate 1), on the gradient
  /// divided by its l2 norm.
  ///
  /// - Parameters:
  ///   - losses: those with the weight 0 are left out. A batch has one value of each.
  ///   - input: what to start from: (N, ...), as the model's only input takes it.
  ///   - steps: as for `maximizeActivation`.
  ///   - jitter: as for `maximizeActivation`.
  ///   - randomSeed: as for `maximizeActivation`.
  ///   - rule: as for `maximizeActivation`.
  ///   - options: threads, accuracy, progress.
  ///   - onStep: as for `maximizeActivation`.
  /// - Returns: the batch after the step that began with the smallest loss, as it is.
  /// - Throws: ``VisError``, as `maximizeActivation`; also where no loss has a weight.
  public func minimize(
    _ losses: [Loss], from input: Tensor, steps: Int = 200, jitter: Double = 0, randomSeed: UInt64 = 0,
    rule: BackwardRule = .plain, options: RunOptions = RunOptions(), onStep: (OptimizationStep) throws -> Void = { _ in }
  ) throws(VisError) -> Tensor {
    try asVisError {
      guard steps >= 1 else { throw VisError(.invalidArgument, "steps: \(steps) is below 1") }
      let objective = try Objective(losses, of: self, shape: input.shape)
      let axes = graph.channelAxis(of: 0) == 1 ? 2..<max(input.shape.count, 2) : 1..<max(input.shape.count - 1, 1)
      let jitter = try Jitter(jitter, shape: input.shape, axes: axes)
      func descend(_ run: Run?) throws -> Tensor {
        var run = run
        var random = SplitMix64(seed: randomSeed)
        var image = input, meanSquare = try Tensor(zeros: input.shape), best = (loss: Float.infinity, image: input)
        for index in 0..<steps {
          if Task.isCancelled { throw VisError(.cancelled, "the task was cancelled") }
          image = try jitter.moved(image, using: &random)
          var (values, gradient) = try objective.evaluate(image, &run)
          let loss = values.reduce(0) { $0 + $1.value }
          guard loss.isFinite else {
            let list = values.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
            throw VisError(.invalidArgument, "the loss is \(loss) in step \(index + 1): \(list)")
          }
          try gradient.values.withUnsafeMutableBufferPointer {
            try GradientDescent.normalize(UnsafeBufferPointer($0), into: $0)
          }
          try onStep(OptimizationStep(index: index, losses: values, loss: loss, image: image, gradient: gradient))
          try move(&image, down: gradient, &meanSquare)
          if loss < best.loss { best = (loss, image) }
        }
        return best.image
      }
      let nodes = objective.nodes
      guard !nodes.isEmpty else { return try descend(nil) }
      let wish = Run.Wish(values: nodes, cotangents: nodes, gradients: [0], repetitions: steps)
      return try withRun([input], wish, rule: rule, options: options) { try descend($0) }
    }
  }

  private func move(_ image: inout Tensor, down gradient: Tensor, _ meanSquare: inout Tensor) throws {
    try gradient.values.withUnsafeBufferPointer { gradient in
      try meanSquare.values.withUnsafeMutableBufferPointer { meanSquare in
        try image.values.withUnsafeMutableBufferPointer {
          try GradientDescent.rmsprop(gradient, meanSquare: meanSquare, of: UnsafeBufferPointer($0), into: $0)
        }
      }
    }
  }

  /// One sample of noise, as keras-vis starts with: its deviation is a twentieth of the range.
  private func noise(_ range: ClosedRange<Float>, seed: UInt64) throws(VisError) -> Tensor {
    try asVisError {
      let node = graph.nodes[try onlyInput()]
      let sizes = node.shape.dropFirst().compactMap { $0 }
      guard node.shape.count == 4, sizes.count == 3 else {
        throw VisError(
          .invalidArgument,
          "input '\(node.name)' takes \(ShapeInference.text(node.shape)): give an image to start from")
      }
      let size = range.upperBound - range.lowerBound
      var random = SplitMix64(seed: ~seed)
      return try random.noise([1] + sizes, mean: range.lowerBound + size / 2, deviation: size / 20)
    }
  }
}
