import CPlatform

extension GatherConvolution {
  /// One panel for the tabulated pixels, slice by slice of the panel. A tile is finished as soon as its sums are complete, so
  /// that its stores drain behind the next tile's products.
  func multiply(
    _ phase: Phase, panel: Int, next nextPanel: Int, pixels: Int, _ buffers: Buffers, _ scratch: Scratch,
    _ epilogue: Epilogue
  ) {
    let tiles = (pixels + Self.tileRows - 1) / Self.tileRows
    let (taps, depth) = (phase.taps, phase.depth)
    let weights = buffers.packed + phase.packedOffset + panel * taps * depth * Self.panelWidth
    let following = weights + (nextPanel - panel) * taps * depth * Self.panelWidth
    let (group, firstColumn) = (panel / panelsPerGroup, panel % panelsPerGroup * Self.panelWidth)
    let channel = group * (destination.channels / groupCount) + firstColumn
    let width = min(Self.panelWidth, groupColumns - firstColumn)
    for i in 0..<Self.panelWidth {
      scratch.bias[i] = i < width ? epilogue.bias.map { $0[(channel + i) % destination.channels] } ?? 0 : 0
    }
    let slices = (depth + Self.sliceDepth - 1) / Self.sliceDepth
    let sliceDepth = slices > 1 ? (depth + slices - 1) / slices : depth
    let sliceTaps = slices > 1 ? 1 : max(1, Self.sliceDepth / max(1, depth))
    var tap = 0
    repeat {
      let tapCount = min(sliceTaps, taps - tap)
      var start = 0
      repeat {
        let length = min(sliceDepth, depth - start)
        let isLast = tap + tapCount >= taps && start + length >= depth
        let slice = weights + (tap * depth + start) * Self.panelWidth
        let next = isLast ? following : slice + tapCount * length * Self.panelWidth
        for tile in 0..<tiles {
          let rows = tile * Self.tileRows..<min(pixels, (tile + 1) * Self.tileRows)
          if isLast { fetchOperands(pixels: rows, channel: channel, scratch, epilogue) }
          multiplyTile(
            rows: scratch.rows + (tile * taps + tap) * Self.tileRows, taps: tapCount, start: group * groupDepth + start,
            depth: length, panel: slice, tile: scratch.sums + tile * Self.tileRows * Self.panelWidth,
            resumes: tap > 0 || start > 0, ahead: tile == tiles - 1 ? next : slice)
          guard isLast else { continue }
          if phase.y.count * phase.x.count > 1 {
            scatter(phase, columns: firstColumn..<firstColumn + width, pixels: rows, buffers, scratch, epilogue)
          } else {
            finish(pixels: rows, channel: channel, width: width, buffers, scratch, epilogue)
          }
        }
        start += length
      } while start < depth
      tap += tapCount
    } while tap < taps
  }

  /// What a tile's epilogue reads, a cache line here and there, is on its way while the tile's products are made.
  @inline(always) private func fetchOperands(pixels: Range<Int>, channel: Int, _ scratch: Scratch, _ epilogue: Epilogue) {
    if let addend = epilogue.addend {
      for pixel in pixels { platform_prefetch(addend + scratch.targets[pixel].offset + channel) }
    }
    if let gate = epilogue.gate {
      for pixel in pixels { platform_prefetch(gate + scratch.targets[pixel].offset + channel) }
    }
  }

  private func finish(
    pixels: Range<Int>, channel: Int, width: Int, _ buffers: Buffers, _ scratch: Scratch, _ epilogue: Epilogue
  ) {
    let (bias0, bias1) = (SIMD8(UnsafePointer(scratch.bias)), SIMD8(UnsafePointer(scratch.bias + 8)))
    let (width0, width1) = (min(8, width), max(0, width - 8))
    for pixel in pixels {
      let sums = UnsafePointer(scratch.sums + pixel * Self.panelWidth)
      let offset = scratch.targets[pixel].offset + channel
      if width == Self.panelWidth {
        epilogue.finish(SIMD8(sums) + bias0, into: buffers.destination, at: offset)
        epilogue.finish(SIMD8(sums + 8) + bias1, into: buffers.destination, at: offset + 8)
      } else {
        epilogue.finish(SIMD8(sums) + bias0, into: buffers.destination, at: offset, count: width0)
        epilogue.finish(SIMD8(sums + 8) + bias1, into: buffers.destination, at: offset + 8, count: width1)
      }
    }
  }

  /// Columns ordered [neighbour row][neighbour column][channel] go to their pixels, as far as these are in the image.
  private func scatter(
    _ phase: Phase, columns: Range<Int>, pixels: Range<Int>, _ buffers: Buffers, _ scratch: Scratch, _ epilogue: Epilogue
  ) {
    let channels = destination.channels
    let isPlain = epilogue.isIdentity
    for pixel in pixels {
      let target = scratch.targets[pixel]
      let sums = UnsafePointer(scratch.sums + pixel * Self.panelWidth)
      for neighbour in 0..<Int(target.rows) {
        let first = neighbour * phase.x.count * channels
        var lane = max(0, first - columns.lowerBound)
        let end = min(columns.upperBound, first + Int(target.columns) * channels) - columns.lowerBound
        let offset = target.offset + neighbour * destination.width * channels + columns.lowerBound - first
        if isPlain {
          while lane < end {
            buffers.destination[offset + lane] = sums[lane] + scratch.bias[lane]
            lane += 1
          }
        }
        while lane < end {
          let count = min(8, end - lane)
          let v = SIMD8(sums + lane, count: count) + SIMD8(UnsafePointer(scratch.bias + lane), count: count)
          epilogue.finish(v, into: buffers.destination, at: offset + lane, count: count)
          lane += count
        }
      }
    }
  }
}
