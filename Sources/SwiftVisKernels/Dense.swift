/// A matrix product over the last axis: (rows, inputs) x (inputs, outputs), or its transpose. (Contract; K1 implements.)
public struct Dense: Sendable {
  /// 0 where the kernel is used as it is (few rows: a matrix-vector product reads the weights once, unpacked).
  public let packedCount: Int
  public let workerScratchCount: Int
  public let unitCount: Int
  public init(rows: Int, inputs: Int, outputs: Int, direction: Direction, hasScale: Bool) {
    packedCount = 0; workerScratchCount = 0; unitCount = 0
  }
  public var packingKey: Int { 0 }
  public func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {}
  /// `weights` is the packed form, or the kernel (inputs, outputs) itself where `packedCount` is 0.
  public func run(
    units: Range<Int>, source: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, workerScratch: UnsafeMutablePointer<Float>?
  ) {}
}
