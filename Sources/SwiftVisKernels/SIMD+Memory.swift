// Unaligned vectors of eight floats in memory, and the part of one that is left at the end of a row.

extension SIMD8 where Scalar == Float {
  @inline(__always) init(_ pointer: UnsafePointer<Float>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float>.self)
  }
  /// The first `count` (0...8) floats, the rest zero: a tail then goes through the same arithmetic as whole vectors.
  @inline(__always) init(_ pointer: UnsafePointer<Float>, count: Int) {
    self = .zero
    withUnsafeMutableBytes(of: &self) { bytes in
      let lanes = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for i in 0..<count { lanes[i] = pointer[i] }
    }
  }
  @inline(__always) func store(_ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: SIMD8<Float>.self)
  }
  @inline(__always) func store(_ pointer: UnsafeMutablePointer<Float>, count: Int) {
    withUnsafeBytes(of: self) { bytes in
      let lanes = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for i in 0..<count { pointer[i] = lanes[i] }
    }
  }
}
