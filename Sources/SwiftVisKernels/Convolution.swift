/// A 2-D convolution, or its transpose, planned for one shape. (Contract; K1 implements.)
public struct Convolution: Sendable {
  /// Floats of packed weights (0 is not allowed here).
  public let packedCount: Int
  /// Floats of scratch shared by all workers, and floats of scratch for each worker.
  public let sharedScratchCount: Int
  public let workerScratchCount: Int
  /// Stages run one after the other; the units of a stage may run in any order, on any thread, in any grouping,
  /// and give the same bits.
  public let stageCount: Int

  public init(_ geometry: WindowGeometry, direction: Direction, exact: Bool) {
    packedCount = 0; sharedScratchCount = 0; workerScratchCount = 0; stageCount = 1
  }
  /// A key that is equal for convolutions whose packed weights are the same for the same kernel and scales.
  public var packingKey: Int { 0 }
  /// `kernel` is (kh, kw, inputChannels / groups, outputChannels). Either scale may be nil: kernel[.., i, o] is multiplied by
  /// inputScale[i] * outputScale[o] (i counted over all groups).
  public func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {}
  public func unitCount(stage: Int) -> Int { 0 }
  /// `forward`: source is the input, destination the output. `inputGradient`: source is the output's cotangent and destination
  /// the input's; the epilogue applies to the destination either way. Source and destination do not overlap; addend and
  /// gate may be the destination's own buffer.
  public func run(
    stage: Int, units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, sharedScratch: UnsafeMutablePointer<Float>?,
    workerScratch: UnsafeMutablePointer<Float>?
  ) {}
}
