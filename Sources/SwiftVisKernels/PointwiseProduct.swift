import CPlatform

/// A slice of a panel: `depth` channels from `start` on, for `width` columns of the destination from `column` on.
struct PointwisePart {
  var weights: UnsafePointer<Float>
  /// The part that comes next, as large.
  var following: UnsafePointer<Float>
  let start: Int, depth: Int
  let column: Int, width: Int
  let isFirst: Bool, isLast: Bool
  /// The blocks that the next part will be turned from.
  var ahead: UnsafePointer<Float>?
  var aheadStride = 0

  /// The share of a tile, of so many, in fetching these.
  @inline(always) func fetchAhead(tile: Int, of count: Int) {
    guard let ahead else { return }
    let blocks = depth / 16
    for block in tile * blocks / count..<(tile + 1) * blocks / count {
      for line in 0..<16 { platform_prefetch(ahead + block * aheadStride + line * 16) }
    }
  }
}

/// The tiles of one block of rows and one slice of a panel.
struct PointwiseProduct {
  let source: UnsafePointer<Float>
  let destination: UnsafeMutablePointer<Float>
  let epilogue: Epilogue
  let pitches: Pitches
  /// A block's sums between slices, one tile's on the way to an epilogue that needs more than registers, and a slice of a panel.
  let sums: UnsafeMutablePointer<Float>, tile: UnsafeMutablePointer<Float>, turned: UnsafeMutablePointer<Float>

  static let scratchCount = sumsCount + tileCount + PointwiseConvolution.sliceDepth * PointwiseConvolution.panelWidth
  private static let sumsCount = 2 * PointwiseConvolution.rowsOfBlock * PointwiseConvolution.widePanelWidth
  private static let tileCount = 6 * PointwiseConvolution.widePanelWidth

  init(
    source: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>, epilogue: Epilogue, pitches: Pitches,
    scratch: UnsafeMutablePointer<Float>
  ) {
    (self.source, self.destination, self.epilogue, self.pitches) = (source, destination, epilogue, pitches)
    sums = scratch
    tile = sums + Self.sumsCount
    turned = tile + Self.tileCount
  }

  /// Tiles of 6 x 16, and of 5 x 16 at the end.
  func runPanel(_ part: PointwisePart, rows: Range<Int>) {
    let fives = (6 - rows.count % 6) % 6
    let tiles = (rows.count + 5) / 6
    var tile = 0
    let bias = bias(part)
    var row = rows.lowerBound
    var partial = sums
    let end = rows.upperBound - 5 * fives
    let path = path(part)
    while row < end {
      fetch(part, row + 12..<row + 18)
      multiplySix(
        true, part, ahead: row + 6 == rows.upperBound ? part.following : part.weights, row: row, partial, path, bias.0,
        bias.1)
      part.fetchAhead(tile: tile, of: tiles)
      tile += 1
      row += 6
      partial += 96
    }
    while row < rows.upperBound {
      multiplySix(
        false, part, ahead: row + 5 == rows.upperBound ? part.following : part.weights, row: row, partial, path, bias.0,
        bias.1)
      part.fetchAhead(tile: tile, of: tiles)
      tile += 1
      row += 5
      partial += 80
    }
    activate(part, rows)
  }

  /// Tiles of 4 x 24, and of 3 x 24 at the end.
  func runWidePanel(_ part: PointwisePart, rows: Range<Int>) {
    let threes = (4 - rows.count % 4) % 4
    let bias = bias(part)
    var row = rows.lowerBound
    var partial = sums
    let end = rows.upperBound - 3 * threes
    let path = path(part)
    while row < end {
      fetch(part, row + 12..<row + 16)
      multiplyFour(
        true, part, ahead: row + 4 == rows.upperBound ? part.following : part.weights, row: row, partial, path, bias.0,
        bias.1, bias.2)
      row += 4
      partial += 96
    }
    while row < rows.upperBound {
      multiplyFour(
        false, part, ahead: row + 3 == rows.upperBound ? part.following : part.weights, row: row, partial, path, bias.0,
        bias.1, bias.2)
      row += 3
      partial += 72
    }
    activate(part, rows)
  }

  /// Where a tile's sums go from the registers.
  enum Path { case partial, bounded, passed, finished, general }

