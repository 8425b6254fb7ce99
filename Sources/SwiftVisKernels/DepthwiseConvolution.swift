/// A depthwise convolution, or its transpose, planned for one shape: outputChannels = inputChannels * multiplier, output channel
/// c * multiplier + m reads input channel c. (Contract; K2 implements.)
public struct DepthwiseConvolution: Sendable {
  public let packedCount: Int
  public let workerScratchCount: Int
  public let unitCount: Int
  public init(_ geometry: WindowGeometry, direction: Direction) { packedCount = 0; workerScratchCount = 0; unitCount = 0 }
  public var packingKey: Int { 0 }
  /// `kernel` is (kh, kw, channels, multiplier); `outputScale` (channels * multiplier) and `inputScale` (channels) may be nil.
  public func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {}
  public func run(
    units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, workerScratch: UnsafeMutablePointer<Float>?
  ) {}
}
