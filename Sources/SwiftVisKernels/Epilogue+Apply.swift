/// Where a vector of the destination lies, and where what is added to it and what gates it.
struct EpiloguePlace {
  let destination: Int, addend: Int, gate: Int

  @inline(always) static func + (place: Self, channels: Int) -> Self {
    Self(destination: place.destination + channels, addend: place.addend + channels, gate: place.gate + channels)
  }
}

extension Epilogue {
  /// Whether `finish` would only store.
  var isIdentity: Bool { onlyBounds && lowerBound == -.infinity && upperBound == .infinity && !positiveOnly }

  /// Whether `finish` does nothing but `bounded`, or nothing but `passed`.
  var onlyBounds: Bool { addend == nil && gate == nil && factor == nil }
  var onlyPasses: Bool { lowerBound == -.infinity && upperBound == .infinity && !positiveOnly }

  /// The same for a destination that begins so many floats further on. (A bias is by column and stays.)
  func advanced(by offset: Int) -> Epilogue {
    var epilogue = self
    epilogue.addend? += offset
    epilogue.gate? += offset
    epilogue.factor? += offset
    epilogue.derivative? += offset
    return epilogue
  }

  /// Everything but the bias, and the store.
  @inline(always) func finish(_ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at place: EpiloguePlace) {
    var v = v
    if let addend, !addsLast { v += SIMD8(addend + place.addend) }
    v = gated(bounded(v), at: place.gate)
    if let addend, addsLast { v += SIMD8(addend + place.addend) }
    v.store(destination + place.destination)
  }

  /// The same for the first `count` lanes.
  @inline(always) func finish(
    _ v: SIMD8<Float>, into destination: UnsafeMutablePointer<Float>, at place: EpiloguePlace, count: Int
  ) {
    var v = v
    if let addend, !addsLast { v += SIMD8(addend + place.addend, count: count) }
    v = bounded(v)
    if let gate { v = gated(v, by: SIMD8(gate + place.gate, count: count)) }
    if let factor { v *= SIMD8(factor + place.gate, count: count) }
    if let addend, addsLast { v += SIMD8(addend + place.addend, count: count) }
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

  /// The gate, the factor and the addend.
  @inline(always) func passed(_ v: SIMD8<Float>, at place: EpiloguePlace) -> SIMD8<Float> {
    var v = v
    if let addend, !addsLast { v += SIMD8(addend + place.addend) }
    v = gated(v, at: place.gate)
    if let addend, addsLast { v += SIMD8(addend + place.addend) }
    return v
  }

  @inline(always) func bounded(_ v: SIMD8<Float>) -> SIMD8<Float> {
    var v = v
    v.replace(with: SIMD8(repeating: lowerBound), where: v .< lowerBound)
    v.replace(with: SIMD8(repeating: upperBound), where: v .> upperBound)
    if positiveOnly { v = SIMD8.zero.replacing(with: v, where: v .> 0) }
    return v
  }

  @inline(always) func gated(_ v: SIMD8<Float>, at index: Int) -> SIMD8<Float> {
    var v = v
    if let gate { v = gated(v, by: SIMD8(gate + index)) }
    if let factor { v *= SIMD8(factor + index) }
    return v
  }

  @inline(always) private func gated(_ v: SIMD8<Float>, by gate: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: v, where: (gate .> 0) .& (gate .< gateLimit))
  }

  /// The activation of `count` results that have just been written, and its derivative. In loops of their own: their arithmetic
  /// would crowd the registers of the loops that end in `finish`.
  @inline(never) func activate(_ y: UnsafeMutablePointer<Float>, derivativeAt index: Int, count: Int) {
    switch activation {
    case nil: break
    case .silu: activate(y, index, count) { SIMD8.silu($0) }
    case .gelu: activate(y, index, count) { SIMD8.gelu($0) }
    case .geluTanh: activate(y, index, count) { SIMD8.geluTanh($0) }
    }
  }

  @inline(__always) private func activate(
    _ y: UnsafeMutablePointer<Float>, _ index: Int, _ count: Int,
    _ function: (SIMD8<Float>) -> (value: SIMD8<Float>, derivative: SIMD8<Float>)
  ) {
    forEachVector(count) { i, lanes in
      let (value, slope) = function(SIMD8(y + i, count: lanes))
      value.store(y + i, count: lanes)
      if let derivative { slope.store(derivative + index + i, count: lanes) }
    }
  }
}
