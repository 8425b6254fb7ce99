/// A 3x3 convolution of stride 1, or its input gradient (the same convolution with turned weights), by Winograd's
/// F(4x4, 3x3): 36 products instead of 144 for a 4x4 tile of the destination, at the price of a few bits of precision.
///
/// Goals, in order: the bits of a sample whatever the batch and threads; the peak of the multiply-add units in the products; a
/// quarter of the memory traffic of a kernel that lies there transformed.
///
/// Tiles are transformed to 36 matrices (tiles x source channels), each is multiplied by its matrix of the kernel
/// [36][panel][channel][16], and the products are transformed back, a panel or a few at a time.
struct WinogradConvolution: Sendable {
  static let points = 36, panelWidth = 16
  /// Panels of a fused unit.
  private static let maximumPanelsPerGroup = 4
  /// Blocks whose tiles and products stay in the second-level cache beside a small layer's kernel, and blocks that make the
  /// most of every weight.
  private static let fewTilesPerBlock = 12, manyTilesPerBlock = 54
  private static let residentKernelCount = 1 << 20
  /// So many blocks keep the threads equally busy.
  private static let leastBlocks = 16
  /// An image of so few tiles uses each weight so little that transforming it takes longer than the products.
  private static let fewTilesPerImage = 18
  /// Vectors and planes whose distance is a power of two would compete for the same cache lines.
  static let planePadding = 16

  let direction: Direction
  let batch: Int
  let source: (height: Int, width: Int, channels: Int)
  let destination: (height: Int, width: Int, channels: Int)
  /// Source position of the first tap of the first destination pixel.
  let origin: (y: Int, x: Int)
  let grid: (height: Int, width: Int)
  let tiles: Int, tilesPerBlock: Int, blockCount: Int
  let panels: Int, panelsPerGroup: Int
  /// Channels summed at a time: long sums have two levels.
  let sliceDepth: Int
  /// Whether a unit transforms the tiles it multiplies, in its own scratch. Small images are transformed in a stage of their
  /// own, since several units, with different panels, need each tile.
  let isFused: Bool
  /// Whether a unit transforms the kernel of its panel, for all tiles: a little slower than to read it transformed, which takes
  /// four times the memory.
  let transformsKernel: Bool

  /// Nil where the shape does not fit, or where summing directly takes fewer cycles than `leastCost` or is about as fast.
  init?(_ g: WindowGeometry, direction: Direction, leastCost: Double = 0) {
    guard g.kernelHeight == 3, g.kernelWidth == 3, g.strideHeight == 1, g.strideWidth == 1, g.dilationHeight == 1,
      g.dilationWidth == 1, g.groups == 1
    else { return nil }
    let forward = direction == .forward
    let input = (height: g.inputHeight, width: g.inputWidth, channels: g.inputChannels)
    let output = (height: g.outputHeight, width: g.outputWidth, channels: g.outputChannels)
    self.direction = direction
    batch = g.batch
    source = forward ? input : output
    destination = forward ? output : input
    origin = forward ? (-g.paddingTop, -g.paddingLeft) : (g.paddingTop - 2, g.paddingLeft - 2)
    grid = ((destination.height + 3) / 4, (destination.width + 3) / 4)
    guard source.channels % 8 == 0, destination.channels % Self.panelWidth == 0,
      Self.isWorthwhile(grid.height * grid.width, source: source.channels, destination: destination, leastCost)
    else { return nil }
    tiles = batch * grid.height * grid.width
    panels = destination.channels / Self.panelWidth
    let sixes = (tiles + 5) / 6
    let isSmall = Self.points * source.channels * destination.channels <= Self.residentKernelCount
    isFused = isSmall && tiles >= Self.leastBlocks * Self.fewTilesPerBlock
    // A batch may change the form of the kernel, and must not change how sums are cut.
    let isCheap = isSmall || grid.height * grid.width <= Self.fewTilesPerImage
    transformsKernel = isCheap && !isFused
    let slices = (source.channels + (isCheap ? 128 : 256) - 1) / (isCheap ? 128 : 256)
    sliceDepth = (source.channels + slices - 1) / slices
    let mostTiles = isFused ? Self.fewTilesPerBlock : Self.manyTilesPerBlock
    let blocks = (sixes * 6 + mostTiles - 1) / mostTiles
    tilesPerBlock = (sixes + blocks - 1) / blocks * 6
    blockCount = (tiles + tilesPerBlock - 1) / tilesPerBlock
    let mostPanels = isFused ? panels : max(1, panels * blockCount / Self.leastBlocks)
    panelsPerGroup = transformsKernel ? 1 : min(mostPanels, panels, Self.maximumPanelsPerGroup)
  }

  /// Estimated cycles: 16 products each, a transform of eight channels in about a hundred, and the packed weights, nine floats
  /// for each four of the kernel, read through the caches once. The batch does not count: it must not change the result.
  private static func isWorthwhile(
    _ tiles: Int, source: Int, destination: (height: Int, width: Int, channels: Int), _ leastCost: Double
  ) -> Bool {
    let weights = Double(source * destination.channels)
    let pixels = Double((destination.height * destination.width + 5) / 6 * 6)
    let direct = 9 * weights * pixels / 16
    let winograd =
      36 * weights * (Double((tiles + 5) / 6 * 6) / 16 + 4.0 / 6) + Double(tiles * (source + destination.channels) / 8 * 110)
    return direct >= leastCost && winograd < 0.85 * direct
  }

  var panelGroups: Int { (panels + panelsPerGroup - 1) / panelsPerGroup }
  var planeStride: Int { tilesPerBlock * source.channels + Self.planePadding }
  var blockStride: Int { Self.points * planeStride }
  /// Products of a block: [36][panel of the group][tile][16].
  var productStride: Int { panelsPerGroup * tilesPerBlock * Self.panelWidth + Self.planePadding }

  /// A row of zeros, which stands for pixels outside the image, then the kernel: transformed
  /// [36][panel][channel][16], or as it is [panel][channel][9][16].
  var zeroCount: Int { (source.channels + 15) / 16 * 16 }
  var packedCount: Int { zeroCount + (transformsKernel ? 9 : Self.points) * source.channels * destination.channels }
  var stageCount: Int { isFused ? 1 : 2 }
  var sharedScratchCount: Int { isFused ? 0 : blockCount * blockStride }
  /// From one matrix to the next of a slice of a panel's kernel.
  var kernelStride: Int { sliceDepth * Self.panelWidth + Self.planePadding }
  var workerScratchCount: Int {
    let products = Self.points * productStride
    return transformsKernel
      ? Workspace.count(productCount: blockCount * products, otherCount: Self.points * kernelStride, tiles: tilesPerBlock)
      : Workspace.count(productCount: products, otherCount: isFused ? blockStride : 0, tiles: tilesPerBlock)
  }
  func unitCount(stage: Int) -> Int {
    if isFused { return blockCount }
    if stage == 0 { return tiles }
    return transformsKernel ? panels : blockCount * panelGroups
  }
  var packingKey: Int {
    var hasher = Hasher()
    hasher.combine("F(4x4, 3x3)")
    hasher.combine(transformsKernel)
    hasher.combine(direction)
    hasher.combine(source.channels)
    hasher.combine(destination.channels)
    return hasher.finalize()
  }
}
