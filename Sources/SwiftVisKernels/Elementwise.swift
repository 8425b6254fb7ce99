// Contract; K2 implements. Every function works on elements `range` of its tensors and gives the same bits however the whole is
// cut into ranges. `destination` may be the same buffer as any operand of the same shape.

public enum ActivationKind: Sendable {
  case relu(maxValue: Float, negativeSlope: Float, threshold: Float)  // maxValue may be +infinity
  case elu(alpha: Float), selu, sigmoid, hardSigmoid(slope: Float), tanh, softplus, softsign, silu, hardSwish
  case gelu, geluTanh, exponential
  /// Whether the derivative is computed from the activation's input x (else from its output y).
  public var derivativeReadsInput: Bool { false }
}

public func activate(
  _ kind: ActivationKind, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {}

/// dx = dy * f'(saved) + addend, `saved` being x or y as `derivativeReadsInput` says.
public func activateGradient(
  _ kind: ActivationKind, saved: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, addend: UnsafePointer<Float>?,
  into dx: UnsafeMutablePointer<Float>, range: Range<Int>
) {}

/// Applies an epilogue's addend, clamp, positiveOnly and gate (not its bias) to x.
public func applyEpilogue(
  _ epilogue: Epilogue, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {}

/// y[i] = x[i] * scale[i % period] + offset[i % period]; nil scale is 1, nil offset is 0. Then the epilogue (bias ignored).
public func affine(
  _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, offset: UnsafePointer<Float>?, period: Int,
  epilogue: Epilogue, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {}

/// y = x > 0 ? x : alpha[i % period] * x, and dx = x > 0 ? dy : alpha[i % period] * dy (+ addend).
public func prelu(
  _ x: UnsafePointer<Float>, alpha: UnsafePointer<Float>, period: Int, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {}
public func preluGradient(
  _ x: UnsafePointer<Float>, alpha: UnsafePointer<Float>, period: Int, cotangent: UnsafePointer<Float>,
  addend: UnsafePointer<Float>?, into dx: UnsafeMutablePointer<Float>, range: Range<Int>
) {}

/// y = x * factor + addend (nil: 0). With factor 1 a copy or a sum.
public func scale(
  _ x: UnsafePointer<Float>, by factor: Float, addend: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>,
  range: Range<Int>
) {}

public func fill(_ value: Float, into y: UnsafeMutablePointer<Float>, range: Range<Int>) {}

/// y = x, and true where every element is finite.
public func copyFinite(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>) -> Bool { true }

public enum BinaryKind: Sendable { case add, subtract, multiply, maximum, minimum }

/// An element-wise operation on two tensors of one rank (1...8), sizes equal or 1. A NaN operand gives a NaN. `range` counts
/// rows of the output: all axes but the last flattened.
public struct BroadcastBinary: Sendable {
  public let rowCount: Int
  public init(_ kind: BinaryKind, left: [Int], right: [Int]) { rowCount = 0 }
  public func run(
    rows: Range<Int>, left: UnsafePointer<Float>, right: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {}
  /// Maximum and minimum only: the cotangent of one operand at the output's full shape. Ties go to the left operand.
  public func runSelectGradient(
    rows: Range<Int>, left: UnsafePointer<Float>, right: UnsafePointer<Float>, cotangent: UnsafePointer<Float>,
    ofLeft: Bool, into d: UnsafeMutablePointer<Float>
  ) {}
}
