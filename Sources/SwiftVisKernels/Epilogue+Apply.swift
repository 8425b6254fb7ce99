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
    case .silu: apply(Silu(), y, index, count)
    case .gelu: apply(Gelu(), y, index, count)
    case .geluTanh: apply(GeluTanh(), y, index, count)
    }
  }

  private func apply<F: SmoothActivation>(_ function: F, _ y: UnsafeMutablePointer<Float>, _ index: Int, _ count: Int) {
    var i = 0
    while i + 8 <= count {
      let (value, slope) = function.both(SIMD8(y + i))
      value.store(y + i)
      if let derivative { slope.store(derivative + index + i) }
      i += 8
    }
    guard i < count else { return }
    let (value, slope) = function.both(SIMD8(y + i, count: count - i))
    value.store(y + i, count: count - i)
    if let derivative { slope.store(derivative + index + i, count: count - i) }
  }
}

/// An activation whose value and derivative have most of their arithmetic in common.
private protocol SmoothActivation {
  func both(_ x: SIMD8<Float>) -> (value: SIMD8<Float>, derivative: SIMD8<Float>)
}
extension Silu: SmoothActivation {
  @inline(always) fileprivate func both(_ x: SIMD8<Float>) -> (value: SIMD8<Float>, derivative: SIMD8<Float>) {
    SIMD8.silu(x)
  }
}
extension Gelu: SmoothActivation {
  @inline(always) fileprivate func both(_ x: SIMD8<Float>) -> (value: SIMD8<Float>, derivative: SIMD8<Float>) {
    SIMD8.gelu(x)
  }
}
extension GeluTanh: SmoothActivation {
  @inline(always) fileprivate func both(_ x: SIMD8<Float>) -> (value: SIMD8<Float>, derivative: SIMD8<Float>) {
    SIMD8.geluTanh(x)
  }
}
