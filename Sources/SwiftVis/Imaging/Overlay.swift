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

  /// A map over an RGB picture: smoothed, brought to 0...1, resized to the picture, coloured and blended in.
  ///
  /// `output` may be `picture`. Throws `invalidArgument` where a size is below 1, a count does not fit, sigma is not within 0...1000000
  /// or alpha not within 0...1.
  package static func draw(
    _ map: UnsafeBufferPointer<Float>, height: Int, width: Int, sigma: Double, _ colormap: Colormap, alpha: Double,
    over picture: UnsafeBufferPointer<UInt8>, height pictureHeight: Int, width pictureWidth: Int,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    try checkMap("overlay: map", [height, width], count: map.count)
    try checkMap("overlay: picture", [pictureHeight, pictureWidth, 3], count: picture.count)
    var smooth = try Scratch<Float>(count: map.count)
    try GaussianFilter(sigma: sigma).apply(map, height: height, width: width, into: smooth.buffer)
    UnitRange.normalize(UnsafeBufferPointer(smooth.buffer), into: smooth.buffer)
    if (height, width) != (pictureHeight, pictureWidth) {
      let resized = try Scratch<Float>(count: pictureHeight * pictureWidth)
      try Resize.bilinear(
        UnsafeBufferPointer(smooth.buffer), height: height, width: width, channels: 1, into: resized.buffer,
        height: pictureHeight, width: pictureWidth)
      smooth = resized
    }
    let colors = try Scratch<UInt8>(count: picture.count)
    try colormap.apply(UnsafeBufferPointer(smooth.buffer), into: colors.buffer)
    try blend(top: UnsafeBufferPointer(colors.buffer), bottom: picture, alpha: alpha, into: output)
  }
}
