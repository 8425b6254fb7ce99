/// A picture or map: rows of pixels, each with its channels side by side. Reading and writing files is left to the platform.
public struct Image<Sample: ImageSample>: Sendable, Hashable {
  /// Rows of pixels, at least 1.
  public let height: Int
  /// Pixels in a row, at least 1.
  public let width: Int
  /// Samples of a pixel, at least 1: 1 for gray and maps, 3 for RGB.
  public let channels: Int
  /// Row-major, channels last: `height * width * channels` of them.
  public internal(set) var samples: [Sample]

  /// An image of given samples, row-major with channels last. Throws `invalidArgument` where a size is below 1 or the number of
  /// samples is not their product.
  public init(height: Int, width: Int, channels: Int, samples: [Sample]) throws(VisError) {
    try asVisError { try checkMap("image (height, width, channels)", [height, width, channels], count: samples.count) }
    (self.height, self.width, self.channels, self.samples) = (height, width, channels, samples)
  }

  /// An image of one value. Throws `invalidArgument` where a size is below 1 or the image is too large.
  public init(height: Int, width: Int, channels: Int, repeating sample: Sample) throws(VisError) {
    let sizes = [height, width, channels]
    var count = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 1, !overflow, product <= Self.maximumCount else {
        throw VisError(.invalidArgument, "image (height, width, channels): \(sizes) has a size below 1 or is too large")
      }
      count = product
    }
    self.init(height, width, channels, Array(repeating: sample, count: count))
  }

  /// Sizes that are known to fit.
  init(_ height: Int, _ width: Int, _ channels: Int, _ samples: [Sample]) {
    (self.height, self.width, self.channels, self.samples) = (height, width, channels, samples)
  }

  /// The sample of a pixel's channel. As with an array, a place outside the image is a programmer's error and ends the program; neither
  /// the library nor the C ABI asks here, so no file and no argument of Python's gets this far.
  public subscript(row: Int, column: Int, channel: Int = 0) -> Sample {
    get { samples[index(row, column, channel)] }
    set { samples[index(row, column, channel)] = newValue }
  }

  private func index(_ row: Int, _ column: Int, _ channel: Int) -> Int {
    precondition(
      (0..<height).contains(row) && (0..<width).contains(column) && (0..<channels).contains(channel),
      "the image has no such sample")
    return (row * width + column) * channels + channel
  }

  /// Beyond it an image is a mistake, and its memory would not be had.
  static var maximumCount: Int { 1 << 31 }
}

/// What an ``Image`` can be made of: `UInt8` or `Float`.
public protocol ImageSample: BitwiseCopyable, Hashable, Sendable {
  /// The samples as the networks take them: a byte is 0...255.
  static func floats(of samples: [Self]) -> [Float]
  /// The nearest samples; a byte is cut off at 0 and 255, and NaN becomes 0.
  static func nearest(to values: [Float]) -> [Self]
}

// A whole image in one call: a program's generic code calls these for what it does not know when it is compiled.
extension UInt8: ImageSample {
  public static func floats(of samples: [UInt8]) -> [Float] { samples.map { Float($0) } }
  public static func nearest(to values: [Float]) -> [UInt8] {
    values.map { $0 >= 0 ? UInt8(Swift.min($0, 255).rounded(.toNearestOrEven)) : 0 }
  }
}

extension Float: ImageSample {
  public static func floats(of samples: [Float]) -> [Float] { samples }
  public static func nearest(to values: [Float]) -> [Float] { values }
}

extension Image where Sample == UInt8 {
  /// The image as a network takes it: 0 and 255 become the ends of `range`.
  public func scaled(to range: ClosedRange<Float>) -> Image<Float> {
    let low = Double(range.lowerBound), step = (Double(range.upperBound) - low) / 255
    // Each value once.
    let values = (0...255).map { Float(low + step * Double($0)) }
    return Image<Float>(height, width, channels, samples.map { values[Int($0)] })
  }
}

extension Image where Sample == Float {
  /// The image as bytes: the ends of `range` become 0 and 255, what is outside is cut off, NaN becomes 0.
  public func bytes(from range: ClosedRange<Float> = 0...1) -> Image<UInt8> {
    let width = range.upperBound - range.lowerBound
    let scale = width > 0 ? 255 / width : 0
    let scaled = samples.map { ($0 - range.lowerBound) * scale }
    return Image<UInt8>(height, self.width, channels, UInt8.nearest(to: scaled))
  }

  /// The image brought to 0...1 by its smallest and largest sample; one without contrast becomes 0.
  public func normalized() -> Image {
    var result = self
    result.samples.withUnsafeMutableBufferPointer { UnitRange.normalize(UnsafeBufferPointer($0), into: $0) }
    return result
  }
}
