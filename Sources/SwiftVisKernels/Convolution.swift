/// A 2-D convolution, or its transpose, planned for one shape over NHWC float32 tensors.
public struct Convolution: Sendable {
  private enum Algorithm: Sendable {
    case gather(GatherConvolution)
    case winograd(WinogradConvolution)
    case pointwise(PointwiseConvolution)
    case line(LineConvolution)
    case scatter(ScatterConvolution)
  }
  private let algorithm: Algorithm

  /// Floats of packed weights, never 0.
  public let packedCount: Int
  /// Floats of scratch shared by all workers, and floats of scratch for each worker.
  public let sharedScratchCount: Int, workerScratchCount: Int
  /// Stages run one after the other; the units of a stage may run in any order, on any thread, in any grouping,
  /// and give the same bits.
  public let stageCount: Int
  /// Whether `run` takes a source, or a destination with its epilogue's operands, whose pixels are not adjacent.
  public let readsSlices: Bool, writesSlices: Bool
  /// Whether `run` can apply an activation.
  public var appliesActivation: Bool { if case .pointwise = algorithm { true } else { false } }
  /// A key that is equal for convolutions whose packed weights are the same for the same kernel and scales.
  public let packingKey: Int
  public let geometry: WindowGeometry
  public let direction: Direction
  public var algorithmName: String {
    switch algorithm {
    case .gather: "direct"
    case .winograd: "Winograd"
    case .pointwise: "pointwise"
    case .line: "Winograd along a line"
    case .scatter: "direct, scattered"
    }
  }

  /// `exact` restricts the choice of algorithm to those that only reorder the sums of the definition. So does a direct cost of
  /// less than `leastWinogradCost` cycles.
  public init(_ geometry: WindowGeometry, direction: Direction, exact: Bool, leastWinogradCost: Double = 0) {
    (self.geometry, self.direction) = (geometry, direction)
    if !exact, let winograd = WinogradConvolution(geometry, direction: direction, leastCost: leastWinogradCost) {
      algorithm = .winograd(winograd)
      packedCount = winograd.packedCount
      sharedScratchCount = winograd.sharedScratchCount
      workerScratchCount = winograd.workerScratchCount
      stageCount = winograd.stageCount
      (readsSlices, writesSlices) = (true, true)
      packingKey = winograd.packingKey
    } else if let pointwise = PointwiseConvolution(geometry, direction: direction) {
      algorithm = .pointwise(pointwise)
      packedCount = pointwise.packedCount
      (sharedScratchCount, workerScratchCount, stageCount) = (0, pointwise.workerScratchCount, 1)
      (readsSlices, writesSlices) = (true, true)
      packingKey = pointwise.packingKey
    } else if !exact, let line = LineConvolution(geometry, direction: direction, leastCost: leastWinogradCost) {
      algorithm = .line(line)
      packedCount = line.packedCount
      sharedScratchCount = line.sharedScratchCount
      workerScratchCount = line.workerScratchCount
      stageCount = line.stageCount
      (readsSlices, writesSlices) = (true, true)
      packingKey = line.packingKey
    } else if let scatter = ScatterConvolution(geometry, direction: direction) {
      algorithm = .scatter(scatter)
      packedCount = scatter.packedCount
      (sharedScratchCount, workerScratchCount, stageCount) = (0, scatter.workerScratchCount, 1)
      (readsSlices, writesSlices) = (true, true)
      packingKey = scatter.packingKey
    } else {
      let gather = GatherConvolution(geometry, direction: direction)
      algorithm = .gather(gather)
      packedCount = gather.packedCount
      sharedScratchCount = gather.sharedScratchCount
      workerScratchCount = gather.workerScratchCount
      stageCount = gather.stageCount
      (readsSlices, writesSlices) = (gather.readsSlices, gather.writesSlices)
      packingKey = gather.packingKey
    }
  }

  /// `kernel` is (kh, kw, inputChannels / groups, outputChannels). Either scale may be nil: kernel[.., i, o] is multiplied by
  /// inputScale[i] * outputScale[o] (i counted over all groups).
  public func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    switch algorithm {
    case .gather(let gather):
      gather.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    case .winograd(let winograd):
      winograd.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    case .pointwise(let pointwise):
      pointwise.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    case .line(let line):
      line.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    case .scatter(let scatter):
      scatter.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    }
  }

  public func unitCount(stage: Int) -> Int {
    switch algorithm {
    case .gather(let gather): gather.unitCount(stage: stage)
    case .winograd(let winograd): winograd.unitCount(stage: stage)
    case .pointwise(let pointwise): pointwise.unitCount
    case .line(let line): line.unitCount(stage: stage)
    case .scatter(let scatter): scatter.unitCount
    }
  }

  /// `forward`: source is the input, destination the output. `inputGradient`: source is the output's cotangent and destination
  /// the input's; the epilogue applies to the destination either way. Source and destination do not overlap; addend and
  /// gate may be the destination's own buffer.
  public func run(
    stage: Int, units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, pitches: Pitches = Pitches(),
    sharedScratch: UnsafeMutablePointer<Float>?, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    switch algorithm {
    case .gather(let gather):
      gather.run(
        stage: stage, units: units, source: source, packed: packed, destination: destination, epilogue: epilogue,
        pitches: pitches, sharedScratch: sharedScratch, workerScratch: workerScratch)
    case .winograd(let winograd):
      winograd.run(
        stage: stage, units: units, source: source, packed: packed, destination: destination, epilogue: epilogue,
        pitches: pitches, sharedScratch: sharedScratch, workerScratch: workerScratch)
    case .pointwise(let pointwise):
      pointwise.run(
        units: units, source: source, packed: packed, destination: destination, epilogue: epilogue, pitches: pitches,
        workerScratch: workerScratch)
    case .line(let line):
      line.run(
        stage: stage, units: units, source: source, packed: packed, destination: destination, epilogue: epilogue,
        pitches: pitches, sharedScratch: sharedScratch, workerScratch: workerScratch)
    case .scatter(let scatter):
      scatter.run(
        units: units, source: source, packed: packed, destination: destination, epilogue: epilogue, pitches: pitches,
        workerScratch: workerScratch)
    }
  }
}
