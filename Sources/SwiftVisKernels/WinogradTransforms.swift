// The one-dimensional transforms of Winograd's F(4, 3) with interpolation points 0, 1, -1, 2, -2 and infinity
// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), on eight channels at a time.

typealias Six = (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>)
typealias Four = (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>)

@inline(__always) private func multiplyAdd(_ a: SIMD8<Float>, _ b: Float, _ c: SIMD8<Float>) -> SIMD8<Float> {
  c.addingProduct(a, SIMD8(repeating: b))
}

/// Six neighbours of the source.
@inline(__always) func winogradSource(_ d: Six) -> Six {
  let p = multiplyAdd(d.2, -4, d.4), q = multiplyAdd(d.1, -4, d.3)
  let r = d.4 - d.2, s = d.3 - d.1
  return (
    multiplyAdd(d.0, 4, multiplyAdd(d.2, -5, d.4)), p + q, p - q, multiplyAdd(s, 2, r), multiplyAdd(s, -2, r),
    multiplyAdd(d.1, 4, multiplyAdd(d.3, -5, d.5))
  )
}

/// Six products to four neighbours of the destination.
@inline(__always) func winogradDestination(_ m: Six) -> Four {
  let a = m.1 + m.2, b = m.1 - m.2, c = m.3 + m.4, d = m.3 - m.4
  return (m.0 + a + c, multiplyAdd(d, 2, b), multiplyAdd(c, 4, a), multiplyAdd(d, 8, b) + m.5)
}

/// Three neighbours of the kernel.
@inline(__always) func winogradKernel(_ g0: SIMD8<Float>, _ g1: SIMD8<Float>, _ g2: SIMD8<Float>) -> Six {
  let a = (g0 + g2) * (-1 / 6), b = g1 * (1 / 6)
  let c = multiplyAdd(g2, 1 / 6, g0 * (1 / 24)), d = g1 * (1 / 12)
  return (g0 * 0.25, a - b, a + b, c + d, c - d, g2)
}
