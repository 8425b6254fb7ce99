import CPlatform

/// The inner loop of every matrix product: a tile of 6 destination rows x 16 columns, twelve vectors that stay in registers.
///
/// `rows` has six source pointers for each tap. From each, `depth` floats from `start` on are multiplied by the next `depth`
/// rows of the packed panel; the sums are added to the tile where `resumes`, else they are the tile. Long sums so have two
/// levels, which keeps their rounding errors small, and every sum is made in one fixed order of taps and channels.
///
/// As many rows of weights are fetched from `ahead`: a network's weights do not fit the caches, and the processor does not
/// see across pages that they are read one after the other.
@inline(never)
func multiplyTile(
  rows: UnsafePointer<UnsafePointer<Float>>, taps: Int, start: Int, depth: Int, panel: UnsafePointer<Float>,
  tile: UnsafeMutablePointer<Float>, resumes: Bool, ahead: UnsafePointer<Float>
) {
  multiply(true, rows, taps, start, depth, panel, tile, resumes, ahead)
}

/// The same for five of the six rows.
@inline(never)
func multiplyTileOfFive(
  rows: UnsafePointer<UnsafePointer<Float>>, taps: Int, start: Int, depth: Int, panel: UnsafePointer<Float>,
  tile: UnsafeMutablePointer<Float>, resumes: Bool, ahead: UnsafePointer<Float>
) {
  multiply(false, rows, taps, start, depth, panel, tile, resumes, ahead)
}

/// Rows in tiles of six, and of five at the end where that spares rows that are not there.
struct TileRows {
  let count: Int
  private let sixes: Int

  init(_ rows: Int) {
    count = (rows + 5) / 6
    sixes = rows >= 5 * count ? rows - 5 * count : count
  }
  /// Of a tile: the first row, and whether it has six.
  @inline(__always) subscript(tile: Int) -> (row: Int, isFull: Bool) {
    (tile * 6 - max(0, tile - sixes), tile < sixes)
  }
}

@inline(__always) private func multiply(
  _ isFull: Bool, _ rows: UnsafePointer<UnsafePointer<Float>>, _ taps: Int, _ start: Int, _ depth: Int,
  _ panel: UnsafePointer<Float>, _ tile: UnsafeMutablePointer<Float>, _ resumes: Bool, _ ahead: UnsafePointer<Float>
) {
  typealias Vector = SIMD8<Float>
  var a0 = Vector.zero, a1 = Vector.zero, b0 = Vector.zero, b1 = Vector.zero, c0 = Vector.zero, c1 = Vector.zero
  var d0 = Vector.zero, d1 = Vector.zero, e0 = Vector.zero, e1 = Vector.zero, f0 = Vector.zero, f1 = Vector.zero
  var rows = rows, panel = panel, ahead = ahead
  for _ in 0..<taps {
    let a = rows[0] + start, b = rows[1] + start, c = rows[2] + start
    let d = rows[3] + start, e = rows[4] + start, f = isFull ? rows[5] + start : e
    for i in 0..<depth {
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
    rows += 6
  }
  if resumes {
    a0 += Vector(tile)
    a1 += Vector(tile + 8)
    b0 += Vector(tile + 16)
    b1 += Vector(tile + 24)
    c0 += Vector(tile + 32)
    c1 += Vector(tile + 40)
    d0 += Vector(tile + 48)
    d1 += Vector(tile + 56)
    e0 += Vector(tile + 64)
    e1 += Vector(tile + 72)
    if isFull {
      f0 += Vector(tile + 80)
      f1 += Vector(tile + 88)
    }
  }
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
  guard isFull else { return }
  f0.store(tile + 80)
  f1.store(tile + 88)
}
