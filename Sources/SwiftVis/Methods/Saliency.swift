/// How the channels of a gradient become one value a pixel.
public enum ChannelReduction: Sendable {
  /// The largest |g| (Simonyan et al. 2013).
  case maximum
  /// The sum of |g|, which is smoother on colour images (Smilkov et al. 2017, arXiv:1706.03825).
  case sum
}

extension Model {
  /// The size of the gradient at each pixel: the saliency map of Simonyan et al. 2013, arXiv:1312.6034.
  ///
  /// - Parameters:
  ///   - image: as for `predict`.
  ///   - target: the score whose gradient is taken, `.logit(class)` for most.
  ///   - rule: how activations pass the gradient back.
  ///   - reduction: over the channels.
  ///   - options: threads, accuracy, progress.
  /// - Returns: a map of the image's height and width with one channel: 0 and more, not normalized (see ``Image/normalized()``).
  /// - Throws: ``VisError``, as `gradient`.
  public func saliency<Sample>(
    of image: Image<Sample>, target: Target = .mean, rule: BackwardRule = .plain, reduction: ChannelReduction = .maximum,
    options: RunOptions = RunOptions()
  ) throws(VisError) -> Image<Float> {
    let map = try saliency(of: tensor(of: image), target: target, rule: rule, reduction: reduction, options: options)
    return try Image(height: image.height, width: image.width, channels: 1, samples: map.values)
  }

  /// The saliency maps of a batch.
  ///
  /// - Parameters:
  ///   - input: (N, H, W, C), or (N, C, H, W) where the model takes that.
  ///   - target: each sample's score.
  ///   - rule: how activations pass the gradient back.
  ///   - reduction: over the channels.
  ///   - options: threads, accuracy, progress.
  /// - Returns: (N, H, W). Each sample's map is its own, whatever else is in the batch.
  /// - Throws: ``VisError``, as `gradient`.
  public func saliency(
    of input: Tensor, target: Target = .mean, rule: BackwardRule = .plain, reduction: ChannelReduction = .maximum,
    options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    let gradient = try gradient(of: input, target: target, rule: rule, options: options)
    return try asVisError {
      try SaliencyMap.of(gradient, channelAxis: graph.channelAxis(of: try onlyInput()), reduction)
    }
  }
}

/// One value a pixel from a gradient's channels.
package enum SaliencyMap {
  package enum Reduction { case maximum, maximumOfAbsolutes, sumOfAbsolutes }

  static func of(_ gradient: Tensor, channelAxis: Int, _ reduction: ChannelReduction) throws -> Tensor {
    try Tensor(shape: gradient.shape.removing(channelAxis)) { map in
      try gradient.values.withUnsafeBufferPointer {
        try reduce(
          $0, shape: gradient.shape, channelAxis: channelAxis,
          reduction == .sum ? .sumOfAbsolutes : .maximumOfAbsolutes, into: map)
      }
    }
  }

  /// `map` has the gradient's shape without the channel axis.
  package static func reduce(
    _ gradient: UnsafeBufferPointer<Float>, shape: [Int], channelAxis: Int, _ reduction: Reduction,
    into map: UnsafeMutableBufferPointer<Float>
  ) throws {
    let axis = try ChannelAxis(shape, channelAxis, count: gradient.count)
    guard map.count * axis.channels == gradient.count else {
      throw VisError(.invalidArgument, "saliency map: \(shape) needs \(axis.outer * axis.inner) values, got \(map.count)")
    }
    for outer in 0..<axis.outer {
      for inner in 0..<axis.inner {
        var value = reduction == .maximum ? -Float.infinity : 0
        for channel in 0..<axis.channels {
          let element = gradient[axis.index(outer, channel, inner)]
          switch reduction {
          case .maximum: if element > value || element.isNaN { value = element }
          case .maximumOfAbsolutes: if abs(element) > value || element.isNaN { value = abs(element) }
          case .sumOfAbsolutes: value += abs(element)
          }
        }
        map[outer &* axis.inner &+ inner] = value
      }
    }
  }
}

/// The channels of a tensor, and what lies around them in memory.
struct ChannelAxis {
  let outer: Int, channels: Int, inner: Int

  init(_ shape: [Int], _ axis: Int, count: Int) throws {
    guard shape.indices.contains(axis) else {
      throw VisError(.invalidArgument, "there is no channel axis \(axis) in the shape \(shape)")
    }
    try checkMap("a tensor", shape, count: count)
    (outer, channels, inner) = (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
  }

  func index(_ outer: Int, _ channel: Int, _ inner: Int) -> Int { (outer &* channels &+ channel) &* self.inner &+ inner }
}

extension [Int] {
  /// A shape without one of its axes.
  func removing(_ axis: Int) -> [Int] {
    var shape = self
    shape.remove(at: axis)
    return shape
  }
}
