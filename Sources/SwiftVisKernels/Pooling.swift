/// Max and average pooling over NHWC and their transposes; channels in == channels out. (Contract; K2 implements.)
public struct Pooling: Sendable {
  public enum Kind: Sendable { case max, average(countIncludesPadding: Bool) }
  public let unitCount: Int
  public init(_ geometry: WindowGeometry, kind: Kind, direction: Direction) { unitCount = 0 }
  /// `argmax`, where not nil, receives for each output the place in its window (row * kernelWidth + column) of the first maximum.
  /// Padding never wins a maximum. `argmax` is ignored for averages.
  public func runForward(
    units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    argmax: UnsafeMutablePointer<UInt16>?
  ) {}
  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, argmax: UnsafePointer<UInt16>?,
    inputGradient: UnsafeMutablePointer<Float>, epilogue: Epilogue
  ) {}
}
