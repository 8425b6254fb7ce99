/// A depthwise convolution, or its transpose, planned for one shape: outputChannels = inputChannels * multiplier, output
/// channel c * multiplier + m reads input channel c.
///
/// Both directions are gathers over `GatherAxis`es, vectorised over channels. Nothing is padded: at the borders a pixel
/// sums the taps that fall on real pixels. Units are rows of the destination and give the same bits in any order and
/// grouping.
///
/// With a multiplier above 1 the work is done on all inputChannels * multiplier channels: going forward the source rows are
/// expanded first, in the gradient the channels that came from one are summed last.
public struct DepthwiseConvolution: Sendable {
  public let packedCount: Int
  public let workerScratchCount: Int
  public let unitCount: Int
  /// Whether `run` can apply an activation.
  public var appliesActivation: Bool { multiplier == 1 }
  public let geometry: WindowGeometry
  public let direction: Direction
  let multiplier: Int, channels: Int
  let kernelHeight: Int, kernelWidth: Int
  let source: (height: Int, width: Int), destination: (height: Int, width: Int)
  /// By residue of the destination's row and column.
  let rowAxes: [GatherAxis], columnAxes: [GatherAxis]

  public init(_ geometry: WindowGeometry, direction: Direction) {
    let g = geometry
    self.geometry = geometry
    self.direction = direction
    channels = g.outputChannels
    multiplier = g.outputChannels / g.inputChannels
    (kernelHeight, kernelWidth) = (g.kernelHeight, g.kernelWidth)
    let isForward = direction == .forward
    source = isForward ? (g.inputHeight, g.inputWidth) : (g.outputHeight, g.outputWidth)
    destination = isForward ? (g.outputHeight, g.outputWidth) : (g.inputHeight, g.inputWidth)
    rowAxes = g.vertical.gathers(direction, step: isForward ? 1 : g.strideHeight, count: 1)
    columnAxes = g.horizontal.gathers(direction, step: isForward ? 1 : g.strideWidth, count: 1)
    unitCount = g.batch * destination.height
    packedCount = kernelHeight * kernelWidth * channels
    let scratchRows = isForward ? kernelHeight * source.width : destination.width
    workerScratchCount = multiplier == 1 ? 0 : scratchRows * channels
  }

  /// A key that is equal for convolutions whose packed weights are the same for the same kernel and scales: always.
  public var packingKey: Int { 0 }

