/// A convolution of stride 1 with a window of 3, 5 or 7 taps along one axis (1x7, 7x1, 5x5), or its input gradient, by a
/// one-dimensional Winograd transform along that axis; the taps across it are summed as they are.
///
/// Goals, in order of priority: few products (9 instead of 21 for 3 neighbours and 7 taps); small rounding errors; the same
/// bits for any batch and grouping; scratch that stays in the caches.
///
/// Lines of the source are cut in tiles that make `outputs` neighbours of the destination each. The tiles are transformed to
/// [point][line][tile][channel]; a microkernel of 6 tiles x 16 channels multiplies each point by its matrix
/// [point][panel][tap across][channel][16]; the products of a block of at most 54 tiles and 4 panels are transformed back.
struct LineConvolution: Sendable {
  static let panelWidth = 16
  private static let maximumTilesPerBlock = 54, maximumPanelsPerGroup = 4
  /// Planes whose distance is a power of two would compete for the same cache lines.
  static let planePadding = 16

  let transform: LineTransform
  let direction: Direction
  let batch: Int
  let source: (height: Int, width: Int, channels: Int)
  let destination: (height: Int, width: Int, channels: Int)
  /// Whether lines are columns of the image.
  let isVertical: Bool
  /// Source position of the first tap of the first destination pixel.
  let origin: (across: Int, along: Int)
  let tapsAcross: Int
  /// Lines of the destination in an image; those of the transformed source are `tapsAcross` - 1 more, zeros where outside.
  let lines: Int
  let tilesPerLine: Int
  let tiles: Int, tilesPerBlock: Int, blockCount: Int
  let panels: Int, panelsPerGroup: Int

  /// Nil where the shape does not fit, or where summing directly takes fewer cycles than `leastCost` or is about as fast.
  init?(_ g: WindowGeometry, direction: Direction, leastCost: Double) {
    isVertical = g.kernelHeight > g.kernelWidth
    guard let transform = LineTransform(taps: max(g.kernelHeight, g.kernelWidth)), g.strideHeight == 1, g.strideWidth == 1,
      g.dilationHeight == 1, g.dilationWidth == 1, g.groups == 1
    else { return nil }
    let forward = direction == .forward
    let input = (height: g.inputHeight, width: g.inputWidth, channels: g.inputChannels)
    let output = (height: g.outputHeight, width: g.outputWidth, channels: g.outputChannels)
    self.transform = transform
    self.direction = direction
    batch = g.batch
    source = forward ? input : output
    destination = forward ? output : input
    let top = forward ? -g.paddingTop : g.paddingTop - g.kernelHeight + 1
    let left = forward ? -g.paddingLeft : g.paddingLeft - g.kernelWidth + 1
    origin = isVertical ? (left, top) : (top, left)
    tapsAcross = min(g.kernelHeight, g.kernelWidth)
    let length: Int
    (lines, length) =
      isVertical ? (destination.width, destination.height) : (destination.height, destination.width)
    tilesPerLine = (length + transform.outputs - 1) / transform.outputs
    guard source.channels % 8 == 0, destination.channels % Self.panelWidth == 0 else { return nil }

    // Estimated cycles: 16 products each, and a transform of eight channels in about seventy. The batch does not count: it
    // must not change the result.
    let weights = Double(tapsAcross * source.channels * destination.channels)
    let direct = Double(transform.taps) * weights * Double((destination.height * destination.width + 5) / 6 * 6) / 16
    let count = tilesPerLine * lines
    let transformed =
      Double(transform.points) * weights * (Double((count + 5) / 6 * 6) / 16 + 4.0 / 6)
      + Double(count * (source.channels + destination.channels) / 8 * 70)
    guard direct >= leastCost, transformed < 0.85 * direct else { return nil }

    tiles = batch * count
    panels = destination.channels / Self.panelWidth
    let sixes = (tiles + 5) / 6
    let blocks = (sixes * 6 + Self.maximumTilesPerBlock - 1) / Self.maximumTilesPerBlock
    tilesPerBlock = (sixes + blocks - 1) / blocks * 6
    blockCount = (tiles + tilesPerBlock - 1) / tilesPerBlock
    panelsPerGroup = max(1, min(Self.maximumPanelsPerGroup, panels * blockCount / 16))
  }

  var transformedLines: Int { lines + tapsAcross - 1 }
  var transformedTiles: Int { batch * transformedLines * tilesPerLine }
  var planeStride: Int { transformedTiles * source.channels + Self.planePadding }
  var panelGroups: Int { (panels + panelsPerGroup - 1) / panelsPerGroup }
  /// Products of a block: [point][panel of the group][tile][16].
  var productStride: Int { panelsPerGroup * tilesPerBlock * Self.panelWidth + Self.planePadding }

  /// A row of zeros, which stands for pixels outside the image, then the matrices.
  var zeroCount: Int { (source.channels + 15) / 16 * 16 }
  var packedCount: Int { zeroCount + transform.points * tapsAcross * source.channels * destination.channels }
  var stageCount: Int { 2 }
  var sharedScratchCount: Int { transform.points * planeStride }
  var workerScratchCount: Int {
    Workspace.count(
      points: transform.points, productCount: transform.points * productStride, rowCount: tilesPerBlock * tapsAcross)
  }
  func unitCount(stage: Int) -> Int { stage == 0 ? transformedTiles : blockCount * panelGroups }

  var packingKey: Int {
    var hasher = Hasher()
    hasher.combine("line")
    hasher.combine(direction)
    hasher.combine(isVertical)
    for n in [transform.taps, tapsAcross, source.channels, destination.channels] { hasher.combine(n) }
    return hasher.finalize()
  }
}
