import CPlatform

/// A 1x1 convolution of stride 1, or its input gradient: the matrix product of all pixels' channels with the kernel.
///
/// Goals, in order: the multipliers busy at depths from 16 on, no column of zeros that could be avoided, and results written
/// from registers. Tiles are 6 x 16, and 4 x 24 for a last panel of 17 to 24 columns; a rest of rows makes tiles of 5 or 3 instead
/// of rows of zeros. Weights are packed [panel][channel][16], the last panel [channel][16 or 24].
///
/// The gradient of a large kernel on a small image turns the forward pass's panels, slice by slice: its own would be as many
/// megabytes again, for a tenth of the step's time.
///
/// A sum has the same order as in `GatherConvolution`: slices of at most 256 channels, summed one after the other.
struct PointwiseConvolution: Sendable {
  static let panelWidth = 16, widePanelWidth = 24
  /// From here on any number of rows is a sum of sixes and fives.
  static let leastPixels = 20
  static let sliceDepth = 256
  /// Rows that are multiplied by one panel before the next: all panels stay in the L1 cache, or these rows do.
  static let rowsOfSmallBlock = 12, rowsOfBlock = 48
  static let smallKernel = 3072
  /// Kernels that are packed once for both directions, and the pixels of their images.
  private static let leastSharedKernel = 1 << 20
  static let mostSharedPixels = 64

  let direction: Direction
  let pixels: Int
  /// Channels of the source and of the destination.
  let depth: Int, columns: Int
  let panelCount: Int, lastPanelWidth: Int
  let rowUnits: Int, panelsPerUnit: Int
  /// Whether the weights are packed for the other direction.
  let isTurned: Bool

  /// Nil where the convolution is another one.
  init?(_ g: WindowGeometry, direction: Direction) {
    let pixels = g.batch * g.outputHeight * g.outputWidth
    guard g.kernelHeight == 1, g.kernelWidth == 1, g.strideHeight == 1, g.strideWidth == 1, g.groups == 1,
      g.paddingTop == 0, g.paddingLeft == 0, g.inputHeight == g.outputHeight, g.inputWidth == g.outputWidth,
      pixels >= Self.leastPixels
    else { return nil }
    let isForward = direction == .forward
    self.init(
      pixels: pixels, depth: isForward ? g.inputChannels : g.outputChannels,
      columns: isForward ? g.outputChannels : g.inputChannels, direction: direction,
      sharesKernel: g.outputHeight * g.outputWidth <= Self.mostSharedPixels)
  }

  init(pixels: Int, depth: Int, columns: Int, direction: Direction, sharesKernel: Bool = false) {
    isTurned =
      sharesKernel && direction == .inputGradient && depth % Self.sliceDepth == 0 && columns % Self.panelWidth == 0
      && depth * columns >= Self.leastSharedKernel
    (self.pixels, self.depth, self.columns, self.direction) = (pixels, depth, columns, direction)
    let rest = columns % Self.panelWidth
    let isWide = columns > Self.panelWidth && 1...8 ~= rest
    lastPanelWidth = isWide ? Self.widePanelWidth : Self.panelWidth
    panelCount = isWide ? columns / Self.panelWidth : (columns + Self.panelWidth - 1) / Self.panelWidth
    rowUnits = max(1, pixels / (2 * Self.rowsOfBlock))
    // Blocks of rows are units enough where there are many; else panels are shared out too.
    let wanted = min(16, pixels * depth * columns / 250_000)
    let splits = min(panelCount, max(1, (wanted + rowUnits - 1) / rowUnits))
    panelsPerUnit = (panelCount + splits - 1) / splits
  }

  var unitCount: Int { rowUnits * ((panelCount + panelsPerUnit - 1) / panelsPerUnit) }
  var packedCount: Int { ((panelCount - 1) * Self.panelWidth + lastPanelWidth) * depth }
  var workerScratchCount: Int { PointwiseProduct.scratchCount }
  private var otherDirection: Self { Self(pixels: pixels, depth: columns, columns: depth, direction: .forward) }
  var packingKey: Int {
    if isTurned { return otherDirection.packingKey }
    var hasher = Hasher()
    for n in [direction == .forward ? 2 : 3, depth, columns] { hasher.combine(n) }
    return hasher.finalize()
  }

