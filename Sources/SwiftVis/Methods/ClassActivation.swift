extension Model {
  /// Where in the image lies what speaks for a target: Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391).
  ///
  /// The channels of a layer, each weighted by the mean of the score's gradient at it, summed; what is negative becomes 0; enlarged
  /// bilinearly.
  ///
  /// - Parameters:
  ///   - image: as for `predict`.
  ///   - target: the score that the map speaks of, `.logit(class)` for most.
  ///   - source: the layer or node whose channels are weighted; nil for the last one before the target with several positions.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, accuracy, progress.
  /// - Returns: a map of the image's height and width with one channel: 0 and more, not normalized (see ``Image/normalized()``).
  /// - Throws: ``VisError``, as `gradient`; also where the source does not lead to the target or has no positions.
  public func cam<Sample>(
    of image: Image<Sample>, target: Target = .mean, source: String? = nil, rule: BackwardRule = .plain,
    options: RunOptions = RunOptions()
  ) throws(VisError) -> Image<Float> {
    let map = try cam(of: tensor(of: image), target: target, source: source, rule: rule, options: options)
    return try Image(height: image.height, width: image.width, channels: 1, samples: map.values)
  }

  /// The class activation maps of a batch.
  ///
  /// - Parameters:
  ///   - input: (N, H, W, C), or (N, C, H, W) where the model takes that; sequences (N, L, C) do too.
  ///   - target: each sample's score.
  ///   - source: the layer or node whose channels are weighted; nil for the last one before the target with several positions.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, accuracy, progress.
  /// - Returns: (N, H, W). As in the paper each sample has its own weights.
  /// - Throws: ``VisError``, as `cam` of an image.
  public func cam(
    of input: Tensor, target: Target = .mean, source: String? = nil, rule: BackwardRule = .plain,
    options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    try asVisError {
      let inputNode = try onlyInput()
      let score = try Score(target, in: self)
      let node = try source.map { try self.node(named: $0) } ?? graph.lastWithPositions(before: score.node)
      let found = try run([input], values: [node], score: score, gradients: [node], rule: rule, options: options)
      let map = try ClassActivation.map(found.values[0], found.gradients[0], channelAxis: graph.channelAxis(of: node))
      return try map.enlarged(
        to: input.shape.removing(graph.channelAxis(of: inputNode)), name: graph.nodes[node].name)
    }
  }
}

/// A layer's channels, weighted by the gradient at them.
package enum ClassActivation {
  package enum Weighting {
    /// Each sample's own mean gradient (the paper).
    case perSample
    /// The whole batch's, divided by its largest value; one map, of the first sample (keras-vis).
    case ofBatch
  }

  /// `map` has the shape of the values without the channel axis; with one sample where the weighting is the batch's.
  package static func map(
    _ values: UnsafeBufferPointer<Float>, _ gradients: UnsafeBufferPointer<Float>, shape: [Int], channelAxis: Int,
    _ weighting: Weighting, into map: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let samples = shape.first, shape.count >= 2, channelAxis >= 1 else {
      throw VisError(.invalidArgument, "class activation map: expected a shape (N, ..., C), got \(shape)")
    }
    let axis = try ChannelAxis(shape, channelAxis, count: values.count)
    let maps = weighting == .ofBatch ? 1 : samples
    let size = values.count / samples / axis.channels
    guard gradients.count == values.count, map.count == maps * size else {
      throw VisError(
        .invalidArgument,
        "class activation map: values and gradients of \(shape) and \(maps * size) results expected, got \(values.count), "
          + "\(gradients.count) and \(map.count)")
    }
    let outer = axis.outer / samples
    for sample in 0..<maps {
      let summed = weighting == .ofBatch ? 0..<samples : sample..<sample + 1
      let scale = weighting == .ofBatch ? largest(gradients) : 1
      var weights = [Float](repeating: 0, count: axis.channels)
      for channel in weights.indices {
        var sum = 0.0
        for row in summed.lowerBound * outer..<summed.upperBound * outer {
          for inner in 0..<axis.inner { sum += Double(gradients[axis.index(row, channel, inner)]) }
        }
        weights[channel] = Float(sum / (scale * Double(summed.count * size)))
      }
      for row in 0..<outer {
        for inner in 0..<axis.inner {
          var sum = 0.0
          for channel in weights.indices {
            sum += Double(values[axis.index(sample * outer + row, channel, inner)]) * Double(weights[channel])
          }
          map[sample * size + row * axis.inner + inner] = Float(max(sum, 0))
        }
      }
    }
  }

  static func map(_ values: Tensor, _ gradients: Tensor, channelAxis: Int) throws -> Tensor {
    try Tensor(shape: values.shape.removing(channelAxis)) { map in
      try values.values.withUnsafeBufferPointer { values_ in
        try gradients.values.withUnsafeBufferPointer {
          try Self.map(values_, $0, shape: values.shape, channelAxis: channelAxis, .perSample, into: map)
        }
      }
    }
  }

  /// keras-vis divides by the largest gradient, with a small term against 0. Where all are negative that would turn the signs: there
  /// it is the largest size.
  private static func largest(_ gradients: UnsafeBufferPointer<Float>) -> Double {
    let epsilon = 1e-7
    let largest = Double(gradients.max() ?? 0) + epsilon
    return largest > 0 ? largest : Double(gradients.reduce(0) { max($0, abs($1)) }) + epsilon
  }
}

extension Tensor {
  /// Maps (N, h, w), or (N, l) of a sequence, in the size of the input's (N, H, W), bilinearly.
  fileprivate func enlarged(to size: [Int], name: String) throws -> Tensor {
    guard shape.count == size.count, (2...3).contains(size.count) else {
      throw VisError(
        .invalidArgument,
        "a map of '\(name)', of size \(shape.dropFirst()), cannot be laid over an image of size \(size.dropFirst())")
    }
    // A sequence is an image of one column.
    let (height, width) = (shape[1], shape.count > 2 ? shape[2] : 1)
    let (newHeight, newWidth) = (size[1], size.count > 2 ? size[2] : 1)
    return try Tensor(shape: size) { enlarged in
      try values.withUnsafeBufferPointer { maps in
        for sample in 0..<size[0] {
          let (source, target) = (sample * height * width, sample * newHeight * newWidth)
          try Resize.bilinear(
            UnsafeBufferPointer(rebasing: maps[source..<source + height * width]), height: height, width: width, channels: 1,
            into: UnsafeMutableBufferPointer(rebasing: enlarged[target..<target + newHeight * newWidth]), height: newHeight,
            width: newWidth)
        }
      }
    }
  }
}