  private func path(_ part: PointwisePart) -> Path {
    if !part.isLast { return .partial }
    if part.width % 8 != 0 { return .general }
    return epilogue.onlyBounds ? .bounded : epilogue.onlyPasses ? .passed : .finished
  }

  private func bias(_ part: PointwisePart) -> (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>) {
    guard let bias = epilogue.bias else { return (.zero, .zero, .zero) }
    func vector(_ lane: Int) -> SIMD8<Float> {
      SIMD8(bias + part.column + lane, count: max(0, min(8, part.width - lane)))
    }
    return (vector(0), vector(8), vector(16))
  }

  /// What is read and written two tiles later is on its way.
  @inline(always) private func fetch(_ part: PointwisePart, _ rows: Range<Int>) {
    guard part.isLast else { return }
    for row in rows { platform_prefetch_write(destination + row * pitches.destination + part.column) }
    if let gate = epilogue.gate ?? epilogue.factor {
      for row in rows { platform_prefetch(gate + row * pitches.gate + part.column) }
    }
    if let addend = epilogue.addend {
      for row in rows { platform_prefetch(addend + row * pitches.addend + part.column) }
    }
  }

  /// Six rows, or five.
  @inline(always) private func multiplySix(
    _ isFull: Bool, _ part: PointwisePart, ahead: UnsafePointer<Float>, row: Int, _ partial: UnsafeMutablePointer<Float>,
    _ path: Path,
    _ bias0: SIMD8<Float>, _ bias1: SIMD8<Float>
  ) {
    typealias Vector = SIMD8<Float>
    var a0 = Vector.zero, a1 = Vector.zero, b0 = Vector.zero, b1 = Vector.zero, c0 = Vector.zero, c1 = Vector.zero
    var d0 = Vector.zero, d1 = Vector.zero, e0 = Vector.zero, e1 = Vector.zero, f0 = Vector.zero, f1 = Vector.zero
    let pitch = pitches.source
    let a = source + row * pitch + part.start
    let b = a + pitch, c = b + pitch, d = c + pitch, e = d + pitch, f = e + pitch
    var panel = part.weights, ahead = ahead
    for i in 0..<part.depth {
      let w0 = Vector(panel), w1 = Vector(panel + 8)
      var s = Vector(repeating: a[i])
      a0.addProduct(s, w0)
      a1.addProduct(s, w1)
      s = Vector(repeating: b[i])
      b0.addProduct(s, w0)
      b1.addProduct(s, w1)
      s = Vector(repeating: c[i])
      c0.addProduct(s, w0)
      c1.addProduct(s, w1)
      s = Vector(repeating: d[i])
      d0.addProduct(s, w0)
      d1.addProduct(s, w1)
      s = Vector(repeating: e[i])
      e0.addProduct(s, w0)
      e1.addProduct(s, w1)
      if isFull {
        s = Vector(repeating: f[i])
        f0.addProduct(s, w0)
        f1.addProduct(s, w1)
      }
      panel += 16
      platform_prefetch(ahead)
      ahead += 16
    }
    if !part.isFirst {
      a0 += Vector(partial)
      a1 += Vector(partial + 8)
      b0 += Vector(partial + 16)
      b1 += Vector(partial + 24)
      c0 += Vector(partial + 32)
      c1 += Vector(partial + 40)
      d0 += Vector(partial + 48)
      d1 += Vector(partial + 56)
      e0 += Vector(partial + 64)
      e1 += Vector(partial + 72)
      if isFull {
        f0 += Vector(partial + 80)
        f1 += Vector(partial + 88)
      }
    }
    switch path {
    case .partial, .general:
      let tile = path == .partial ? partial : tile
      a0.store(tile)
      a1.store(tile + 8)
      b0.store(tile + 16)
      b1.store(tile + 24)
      c0.store(tile + 32)
      c1.store(tile + 40)
      d0.store(tile + 48)
      d1.store(tile + 56)
      e0.store(tile + 64)
      e1.store(tile + 72)
      if isFull {
        f0.store(tile + 80)
        f1.store(tile + 88)
      }
      if path == .general { finishTile(part, row: row, rowCount: isFull ? 6 : 5, panelWidth: 16) }
    case .bounded:
      storeBounded(a0 + bias0, a1 + bias1, row, part)
      storeBounded(b0 + bias0, b1 + bias1, row + 1, part)
      storeBounded(c0 + bias0, c1 + bias1, row + 2, part)
      storeBounded(d0 + bias0, d1 + bias1, row + 3, part)
      storeBounded(e0 + bias0, e1 + bias1, row + 4, part)
      if isFull { storeBounded(f0 + bias0, f1 + bias1, row + 5, part) }
    case .passed:
      store(passed: true, a0 + bias0, a1 + bias1, row, part)
      store(passed: true, b0 + bias0, b1 + bias1, row + 1, part)
      store(passed: true, c0 + bias0, c1 + bias1, row + 2, part)
      store(passed: true, d0 + bias0, d1 + bias1, row + 3, part)
      store(passed: true, e0 + bias0, e1 + bias1, row + 4, part)
      if isFull { store(passed: true, f0 + bias0, f1 + bias1, row + 5, part) }
    case .finished:
      store(passed: false, a0 + bias0, a1 + bias1, row, part)
      store(passed: false, b0 + bias0, b1 + bias1, row + 1, part)
      store(passed: false, c0 + bias0, c1 + bias1, row + 2, part)
      store(passed: false, d0 + bias0, d1 + bias1, row + 3, part)
      store(passed: false, e0 + bias0, e1 + bias1, row + 4, part)
      if isFull { store(passed: false, f0 + bias0, f1 + bias1, row + 5, part) }
    }
  }

