import SwiftVis
import Testing

/// The reference against numbers worked out by hand, or well known from TensorFlow.
@Suite struct ReferenceTests {
  private func row(_ values: Double...) -> Tensor { Tensor([1, 1, values.count, 1], values) }
  private let digits = Tensor([1, 3, 1, 1], [1, 10, 100])

  private func attributes(_ stride: Int, _ padding: Padding, dilation: Int = 1) -> Convolution2DAttributes {
    var attributes = Convolution2DAttributes()
    attributes.strides = Extent2D(1, stride)
    attributes.dilations = Extent2D(1, dilation)
    attributes.padding = padding
    return attributes
  }

  @Test func samePaddingPutsTheOddPixelRight() {
    let y = Reference.convolution(row(1, 2, 3, 4), kernel: digits, bias: nil, attributes(2, .same))
    #expect(y.values == [321, 43])
    let dense = Reference.convolution(row(1, 2, 3, 4), kernel: digits, bias: nil, attributes(1, .same))
    #expect(dense.values == [210, 321, 432, 43])
  }

  @Test func dilationAndExplicitPadding() {
    let dilated = Reference.convolution(row(1, 2, 3, 4, 5, 6), kernel: digits, bias: nil, attributes(1, .valid, dilation: 2))
    #expect(dilated.values == [531, 642])
    let padding = Padding.explicit(vertical: EdgePair(0, 0), horizontal: EdgePair(2, 0))
    let padded = Reference.convolution(row(1, 2, 3), kernel: digits, bias: Tensor([1], [0.5]), attributes(1, padding))
    #expect(padded.values == [100.5, 210.5, 321.5])
  }

  @Test func groupsAndDepthwiseAgree() {
    let x = Tensor([1, 1, 1, 4], [1, 2, 3, 4])
    var attributes = Convolution2DAttributes()
    attributes.groups = 2
    let y = Reference.convolution(x, kernel: Tensor([1, 1, 2, 2], [1, 2, 10, 20]), bias: nil, attributes)
    #expect(y.values == [21, 86])
    let depthwise = Reference.depthwiseConvolution(
      Tensor([1, 1, 1, 2], [1, 2]), kernel: Tensor([1, 1, 2, 2], [1, 10, 100, 1000]), bias: nil, Convolution2DAttributes())
    #expect(depthwise.values == [1, 10, 200, 2000])
  }

  @Test func transposedConvolution() {
    func values(_ stride: Int, _ padding: Padding, _ outputPadding: Extent2D? = nil) -> [Double] {
      Reference.transposedConvolution(
        row(1, 2), kernel: digits, bias: nil, attributes(stride, padding), outputPadding: outputPadding
      ).values
    }
    #expect(values(2, .valid) == [1, 10, 102, 20, 200])
    #expect(values(2, .same) == [1, 10, 102, 20])
    #expect(values(4, .valid) == [1, 10, 100, 0, 2, 20, 200, 0])
    #expect(values(2, .same, Extent2D(0, 0)) == [10, 102, 20])
    #expect(values(2, .explicit(vertical: EdgePair(0, 0), horizontal: EdgePair(1, 1))) == [10, 102, 20])
    #expect(values(2, .valid, Extent2D(0, 1)) == [1, 10, 102, 20, 200, 0])
  }

  @Test func pooling() {
    var attributes = Pool2DAttributes(kind: .average)
    attributes.size = Extent2D(1, 2)
    attributes.strides = Extent2D(1, 2)
    attributes.padding = .same
    #expect(Reference.pool(row(1, 2, 5), attributes).values == [1.5, 5])
    attributes.countIncludesPadding = true
    #expect(Reference.pool(row(1, 2, 5), attributes).values == [1.5, 2.5])
    attributes.kind = .max
    #expect(Reference.pool(row(-1, -2, -5), attributes).values == [-1, -5])
  }

