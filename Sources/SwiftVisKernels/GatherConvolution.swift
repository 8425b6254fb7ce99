/// A convolution, or its input gradient, as an implicit matrix product over NHWC: each destination pixel is the sum over
/// taps of (a source pixel's channels) x (that tap's matrix). The source pixels are found through a table of pointers built
/// for a block of destination pixels, so nothing is copied; pixels outside the image point at a row of zeros.
/// (The "indirect" convolution: Dukhan, "The Indirect Convolution Algorithm", 2019.)
///
/// Weights are packed in panels of 16 destination columns: [phase][panel][tap][channel][16], padded with zeros.
struct GatherConvolution: Sendable {
  /// Destination pixels that are reached by the same taps: all of them going forward; in the gradient of a strided
  /// convolution those of one residue of the strides.
  struct Phase: Sendable {
    let y: GatherAxis, x: GatherAxis
    /// Runs of source floats that a destination pixel reads, and floats in each.
    let taps: Int, depth: Int
    let packedOffset: Int
    let pixels: Int
    /// Pixels are cut in tiles (one microkernel call each), tiles in blocks (one table each), panels among units.
    let tilesPerBlock: Int, blockCount: Int, panelsPerUnit: Int
    let units: Range<Int>
    /// Pixel i is the sum over pixel i of the source: the table is arithmetic.
    let isPointwise: Bool
    /// Where a pixel's taps all read real pixels; and which, counted from the source pixel of its step.
    let interiorRows: Range<Int>, interiorColumns: Range<Int>
    let tapOffsets: [Int]
  }
  /// A copy of the source with zeros round it: there the taps of one kernel row are one run of floats, which makes
  /// products of useful depth from images of a few channels.
  struct PaddedSource: Hashable, Sendable {
    var top = 0, left = 0, height = 0, width = 0
  }

  static let tileRows = 6, panelWidth = 16
  static let maximumTilesPerBlock = 9
  /// Tiles between one whose epilogue's operands are fetched and one that is multiplied.
  static let tilesFetchedAhead = 2
  /// Depth of the products that are done tile by tile before the next slice of a panel: the slice stays in the L1 cache.
  static let sliceDepth = 256
  static let paddedRowsPerUnit = 16

  let direction: Direction
  let batch: Int
  let source: (height: Int, width: Int, channels: Int)
  let destination: (height: Int, width: Int, channels: Int)
  let phases: [Phase]
  /// Groups of channels after merging those that fit in one panel together (their matrices lie on a block diagonal).
  let groupCount: Int, groupsMerged: Int
  /// Source channels and destination columns of a group; a column is a channel of one neighbour.
  let groupDepth: Int, groupColumns: Int
  let mergesRows: Bool
  let paddedSource: PaddedSource?
  let kernel: (height: Int, width: Int, inputs: Int, outputs: Int)
  /// The row of zeros is at the start of the packed weights.
  let zeroCount: Int
  let packedCount: Int
  /// The largest table of any phase: source rows, and pixels.
  let tableRows: Int, tablePixels: Int

  init(_ g: WindowGeometry, direction: Direction) {
    let forward = direction == .forward
    let input = (height: g.inputHeight, width: g.inputWidth, channels: g.inputChannels)
    let output = (height: g.outputHeight, width: g.outputWidth, channels: g.outputChannels)
    self.direction = direction
    batch = g.batch
    source = forward ? input : output
    destination = forward ? output : input
    kernel = (g.kernelHeight, g.kernelWidth, g.inputChannels / g.groups, g.outputChannels)

    let columnsBeforeMerge = destination.channels / g.groups
    let merged = (1...g.groups).last { g.groups % $0 == 0 && $0 * columnsBeforeMerge <= Self.panelWidth } ?? 1
    groupsMerged = merged
    groupCount = g.groups / merged
    groupDepth = source.channels / groupCount

    let axes = Self.axes(g, direction: direction)
    groupColumns = destination.channels / groupCount * axes.vertical[0].count * axes.horizontal[0].count
    let merges =
      groupCount == 1 && source.channels <= 8 && axes.horizontal.allSatisfy(\.isContiguous)
      && axes.horizontal.contains { $0.offsets.count > 1 }
    mergesRows = merges
    paddedSource = merges ? Self.paddedSource(axes.vertical, axes.horizontal, source: source) : nil
    let deepest = merges ? groupDepth * (axes.horizontal.map(\.offsets.count).max() ?? 1) : source.channels
    zeroCount = (deepest + 15) / 16 * 16

    var phases: [Phase] = []
    var offset = zeroCount, unit = 0
    let panels = groupCount * ((groupColumns + Self.panelWidth - 1) / Self.panelWidth)
    for y in axes.vertical {
      for x in axes.horizontal {
        let columnOffsets = x.offsets.prefix(merges ? 1 : x.offsets.count)
        let taps = y.offsets.count * columnOffsets.count
        let depth = merges ? x.offsets.count * groupDepth : groupDepth
        let pixels = g.batch * y.gridSize * x.gridSize
        let tiles = (pixels + Self.tileRows - 1) / Self.tileRows
        let blocks = (tiles + Self.maximumTilesPerBlock - 1) / Self.maximumTilesPerBlock
        let splits = Self.panelSplits(
          panels: panels, blocks: blocks, products: tiles * Self.tileRows * panels * Self.panelWidth * taps * depth)
        let perUnit = (panels + splits - 1) / splits
        let units = blocks * ((panels + perUnit - 1) / perUnit)
        let sourceWidth = paddedSource?.width ?? source.width
        phases.append(
          Phase(
            y: y, x: x, taps: taps, depth: depth, packedOffset: offset, pixels: pixels,
            tilesPerBlock: (tiles + blocks - 1) / blocks, blockCount: blocks, panelsPerUnit: perUnit,
            units: unit..<unit + units,
            isPointwise: taps == 1 && paddedSource == nil && y.isPointwise(source.height, destination.height)
              && x.isPointwise(source.width, destination.width),
            interiorRows: paddedSource == nil ? y.interior(sourceWidth: source.height) : 0..<y.gridSize,
            interiorColumns: paddedSource == nil ? x.interior(sourceWidth: source.width) : 0..<x.gridSize,
            tapOffsets: y.offsets.flatMap { row in
              columnOffsets.map { row * sourceWidth + $0 }
            }))
        offset += panels * taps * depth * Self.panelWidth
        unit += units
      }
    }
    self.phases = phases
    packedCount = offset
    tableRows = phases.reduce(0) { max($0, $1.tilesPerBlock * $1.taps * Self.tileRows) }
    tablePixels = phases.reduce(0) { max($0, $1.tilesPerBlock * Self.tileRows) }
  }

