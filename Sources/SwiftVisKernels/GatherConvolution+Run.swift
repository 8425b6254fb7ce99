extension GatherConvolution {
  /// A worker's scratch: the table of source rows [tile][tap][6], the destination offset of every pixel, the sums
  /// [tile][6][16], and a panel's bias.
  struct Scratch {
    let rows: UnsafeMutablePointer<UnsafePointer<Float>>
    let targets: UnsafeMutablePointer<Target>
    let sums: UnsafeMutablePointer<Float>
    let bias: UnsafeMutablePointer<Float>

    init(_ base: UnsafeMutablePointer<Float>, rowCount: Int, targetCount: Int) {
      let address = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: 64)
      sums = address.assumingMemoryBound(to: Float.self)
      bias = sums + targetCount * panelWidth
      targets = UnsafeMutableRawPointer(bias + panelWidth).bindMemory(to: Target.self, capacity: targetCount)
      rows = UnsafeMutableRawPointer(targets + targetCount).bindMemory(to: UnsafePointer<Float>.self, capacity: rowCount)
    }
    static func count(rowCount: Int, targetCount: Int) -> Int {
      let bytes =
        64 + (targetCount + 1) * panelWidth * MemoryLayout<Float>.stride + targetCount * MemoryLayout<Target>.stride
        + rowCount * MemoryLayout<UnsafePointer<Float>>.stride
      return (bytes + 3) / MemoryLayout<Float>.stride
    }
  }
  /// Where a grid pixel's columns go: its first neighbour, and how many neighbours lie inside the image.
  struct Target {
    var pixel: Int
    var rows: Int32, columns: Int32
  }
  struct Buffers {
    let source: UnsafePointer<Float>
    let packed: UnsafePointer<Float>
    let destination: UnsafeMutablePointer<Float>
    let pitches: Pitches
  }

  var workerScratchCount: Int { Scratch.count(rowCount: tableRows, targetCount: tablePixels) }

  func run(
    stage: Int, units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, pitches: Pitches,
    sharedScratch: UnsafeMutablePointer<Float>?, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    if let paddedSource, stage == 0 {
      guard let sharedScratch else { return }
      for unit in units { copy(source, paddedSource, unit: unit, into: sharedScratch) }
      return
    }
    guard let workerScratch else { return }
    let scratch = Scratch(workerScratch, rowCount: tableRows, targetCount: tablePixels)
    let gathered = paddedSource == nil ? source : UnsafePointer(sharedScratch) ?? source
    let buffers = Buffers(
      source: gathered, packed: packed, destination: destination,
      pitches: pitches.resolved(source: self.source.channels, destination: self.destination.channels))
    for phase in phases where phase.units.overlaps(units) {
      var tabulated = -1
      for unit in units.clamped(to: phase.units) {
        let local = unit - phase.units.lowerBound
        let (split, block) = (local / phase.blockCount, local % phase.blockCount)
        let firstTile = block * phase.tilesPerBlock
        let first = firstTile * Self.tileRows
        let pixels = min(phase.pixels - first, phase.tilesPerBlock * Self.tileRows)
        if pixels <= 0 { continue }
        if block != tabulated {
          if phase.isPointwise {
            tabulatePointwise(first: first, count: pixels, buffers, scratch)
          } else {
            tabulate(phase, first: first, count: pixels, buffers, scratch)
          }
          tabulated = block
        }
        let firstPanel = split * phase.panelsPerUnit
        let endPanel = min(panelCount, firstPanel + phase.panelsPerUnit)
        for panel in firstPanel..<endPanel {
          // The next unit of a thread mostly has the same panels.
          let next = panel + 1 < endPanel ? panel + 1 : firstPanel
          multiply(phase, panel: panel, next: next, pixels: pixels, buffers, scratch, epilogue)
        }
      }
    }
  }

  /// Rows of the padded copy: zeros, and the image between them.
  private func copy(
    _ source: UnsafePointer<Float>, _ padded: PaddedSource, unit: Int, into copy: UnsafeMutablePointer<Float>
  ) {
    let unitsPerImage = (padded.height + Self.paddedRowsPerUnit - 1) / Self.paddedRowsPerUnit
    let (image, part) = (unit / unitsPerImage, unit % unitsPerImage)
    let (width, paddedWidth) = (self.source.width * self.source.channels, padded.width * self.source.channels)
    let left = padded.left * self.source.channels
    for y in part * Self.paddedRowsPerUnit..<min(padded.height, (part + 1) * Self.paddedRowsPerUnit) {
      let row = copy + (image * padded.height + y) * paddedWidth
      let sourceY = y - padded.top
      guard sourceY >= 0 && sourceY < self.source.height else {
        row.update(repeating: 0, count: paddedWidth)
        continue
      }
      row.update(repeating: 0, count: left)
      (row + left).update(from: source + (image * self.source.height + sourceY) * width, count: width)
      (row + left + width).update(repeating: 0, count: paddedWidth - left - width)
    }
  }

  private func tabulatePointwise(first: Int, count: Int, _ buffers: Buffers, _ scratch: Scratch) {
    let filled = (count + Self.tileRows - 1) / Self.tileRows * Self.tileRows
    for pixel in 0..<count {
      scratch.rows[pixel] = buffers.source + (first + pixel) * buffers.pitches.source
      scratch.targets[pixel] = Target(pixel: first + pixel, rows: 1, columns: 1)
    }
    for pixel in count..<filled { scratch.rows[pixel] = buffers.packed }
  }

  /// Fills the table for `count` grid pixels from `first` on. Rows of the last tile that have no pixel read zeros.
  private func tabulate(_ phase: Phase, first: Int, count: Int, _ buffers: Buffers, _ scratch: Scratch) {
    let (y, x) = (phase.y, phase.x)
    let area = y.gridSize * x.gridSize
    var image = first / area
    var gridY = first % area / x.gridSize
    var gridX = first % x.gridSize
    let padded = paddedSource ?? PaddedSource(height: source.height, width: source.width)
    var entry = scratch.rows
    phase.tapOffsets.withUnsafeBufferPointer { tapOffsets in
      for pixel in 0..<count {
        let (row, column) = (gridY * y.sourceStep + padded.top, gridX * x.sourceStep + padded.left)
        if phase.interiorRows.contains(gridY) && phase.interiorColumns.contains(gridX) {
          let origin = (image * padded.height + row) * padded.width + column
          for tap in 0..<tapOffsets.count {
            entry[tap * Self.tileRows] = buffers.source + (origin + tapOffsets[tap]) * buffers.pitches.source
          }
        } else {
          tabulateBorder(phase, image: image, row: row, column: column, buffers, into: entry)
        }
        entry += (pixel + 1) % Self.tileRows == 0 ? (phase.taps - 1) * Self.tileRows + 1 : 1
        let (top, left) = (gridY * y.destinationStep + y.origin, gridX * x.destinationStep + x.origin)
        scratch.targets[pixel] = Target(
          pixel: (image * destination.height + top) * destination.width + left,
          rows: Int32(min(y.count, destination.height - top)), columns: Int32(min(x.count, destination.width - left)))
        gridX += 1
        if gridX == x.gridSize {
          gridX = 0
          gridY += 1
          if gridY == y.gridSize {
            gridY = 0
            image += 1
          }
        }
      }
    }
    let filled = (count + Self.tileRows - 1) / Self.tileRows * Self.tileRows
    for pixel in count..<filled {
      let entry = scratch.rows + pixel / Self.tileRows * (phase.taps * Self.tileRows) + pixel % Self.tileRows
      for tap in 0..<phase.taps { entry[tap * Self.tileRows] = buffers.packed }
    }
  }

  /// A pixel some of whose taps fall outside an image, which is not padded then.
  private func tabulateBorder(
    _ phase: Phase, image: Int, row: Int, column: Int, _ buffers: Buffers,
    into entry: UnsafeMutablePointer<UnsafePointer<Float>>
  ) {
    var tap = 0
    for tapY in phase.y.offsets {
      let line = buffers.source + (image * source.height + row + tapY) * source.width * buffers.pitches.source
      let isInside = 0..<source.height ~= row + tapY
      for tapX in mergesRows ? phase.x.offsets.prefix(1) : phase.x.offsets[...] {
        entry[tap] =
          isInside && 0..<source.width ~= column + tapX ? line + (column + tapX) * buffers.pitches.source : buffers.packed
        tap += Self.tileRows
      }
    }
  }
}