  /// `kernel` is (kh, kw, channels, multiplier); `outputScale` (channels * multiplier) and `inputScale` (channels) may be
  /// nil.
  public func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    for tap in 0..<kernelHeight * kernelWidth {
      for channel in 0..<channels {
        let scale = (inputScale?[channel / multiplier] ?? 1) * (outputScale?[channel] ?? 1)
        packed[tap * channels + channel] = kernel[tap * channels + channel] * scale
      }
    }
  }

  /// `forward`: source is the input, destination the output. `inputGradient`: source is the output's cotangent and
  /// destination the input's. Source and destination do not overlap; the epilogue's addend and gate may be the
  /// destination itself.
  public func run(
    units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    withUnsafeTemporaryAllocation(of: DepthwiseTap.self, capacity: 2 * kernelHeight * kernelWidth) { buffer in
      guard let taps = buffer.baseAddress else { return }
      for unit in units {
        if multiplier == 1 {
          let index = unit * self.destination.width * channels
          runRow(unit, source, packed, taps, nil, destination, index, epilogue)
          epilogue.activate(destination + index, derivativeAt: index, count: self.destination.width * channels)
        } else if let workerScratch {
          runMultipliedRow(unit, source, packed, taps, workerScratch, destination, epilogue)
        }
      }
    }
  }

  /// Computes a destination row of `channels` channels at `index`. `expanded`, where not nil, has room for the source
  /// rows it reads.
  private func runRow(
    _ unit: Int, _ x: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ taps: UnsafeMutablePointer<DepthwiseTap>,
    _ expanded: UnsafeMutablePointer<Float>?, _ y: UnsafeMutablePointer<Float>, _ index: Int, _ epilogue: Epilogue
  ) {
    let (image, row) = unit.quotientAndRemainder(dividingBy: destination.height)
    let (step, residue) = row.quotientAndRemainder(dividingBy: rowAxes.count)
    let vertical = rowAxes[residue]
    let borderTaps = taps + kernelHeight * kernelWidth
    for horizontal in columnAxes {
      // Sorted by source row and column; the taps of a row of the window stand together.
      var tapCount = 0
      for (v, offset) in vertical.offsets.enumerated() {
        let sourceRow = vertical.sourceStep * step + offset
        guard sourceRow >= 0, sourceRow < source.height else { continue }
        let pixels = image * source.height + sourceRow
        let line = expanded.map { UnsafePointer($0 + v * source.width * channels) } ?? x + pixels * source.width * channels
        for (h, column) in horizontal.offsets.enumerated() {
          let position = vertical.kernelPositions[v] * kernelWidth + horizontal.kernelPositions[h]
          taps[tapCount] = DepthwiseTap(
            source: line + column * channels, weights: packed + position * channels, column: column)
          tapCount += 1
        }
      }
      let run = DepthwiseRun(
        channels: channels, sourceStep: horizontal.sourceStep * channels,
        destinationStep: horizontal.destinationStep * channels, destination: y, epilogue: epilogue)
      let interior = horizontal.interior(sourceWidth: source.width)
      let first = index + horizontal.origin * channels
      let width = horizontal.offsets.count
      let slides = horizontal.sourceStep == 1 && horizontal.isContiguous && DepthwiseRun.slidingWidths.contains(width)
      var j = 0
      while j < horizontal.gridSize {
        let place = first + j * run.destinationStep, shift = j * run.sourceStep
        if slides, j + 6 <= interior.upperBound, j >= interior.lowerBound {
          run.sumSix(taps, tapCount, width: width, shift, place)
          j += 6
          continue
        }
        if j + 4 <= interior.upperBound, j >= interior.lowerBound {
          run.sumFour(taps, tapCount, shift, place)
          j += 4
          continue
        }
        if interior.contains(j) {
          run.sumOne(taps, tapCount, shift, place, from: 0)
        } else {
          var count = 0
          for t in 0..<tapCount where 0..<source.width ~= taps[t].column + j * horizontal.sourceStep {
            borderTaps[count] = taps[t]
            count += 1
          }
          run.sumOne(borderTaps, count, shift, place, from: 0)
        }
        j += 1
      }
    }
  }

  private func runMultipliedRow(
    _ unit: Int, _ x: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ taps: UnsafeMutablePointer<DepthwiseTap>,
    _ scratch: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ epilogue: Epilogue
  ) {
    let (image, row) = unit.quotientAndRemainder(dividingBy: destination.height)
    let inputChannels = channels / multiplier
    switch direction {
    case .forward:
      let rowLength = source.width * inputChannels
      for (v, offset) in rowAxes[0].offsets.enumerated() {
        let sourceRow = rowAxes[0].sourceStep * row + offset
        guard sourceRow >= 0, sourceRow < source.height else { continue }
        let line = x + (image * source.height + sourceRow) * rowLength
        let copies = scratch + v * source.width * channels
        for i in 0..<rowLength { (copies + i * multiplier).update(repeating: line[i], count: multiplier) }
      }
      runRow(unit, x, packed, taps, scratch, y, unit * destination.width * channels, epilogue)
    case .inputGradient:
      runRow(unit, x, packed, taps, nil, scratch, 0, Epilogue())
      let rowLength = destination.width * inputChannels
      for i in 0..<rowLength {
        var sum = epilogue.bias?[i % inputChannels] ?? 0
        for m in 0..<multiplier { sum += scratch[i * multiplier + m] }
        epilogue.finish(SIMD8(repeating: sum), into: y, at: unit * rowLength + i, count: 1)
      }
    }
  }
}

extension GatherAxis {
  /// The steps whose taps all fall on the source.
  func interior(sourceWidth: Int) -> Range<Int> {
    guard let first = offsets.first, let last = offsets.last else { return 0..<gridSize }
    let start = min(gridSize, first >= 0 ? 0 : (sourceStep - 1 - first) / sourceStep)
    let end = last >= sourceWidth ? 0 : min(gridSize, (sourceWidth - 1 - last) / sourceStep + 1)
    return start..<max(start, end)
  }
}
