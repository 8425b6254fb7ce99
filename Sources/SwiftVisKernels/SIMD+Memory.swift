// Unaligned vectors of eight floats in memory, and the part of one that is left at the end of a row.

import CPlatform

extension SIMD8 where Scalar == Float {
  @inline(always) init(_ pointer: UnsafePointer<Float>) {
    self = platform_load8(pointer)
  }
  /// The first `count` (0...8) floats, the rest zero: a tail then goes through the same arithmetic as whole vectors.
  @inline(always) init(_ pointer: UnsafePointer<Float>, count: Int) {
    self = platform_load8_part(pointer, count)
  }
  @inline(always) func store(_ pointer: UnsafeMutablePointer<Float>) {
    platform_store8(pointer, self)
  }
  @inline(always) func store(_ pointer: UnsafeMutablePointer<Float>, count: Int) {
    platform_store8_part(pointer, self, count)
  }
}

extension SIMD8 where Scalar == Double {
  @inline(always) init(_ v: SIMD8<Float>) {
    self.init(lowHalf: platform_widen4(v.lowHalf), highHalf: platform_widen4(v.highHalf))
  }
}

extension SIMD4 where Scalar == Float {
  @inline(always) init(_ pointer: UnsafePointer<Float>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float>.self)
  }
  @inline(always) func store(_ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: SIMD4<Float>.self)
  }
}

/// Whole vectors with the constant 8, so that their loads and stores are single instructions, then the rest.
@inline(always) func forEachVector(_ count: Int, _ body: (Int, Int) -> Void) {
  var i = 0
  while i + 8 <= count {
    body(i, 8)
    i += 8
  }
  if i < count { body(i, count - i) }
}