  /// Four rows, or three.
  @inline(always) private func multiplyFour(
    _ isFull: Bool, _ part: PointwisePart, ahead: UnsafePointer<Float>, row: Int, _ partial: UnsafeMutablePointer<Float>,
    _ path: Path,
    _ bias0: SIMD8<Float>, _ bias1: SIMD8<Float>, _ bias2: SIMD8<Float>
  ) {
    typealias Vector = SIMD8<Float>
    var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, b0 = Vector.zero, b1 = Vector.zero, b2 = Vector.zero
    var c0 = Vector.zero, c1 = Vector.zero, c2 = Vector.zero, d0 = Vector.zero, d1 = Vector.zero, d2 = Vector.zero
    let pitch = pitches.source
    let a = source + row * pitch + part.start
    let b = a + pitch, c = b + pitch, d = c + pitch
    var panel = part.weights, ahead = ahead
    for i in 0..<part.depth {
      let w0 = Vector(panel), w1 = Vector(panel + 8), w2 = Vector(panel + 16)
      var s = Vector(repeating: a[i])
      a0.addProduct(s, w0)
      a1.addProduct(s, w1)
      a2.addProduct(s, w2)
      s = Vector(repeating: b[i])
      b0.addProduct(s, w0)
      b1.addProduct(s, w1)
      b2.addProduct(s, w2)
      s = Vector(repeating: c[i])
      c0.addProduct(s, w0)
      c1.addProduct(s, w1)
      c2.addProduct(s, w2)
      if isFull {
        s = Vector(repeating: d[i])
        d0.addProduct(s, w0)
        d1.addProduct(s, w1)
        d2.addProduct(s, w2)
      }
      panel += 24
      platform_prefetch(ahead)
      ahead += 24
    }
    if !part.isFirst {
      a0 += Vector(partial)
      a1 += Vector(partial + 8)
      a2 += Vector(partial + 16)
      b0 += Vector(partial + 24)
      b1 += Vector(partial + 32)
      b2 += Vector(partial + 40)
      c0 += Vector(partial + 48)
      c1 += Vector(partial + 56)
      c2 += Vector(partial + 64)
      if isFull {
        d0 += Vector(partial + 72)
        d1 += Vector(partial + 80)
        d2 += Vector(partial + 88)
      }
    }
    switch path {
    case .partial, .general:
      let tile = path == .partial ? partial : tile
      a0.store(tile)
      a1.store(tile + 8)
      a2.store(tile + 16)
      b0.store(tile + 24)
      b1.store(tile + 32)
      b2.store(tile + 40)
      c0.store(tile + 48)
      c1.store(tile + 56)
      c2.store(tile + 64)
      if isFull {
        d0.store(tile + 72)
        d1.store(tile + 80)
        d2.store(tile + 88)
      }
      if path == .general { finishTile(part, row: row, rowCount: isFull ? 4 : 3, panelWidth: 24) }
    case .bounded:
      storeBounded(a0 + bias0, a1 + bias1, a2 + bias2, row, part)
      storeBounded(b0 + bias0, b1 + bias1, b2 + bias2, row + 1, part)
      storeBounded(c0 + bias0, c1 + bias1, c2 + bias2, row + 2, part)
      if isFull { storeBounded(d0 + bias0, d1 + bias1, d2 + bias2, row + 3, part) }
    case .passed:
      store(passed: true, a0 + bias0, a1 + bias1, a2 + bias2, row, part)
      store(passed: true, b0 + bias0, b1 + bias1, b2 + bias2, row + 1, part)
      store(passed: true, c0 + bias0, c1 + bias1, c2 + bias2, row + 2, part)
      if isFull { store(passed: true, d0 + bias0, d1 + bias1, d2 + bias2, row + 3, part) }
    case .finished:
      store(passed: false, a0 + bias0, a1 + bias1, a2 + bias2, row, part)
      store(passed: false, b0 + bias0, b1 + bias1, b2 + bias2, row + 1, part)
      store(passed: false, c0 + bias0, c1 + bias1, c2 + bias2, row + 2, part)
      if isFull { store(passed: false, d0 + bias0, d1 + bias1, d2 + bias2, row + 3, part) }
    }
  }

