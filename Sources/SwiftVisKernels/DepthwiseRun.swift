import CPlatform

/// A tap of a window: the source pixel it reads for step 0, that pixel's column, and the tap's weights.
struct DepthwiseTap {
  let source: UnsafePointer<Float>, weights: UnsafePointer<Float>
  let column: Int
}

/// Sums over taps for pixels of one destination row. Sixteen channels are a cache line, and four pixels of them make the
/// eight independent sums that keep both multipliers busy.
struct DepthwiseRun {
  let channels: Int
  /// Floats between neighbouring pixels.
  let sourceStep: Int, destinationStep: Int
  let destination: UnsafeMutablePointer<Float>
  let epilogue: Epilogue

  /// Four neighbours with the same taps, the first at `shift` from the taps' sources and at `index` of the destination.
  func sumFour(_ taps: UnsafePointer<DepthwiseTap>, _ tapCount: Int, _ shift: Int, _ index: Int) {
    var c = 0
    while c + 16 <= channels {
      fetch(after: 4, index + c)
      let bias0 = bias(c), bias1 = bias(c + 8)
      var a0 = bias0, a1 = bias0, a2 = bias0, a3 = bias0
      var b0 = bias1, b1 = bias1, b2 = bias1, b3 = bias1
      for t in 0..<tapCount {
        let p = taps[t].source + shift + c
        let w0 = SIMD8(taps[t].weights + c), w1 = SIMD8(taps[t].weights + c + 8)
        a0.addProduct(SIMD8(p), w0)
        b0.addProduct(SIMD8(p + 8), w1)
        a1.addProduct(SIMD8(p + sourceStep), w0)
        b1.addProduct(SIMD8(p + sourceStep + 8), w1)
        a2.addProduct(SIMD8(p + 2 * sourceStep), w0)
        b2.addProduct(SIMD8(p + 2 * sourceStep + 8), w1)
        a3.addProduct(SIMD8(p + 3 * sourceStep), w0)
        b3.addProduct(SIMD8(p + 3 * sourceStep + 8), w1)
      }
      var i = index + c
      epilogue.finish(a0, into: destination, at: i)
      epilogue.finish(b0, into: destination, at: i + 8)
      i += destinationStep
      epilogue.finish(a1, into: destination, at: i)
      epilogue.finish(b1, into: destination, at: i + 8)
      i += destinationStep
      epilogue.finish(a2, into: destination, at: i)
      epilogue.finish(b2, into: destination, at: i + 8)
      i += destinationStep
      epilogue.finish(a3, into: destination, at: i)
      epilogue.finish(b3, into: destination, at: i + 8)
      c += 16
    }
    guard c < channels else { return }
    for j in 0..<4 { sumOne(taps, tapCount, shift + j * sourceStep, index + j * destinationStep, from: c) }
  }

  /// One pixel, from a channel on.
  func sumOne(_ taps: UnsafePointer<DepthwiseTap>, _ tapCount: Int, _ shift: Int, _ index: Int, from channel: Int) {
    var c = channel
    while c + 32 <= channels {
      var s0 = bias(c), s1 = bias(c + 8), s2 = bias(c + 16), s3 = bias(c + 24)
      for t in 0..<tapCount {
        let p = taps[t].source + shift + c, w = taps[t].weights + c
        s0.addProduct(SIMD8(p), SIMD8(w))
        s1.addProduct(SIMD8(p + 8), SIMD8(w + 8))
        s2.addProduct(SIMD8(p + 16), SIMD8(w + 16))
        s3.addProduct(SIMD8(p + 24), SIMD8(w + 24))
      }
      epilogue.finish(s0, into: destination, at: index + c)
      epilogue.finish(s1, into: destination, at: index + c + 8)
      epilogue.finish(s2, into: destination, at: index + c + 16)
      epilogue.finish(s3, into: destination, at: index + c + 24)
      c += 32
    }
    while c + 8 <= channels {
      var sum = bias(c)
      for t in 0..<tapCount { sum.addProduct(SIMD8(taps[t].source + shift + c), SIMD8(taps[t].weights + c)) }
      epilogue.finish(sum, into: destination, at: index + c)
      c += 8
    }
    let rest = channels - c
    guard rest > 0 else { return }
    var sum = epilogue.bias.map { SIMD8($0 + c, count: rest) } ?? SIMD8<Float>.zero
    for t in 0..<tapCount {
      sum.addProduct(SIMD8(taps[t].source + shift + c, count: rest), SIMD8(taps[t].weights + c, count: rest))
    }
    epilogue.finish(sum, into: destination, at: index + c, count: rest)
  }

  /// What as many pixels as are summed at a time write, and their gates, are on their way before those pixels' turn.
  @inline(always) func fetch(after pixels: Int, _ index: Int) {
    for pixel in pixels..<2 * pixels { platform_prefetch_write(destination + index + pixel * destinationStep) }
    guard let gate = epilogue.gate ?? epilogue.factor else { return }
    for pixel in pixels..<2 * pixels { platform_prefetch(gate + index + pixel * destinationStep) }
  }

  @inline(always) func bias(_ channel: Int) -> SIMD8<Float> {
    guard let bias = epilogue.bias else { return .zero }
    return SIMD8(bias + channel)
  }
}
