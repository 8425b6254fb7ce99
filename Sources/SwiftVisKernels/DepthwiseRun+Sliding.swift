extension DepthwiseRun {
  static let slidingWidths = [3, 5]

  /// Six neighbours whose windows overlap: rows of three or five taps on adjacent pixels, so that a source pixel is
  /// loaded once for all windows it is in. The sums are added in the same order as everywhere else.
  func sumSix(_ taps: UnsafePointer<DepthwiseTap>, _ tapCount: Int, width: Int, _ shift: Int, _ index: Int) {
    var c = 0
    while c + 8 <= channels {
      if c % 16 == 0 { fetch(after: 6, index + c) }
      var sums = SixSums(bias(c))
      var t = 0
      if width == 3 {
        while t < tapCount {
          sums.addThree(taps + t, shift + c, c, sourceStep)
          t += 3
        }
      } else {
        while t < tapCount {
          sums.addFive(taps + t, shift + c, c, sourceStep)
          t += 5
        }
      }
      let i = index + c, step = destinationStep
      epilogue.finish(sums.a, into: destination, at: i)
      epilogue.finish(sums.b, into: destination, at: i + step)
      epilogue.finish(sums.c, into: destination, at: i + 2 * step)
      epilogue.finish(sums.d, into: destination, at: i + 3 * step)
      epilogue.finish(sums.e, into: destination, at: i + 4 * step)
      epilogue.finish(sums.f, into: destination, at: i + 5 * step)
      c += 8
    }
    guard c < channels else { return }
    for j in 0..<6 { sumOne(taps, tapCount, shift + j * sourceStep, index + j * destinationStep, from: c) }
  }
}

private struct SixSums {
  var a, b, c, d, e, f: SIMD8<Float>

  @inline(always) init(_ v: SIMD8<Float>) { (a, b, c, d, e, f) = (v, v, v, v, v, v) }

  @inline(always) mutating func addThree(_ taps: UnsafePointer<DepthwiseTap>, _ shift: Int, _ channel: Int, _ step: Int) {
    let p = taps[0].source + shift
    let u = SIMD8(taps[0].weights + channel), v = SIMD8(taps[1].weights + channel), w = SIMD8(taps[2].weights + channel)
    var x = SIMD8<Float>(p)
    a.addProduct(x, u)
    x = SIMD8(p + step)
    a.addProduct(x, v)
    b.addProduct(x, u)
    x = SIMD8(p + 2 * step)
    a.addProduct(x, w)
    b.addProduct(x, v)
    c.addProduct(x, u)
    x = SIMD8(p + 3 * step)
    b.addProduct(x, w)
    c.addProduct(x, v)
    d.addProduct(x, u)
    x = SIMD8(p + 4 * step)
    c.addProduct(x, w)
    d.addProduct(x, v)
    e.addProduct(x, u)
    x = SIMD8(p + 5 * step)
    d.addProduct(x, w)
    e.addProduct(x, v)
    f.addProduct(x, u)
    x = SIMD8(p + 6 * step)
    e.addProduct(x, w)
    f.addProduct(x, v)
    x = SIMD8(p + 7 * step)
    f.addProduct(x, w)
  }

  @inline(always) mutating func addFive(_ taps: UnsafePointer<DepthwiseTap>, _ shift: Int, _ channel: Int, _ step: Int) {
    let p = taps[0].source + shift
    let s = SIMD8(taps[0].weights + channel), t = SIMD8(taps[1].weights + channel), u = SIMD8(taps[2].weights + channel)
    let v = SIMD8(taps[3].weights + channel), w = SIMD8(taps[4].weights + channel)
    var x = SIMD8<Float>(p)
    a.addProduct(x, s)
    x = SIMD8(p + step)
    a.addProduct(x, t)
    b.addProduct(x, s)
    x = SIMD8(p + 2 * step)
    a.addProduct(x, u)
    b.addProduct(x, t)
    c.addProduct(x, s)
    x = SIMD8(p + 3 * step)
    a.addProduct(x, v)
    b.addProduct(x, u)
    c.addProduct(x, t)
    d.addProduct(x, s)
    x = SIMD8(p + 4 * step)
    a.addProduct(x, w)
    b.addProduct(x, v)
    c.addProduct(x, u)
    d.addProduct(x, t)
    e.addProduct(x, s)
    x = SIMD8(p + 5 * step)
    b.addProduct(x, w)
    c.addProduct(x, v)
    d.addProduct(x, u)
    e.addProduct(x, t)
    f.addProduct(x, s)
    x = SIMD8(p + 6 * step)
    c.addProduct(x, w)
    d.addProduct(x, v)
    e.addProduct(x, u)
    f.addProduct(x, t)
    x = SIMD8(p + 7 * step)
    d.addProduct(x, w)
    e.addProduct(x, v)
    f.addProduct(x, u)
    x = SIMD8(p + 8 * step)
    e.addProduct(x, w)
    f.addProduct(x, v)
    x = SIMD8(p + 9 * step)
    f.addProduct(x, w)
  }
}
