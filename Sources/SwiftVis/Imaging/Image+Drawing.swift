extension Image where Sample == Float {
  /// Gaussian smoothing of each channel, with the numbers of scipy.ndimage.gaussian_filter.
  ///
  /// - Parameter sigma: standard deviation in pixels, 0...1000000; 0 changes nothing.
  /// - Throws: ``VisError`` of kind `invalidArgument` for another sigma.
  public func smoothed(sigma: Double) throws(VisError) -> Image {
    try asVisError {
      let filter = try GaussianFilter(sigma: sigma)
      var result = self
      for channel in 0..<channels {
        var plane = stride(from: channel, to: samples.count, by: channels).map { samples[$0] }
        try plane.withUnsafeMutableBufferPointer {
          try filter.apply(UnsafeBufferPointer($0), height: height, width: width, into: $0)
        }
        for (pixel, value) in plane.enumerated() { result.samples[pixel * channels + channel] = value }
      }
      return result
    }
  }

  /// A map in colors: 0...1 from one end of the colormap to the other, what is outside cut off, NaN black.
  ///
  /// - Returns: RGB.
  /// - Throws: ``VisError`` of kind `invalidArgument` where the image has more than one channel.
  public func colored(_ colormap: Colormap) throws(VisError) -> Image<UInt8> {
    guard channels == 1 else {
      throw VisError(.invalidArgument, "colored: expected a map with one channel, got \(channels)")
    }
    return try asVisError {
      var colors = [UInt8](repeating: 0, count: 3 * samples.count)
      try samples.withUnsafeBufferPointer { values in
        try colors.withUnsafeMutableBufferPointer { try colormap.apply(values, into: $0) }
      }
      return Image<UInt8>(height, width, 3, colors)
    }
  }
}

extension Image where Sample == UInt8 {
  /// The picture with a map over it: the map is smoothed, brought to 0...1, resized to the picture, colored and blended in.
  ///
  /// - Parameters:
  ///   - map: of any size, with one channel.
  ///   - sigma: of the Gaussian filter, in pixels of the map, 0...1000000; 0 leaves the map sharp.
  ///   - colormap: for the map.
  ///   - alpha: the share of the colored map, 0...1.
  /// - Returns: RGB, of the picture's size. The picture itself may be gray (one channel) or RGB.
  /// - Throws: ``VisError`` of kind `invalidArgument` for other channels, sigma or alpha.
  public func overlaid(
    with map: Image<Float>, sigma: Double = 5, colormap: Colormap = .jet, alpha: Double = 0.7
  ) throws(VisError) -> Image {
    guard map.channels == 1 else {
      throw VisError(.invalidArgument, "overlaid: expected a map with one channel, got \(map.channels)")
    }
    var result = try rgb()
    try asVisError {
      try map.samples.withUnsafeBufferPointer { values in
        try result.samples.withUnsafeMutableBufferPointer {
          try Overlay.draw(
            values, height: map.height, width: map.width, sigma: sigma, colormap, alpha: alpha,
            over: UnsafeBufferPointer($0), height: height, width: width, into: $0)
        }
      }
    }
    return result
  }

  /// The same picture with three channels. Throws `invalidArgument` for two, or more than three.
  func rgb() throws(VisError) -> Image {
    switch channels {
    case 3: return self
    case 1: return Image(height, width, 3, samples.flatMap { [$0, $0, $0] })
    default: throw VisError(.invalidArgument, "expected a gray or an RGB picture, got \(channels) channels")
    }
  }
}
