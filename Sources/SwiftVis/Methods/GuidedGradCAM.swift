extension Model {
  /// Guided Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): the gradient by guided backpropagation times the class activation
  /// map. Fine as the one, and about one class as the other.
  ///
  /// - Parameters:
  ///   - image: as for `predict`.
  ///   - target: the score that the map speaks of, `.logit(class)` for most.
  ///   - source: the layer or node whose channels are weighted; nil for the last one before the target with several positions.
  ///   - options: threads, accuracy, progress.
  /// - Returns: an image of the same size, signed and not normalized; ``Image/picture(of:)`` draws it.
  /// - Throws: ``VisError``, as `cam`.
  public func guidedGradCAM<Sample>(
    of image: Image<Sample>, target: Target = .mean, source: String? = nil, options: RunOptions = RunOptions()
  ) throws(VisError) -> Image<Float> {
    try self.image(of: guidedGradCAM(of: tensor(of: image), target: target, source: source, options: options))
  }

  /// Guided Grad-CAM of a batch.
  ///
  /// - Parameters:
  ///   - input: (N, H, W, C), or (N, C, H, W) where the model takes that.
  ///   - target: each sample's score.
  ///   - source: the layer or node whose channels are weighted; nil for the last one before the target with several positions.
  ///   - options: threads, accuracy, progress.
  /// - Returns: a tensor of the shape of the input.
  /// - Throws: ``VisError``, as `cam`.
  public func guidedGradCAM(
    of input: Tensor, target: Target = .mean, source: String? = nil, options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    let maps = try cam(of: input, target: target, source: source, options: options.part(0, of: 2))
    var product = try gradient(of: input, target: target, rule: .guided, options: options.part(1, of: 2))
    return try asVisError {
      let axis = try ChannelAxis(input.shape, graph.channelAxis(of: onlyInput()), count: product.values.count)
      for outer in 0..<axis.outer {
        for inner in 0..<axis.inner {
          let factor = maps.values[outer * axis.inner + inner]
          for channel in 0..<axis.channels { product.values[axis.index(outer, channel, inner)] *= factor }
        }
      }
      return product
    }
  }
}
