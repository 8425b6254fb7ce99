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
    if let bias = epilogue.bias {
      var c = channel % destination.channels
      for i in 0..<width {
        scratch.bias[i] = bias[c]
        c = c + 1 == destination.channels ? 0 : c + 1
      }
    } else {
      scratch.bias.update(repeating: 0, count: Self.panelWidth)
    }
    let readsOperands = epilogue.addend != nil || epilogue.gate != nil || epilogue.factor != nil
    var fetched = 0
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
          if isLast && readsOperands {
            let end = min(pixels, (tile + 1 + Self.tilesFetchedAhead) * Self.tileRows)
            fetchOperands(pixels: fetched..<end, channel: channel, buffers, scratch, epilogue)
            fetched = end
          }
          multiplyTile(
            rows: scratch.rows + (tile * taps + tap) * Self.tileRows, taps: tapCount, start: group * groupDepth + start,
            depth: length, panel: slice, tile: scratch.sums + tile * Self.tileRows * Self.panelWidth,
            resumes: tap > 0 || start > 0, ahead: tile == tiles - 1 ? next : slice)
          guard isLast else { continue }
          let rows = tile * Self.tileRows..<min(pixels, (tile + 1) * Self.tileRows)
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

  /// What an epilogue reads, a cache line here and there, is on its way while products are made.
  @inline(always) private func fetchOperands(
    pixels: Range<Int>, channel: Int, _ buffers: Buffers, _ scratch: Scratch, _ epilogue: Epilogue
  ) {
    for pixel in pixels {
      let place = buffers.pitches.place(pixel: scratch.targets[pixel].pixel, channel: channel)
      if let addend = epilogue.addend { platform_prefetch(addend + place.addend) }
      if let gate = epilogue.gate ?? epilogue.factor { platform_prefetch(gate + place.gate) }
    }
  }

  private func finish(
    pixels: Range<Int>, channel: Int, width: Int, _ buffers: Buffers, _ scratch: Scratch, _ epilogue: Epilogue
  ) {
    let (bias0, bias1) = (SIMD8(UnsafePointer(scratch.bias)), SIMD8(UnsafePointer(scratch.bias + 8)))
    for pixel in pixels {
      let sums = UnsafePointer(scratch.sums + pixel * Self.panelWidth)
      let place = buffers.pitches.place(pixel: scratch.targets[pixel].pixel, channel: channel)
      guard width >= 8 else {
        epilogue.finish(SIMD8(sums) + bias0, into: buffers.destination, at: place, count: width)
        continue
      }
      epilogue.finish(SIMD8(sums) + bias0, into: buffers.destination, at: place)
      if width == Self.panelWidth {
        epilogue.finish(SIMD8(sums + 8) + bias1, into: buffers.destination, at: place + 8)
      } else if width > 8 {
        epilogue.finish(SIMD8(sums + 8) + bias1, into: buffers.destination, at: place + 8, count: width - 8)
      }
    }
  }

  /// Columns ordered [neighbour row][neighbour column][channel] go to their pixels, as far as these are in the image. Pixels
  /// are adjacent here (`writesSlices`).
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
        let offset = (target.pixel + neighbour * destination.width) * channels + columns.lowerBound - first
        if isPlain && end - lane >= 4 {
          let bias = UnsafePointer(scratch.bias)
          // The last vector may overlap the one before it, with the same sums.
          if end - lane >= 8 {
            for i in stride(from: lane, to: end, by: 8) {
              let at = min(i, end - 8)
              (SIMD8(sums + at) + SIMD8(bias + at)).store(buffers.destination + offset + at)
            }
          } else {
            (SIMD4(sums + lane) + SIMD4(bias + lane)).store(buffers.destination + offset + lane)
            let at = end - 4
            (SIMD4(sums + at) + SIMD4(bias + at)).store(buffers.destination + offset + at)
          }
          continue
        }
        while lane + 8 <= end {
          let v = SIMD8(sums + lane) + SIMD8(UnsafePointer(scratch.bias + lane))
          epilogue.finish(v, into: buffers.destination, at: offset + lane)
          lane += 8
        }
        if lane < end {
          let v = SIMD8(sums + lane, count: end - lane) + SIMD8(UnsafePointer(scratch.bias + lane), count: end - lane)
          epilogue.finish(v, into: buffers.destination, at: offset + lane, count: end - lane)
        }
      }
    }
  }
}
