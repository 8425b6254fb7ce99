/// Blends two pictures of bytes.
package enum Overlay {
  /// output = round(alpha * top + (1 - alpha) * bottom), in float64, halves to even as NumPy's round has it.
  ///
  /// `output` may be `bottom` or `top`. Throws `invalidArgument` unless the counts are equal and 0 <= alpha <= 1.
  package static func blend(
    top: UnsafeBufferPointer<UInt8>, bottom: UnsafeBufferPointer<UInt8>, alpha: Double,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    guard alpha >= 0, alpha <= 1 else { throw VisError(.invalidArgument, "overlay: alpha \(alpha) is not within 0...1") }
    guard top.count == bottom.count, output.count == top.count else {
      throw VisError(
        .invalidArgument, "overlay: \(top.count) bytes over \(bottom.count) into \(output.count): the sizes must be equal")
    }
    let rest = 1 - alpha
    // Above 2^52 a double has no fraction left: adding it rounds, and the low byte of the sum is the answer.
    for index in 0..<output.count {
      let blended = alpha * Double(top[index]) + rest * Double(bottom[index])
      output[index] = UInt8(truncatingIfNeeded: (blended + 0x1p52).bitPattern)
    }
  }
}
