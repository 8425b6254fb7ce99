/// How the samples between samples are found.
public enum Interpolation: Sendable {
  /// Straight lines between pixel centres, the border clamped, without antialiasing.
  case bilinear
  /// The interpolating cubic spline through the samples, the first and last of which stay where they are. It may overshoot.
  case cubicSpline
}

extension Image {
  /// The image in another size. Throws `invalidArgument` where a size is below 1 or too large.
  public func resized(
    height newHeight: Int, width newWidth: Int, interpolation: Interpolation = .bilinear
  ) throws(VisError) -> Image {
    let empty = try Image<Float>(height: newHeight, width: newWidth, channels: channels, repeating: 0)
    guard newHeight != height || newWidth != width else { return self }
    return try asVisError {
      let floats = Sample.floats(of: samples)
      var resized = empty.samples
      try floats.withUnsafeBufferPointer { source in
        try resized.withUnsafeMutableBufferPointer { target in
          switch interpolation {
          case .bilinear:
            try Resize.bilinear(
              source, height: height, width: width, channels: channels, into: target, height: newHeight, width: newWidth)
          case .cubicSpline:
            try SplineZoom.resize(
              source, from: [height, width, channels], into: target, to: [newHeight, newWidth, channels])
          }
        }
      }
      return Image(newHeight, newWidth, channels, Sample.nearest(to: resized))
    }
  }
}
