/// Where a vector of the destination lies, and where what is added to it and what gates it.
struct EpiloguePlace {
  let destination: Int, addend: Int, gate: Int

  @inline(always) static func + (place: Self, channels: Int) -> Self {
    Self(destination: place.destination + channels, addend: place.addend + channels, gate: place.gate + channels)
  }
}

extension Epilogue {
  /// Whether `apply` would change nothing.
  var isIdentity: Bool {
    addend == nil && gate == nil && !positiveOnly && lowerBound == -.infinity && upperBound == .infinity
  }

  /// Everything but the bias, and the store.
  @inline(always) func finish(_ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at place: EpiloguePlace) {
    var v = v
    if let addend { v += SIMD8(addend + place.addend) }
    v = bounded(v)
    if let gate { v = gated(v, by: SIMD8(gate + place.gate)) }
    v.store(destination + place.destination)
  }

  /// The same for the first `count` lanes.
  @inline(always) func finish(
    _ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at place: EpiloguePlace, count: Int
  ) {
    var v = v
    if let addend { v += SIMD8(addend + place.addend, count: count) }
    v = bounded(v)
    if let gate { v = gated(v, by: SIMD8(gate + place.gate, count: count)) }
    v.store(destination + place.destination, count: count)
  }

  /// Where all tensors have the layout of the destination.
  @inline(always) func finish(_ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at index: Int) {
    finish(v, into: destination, at: EpiloguePlace(destination: index, addend: index, gate: index))
  }
  @inline(always) func finish(
    _ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at index: Int, count: Int
  ) {
    finish(v, into: destination, at: EpiloguePlace(destination: index, addend: index, gate: index), count: count)
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
