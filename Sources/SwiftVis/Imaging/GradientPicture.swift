/// How a raw gradient is drawn.
public enum GradientPicture: Sendable {
  /// Signed, in colors: shifted to 0 and divided by the largest value, all channels together. A constant gradient is black.
  case color
  /// The sum of |g| over the channels, scaled so that its `percentile` (0...100) is white (Smilkov et al. 2017, arXiv:1706.03825).
  case grayscale(percentile: Double)
  /// The positive part divided by its largest value: what would raise the score.
  case positive
  /// The negative part divided by its largest size: what would lower the score.
  case negative

  /// Grayscale with the paper's 99th percentile.
  public static let grayscale = GradientPicture.grayscale(percentile: 99)
}

extension Image where Sample == Float {
  /// A raw gradient as a picture, as the literature's programs draw it.
  ///
  /// - Returns: of the same size; with one channel for `grayscale`, otherwise with the gradient's. Values are truncated to bytes.
  /// - Throws: ``VisError`` of kind `invalidArgument` for a percentile outside 0...100.
  public func picture(of style: GradientPicture = .color) throws(VisError) -> Image<UInt8> {
    try asVisError {
      var channels = self.channels
      if case .grayscale = style { channels = 1 }
      var picture = Image<UInt8>(height, width, channels, Array(repeating: 0, count: height * width * channels))
      try samples.withUnsafeBufferPointer { gradient in
        try picture.samples.withUnsafeMutableBufferPointer { try style.draw(gradient, channels: self.channels, into: $0) }
      }
      return picture
    }
  }
}

extension GradientPicture {
  /// `gradient` has `channels` for each pixel; so has `picture`, but for the one of grayscale. Throws `invalidArgument` where counts do
  /// not fit.
  package func draw(
    _ gradient: UnsafeBufferPointer<Float>, channels: Int, into picture: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    var expected = gradient.count
    if case .grayscale = self, channels > 0 { expected /= channels }
    guard channels > 0, gradient.count % channels == 0, picture.count == expected else {
      throw VisError(
        .invalidArgument,
        "gradient picture: \(gradient.count) values of \(channels) channels need \(expected) bytes, got \(picture.count)")
    }
    switch self {
    case .color:
      let low = gradient.min() ?? 0
      let white = (gradient.max() ?? 0) - low
      for index in picture.indices { picture[index] = Self.byte(gradient[index] - low, white: white) }
    case .positive:
      let white = gradient.max() ?? 0
      for index in picture.indices { picture[index] = Self.byte(gradient[index], white: white) }
    case .negative:
      let white = -(gradient.min() ?? 0)
      for index in picture.indices { picture[index] = Self.byte(-gradient[index], white: white) }
    case .grayscale(let percentile):
      let totals = try Scratch<Float>(count: picture.count)
      for pixel in picture.indices {
        var total: Float = 0
        for channel in 0..<channels { total += abs(gradient[pixel &* channels &+ channel]) }
        totals[pixel] = total
      }
      let values = totals.buffer
      let low = values.min() ?? 0
      for pixel in values.indices { values[pixel] -= low }
      let white = try Self.percentile(percentile, of: UnsafeBufferPointer(values))
      for pixel in values.indices { picture[pixel] = Self.byte(values[pixel], white: white) }
    }
  }

  private static func byte(_ value: Float, white: Float) -> UInt8 {
    guard white > 0, value > 0 else { return 0 }
    return UInt8(min(value / white, 1) * 255)
  }

  /// Between two values of the sorted ones, linearly.
  private static func percentile(_ percentile: Double, of values: UnsafeBufferPointer<Float>) throws -> Float {
    guard percentile >= 0, percentile <= 100 else {
      throw VisError(.invalidArgument, "gradient picture: the percentile \(percentile) is not within 0...100")
    }
    let sorted = values.sorted()
    let position = percentile / 100 * Double(sorted.count - 1)
    let lower = Int(position), upper = min(lower + 1, sorted.count - 1)
    return Float(Double(sorted[lower]) + (Double(sorted[upper]) - Double(sorted[lower])) * (position - Double(lower)))
  }
}
