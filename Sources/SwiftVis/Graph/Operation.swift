import SwiftVisKernels

/// What a node computes. One case an op, named after the model format's `op`; <doc:ModelFormat> has the meaning of every
/// attribute. Switches over it are exhaustive, so the compiler names each place where a new op must be added.
public enum Operation: Hashable, Sendable {
  case input
  /// The same for every sample.
  case constant
  case convolution(Convolution2DAttributes)
  case depthwiseConvolution(Convolution2DAttributes)
  /// `outputPadding` is nil for the default size rule.
  case transposedConvolution(Convolution2DAttributes, outputPadding: Extent2D?)
  case dense
  /// Of the last two axes of both inputs.
  case matrixProduct(transposesLeft: Bool, transposesRight: Bool)
  case affine
  case pool(Pool2DAttributes)
  case reduce(Reduction, axes: [Int], keepDims: Bool)
  /// A (before, after) pair for every axis but the batch; negative crops.
  case pad([EdgePair])
  case resize(ResizeAttributes)
  /// Without the batch axis; one entry may be -1.
  case reshape([Int])
  case permute([Int])
  case concatenate(axis: Int)
  /// One for every axis but the batch.
  case slice([SliceRange])
  case gather(axis: Int, indices: [Int])
  case merge(Merge)
  /// `where`: the second input where the first is not 0, else the third.
  case choose
  case layerNormalization(epsilon: Double)
  case softmax
  case logSoftmax
  case activation(Activation)
  case unary(UnaryFunction)
  case prelu
}

public struct Extent2D: Hashable, Sendable {
  public var height: Int
  public var width: Int
  public init(_ height: Int, _ width: Int) { self.height = height; self.width = width }
}

public struct EdgePair: Hashable, Sendable {
  public var before: Int
  public var after: Int
  public init(_ before: Int, _ after: Int) { self.before = before; self.after = after }
}

/// Some places of an axis: `start`, `start + step` and so on.
public struct SliceRange: Hashable, Sendable {
  /// Counted from the end where it is negative.
  public var start: Int
  /// Nil: all that is left.
  public var size: Int?
  /// Not 0; negative walks backwards.
  public var step: Int
  public init(_ start: Int, _ size: Int? = nil, step: Int = 1) {
    self.start = start
    self.size = size
    self.step = step
  }
}

public enum Padding: Hashable, Sendable {
  case valid
  /// TensorFlow's rule: output = ceil(input / stride), the odd pixel at the bottom and right.
  case same
  case explicit(vertical: EdgePair, horizontal: EdgePair)
}

public struct Convolution2DAttributes: Hashable, Sendable {
  public var strides = Extent2D(1, 1)
  public var padding = Padding.valid
  public var dilations = Extent2D(1, 1)
  public var groups = 1
  public init() {}
}

public struct Pool2DAttributes: Hashable, Sendable {
  public enum Kind: Hashable, Sendable { case max, average }
  public var kind: Kind
  public var size = Extent2D(2, 2)
  public var strides = Extent2D(2, 2)
  public var padding = Padding.valid
  /// Max only.
  public var dilations = Extent2D(1, 1)
  /// Average only: whether padding counts as zeros in the mean.
  public var countIncludesPadding = false
  public init(kind: Kind) { self.kind = kind }
}

public struct ResizeAttributes: Hashable, Sendable {
  public enum Target: Hashable, Sendable { case scale(Extent2D), size(Extent2D) }
  public enum Interpolation: Hashable, Sendable { case nearest, bilinear }
  public enum Coordinates: Hashable, Sendable { case halfPixel, asymmetric, alignCorners }
  public var target: Target
  public var interpolation = Interpolation.nearest
  public var coordinates = Coordinates.halfPixel
  public init(target: Target) { self.target = target }
}

public enum Reduction: Hashable, Sendable { case mean, max, sum }

public enum Merge: Hashable, Sendable {
  case add, subtract, multiply, divide, average, maximum, minimum, power
  /// 1 or 0, with no gradient.
  case greater, greaterEqual, equal
}

public enum Activation: Hashable, Sendable {
  case linear
  /// Keras's ReLU: x >= threshold ? min(x, maxValue) : negativeSlope * (x - threshold).
  case relu(maxValue: Float?, negativeSlope: Float, threshold: Float)
  case elu(alpha: Float)
  case selu
  case sigmoid
  /// clip(slope * x + 0.5, 0, 1).
  case hardSigmoid(slope: Float)
  case tanh
  case softplus
  case softsign
  case silu
  case hardSwish
  case gelu(approximate: Bool)
  case exponential
  case mish
  case celu(alpha: Float)
}