  @Test func resizing() {
    func values(_ interpolation: ResizeAttributes.Interpolation, _ coordinates: ResizeAttributes.Coordinates) -> [Double] {
      var attributes = ResizeAttributes(target: .size(Extent2D(1, 4)))
      attributes.interpolation = interpolation
      attributes.coordinates = coordinates
      return Reference.resize(row(0, 3), attributes).values
    }
    #expect(values(.bilinear, .halfPixel) == [0, 0.75, 2.25, 3])
    #expect(values(.bilinear, .asymmetric) == [0, 1.5, 3, 3])
    #expect(values(.bilinear, .alignCorners) == [0, 1, 2, 3])
    #expect(values(.nearest, .halfPixel) == [0, 0, 3, 3])
    #expect(values(.nearest, .asymmetric) == [0, 0, 3, 3])
    #expect(values(.nearest, .alignCorners) == [0, 0, 3, 3])
  }

  @Test func movement() {
    let x = Tensor([1, 2, 3], [1, 2, 3, 4, 5, 6])
    #expect(Reference.permute(x, [0, 2, 1]) == Tensor([1, 3, 2], [1, 4, 2, 5, 3, 6]))
    #expect(Reference.pad(x, [EdgePair(-1, 0), EdgePair(1, -2)]) == Tensor([1, 1, 2], [0, 4]))
    #expect(Reference.concatenate([x, x], axis: 1).shape == [1, 4, 3])
    #expect(Reference.concatenate([x, Tensor([1, 2, 1], [7, 8])], axis: -1).values == [1, 2, 3, 7, 4, 5, 6, 8])
    #expect(Reference.reshape(x, [3, -1]).shape == [1, 3, 2])
    #expect(Reference.reduce(x, .mean, axes: [2], keepDims: false) == Tensor([1, 2], [2, 5]))
    #expect(Reference.reduce(x, .max, axes: [1], keepDims: true) == Tensor([1, 1, 3], [4, 5, 6]))
    #expect(Reference.merge([x, Tensor([1, 2, 1], [10, 20])], .add).values == [11, 12, 13, 24, 25, 26])
    #expect(Reference.merge([x, x, x], .average) == x)
  }

  @Test func rows() {
    let y = Reference.softmax(Tensor([1, 2], [0, 1]))
    #expect(abs(y.values[1] - 0.7310585786300049) < 1e-15)
    let normal = Reference.layerNormalization(Tensor([1, 2], [1, 3]), scale: nil, offset: nil, epsilon: 0)
    #expect(normal.values == [-1, 1])
    #expect(
      Reference.dense(Tensor([1, 2], [1, 2]), kernel: Tensor([2, 1], [3, 4]), bias: Tensor([1], [5])).values == [16])
  }

  @Test func activations() {
    func value(_ activation: Activation, _ x: Double) -> Double { Reference.value(activation, x) }
    let relu = Activation.relu(maxValue: 6, negativeSlope: 0.5, threshold: 1)
    #expect([-1, 0.5, 1, 3, 8].map { value(relu, $0) } == [-1, -0.25, 1, 3, 6])
    #expect(abs(value(.gelu(approximate: false), 1) - 0.8413447460685429) < 1e-12)
    #expect(abs(value(.gelu(approximate: true), 1) - 0.8411919906082768) < 1e-12)
    #expect(abs(value(.selu, -1) + 1.1113307378125625) < 1e-12)
    #expect(value(.hardSwish, 1) == 4.0 / 6)
    #expect(value(.hardSigmoid(slope: 0.25), 1) == 0.75)
    #expect(abs(value(.softplus, 0) - 0.6931471805599453) < 1e-15)
  }

  /// Two independent ways to a gradient: through the whole network at once, and operation by operation.
  @Test(arguments: 201...230) func differencesAndWalkAgree(_ seed: Int) {
    let network = Network.random(seed: seed)
    guard !network.hasSharedMaxima else { return }
    let cotangent = network.randomCotangents([network.last])[0]
    let differences = FiniteDifferences(network, cotangents: [(network.last, cotangent)], at: network.inputs[0])
    let walk = ReverseWalk(network: network, rule: .plain).gradient(
      at: network.inputs[0], cotangents: [(network.last, cotangent)])
    differences.expect(walk.floats, 1e-5, network.description, #_sourceLocation)
  }
}
