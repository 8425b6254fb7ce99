/// Conversions between float32 and IEEE 754 binary16 on bit patterns. Not Swift's Float16: without F16C in the target, as here,
/// that is a library call for every value, and x86 Macs do not have the type.
enum HalfPrecision {
  /// The largest finite value.
  static let maximum: Float = 65504

  /// Exact. The buffers have the same length.
  static func widen(_ source: UnsafeBufferPointer<UInt16>, into destination: UnsafeMutableBufferPointer<Float>) {
    for (index, half) in source.enumerated() where index < destination.count { destination[index] = widen(half) }
  }

  /// Rounds to nearest, ties to even. False where a value is not finite or beyond `maximum`.
  static func narrow(_ source: UnsafeBufferPointer<Float>, into destination: UnsafeMutableBufferPointer<UInt16>) -> Bool {
    var fits = true
    for (index, value) in source.enumerated() where index < destination.count {
      fits = fits && value.magnitude <= maximum
      destination[index] = narrow(value)
    }
    return fits
  }

  @inline(__always) static func widen(_ half: UInt16) -> Float {
    let magnitude = UInt32(half & 0x7FFF) << 13
    let rebased = magnitude &+ 112 << 23
    // A subnormal gets an implicit one, which is then taken off again.
    let subnormal = (Float(bitPattern: rebased &+ 1 << 23) - Float(bitPattern: 113 << 23)).bitPattern
    let finite = magnitude < 1 << 23 ? subnormal : rebased
    let bits = magnitude >= 0x7C00 << 13 ? rebased &+ 112 << 23 : finite
    return Float(bitPattern: bits | UInt32(half & 0x8000) << 16)
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
