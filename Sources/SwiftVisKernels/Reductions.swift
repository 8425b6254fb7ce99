// Contract; K2 implements.

/// A reduction of the middle axis of (outer, count, inner) to (outer, inner). Units may be split among threads.
public struct AxisReduction: Sendable {
  public enum Kind: Sendable { case sum, mean, max }
  public let unitCount: Int
  public init(_ kind: Kind, outer: Int, count: Int, inner: Int) { unitCount = 0 }
  public func run(units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {}
  /// Spreads the cotangent (outer, inner) over (outer, count, inner). Max: shared evenly among ties; needs input and output.
  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, input: UnsafePointer<Float>?, output: UnsafePointer<Float>?,
    inputGradient: UnsafeMutablePointer<Float>, epilogue: Epilogue
  ) {}
}

/// Softmax over the last axis of (rows, count), max-shifted; and its gradient from the output y.
public func softmax(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>) {}
public func softmaxGradient(
  output y: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
  rows: Range<Int>
) {}

/// Layer normalization over the last axis (biased variance), and its gradient from the input x; nil scale is 1, nil offset 0.
public func layerNormalization(
  _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, offset: UnsafePointer<Float>?, epsilon: Double,
  into y: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>
) {}
public func layerNormalizationGradient(
  input x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, epsilon: Double, cotangent: UnsafePointer<Float>,
  into dx: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>
) {}