  @inline(always) private func storeBounded(_ v0: SIMD8<Float>, _ v1: SIMD8<Float>, _ row: Int, _ part: PointwisePart) {
    let y = destination + row * pitches.destination + part.column
    epilogue.bounded(v0).store(y)
    if part.width > 8 { epilogue.bounded(v1).store(y + 8) }
  }
  @inline(always) private func storeBounded(
    _ v0: SIMD8<Float>, _ v1: SIMD8<Float>, _ v2: SIMD8<Float>, _ row: Int, _ part: PointwisePart
  ) {
    storeBounded(v0, v1, row, part)
    epilogue.bounded(v2).store(destination + row * pitches.destination + part.column + 16)
  }

  /// Bounds cost as much as a product of depth 2: they are left out where there are none.
  @inline(always) private func finish(_ isPassed: Bool, _ v: SIMD8<Float>, at place: EpiloguePlace) {
    if isPassed {
      epilogue.passed(v, at: place).store(destination + place.destination)
    } else {
      epilogue.finish(v, into: destination, at: place)
    }
  }
  @inline(always) private func store(
    passed: Bool, _ v0: SIMD8<Float>, _ v1: SIMD8<Float>, _ row: Int, _ part: PointwisePart
  ) {
    let place = pitches.place(pixel: row, channel: part.column)
    finish(passed, v0, at: place)
    if part.width > 8 { finish(passed, v1, at: place + 8) }
  }
  @inline(always) private func store(
    passed: Bool, _ v0: SIMD8<Float>, _ v1: SIMD8<Float>, _ v2: SIMD8<Float>, _ row: Int, _ part: PointwisePart
  ) {
    store(passed: passed, v0, v1, row, part)
    finish(passed, v2, at: pitches.place(pixel: row, channel: part.column + 16))
  }

  /// While the block's results are in the first-level cache.
  private func activate(_ part: PointwisePart, _ rows: Range<Int>) {
    guard part.isLast, epilogue.activation != nil else { return }
    for row in rows {
      epilogue.activate(
        destination + row * pitches.destination + part.column, derivativeAt: row * pitches.gate + part.column,
        count: part.width)
    }
  }

  /// Columns that are no whole vectors.
  @inline(never) private func finishTile(_ part: PointwisePart, row: Int, rowCount: Int, panelWidth: Int) {
    for r in 0..<rowCount {
      let place = pitches.place(pixel: row + r, channel: part.column)
      let v = UnsafePointer(tile + r * panelWidth)
      var lane = 0
      while lane + 8 <= part.width {
        var sum = SIMD8(v + lane)
        if let bias = epilogue.bias { sum += SIMD8(bias + part.column + lane) }
        epilogue.finish(sum, into: destination, at: place + lane)
        lane += 8
      }
      let rest = part.width - lane
      guard rest > 0 else { continue }
      var sum = SIMD8(v + lane, count: rest)
      if let bias = epilogue.bias { sum += SIMD8(bias + part.column + lane, count: rest) }
      epilogue.finish(sum, into: destination, at: place + lane, count: rest)
    }
  }
}
