import SwiftVisKernels

/// What a node computes. One case an op, named after the model format's `op`; <doc:ModelFormat> has the meaning of every
/// attribute. Switches over it are exhaustive, so the compiler names each place where a new op must be added.
package enum Operation: Hashable, Sendable {
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

package struct Extent2D: Hashable, Sendable {
  package var height: Int
  package var width: Int
  package init(_ height: Int, _ width: Int) { self.height = height; self.width = width }
}

/// What is added at the two ends of an axis.
public struct EdgePair: Hashable, Sendable {
  /// At the top or left.
  public var before: Int
  /// At the bottom or right.
  public var after: Int
  /// So much before, and so much after.
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
  /// `size` places from `start` on; all that are left by default.
  public init(_ start: Int, _ size: Int? = nil, step: Int = 1) {
    self.start = start
    self.size = size
    self.step = step
  }
}

/// What the windows of a convolution or pool see beyond the border of an image: zeros.
public enum Padding: Hashable, Sendable {
  /// Nothing: every window lies within the image.
  case valid
  /// TensorFlow's rule: output = ceil(input / stride), the odd pixel at the bottom and right.
  case same
  /// So many rows and columns, none negative.
  case explicit(vertical: EdgePair, horizontal: EdgePair)
}

package struct Convolution2DAttributes: Hashable, Sendable {
  package var strides = Extent2D(1, 1)
  package var padding = Padding.valid
  package var dilations = Extent2D(1, 1)
  package var groups = 1
  package init() {}
}

package struct Pool2DAttributes: Hashable, Sendable {
  package enum Kind: Hashable, Sendable { case max, average }
  package var kind: Kind
  package var size = Extent2D(2, 2)
  package var strides = Extent2D(2, 2)
  package var padding = Padding.valid
  /// Max only.
  package var dilations = Extent2D(1, 1)
  /// Average only: whether padding counts as zeros in the mean.
  package var countIncludesPadding = false
  package init(kind: Kind) { self.kind = kind }
}

/// How a network resizes images.
public struct ResizeAttributes: Hashable, Sendable {
  package enum Target: Hashable, Sendable { case scale(Extent2D), size(Extent2D) }

  /// How the pixels between pixels are found.
  public enum Interpolation: Hashable, Sendable {
    /// The nearest pixel.
    case nearest
    /// Straight lines between the neighbours.
    case bilinear
  }

  /// Which place of the input is that of an output pixel.
  public enum Coordinates: Hashable, Sendable {
    /// Pixels are areas, whose centres lie half a pixel from the border.
    case halfPixel
    /// Both images begin at the same place.
    case asymmetric
    /// The centres of the first and last pixels of both lie on each other.
    case alignCorners
  }

  package var target: Target
  package var interpolation = Interpolation.nearest
  package var coordinates = Coordinates.halfPixel
  package init(target: Target) { self.target = target }
}

/// How the values along an axis become one.
public enum Reduction: Hashable, Sendable {
  /// Their mean.
  case mean
  /// The largest; equal ones share the gradient.
  case max
  /// Their sum.
  case sum
}

package enum Merge: Hashable, Sendable {
  case add, subtract, multiply, divide, average, maximum, minimum, power
  /// 1 or 0, with no gradient.
  case greater, greaterEqual, equal
}

/// An activation: a function of one number, at each place, that backward rules may treat in their own way.
public enum Activation: Hashable, Sendable {
  /// x.
  case linear
  /// Keras's ReLU: x >= threshold ? min(x, maxValue) : negativeSlope * (x - threshold).
  case relu(maxValue: Float?, negativeSlope: Float, threshold: Float)
  /// x > 0 ? x : alpha * (e^x - 1) (Clevert et al. 2016, arXiv:1511.07289).
  case elu(alpha: Float)
  /// A scaled ELU with the constants of Klambauer et al. 2017, arXiv:1706.02515.
  case selu
  /// 1 / (1 + e^-x).
  case sigmoid
  /// clip(slope * x + 0.5, 0, 1).
  case hardSigmoid(slope: Float)
  /// The hyperbolic tangent.
  case tanh
  /// log(1 + e^x).
  case softplus
  /// x / (1 + |x|).
  case softsign
  /// x * sigmoid(x), also called swish.
  case silu
  /// x * clip(x / 6 + 0.5, 0, 1) (Howard et al. 2019, arXiv:1905.02244).
  case hardSwish
  /// x times the normal distribution function of x (Hendrycks & Gimpel 2016, arXiv:1606.08415); `approximate` by tanh.
  case gelu(approximate: Bool)
  /// e^x.
  case exponential
  /// x * tanh(softplus(x)) (Misra 2019, arXiv:1908.08681).
  case mish
  /// max(0, x) + min(0, alpha * (e^(x / alpha) - 1)), alpha positive.
  case celu(alpha: Float)

  /// max(0, x).
  public static var relu: Activation { .relu(maxValue: nil, negativeSlope: 0, threshold: 0) }
  /// max(0, x), and no more than 6.
  public static var relu6: Activation { .relu(maxValue: 6, negativeSlope: 0, threshold: 0) }
}