  func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    if isTurned {
      return otherDirection.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: packed)
    }
    let isForward = direction == .forward
    let (rowStride, columnStride) = isForward ? (columns, 1) : (1, depth)
    let (rowScale, columnScale) = isForward ? (inputScale, outputScale) : (outputScale, inputScale)
    for panel in 0..<panelCount {
      let first = panel * Self.panelWidth
      let width = panel == panelCount - 1 ? lastPanelWidth : Self.panelWidth
      for k in 0..<depth {
        let (from, to) = (kernel + k * rowStride + first * columnStride, packed + first * depth + k * width)
        for i in 0..<width {
          guard first + i < columns else {
            to[i] = 0
            continue
          }
          var weight = from[i * columnStride]
          if let columnScale { weight *= columnScale[first + i] }
          if let rowScale { weight *= rowScale[k] }
          to[i] = weight
        }
      }
    }
  }

  func run(
    units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>,
    epilogue: Epilogue, pitches: Pitches, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    guard let workerScratch else { return }
    let pitches = pitches.resolved(source: depth, destination: columns)
    let product = PointwiseProduct(
      source: source, destination: destination, epilogue: epilogue, pitches: pitches, scratch: workerScratch)
    for unit in units {
      let (split, rowUnit) = (unit / rowUnits, unit % rowUnits)
      let panels = split * panelsPerUnit..<min(panelCount, (split + 1) * panelsPerUnit)
      let rows = pixels * rowUnit / rowUnits..<pixels * (rowUnit + 1) / rowUnits
      multiply(product, rows: rows, panels: panels, packed)
    }
  }

  /// `rows` are none or at least `leastPixels`.
  func multiply(_ product: PointwiseProduct, rows: Range<Int>, panels: Range<Int>, _ packed: UnsafePointer<Float>) {
    let blockRows = depth * columns <= Self.smallKernel ? Self.rowsOfSmallBlock : Self.rowsOfBlock
    var row = rows.lowerBound
    while row < rows.upperBound {
      // The last block takes what would be too few rows for tiles.
      let next = rows.upperBound - row < blockRows + Self.leastPixels ? rows.upperBound : row + blockRows
      multiplyBlock(product, rows: row..<next, panels: panels, packed)
      row = next
    }
  }

  private func multiplyBlock(
    _ product: PointwiseProduct, rows: Range<Int>, panels: Range<Int>, _ packed: UnsafePointer<Float>
  ) {
    let slices = (depth + Self.sliceDepth - 1) / Self.sliceDepth
    let sliceDepth = (depth + slices - 1) / slices
    for panel in panels {
      let first = panel * Self.panelWidth
      let width = panel == panelCount - 1 ? lastPanelWidth : Self.panelWidth
      let weights = packed + first * depth
      // The next block has the same panels.
      let next =
        panel + 1 < panels.upperBound ? weights + width * depth : packed + panels.lowerBound * Self.panelWidth * depth
      var start = 0
      repeat {
        let length = min(sliceDepth, depth - start)
        let isLast = start + length == depth
        var part = PointwisePart(
          weights: weights + start * width, following: isLast ? next : weights + (start + length) * width, start: start,
          depth: length, column: first, width: min(width, columns - first), isFirst: start == 0, isLast: isLast)
        if isTurned {
          let ahead = isLast ? (panel + 1 < panels.upperBound ? panel + 1 : panels.lowerBound, 0) : (panel, start + length)
          turn(block(packed, panel: panel, row: start), into: product.turned)
          (part.weights, part.following) = (UnsafePointer(product.turned), UnsafePointer(product.turned))
          (part.ahead, part.aheadStride) = (block(packed, panel: ahead.0, row: ahead.1), columns * width)
        }
        if width == Self.panelWidth { product.runPanel(part, rows: rows) } else { product.runWidePanel(part, rows: rows) }
        start += length
      } while start < depth
    }
  }

  /// Sixteen channels of a panel in the other direction's panels.
  private func block(_ packed: UnsafePointer<Float>, panel: Int, row: Int) -> UnsafePointer<Float> {
    packed + (row * columns + panel * Self.panelWidth * Self.panelWidth)
  }

  /// A slice of a panel from its blocks.
  private func turn(_ blocks: UnsafePointer<Float>, into slice: UnsafeMutablePointer<Float>) {
    let width = Self.panelWidth
    for row in stride(from: 0, to: Self.sliceDepth, by: width) {
      let (from, to) = (blocks + row * columns, slice + row * width)
      for corner in [0, 8] {
        platform_transpose8(from + corner, width, to + corner * width, width)
        platform_transpose8(from + 8 * width + corner, width, to + corner * width + 8, width)
      }
    }
  }
}
