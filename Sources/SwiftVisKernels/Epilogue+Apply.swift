extension Epilogue {
  /// Whether `apply` would change nothing.
  var isIdentity: Bool {
    addend == nil && gate == nil && !positiveOnly && lowerBound == -.infinity && upperBound == .infinity
  }

  /// Everything but the bias, to a vector of the destination that starts at `index`.
  @inline(always) func apply(_ v: SIMD8<Float>, at index: Int) -> SIMD8<Float> {
    var v = v
    if let addend { v += SIMD8(addend + index) }
    v = bounded(v)
    if let gate { v = gated(v, by: SIMD8(gate + index)) }
    return v
  }

  /// The same for the first `count` lanes.
  @inline(always) func apply(_ v: SIMD8<Float>, at index: Int, count: Int) -> SIMD8<Float> {
    var v = v
    if let addend { v += SIMD8(addend + index, count: count) }
    v = bounded(v)
    if let gate { v = gated(v, by: SIMD8(gate + index, count: count)) }
    return v
  }

  /// `apply` and store.
  @inline(always) func finish(_ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at index: Int) {
    apply(v, at: index).store(destination + index)
  }
  @inline(always) func finish(
    _ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at index: Int, count: Int
  ) {
    apply(v, at: index, count: count).store(destination + index, count: count)
  }

  @inline(always) private func bounded(_ v: SIMD8<Float>) -> SIMD8<Float> {
    var v = v
    v.replace(with: SIMD8(repeating: lowerBound), where: v .< lowerBound)
    v.replace(with: SIMD8(repeating: upperBound), where: v .> upperBound)
    if positiveOnly { v = SIMD8.zero.replacing(with: v, where: v .> 0) }
    return v
  }

  @inline(always) private func gated(_ v: SIMD8<Float>, by gate: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: v, where: (gate .> 0) .& (gate .< gateLimit))
  }
}
