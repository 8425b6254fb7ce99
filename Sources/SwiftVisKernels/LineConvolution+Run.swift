import CPlatform

extension LineConvolution {
  /// A worker's scratch: the source pixels of a tile, vectors of a transform, the table of rows [six tiles][tap][6], products.
  struct Workspace {
    let vectors: UnsafeMutablePointer<SIMD8<Float>>
    let pixels: UnsafeMutablePointer<UnsafePointer<Float>>
    let rows: UnsafeMutablePointer<UnsafePointer<Float>>
    let products: UnsafeMutablePointer<Float>

    init(_ base: UnsafeMutablePointer<Float>, points: Int, rowCount: Int) {
      let address = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: 64)
      vectors = address.bindMemory(to: SIMD8<Float>.self, capacity: points)
      pixels = UnsafeMutableRawPointer(vectors + points).bindMemory(to: UnsafePointer<Float>.self, capacity: points)
      rows = pixels + points
      products = UnsafeMutableRawPointer(rows + rowCount).assumingMemoryBound(to: Float.self)
    }
    static func count(points: Int, productCount: Int, rowCount: Int) -> Int {
      16 + points * 8 + (points + rowCount) * MemoryLayout<UnsafePointer<Float>>.stride / 4 + productCount
    }
  }

  func run(
    stage: Int, units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, pitches: Pitches,
    sharedScratch: UnsafeMutablePointer<Float>?, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    guard let sharedScratch, let workerScratch else { return }
    let workspace = Workspace(workerScratch, points: transform.points, rowCount: tilesPerBlock * tapsAcross)
    let pitches = pitches.resolved(source: self.source.channels, destination: self.destination.channels)
    for unit in units {
      if stage == 0 {
        transform(tile: unit, of: source, pitches.source, zeros: packed, into: sharedScratch, workspace)
      } else {
        // All panels of a block after each other: its tiles stay in the second-level cache.
        let (block, group) = unit.quotientAndRemainder(dividingBy: panelGroups)
        multiply(block: block, group: group, sharedScratch, packed, workspace)
        finish(block: block, group: group, destination, epilogue, pitches, workspace)
      }
    }
  }

  private func position(of tile: Int, lines: Int) -> (image: Int, line: Int, start: Int) {
    let (line, place) = tile.quotientAndRemainder(dividingBy: tilesPerLine)
    return (line / lines, line % lines, place * transform.outputs)
  }

  private func transform(
    tile: Int, of source: UnsafePointer<Float>, _ pitch: Int, zeros: UnsafePointer<Float>,
    into planes: UnsafeMutablePointer<Float>, _ workspace: Workspace
  ) {
    let (image, line, start) = position(of: tile, lines: transformedLines)
    let (points, stride, channels) = (transform.points, planeStride, self.source.channels)
    let across = line + origin.across
    for i in 0..<points {
      let along = start + origin.along + i
      let (y, x) = isVertical ? (along, across) : (across, along)
      let isInside = y >= 0 && y < self.source.height && x >= 0 && x < self.source.width
      workspace.pixels[i] =
        isInside ? source + ((image * self.source.height + y) * self.source.width + x) * pitch : zeros
    }
    let (pixels, vectors) = (workspace.pixels, workspace.vectors)
    let target = planes + tile * channels
    transform.source.withUnsafeBufferPointer { coefficients in
      let coefficients = coefficients.baseAddress.unsafelyUnwrapped
      var c = 0
      while c < channels {
        for i in 0..<points { vectors[i] = SIMD8(pixels[i] + c) }
        func sum(row: Int, from first: Int) -> SIMD8<Float> {
          var sum = SIMD8<Float>.zero
          var i = first
          while i < points {
            sum.addProduct(vectors[i], SIMD8(repeating: coefficients[row * points + i]))
            i += 2
          }
          return sum
        }
        var place = target + c
        sum(row: 0, from: 0).store(place)
        for pair in 1...transform.pairs {
          let (even, odd) = (sum(row: pair, from: 0), sum(row: pair, from: 1))
          place += stride
          (even + odd).store(place)
          place += stride
          (even - odd).store(place)
        }
        if transform.hasInfinity { sum(row: transform.pairs + 1, from: 1).store(place + stride) }
        c += 8
      }
    }
  }

  /// The products of a block with a group of panels, point by point.
  private func multiply(
    block: Int, group: Int, _ planes: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ workspace: Workspace
  ) {
    let firstTile = block * tilesPerBlock
    let count = min(tilesPerBlock, tiles - firstTile)
    let sixes = (count + 5) / 6
    let channels = source.channels
    for tile in 0..<sixes * 6 {
      let (image, line, start) = position(of: firstTile + min(tile, count - 1), lines: lines)
      let first = (image * transformedLines + line) * tilesPerLine + start / transform.outputs
      let entry = workspace.rows + tile / 6 * 6 * tapsAcross + tile % 6
      for tap in 0..<tapsAcross { entry[tap * 6] = planes + (first + tap * tilesPerLine) * channels }
    }
    let panelSize = tapsAcross * channels * Self.panelWidth
    let slices = (channels + GatherConvolution.sliceDepth - 1) / GatherConvolution.sliceDepth
    let sliceDepth = (channels + slices - 1) / slices
    let sliceTaps = slices > 1 ? 1 : max(1, GatherConvolution.sliceDepth / channels)
    let firstPanel = group * panelsPerGroup
    let endPanel = min(panels, firstPanel + panelsPerGroup)
    for point in 0..<transform.points {
      for panel in firstPanel..<endPanel {
        let weights = packed + zeroCount + (point * panels + panel) * panelSize
        let products =
          workspace.products + point * productStride + (panel - firstPanel) * tilesPerBlock * Self.panelWidth
        for tap in stride(from: 0, to: tapsAcross, by: sliceTaps) {
          let tapCount = min(sliceTaps, tapsAcross - tap)
          for start in stride(from: 0, to: channels, by: sliceDepth) {
            let length = min(sliceDepth, channels - start)
            let slice = weights + (tap * channels + start) * Self.panelWidth
            let next = slice + tapCount * length * Self.panelWidth
            for six in 0..<sixes {
              multiplyTile(
                rows: workspace.rows + (six * tapsAcross + tap) * 6, taps: tapCount, start: point * planeStride + start,
                depth: length, panel: slice, tile: products + six * 6 * Self.panelWidth, resumes: tap > 0 || start > 0,
                ahead: six == sixes - 1 ? next : slice)
            }
          }
        }
      }
    }
  }

  /// The products of a block and group to neighbours of the destination, as far as these are in the image.
  private func finish(
    block: Int, group: Int, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue, _ pitches: Pitches,
    _ workspace: Workspace
  ) {
    let firstTile = block * tilesPerBlock
    let firstPanel = group * panelsPerGroup
    let (stride, outputs) = (productStride, transform.outputs)
    let length = isVertical ? destination.height : destination.width
    let step = isVertical ? destination.width : 1
    let (pairs, hasInfinity, lastPoint) = (transform.pairs, transform.hasInfinity, transform.points - 1)
    transform.powers.withUnsafeBufferPointer { powers in
      for tile in firstTile..<min(tiles, firstTile + tilesPerBlock) {
        let (image, line, start) = position(of: tile, lines: lines)
        let (y, x) = isVertical ? (start, line) : (line, start)
        let corner = (image * destination.height + y) * destination.width + x
        for half in firstPanel * 2..<min(panels, firstPanel + panelsPerGroup) * 2 {
          let panel = (half / 2 - firstPanel) * tilesPerBlock * Self.panelWidth
          // What the next tile's epilogue reads is on its way while this one is transformed.
          if half % 2 == 0 {
            for k in outputs..<2 * outputs {
              let place = pitches.place(pixel: corner + k * step, channel: half * 8)
              if let gate = epilogue.gate { platform_prefetch(gate + place.gate) }
              if let addend = epilogue.addend { platform_prefetch(addend + place.addend) }
            }
          }
          let products = UnsafePointer(workspace.products) + panel + (tile - firstTile) * Self.panelWidth + half % 2 * 8
          let bias = epilogue.bias.map { SIMD8<Float>($0 + half * 8) } ?? .zero
          var v0 = SIMD8(products) + bias, v1 = bias, v2 = bias, v3 = bias
          if hasInfinity { v3 += SIMD8(products + lastPoint * stride) }
          var power = powers.baseAddress.unsafelyUnwrapped
          for pair in 0..<pairs {
            let product = products + (1 + 2 * pair) * stride
            let (p, q) = (SIMD8(product), SIMD8(product + stride))
            let (even, odd) = (p + q, p - q)
            v0 += even
            v1.addProduct(odd, SIMD8(repeating: power[1]))
            v2.addProduct(even, SIMD8(repeating: power[2]))
            v3.addProduct(odd, SIMD8(repeating: power[3]))
            power += LineTransform.maximumOutputs
          }
          let count = min(outputs, length - start)
          @inline(always) func finish(_ v: SIMD8<Float>, _ k: Int) {
            epilogue.finish(v, into: output, at: pitches.place(pixel: corner + k * step, channel: half * 8))
          }
          finish(v0, 0)
          if count > 1 { finish(v1, 1) }
          if count > 2 { finish(v2, 2) }
          if count > 3 { finish(v3, 3) }
        }
      }
    }
  }
}
