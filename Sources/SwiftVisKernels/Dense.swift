/// A matrix product over the last axis: (rows, inputs) x (inputs, outputs), or its transpose.
///
/// A batch's few rows are matrix-vector products, whose time is that of reading the kernel: it is used as it is, without a packed
/// copy, and read once. More rows, as of an image's pixels, are a 1x1 convolution.
public struct Dense: Sendable {
  private enum Algorithm: Sendable {
    case vector(MatrixVector)
    case pointwise(PointwiseConvolution)
  }
  private let algorithm: Algorithm
  private let hasScale: Bool
  public let rows: Int, inputs: Int, outputs: Int
  public let direction: Direction

  /// Whether `run` can apply an activation.
  public var appliesActivation: Bool { if case .pointwise = algorithm { true } else { false } }
  /// 0 where the kernel is used as it is.
  public let packedCount: Int
  public let workerScratchCount: Int
  public let unitCount: Int
  /// Equal for products whose packed weights are the same for the same kernel and scales.
  public let packingKey: Int

  /// `hasScale`: `pack` will be given a scale.
  public init(rows: Int, inputs: Int, outputs: Int, direction: Direction, hasScale: Bool) {
    self.hasScale = hasScale
    (self.rows, self.inputs, self.outputs, self.direction) = (rows, inputs, outputs, direction)
    if rows <= MatrixVector.maximumRows {
      let vector = MatrixVector(rows: rows, inputs: inputs, outputs: outputs, direction: direction)
      algorithm = .vector(vector)
      packedCount = hasScale ? inputs * outputs : 0
      workerScratchCount = vector.workerScratchCount
      unitCount = vector.unitCount
      var hasher = Hasher()
      for n in [0, inputs, outputs] { hasher.combine(n) }
      packingKey = hasher.finalize()
    } else {
      let isForward = direction == .forward
      let pointwise = PointwiseConvolution(
        pixels: rows, depth: isForward ? inputs : outputs, columns: isForward ? outputs : inputs, direction: direction,
        sharesKernel: rows <= PointwiseConvolution.mostSharedPixels)
      algorithm = .pointwise(pointwise)
      packedCount = pointwise.packedCount
      workerScratchCount = pointwise.workerScratchCount
      unitCount = pointwise.unitCount
      packingKey = pointwise.packingKey
    }
  }

  /// `kernel` is (inputs, outputs). Either scale may be nil: kernel[i, o] is multiplied by inputScale[i] * outputScale[o].
  public func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    switch algorithm {
    case .pointwise(let pointwise):
      pointwise.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    case .vector(let vector):
      if hasScale { vector.scale(kernel, inputScale: inputScale, outputScale: outputScale, into: packed) }
    }
  }

  /// `weights` is the packed form, or the kernel (inputs, outputs) itself where `packedCount` is 0.
  public func run(
    units: Range<Int>, source: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    switch algorithm {
    case .pointwise(let pointwise):
      pointwise.run(
        units: units, source: source, packed: weights, destination: destination, epilogue: epilogue, pitches: Pitches(),
        workerScratch: workerScratch)
    case .vector(let vector):
      guard let workerScratch else { return }
      for unit in units {
        vector.run(
          unit: unit, source: source, kernel: weights, destination: destination, epilogue: epilogue, sums: workerScratch)
      }
    }
  }
}
