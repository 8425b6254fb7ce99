// Layers with a kernel, and products of matrices.

extension Graph.Builder {
  /// A convolution in two dimensions. Axes between the batch and the height are images apart, as the batch is.
  ///
  /// - Parameters:
  ///   - input: (N, ..., H, W, C).
  ///   - kernel: (height, width, C / groups, filters).
  ///   - bias: (filters).
  ///   - strides: from window to window: (down, right).
  ///   - padding: at the image's edges.
  ///   - dilations: from tap to tap of the kernel: (down, right).
  ///   - groups: the channels are cut into as many parts, each of which sees its share of the filters.
  ///   - activation: of the output.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func convolution(
    _ input: Value, kernel: Tensor, bias: Tensor? = nil, strides: (Int, Int) = (1, 1), padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), groups: Int = 1, activation: Activation = .linear, name: String? = nil
  ) -> Value {
    var attributes = Convolution2DAttributes(strides, padding, dilations)
    attributes.groups = groups
    return layer(
      "Conv2D", .convolution(attributes), input, weights: ["kernel": kernel, "bias": bias], activation: activation,
      name: name)
  }

  /// A convolution of each channel with filters of its own.
  ///
  /// - Parameters:
  ///   - input: (N, ..., H, W, C).
  ///   - kernel: (height, width, C, multiplier).
  ///   - bias: (C * multiplier).
  ///   - strides: from window to window: (down, right).
  ///   - padding: at the image's edges.
  ///   - dilations: from tap to tap of the kernel: (down, right).
  ///   - activation: of the output.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func depthwiseConvolution(
    _ input: Value, kernel: Tensor, bias: Tensor? = nil, strides: (Int, Int) = (1, 1), padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), activation: Activation = .linear, name: String? = nil
  ) -> Value {
    layer(
      "DepthwiseConv2D", .depthwiseConvolution(Convolution2DAttributes(strides, padding, dilations)), input,
      weights: ["kernel": kernel, "bias": bias], activation: activation, name: name)
  }

  /// A transposed convolution, which enlarges the image by its strides.
  ///
  /// - Parameters:
  ///   - input: (N, ..., H, W, C).
  ///   - kernel: (height, width, filters, C).
  ///   - bias: (filters).
  ///   - strides: from window to window: (down, right).
  ///   - padding: at the image's edges.
  ///   - dilations: from tap to tap of the kernel: (down, right).
  ///   - outputPadding: rows and columns added at the end; nil for the model format's default sizes.
  ///   - activation: of the output.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func transposedConvolution(
    _ input: Value, kernel: Tensor, bias: Tensor? = nil, strides: (Int, Int) = (1, 1), padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), outputPadding: (Int, Int)? = nil, activation: Activation = .linear, name: String? = nil
  ) -> Value {
    layer(
      "Conv2DTranspose",
      .transposedConvolution(
        Convolution2DAttributes(strides, padding, dilations), outputPadding: outputPadding.map { Extent2D($0.0, $0.1) }),
      input, weights: ["kernel": kernel, "bias": bias], activation: activation, name: name)
  }

  /// A matrix product with a kernel, over the last axis.
  ///
  /// - Parameters:
  ///   - input: (N, ..., C).
  ///   - kernel: (C, units).
  ///   - bias: (units).
  ///   - activation: of the output.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func dense(
    _ input: Value, kernel: Tensor, bias: Tensor? = nil, activation: Activation = .linear, name: String? = nil
  ) -> Value {
    layer("Dense", .dense, input, weights: ["kernel": kernel, "bias": bias], activation: activation, name: name)
  }

  /// The product of matrices that lie in the last two axes; other sizes are equal or 1.
  ///
  /// - Parameters:
  ///   - left: (N, ..., M, K).
  ///   - right: (N, ..., K, L).
  ///   - transposesLeft: whether the left one's last two axes change places first.
  ///   - transposesRight: the same for the right one.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func matrixProduct(
    _ left: Value, _ right: Value, transposesLeft: Bool = false, transposesRight: Bool = false, name: String? = nil
  ) -> Value {
    layer(
      "MatMul", .matrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight), [left, right], name: name)
  }

  /// The same value for every sample, which is no layer. `value` is without the batch axis.
  public mutating func constant(_ value: Tensor, name: String? = nil) -> Value {
    node(.constant, [], weights: ["value": value], name: name)
  }
}

extension Convolution2DAttributes {
  fileprivate init(_ strides: (Int, Int), _ padding: Padding, _ dilations: (Int, Int)) {
    self.init()
    self.strides = Extent2D(strides.0, strides.1)
    self.padding = padding
    self.dilations = Extent2D(dilations.0, dilations.1)
  }
}
