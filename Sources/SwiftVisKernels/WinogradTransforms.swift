// The one-dimensional transforms of Winograd's F(4, 3) on eight channels at a time (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015).
//
// The interpolation points are 0, 5/8, -5/8, 3/2, -3/2 and infinity: their powers stay near 1 and are exact in float32. Against
// the usual 0, 1, -1, 2, -2 this more than halves the root mean square of the rounding errors.
private let a: Float = 0.625, b: Float = 1.5
private let aa: Float = a * a, bb: Float = b * b

typealias Six = (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>)
typealias Four = (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>)

@inline(__always) private func multiplyAdd(_ a: SIMD8<Float>, _ b: Float, _ c: SIMD8<Float>) -> SIMD8<Float> {
  c.addingProduct(a, SIMD8(repeating: b))
}

/// Six neighbours of the source: the coefficients of the product of (x - point) over the other points.
@inline(__always) func winogradSource(_ d: Six) -> Six {
  let p = multiplyAdd(d.2, -bb, d.4), q = multiplyAdd(d.1, -bb, d.3) * a
  let r = multiplyAdd(d.2, -aa, d.4), s = multiplyAdd(d.1, -aa, d.3) * b
  return (
    multiplyAdd(d.0, aa * bb, multiplyAdd(d.2, -(aa + bb), d.4)), p + q, p - q, r + s, r - s,
    multiplyAdd(d.1, aa * bb, multiplyAdd(d.3, -(aa + bb), d.5))
  )
}

/// Six products to four neighbours of the destination: the powers of the points.
@inline(__always) func winogradDestination(_ m: Six) -> Four {
  let p = m.1 + m.2, q = m.1 - m.2, r = m.3 + m.4, s = m.3 - m.4
  return (
    m.0 + p + r, multiplyAdd(s, b, q * a), multiplyAdd(r, bb, p * aa), multiplyAdd(s, bb * b, multiplyAdd(q, aa * a, m.5))
  )
}

/// Three neighbours of the kernel: a polynomial at each point, divided by the product of its distances to the others.
@inline(__always) func winogradKernel(_ g0: SIMD8<Float>, _ g1: SIMD8<Float>, _ g2: SIMD8<Float>) -> Six {
  let near = SIMD8<Float>(repeating: 1 / (2 * aa * (aa - bb))), far = SIMD8<Float>(repeating: 1 / (2 * bb * (bb - aa)))
  let p = multiplyAdd(g2, aa, g0) * near, q = g1 * (a * near)
  let r = multiplyAdd(g2, bb, g0) * far, s = g1 * (b * far)
  return (g0 * (1 / (aa * bb)), p + q, p - q, r + s, r - s, g2)
}

/// To six places `stride` floats apart.
@inline(always) func store(_ v: Six, to target: UnsafeMutablePointer<Float>, stride: Int) {
  v.0.store(target)
  v.1.store(target + stride)
  v.2.store(target + 2 * stride)
  v.3.store(target + 3 * stride)
  v.4.store(target + 4 * stride)
  v.5.store(target + 5 * stride)
}
