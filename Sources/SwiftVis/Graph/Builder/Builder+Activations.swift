// Activations and normalization.

extension Graph.Builder {
  /// An activation as a layer of its own.
  public mutating func activation(_ input: Value, _ activation: Activation, name: String? = nil) -> Value {
    layer("Activation", .activation(activation), [input], name: name)
  }

  /// Keras's ReLU: x where it reaches the threshold, and no more than `maxValue`; below, `negativeSlope` * (x - threshold).
  ///
  /// - Parameters:
  ///   - input: of the layer.
  ///   - maxValue: not negative; nil for no limit.
  ///   - negativeSlope: below the threshold.
  ///   - threshold: where it bends.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func relu(
    _ input: Value, maxValue: Float? = nil, negativeSlope: Float = 0, threshold: Float = 0, name: String? = nil
  ) -> Value {
    layer(
      "ReLU", .activation(.relu(maxValue: maxValue, negativeSlope: negativeSlope, threshold: threshold)), [input], name: name
    )
  }

  /// ReLU with a slope of its own for negative values at each place. `alpha` has the input's shape without the batch, sizes equal or 1.
  public mutating func prelu(_ input: Value, alpha: Tensor, name: String? = nil) -> Value {
    layer("PReLU", .prelu, [input], weights: ["alpha": alpha], name: name)
  }

  /// Softmax over the last axis.
  public mutating func softmax(_ input: Value, name: String? = nil) -> Value {
    layer("Softmax", .softmax, [input], name: name)
  }

  /// The logarithm of the softmax over the last axis.
  public mutating func logSoftmax(_ input: Value, name: String? = nil) -> Value {
    layer("LogSoftmax", .logSoftmax, [input], name: name)
  }

  /// x * scale + offset. Both have one value for each channel, the last axis, or one for all.
  public mutating func affine(_ input: Value, scale: Tensor, offset: Tensor, name: String? = nil) -> Value {
    layer("Affine", .affine, [input], weights: ["scale": scale, "offset": offset], name: name)
  }

  /// Batch normalization at inference: gamma * (x - mean) / sqrt(variance + epsilon) + beta, folded into an `affine` in float64.
  ///
  /// - Parameters:
  ///   - input: of the layer.
  ///   - gamma: (C); nil for ones.
  ///   - beta: (C); nil for zeros.
  ///   - mean: (C), of the training data.
  ///   - variance: (C), of the training data; not negative.
  ///   - epsilon: added to the variance.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func batchNormalization(
    _ input: Value, gamma: Tensor? = nil, beta: Tensor? = nil, mean: Tensor, variance: Tensor, epsilon: Double = 0.001,
    name: String? = nil
  ) -> Value {
    let name = name ?? unusedName("batch_normalization")
    do {
      let (scale, offset) = try folded(gamma, beta, mean, variance, epsilon)
      return layer("BatchNormalization", .affine, [input], weights: ["scale": scale, "offset": offset], name: name)
    } catch {
      fail("batch normalization '\(name)': \(error.message)")
      return input
    }
  }

  /// Throws `invalidArgument` where the four do not fit each other or give a value that is not finite.
  private func folded(
    _ gamma: Tensor?, _ beta: Tensor?, _ mean: Tensor, _ variance: Tensor, _ epsilon: Double
  ) throws(VisError) -> (scale: Tensor, offset: Tensor) {
    for (name, tensor) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance)] {
      guard let tensor, tensor.shape != [mean.values.count] else { continue }
      throw VisError(.invalidArgument, "\(name) should be [\(mean.values.count)], got \(tensor.shape)")
    }
    var scales: [Float] = [], offsets: [Float] = []
    for channel in mean.values.indices {
      let scale = Double(gamma?.values[channel] ?? 1) / (Double(variance.values[channel]) + epsilon).squareRoot()
      scales.append(Float(scale))
      offsets.append(Float(Double(beta?.values[channel] ?? 0) - Double(mean.values[channel]) * scale))
    }
    guard (scales + offsets).allSatisfy(\.isFinite) else {
      throw VisError(.invalidArgument, "a variance is negative, or a value is not finite")
    }
    return (try Tensor(shape: mean.shape, values: scales), try Tensor(shape: mean.shape, values: offsets))
  }

  /// Brings each place's channels to the mean 0 and the variance 1, then scales and shifts them. `scale` and `offset` are (C).
  public mutating func layerNormalization(
    _ input: Value, scale: Tensor? = nil, offset: Tensor? = nil, epsilon: Double = 0.001, name: String? = nil
  ) -> Value {
    layer(
      "LayerNormalization", .layerNormalization(epsilon: epsilon), [input], weights: ["scale": scale, "offset": offset],
      name: name)
  }
}
