import SwiftVis

/// Layers with random weights, named as users know them.
extension Network {
  mutating func conv(
    _ x: String, filters: Int, kernel: (Int, Int) = (3, 3), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), groups: Int = 1, bias: Bool = true
  ) -> String {
    var attributes = attributes(strides, padding, dilations)
    attributes.groups = groups
    let inputs = channels(x) / groups
    return add(
      .convolution(attributes), [x],
      weights: kernelAndBias([kernel.0, kernel.1, inputs, filters], sum: kernel.0 * kernel.1 * inputs, bias ? filters : nil))
  }

  mutating func depthwise(
    _ x: String, multiplier: Int = 1, kernel: (Int, Int) = (3, 3), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), bias: Bool = true
  ) -> String {
    let channels = channels(x)
    return add(
      .depthwiseConvolution(attributes(strides, padding, dilations)), [x],
      weights: kernelAndBias(
        [kernel.0, kernel.1, channels, multiplier], sum: kernel.0 * kernel.1, bias ? channels * multiplier : nil))
  }

  mutating func transposed(
    _ x: String, filters: Int, kernel: (Int, Int) = (3, 3), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), outputPadding: Extent2D? = nil, bias: Bool = true
  ) -> String {
    add(
      .transposedConvolution(attributes(strides, padding, dilations), outputPadding: outputPadding), [x],
      weights: kernelAndBias(
        [kernel.0, kernel.1, filters, channels(x)], sum: kernel.0 * kernel.1 * channels(x), bias ? filters : nil))
  }

  mutating func dense(_ x: String, units: Int, bias: Bool = true) -> String {
    add(.dense, [x], weights: kernelAndBias([channels(x), units], sum: channels(x), bias ? units : nil))
  }

  mutating func affine(_ x: String, scalar: Bool = false) -> String {
    let shape = [scalar ? 1 : channels(x)]
    return add(
      .affine, [x], weights: ["scale": random.tensor(shape, scale: 1.5), "offset": random.tensor(shape, scale: 0.5)])
  }

  mutating func activation(_ x: String, _ activation: Activation) -> String { add(.activation(activation), [x]) }
  mutating func relu(_ x: String, max: Float? = nil, slope: Float = 0, threshold: Float = 0) -> String {
    activation(x, .relu(maxValue: max, negativeSlope: slope, threshold: threshold))
  }

  mutating func prelu(_ x: String, sharing axes: [Int] = []) -> String {
    let sizes = shape(x).enumerated().dropFirst().map { axes.contains($0) ? 1 : $1 }
    return add(.prelu, [x], weights: ["alpha": random.tensor(sizes, scale: 0.5)])
  }

  mutating func product(_ a: String, _ b: String, _ transposesLeft: Bool = false, _ transposesRight: Bool = false) -> String
  {
    add(.matrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight), [a, b])
  }

  /// `shape` is without the batch.
  mutating func constant(_ shape: [Int]) -> String { add(.constant, [], weights: ["value": random.tensor(shape)]) }

  mutating func merge(_ kind: Merge, _ inputs: String...) -> String { add(.merge(kind), inputs) }

  mutating func pool(
    _ x: String, _ kind: Pool2DAttributes.Kind, size: (Int, Int) = (2, 2), strides: (Int, Int)? = nil,
    padding: Padding = .valid, dilations: (Int, Int) = (1, 1), countIncludesPadding: Bool = false
  ) -> String {
    var attributes = Pool2DAttributes(kind: kind)
    attributes.size = Extent2D(size.0, size.1)
    attributes.strides = strides.map { Extent2D($0.0, $0.1) } ?? attributes.size
    attributes.padding = padding
    attributes.dilations = Extent2D(dilations.0, dilations.1)
    attributes.countIncludesPadding = countIncludesPadding
    return add(.pool(attributes), [x])
  }

  mutating func globalAverage(_ x: String) -> String { add(.reduce(.mean, axes: [1, 2], keepDims: false), [x]) }

  mutating func normalization(_ x: String, epsilon: Double = 1e-3, scale: Bool = true, offset: Bool = true) -> String {
    let shape = [channels(x)]
    var weights: [String: Tensor] = [:]
    if scale { weights["scale"] = random.tensor(shape) }
    if offset { weights["offset"] = random.tensor(shape) }
    return add(.layerNormalization(epsilon: epsilon), [x], weights: weights)
  }

  private func attributes(_ strides: (Int, Int), _ padding: Padding, _ dilations: (Int, Int)) -> Convolution2DAttributes {
    var attributes = Convolution2DAttributes()
    attributes.strides = Extent2D(strides.0, strides.1)
    attributes.padding = padding
    attributes.dilations = Extent2D(dilations.0, dilations.1)
    return attributes
  }

  /// Scaled by the number of products in a sum, so that deep networks stay in range.
  private mutating func kernelAndBias(_ shape: [Int], sum: Int, _ filters: Int?) -> [String: Tensor] {
    var weights = ["kernel": random.tensor(shape, scale: 2 / Double(sum).squareRoot())]
    if let filters { weights["bias"] = random.tensor([filters], scale: 0.5) }
    return weights
  }
}
