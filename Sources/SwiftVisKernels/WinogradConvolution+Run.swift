import CPlatform

extension WinogradConvolution {
  /// A worker's scratch.
  struct Workspace {
    let products: UnsafeMutablePointer<Float>
    let vectors: UnsafeMutablePointer<SIMD8<Float>>
    let rows: UnsafeMutablePointer<UnsafePointer<Float>>
    let pixels: UnsafeMutablePointer<UnsafePointer<Float>>
    /// A block's tiles, transformed, or else a slice of a panel's kernel.
    let transformed: UnsafeMutablePointer<Float>

    init(_ base: UnsafeMutablePointer<Float>, productCount: Int, tiles: Int) {
      let address = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: 64)
      vectors = address.bindMemory(to: SIMD8<Float>.self, capacity: points)
      products = UnsafeMutableRawPointer(vectors + points).bindMemory(to: Float.self, capacity: productCount)
      rows = UnsafeMutableRawPointer(products + productCount).bindMemory(to: UnsafePointer<Float>.self, capacity: tiles)
      pixels = rows + tiles
      transformed = UnsafeMutableRawPointer(pixels + points).bindMemory(to: Float.self, capacity: 1)
    }
    static func count(productCount: Int, otherCount: Int, tiles: Int) -> Int {
      16 + points * 8 + productCount + otherCount + (tiles + points) * MemoryLayout<UnsafePointer<Float>>.stride / 4
    }
  }

  func run(
    stage: Int, units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, pitches: Pitches,
    sharedScratch: UnsafeMutablePointer<Float>?, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    guard let workerScratch else { return }
    let pitches = pitches.resolved(source: self.source.channels, destination: self.destination.channels)
    let blocksAtOnce = transformsKernel ? blockCount : 1
    let workspace = Workspace(
      workerScratch, productCount: blocksAtOnce * Self.points * productStride, tiles: tilesPerBlock)
    if isFused {
      for block in units {
        let first = block * tilesPerBlock
        for tile in first..<min(tiles, first + tilesPerBlock) {
          transform(tile: tile, of: source, pitches.source, zeros: packed, into: workspace.transformed, workspace)
        }
        for group in 0..<panelGroups {
          multiply(block: block, group: group, workspace.transformed, packed, workspace)
          finish(block: block, group: group, workspace.products, destination, epilogue, pitches, workspace)
        }
      }
      return
    }
    guard let sharedScratch else { return }
    if stage == 0 {
      for tile in units {
        transform(
          tile: tile, of: source, pitches.source, zeros: packed, into: sharedScratch + tile / tilesPerBlock * blockStride,
          workspace)
      }
    } else if transformsKernel {
      for panel in units {
        multiply(panel: panel, sharedScratch, packed, workspace)
        for block in 0..<blockCount {
          let products = workspace.products + block * Self.points * productStride
          finish(block: block, group: panel, products, destination, epilogue, pitches, workspace)
        }
      }
    } else {
      for unit in units {
        let (group, block) = (unit / blockCount, unit % blockCount)
        multiply(block: block, group: group, sharedScratch + block * blockStride, packed, workspace)
        finish(block: block, group: group, workspace.products, destination, epilogue, pitches, workspace)
      }
    }
  }

  private func position(of tile: Int) -> (image: Int, y: Int, x: Int) {
    let (image, rest) = (tile / (grid.height * grid.width), tile % (grid.height * grid.width))
    return (image, rest / grid.width * 4, rest % grid.width * 4)
  }

  /// The 6x6 source pixels of a tile to its row of each of the block's 36 matrices.
  private func transform(
    tile: Int, of source: UnsafePointer<Float>, _ pitch: Int, zeros: UnsafePointer<Float>,
    into block: UnsafeMutablePointer<Float>, _ workspace: Workspace
  ) {
    let (image, top, left) = position(of: tile)
    let channels = self.source.channels
    for i in 0..<6 {
      let y = top + origin.y + i
      for j in 0..<6 {
        let x = left + origin.x + j
        let isInside = y >= 0 && y < self.source.height && x >= 0 && x < self.source.width
        workspace.pixels[i * 6 + j] =
          isInside ? source + ((image * self.source.height + y) * self.source.width + x) * pitch : zeros
      }
    }
    let (pixels, vectors, stride) = (workspace.pixels, workspace.vectors, planeStride)
    let row = block + tile % tilesPerBlock * channels
    var c = 0
    while c < channels {
      for j in 0..<6 {
        let v = winogradSource(
          (
            SIMD8(pixels[j] + c), SIMD8(pixels[j + 6] + c), SIMD8(pixels[j + 12] + c), SIMD8(pixels[j + 18] + c),
            SIMD8(pixels[j + 24] + c), SIMD8(pixels[j + 30] + c)
          ))
        (vectors[j], vectors[j + 6], vectors[j + 12]) = (v.0, v.1, v.2)
        (vectors[j + 18], vectors[j + 24], vectors[j + 30]) = (v.3, v.4, v.5)
      }
      for i in 0..<6 {
        let line = vectors + i * 6
        store(
          winogradSource((line[0], line[1], line[2], line[3], line[4], line[5])), to: row + i * 6 * stride + c,
          stride: stride)
      }
      c += 8
    }
  }

  /// Fills the table of a block's rows; those of the last tile that have no pixel repeat one that has. Returns its microkernel tiles.
  private func tabulate(block: Int, _ transformed: UnsafePointer<Float>, _ workspace: Workspace) -> TileRows {
    let count = min(tilesPerBlock, tiles - block * tilesPerBlock)
    for tile in 0..<(count + 5) / 6 * 6 {
      workspace.rows[tile] = transformed + min(tile, count - 1) * source.channels
    }
    return TileRows(count)
  }

  /// The products of a block's tiles with a slice of a panel; `ahead` is fetched by the tile of that number.
  @inline(__always) private func multiply(
    _ tileRows: TileRows, start: Int, depth: Int, panel: UnsafePointer<Float>, into products: UnsafeMutablePointer<Float>,
    resumes: Bool, ahead: UnsafePointer<Float>, fetchedBy fetching: Int, _ workspace: Workspace
  ) {
    for tile in 0..<tileRows.count {
      let (row, isFull) = tileRows[tile]
      let (rows, sums) = (UnsafePointer(workspace.rows + row), products + row * Self.panelWidth)
      let next = tile == fetching ? ahead : panel
      if isFull {
        multiplyTile(
          rows: rows, taps: 1, start: start, depth: depth, panel: panel, tile: sums, resumes: resumes, ahead: next)
      } else {
        multiplyTileOfFive(
          rows: rows, taps: 1, start: start, depth: depth, panel: panel, tile: sums, resumes: resumes, ahead: next)
      }
    }
  }

  /// The 36 matrix products of a block with a group of panels that are packed transformed.
  private func multiply(
    block: Int, group: Int, _ transformed: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ workspace: Workspace
  ) {
    let tileRows = tabulate(block: block, transformed, workspace)
    let channels = source.channels
    let panelSize = channels * Self.panelWidth
    let firstPanel = group * panelsPerGroup
    let endPanel = min(panels, firstPanel + panelsPerGroup)
    for point in 0..<Self.points {
      for panel in firstPanel..<endPanel {
        let weights = packed + zeroCount + (point * panels + panel) * panelSize
        let products =
          workspace.products + point * productStride + (panel - firstPanel) * tilesPerBlock * Self.panelWidth
        var start = 0
        while start < channels {
          let length = min(sliceDepth, channels - start)
          let slice = weights + start * Self.panelWidth
          let isLast = panel == endPanel - 1 && start + length == channels
          let next = isLast ? weights + (firstPanel + panels - panel) * panelSize : slice + length * Self.panelWidth
          multiply(
            tileRows, start: point * planeStride + start, depth: length, panel: slice, into: products, resumes: start > 0,
            ahead: next, fetchedBy: tileRows.count - 1, workspace)
          start += length
        }
      }
    }
  }

  /// The 36 matrix products of every block with a panel, slice by slice of its kernel, which is transformed for all tiles.
  private func multiply(
    panel: Int, _ transformed: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ workspace: Workspace
  ) {
    let taps = packed + zeroCount + panel * source.channels * 9 * Self.panelWidth
    let kernel = workspace.transformed
    var start = 0
    while start < source.channels {
      let length = min(sliceDepth, source.channels - start)
      transformKernel(taps + start * 9 * Self.panelWidth, channels: length, into: kernel, stride: kernelStride)
      let next = taps + (start + length) * 9 * Self.panelWidth
      for block in 0..<blockCount {
        let tileRows = tabulate(block: block, transformed + block * blockStride, workspace)
        let products = workspace.products + block * Self.points * productStride
        for point in 0..<Self.points {
          let matrix = kernel + point * kernelStride
          // What the next transform reads is on its way during the last block.
          let ahead = point < 9 && block == blockCount - 1 ? next + point * length * Self.panelWidth : UnsafePointer(matrix)
          multiply(
            tileRows, start: point * planeStride + start, depth: length, panel: matrix,
            into: products + point * productStride, resumes: start > 0, ahead: ahead, fetchedBy: 0, workspace)
        }
      }
      start += length
    }
  }

  /// The products of a block and group to 4x4 destination pixels each, as far as these are in the image.
  private func finish(
    block: Int, group: Int, _ allProducts: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ epilogue: Epilogue, _ pitches: Pitches, _ workspace: Workspace
  ) {
    let firstTile = block * tilesPerBlock
    let firstPanel = group * panelsPerGroup
    let (vectors, stride) = (workspace.vectors, productStride)
    for tile in firstTile..<min(tiles, firstTile + tilesPerBlock) {
      let (image, top, left) = position(of: tile)
      let (rows, columns) = (min(4, destination.height - top), min(4, destination.width - left))
      let corner = (image * destination.height + top) * destination.width + left
      for half in firstPanel * 2..<min(panels, firstPanel + panelsPerGroup) * 2 {
        let panel = (half / 2 - firstPanel) * tilesPerBlock * Self.panelWidth
        // The gate of the next tile is on its way while this one is transformed.
        if half % 2 == 0, let gate = epilogue.gate ?? epilogue.factor {
          for i in 0..<rows {
            let line = gate + (corner + i * destination.width) * pitches.gate + half * 8
            for j in 4..<8 { platform_prefetch(line + j * pitches.gate) }
          }
        }
        let products = allProducts + panel + (tile - firstTile) * Self.panelWidth + half % 2 * 8
        for j in 0..<6 {
          let m = products + j * stride
          let v = winogradDestination(
            (
              SIMD8(m), SIMD8(m + 6 * stride), SIMD8(m + 12 * stride), SIMD8(m + 18 * stride), SIMD8(m + 24 * stride),
              SIMD8(m + 30 * stride)
            ))
          (vectors[j], vectors[j + 6], vectors[j + 12], vectors[j + 18]) = (v.0, v.1, v.2, v.3)
        }
        let bias = epilogue.bias.map { SIMD8<Float>($0 + half * 8) } ?? .zero
        for i in 0..<rows {
          let line = vectors + i * 6
          let v = winogradDestination((line[0], line[1], line[2], line[3], line[4], line[5]))
          let pixel = corner + i * destination.width
          @inline(always) func finish(_ v: SIMD8<Float>, _ j: Int) {
            epilogue.finish(v + bias, into: output, at: pitches.place(pixel: pixel + j, channel: half * 8))
          }
          finish(v.0, 0)
          if columns > 1 { finish(v.1, 1) }
          if columns > 2 { finish(v.2, 2) }
          if columns > 3 { finish(v.3, 3) }
        }
      }
    }
  }
}
