/// Conversions between float32 and IEEE 754 binary16 on bit patterns. Not Swift's Float16: without F16C in the target, as
/// here, that is a library call for every value, and x86 Macs do not have the type.
enum HalfPrecision {
  /// The largest finite value.
  static let maximum: Float = 65504

  /// Exact. Fills the destination, which is no longer than the source.
  static func widen(_ source: UnsafeBufferPointer<UInt16>, into destination: UnsafeMutableBufferPointer<Float>) {
    guard let halves = source.baseAddress, let values = destination.baseAddress else { return }
    for index in 0..<min(source.count, destination.count) { values[index] = widen(halves[index]) }
  }

  /// Rounds to nearest, ties to even. Fills the destination, which is no longer than the source; false where a value is not
  /// finite or beyond `maximum`.
  static func narrow(_ source: UnsafeBufferPointer<Float>, into destination: UnsafeMutableBufferPointer<UInt16>) -> Bool {
    guard let values = source.baseAddress, let halves = destination.baseAddress else { return true }
    var fits = true
    for index in 0..<min(source.count, destination.count) {
      fits = fits && values[index].magnitude <= maximum
      halves[index] = narrow(values[index])
    }
    return fits
  }

  /// Selects instead of branches, and signed, because SSE2 compares only those: the compiler makes vectors of it.
  @inline(__always) static func widen(_ half: UInt16) -> Float {
    let magnitude = Int32(half & 0x7FFF) &<< 13
    let rebased = magnitude &+ 112 &<< 23
    // A subnormal gets an implicit one, which is then taken off again.
    let withOne = Float(bitPattern: UInt32(bitPattern: rebased &+ 1 &<< 23))
    let subnormal = Int32(bitPattern: (withOne - Float(bitPattern: 113 << 23)).bitPattern)
    let finite = magnitude < 1 &<< 23 ? subnormal : rebased
    let bits = magnitude >= 0x7C00 &<< 13 ? rebased &+ 112 &<< 23 : finite
    return Float(bitPattern: UInt32(bitPattern: bits) | UInt32(half & 0x8000) &<< 16)
  }

  @inline(__always) static func narrow(_ value: Float) -> UInt16 {
    let magnitude = value.magnitude.bitPattern
    let odd = magnitude >> 13 & 1
    let normal = (magnitude &- 112 << 23 &+ 0xFFF &+ odd) >> 13
    // Adding 0.5 leaves the subnormal's bits, rounded by the processor, in the low end.
    let subnormal = (Float(bitPattern: magnitude) + 0.5).bitPattern &- Float(0.5).bitPattern
    let bits = magnitude < 113 << 23 ? subnormal : normal
    return UInt16(truncatingIfNeeded: bits | value.bitPattern >> 16 & 0x8000)
  }
}