  var panelsPerGroup: Int { (groupColumns + Self.panelWidth - 1) / Self.panelWidth }
  var panelCount: Int { groupCount * panelsPerGroup }
  var stageCount: Int { paddedSource == nil ? 1 : 2 }
  /// With those of the panels' columns of zeros.
  var multiplyAdds: Int {
    phases.reduce(0) { $0 + $1.pixels * panelCount * Self.panelWidth * $1.taps * $1.depth }
  }
  var readsSlices: Bool { !mergesRows }
  var writesSlices: Bool { phases.allSatisfy { $0.y.count * $0.x.count == 1 } }
  var sharedScratchCount: Int {
    paddedSource.map { batch * $0.height * $0.width * source.channels } ?? 0
  }

  func unitCount(stage: Int) -> Int {
    if let paddedSource, stage == 0 {
      return batch * ((paddedSource.height + Self.paddedRowsPerUnit - 1) / Self.paddedRowsPerUnit)
    }
    return phases.last?.units.upperBound ?? 0
  }

  var packingKey: Int {
    var hasher = Hasher()
    hasher.combine(direction)
    for n in [kernel.height, kernel.width, kernel.inputs, kernel.outputs, groupCount, groupsMerged, zeroCount] {
      hasher.combine(n)
    }
    for phase in phases {
      for n in [phase.y.count, phase.x.count, phase.packedOffset, phase.taps, phase.depth] { hasher.combine(n) }
      hasher.combine(phase.y.kernelPositions)
      hasher.combine(phase.x.kernelPositions)
    }
    return hasher.finalize()
  }
}

// Choices made from the shape
extension GatherConvolution {
  /// The destination is walked one pixel at a time, or, where a pixel has so few channels that most of a panel would be
  /// zeros, in rectangles of pixels whose channels share a panel: whichever costs fewer products.
  private static func axes(_ g: WindowGeometry, direction: Direction) -> (vertical: [GatherAxis], horizontal: [GatherAxis]) {
    let forward = direction == .forward
    let strides = forward ? (1, 1) : (g.strideHeight, g.strideWidth)
    let channels = (forward ? g.outputChannels : g.inputChannels) / g.groups
    func cost(_ y: [GatherAxis], _ x: [GatherAxis]) -> Double {
      let taps = y.reduce(0) { $0 + $1.offsets.count } * x.reduce(0) { $0 + $1.offsets.count }
      let columns = (y[0].count * x[0].count * channels + panelWidth - 1) / panelWidth * panelWidth
      return Double(taps * columns) / Double(y[0].destinationStep * x[0].destinationStep)
    }
    var best = (
      vertical: g.vertical.gathers(direction, step: strides.0, count: 1),
      horizontal: g.horizontal.gathers(direction, step: strides.1, count: 1)
    )
    guard g.groups == 1, channels < panelWidth, g.kernelHeight * g.kernelWidth > 1 else { return best }
    for rows in 1...4 {
      for columns in 1...8 {
        let (height, width) = (rows * strides.0, columns * strides.1)
        let isOneStep = rows * columns == 1 && height * width <= 1024
        guard isOneStep || height * width * channels <= 4 * panelWidth else { continue }
        let y = g.vertical.gathers(direction, step: height, count: height)
        let x = g.horizontal.gathers(direction, step: width, count: width)
        if cost(y, x) < 0.9 * cost(best.vertical, best.horizontal) { best = (y, x) }
      }
    }
    return best
  }

  private static func paddedSource(
    _ y: [GatherAxis], _ x: [GatherAxis], source: (height: Int, width: Int, channels: Int)
  ) -> PaddedSource? {
    func margins(_ axes: [GatherAxis], _ size: Int) -> (before: Int, after: Int) {
      var (before, after) = (0, 0)
      for axis in axes {
        guard let first = axis.offsets.first, let last = axis.offsets.last else { continue }
        before = max(before, -first)
        after = max(after, (axis.gridSize - 1) * axis.sourceStep + last + 1 - size)
      }
      return (before, after)
    }
    let (top, bottom) = margins(y, source.height), (left, right) = margins(x, source.width)
    if top == 0 && bottom == 0 && left == 0 && right == 0 { return nil }
    return PaddedSource(
      top: top, left: left, height: top + source.height + bottom, width: left + source.width + right)
  }

  /// Blocks of pixels are units enough where there are many; else panels are shared out too, but in pieces that are worth
  /// a table of their own.
  private static func panelSplits(panels: Int, blocks: Int, products: Int) -> Int {
    let units = min(64, products / 500_000)
    return min(panels, max(1, (units + blocks - 1) / blocks))
  }
}
