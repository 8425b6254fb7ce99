extension GatherConvolution {
  /// A worker's scratch: the table of source rows [tile][tap][6], the destination offset of every pixel, the sums
  /// [tile][6][16], and a panel's bias.
  private struct Scratch {
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
  /// Where a grid pixel's columns go: the offset of its first neighbour, and how many neighbours lie inside the image.
  private struct Target {
    var offset: Int
    var rows: Int32, columns: Int32
  }
  private struct Buffers {
    let source: UnsafePointer<Float>
    let packed: UnsafePointer<Float>
    let destination: UnsafeMutablePointer<Float>
  }

  private var tableSize: (rows: Int, targets: Int) {
    let targets = (phases.map(\.tilesPerBlock).max() ?? 0) * Self.tileRows
    return (phases.map { $0.tilesPerBlock * $0.taps * Self.tileRows }.max() ?? 0, targets)
  }
  var workerScratchCount: Int {
    let size = tableSize
    return Scratch.count(rowCount: size.rows, targetCount: size.targets)
  }

  func run(
    stage: Int, units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, sharedScratch: UnsafeMutablePointer<Float>?,
    workerScratch: UnsafeMutablePointer<Float>?
  ) {
    if let paddedSource, stage == 0 {
      guard let sharedScratch else { return }
      for unit in units { copy(source, paddedSource, unit: unit, into: sharedScratch) }
      return
    }
    guard let workerScratch else { return }
    let size = tableSize
    let scratch = Scratch(workerScratch, rowCount: size.rows, targetCount: size.targets)
    let gathered = paddedSource == nil ? source : UnsafePointer(sharedScratch) ?? source
    let buffers = Buffers(source: gathered, packed: packed, destination: destination)
    for phase in phases {
      let mine = units.clamped(to: phase.units)
      var tabulated = -1
      for unit in mine {
        let local = unit - phase.units.lowerBound
        let (split, block) = (local / phase.blockCount, local % phase.blockCount)
        let firstTile = block * phase.tilesPerBlock
        let first = firstTile * Self.tileRows
        let pixels = min(phase.pixels - first, phase.tilesPerBlock * Self.tileRows)
        if pixels <= 0 { continue }
        if block != tabulated {
          tabulate(phase, first: first, count: pixels, buffers, scratch)
          tabulated = block
        }
        let firstPanel = split * phase.panelsPerUnit
        for panel in firstPanel..<min(panelCount, firstPanel + phase.panelsPerUnit) {
          multiply(phase, panel: panel, pixels: pixels, buffers, scratch)
          finish(phase, panel: panel, pixels: pixels, buffers, scratch, epilogue)
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

  /// Fills the table for `count` grid pixels from `first` on. Rows of the last tile that have no pixel read zeros.
  private func tabulate(_ phase: Phase, first: Int, count: Int, _ buffers: Buffers, _ scratch: Scratch) {
    let (y, x) = (phase.y, phase.x)
    let area = y.gridSize * x.gridSize
    var image = first / area
    var gridY = first % area / x.gridSize
    var gridX = first % x.gridSize
    let padded = paddedSource ?? PaddedSource(height: source.height, width: source.width)
    let channels = source.channels
    let tapColumns = mergesRows ? min(1, x.offsets.count) : x.offsets.count
    y.offsets.withUnsafeBufferPointer { tapY in
      x.offsets.withUnsafeBufferPointer { tapX in
        for pixel in 0..<count {
          let entry = scratch.rows + pixel / Self.tileRows * (phase.taps * Self.tileRows) + pixel % Self.tileRows
          let sourceX = gridX * x.sourceStep + padded.left
          var tap = 0
          for i in 0..<tapY.count {
            let row = gridY * y.sourceStep + tapY[i] + padded.top
            let inside = row >= 0 && row < padded.height
            let base = buffers.source + (image * padded.height + row) * padded.width * channels
            for j in 0..<tapColumns {
              let column = sourceX + tapX[j]
              entry[tap] = inside && column >= 0 && column < padded.width ? base + column * channels : buffers.packed
              tap += Self.tileRows
            }
          }
          let (top, left) = (gridY * y.destinationStep + y.origin, gridX * x.destinationStep + x.origin)
          scratch.targets[pixel] = Target(
            offset: ((image * destination.height + top) * destination.width + left) * destination.channels,
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
    }
    let filled = (count + Self.tileRows - 1) / Self.tileRows * Self.tileRows
    for pixel in count..<filled {
      let entry = scratch.rows + pixel / Self.tileRows * (phase.taps * Self.tileRows) + pixel % Self.tileRows
      for tap in 0..<phase.taps { entry[tap * Self.tileRows] = buffers.packed }
    }
  }

  /// The sums of one panel for the tabulated pixels, slice by slice of the panel.
  private func multiply(_ phase: Phase, panel: Int, pixels: Int, _ buffers: Buffers, _ scratch: Scratch) {
    let tiles = (pixels + Self.tileRows - 1) / Self.tileRows
    let (taps, depth) = (phase.taps, phase.depth)
    let weights = buffers.packed + phase.packedOffset + panel * taps * depth * Self.panelWidth
    let channel = panel / panelsPerGroup * groupDepth
    let slices = (depth + Self.sliceDepth - 1) / Self.sliceDepth
    let sliceDepth = slices > 1 ? (depth + slices - 1) / slices : depth
    let sliceTaps = slices > 1 ? 1 : max(1, Self.sliceDepth / max(1, depth))
    var tap = 0
    repeat {
      let tapCount = min(sliceTaps, taps - tap)
      var start = 0
      repeat {
        let length = min(sliceDepth, depth - start)
        for tile in 0..<tiles {
          multiplyTile(
            rows: scratch.rows + (tile * taps + tap) * Self.tileRows, taps: tapCount, start: channel + start, depth: length,
            panel: weights + (tap * depth + start) * Self.panelWidth, tile: scratch.sums + tile * 96,
            resumes: tap > 0 || start > 0)
        }
        start += length
      } while start < depth
      tap += tapCount
    } while tap < taps
  }

  private func finish(
    _ phase: Phase, panel: Int, pixels: Int, _ buffers: Buffers, _ scratch: Scratch, _ epilogue: Epilogue
  ) {
    let channels = destination.channels
    let groupChannels = channels / groupCount
    let first = panel % panelsPerGroup * Self.panelWidth
    let width = min(Self.panelWidth, groupColumns - first)
    let channel = panel / panelsPerGroup * groupChannels + first
    for i in 0..<Self.panelWidth {
      scratch.bias[i] = i < width ? epilogue.bias.map { $0[(channel + i) % channels] } ?? 0 : 0
    }
    let (bias0, bias1) = (SIMD8(scratch.bias), SIMD8(scratch.bias + 8))
    if groupColumns > groupChannels {
      scatter(phase, columns: first..<first + width, pixels: pixels, buffers, scratch, epilogue)
    } else if width == Self.panelWidth {
      for pixel in 0..<pixels {
        let sums = scratch.sums + pixel * Self.panelWidth
        let offset = scratch.targets[pixel].offset + channel
        epilogue.finish(SIMD8(sums) + bias0, into: buffers.destination, at: offset)
        epilogue.finish(SIMD8(sums + 8) + bias1, into: buffers.destination, at: offset + 8)
      }
    } else {
      let (width0, width1) = (min(8, width), max(0, width - 8))
      for pixel in 0..<pixels {
        let sums = scratch.sums + pixel * Self.panelWidth
        let offset = scratch.targets[pixel].offset + channel
        epilogue.finish(SIMD8(sums) + bias0, into: buffers.destination, at: offset, count: width0)
        epilogue.finish(SIMD8(sums + 8) + bias1, into: buffers.destination, at: offset + 8, count: width1)
      }
    }
  }

  /// Columns ordered [neighbour row][neighbour column][channel] go to their pixels, as far as these are in the image.
  private func scatter(
    _ phase: Phase, columns: Range<Int>, pixels: Int, _ buffers: Buffers, _ scratch: Scratch, _ epilogue: Epilogue
  ) {
    let channels = destination.channels
    let run = phase.x.count * channels
    for pixel in 0..<pixels {
      let target = scratch.targets[pixel]
      let inside = Int(target.columns) * channels
      var column = columns.lowerBound
      while column < columns.upperBound {
        let (neighbour, within) = (column / run, column % run)
        if neighbour >= Int(target.rows) { break }
        let length = min(8, columns.upperBound - column, run - within)
        let valid = min(length, inside - within)
        if valid > 0 {
          let lane = column - columns.lowerBound
          let v =
            SIMD8(scratch.sums + pixel * Self.panelWidth + lane, count: valid) + SIMD8(scratch.bias + lane, count: valid)
          epilogue.finish(
            v, into: buffers.destination, at: target.offset + neighbour * destination.width * channels + within,
            count: valid)
        }
        column += length
      }
    }
  }
}
