#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Gaussian smoothing of a (height, width) map, with the numbers of scipy.ndimage.gaussian_filter: separable, rows first,
/// radius Int(4 sigma + 0.5), half-sample symmetric border (d c b a | a b c d | d c b a), float64 weights and sums, and
/// float32 between the two passes.
package struct GaussianFilter: Sendable {
  package static let largestSigma = 1e6
  package let sigma: Double

  /// `sigma` in pixels; below 1e-15 the map is left as it is. Throws `invalidArgument` unless 0 <= sigma <= 1e6.
  package init(sigma: Double) throws {
    guard sigma >= 0, sigma <= Self.largestSigma else {
      throw VisError(.invalidArgument, "gaussian filter: sigma \(sigma) is not within 0...1000000")
    }
    self.sigma = sigma
  }

  /// `output` may be `input`. Throws `invalidArgument` where a size is below 1 or does not fit its buffer.
  package func apply(
    _ input: UnsafeBufferPointer<Float>, height: Int, width: Int, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    try checkMap("gaussian filter: input", [height, width], count: input.count)
    try checkMap("gaussian filter: output", [height, width], count: output.count)
    guard let source = input.baseAddress, let target = output.baseAddress else { return }
    guard sigma > 1e-15 else { return target.update(from: source, count: input.count) }

    let smoothed = try Scratch<Float>(count: input.count)
    try filterColumns(source, height, width, into: smoothed.base)
    try filterRows(smoothed.base, height, width, into: target)
  }

  private func filterColumns(
    _ input: UnsafePointer<Float>, _ height: Int, _ width: Int, into output: UnsafeMutablePointer<Float>
  )
    throws
  {
    let weights = try halfKernel(size: height)
    let sums = try Scratch<Double>(count: width)
    for y in 0..<height {
      let centre = input + y &* width
      for x in 0..<width { sums[x] = Double(centre[x]) * weights[0] }
      // The outermost first, as scipy adds them.
      for distance in stride(from: weights.count &- 1, to: 0, by: -1) {
        let above = input + reflected(y &- distance, height) &* width
        let below = input + reflected(y &+ distance, height) &* width
        let weight = weights[distance]
        for x in 0..<width { sums[x] += (Double(above[x]) + Double(below[x])) * weight }
      }
      let row = output + y &* width
      for x in 0..<width { row[x] = Float(sums[x]) }
    }
  }

  private func filterRows(
    _ input: UnsafePointer<Float>, _ height: Int, _ width: Int, into output: UnsafeMutablePointer<Float>
  )
    throws
  {
    let weights = try halfKernel(size: width)
    let radius = weights.count &- 1
    let sums = try Scratch<Double>(count: width)
    let line = try Scratch<Double>(count: width + 2 * radius)
    for y in 0..<height {
      let row = input + y &* width
      for x in 0..<line.count { line[x] = Double(row[reflected(x &- radius, width)]) }
      let centre = line.base + radius
      for x in 0..<width { sums[x] = centre[x] * weights[0] }
      for distance in stride(from: radius, to: 0, by: -1) {
        let left = centre - distance, right = centre + distance
        let weight = weights[distance]
        for x in 0..<width { sums[x] += (left[x] + right[x]) * weight }
      }
      let target = output + y &* width
      for x in 0..<width { target[x] = Float(sums[x]) }
    }
  }

  /// The weights at distances 0, 1, ... of a line of `size` pixels.
  ///
  /// With its border the line repeats every 2 * size pixels. A kernel that reaches further than `size` is folded onto one
  /// period: distances d, 2 size - d, 2 size + d, ... see the same pixel pair. At distance `size` both ends of the pair are
  /// one pixel, which is counted twice.
  private func halfKernel(size: Int) throws -> Scratch<Double> {
    let radius = Int(4 * sigma + 0.5)
    let exponent = -0.5 / (sigma * sigma)
    let weights = try Scratch<Double>(count: min(radius, size) + 1)
    for distance in 0..<weights.count { weights[distance] = 0 }
    var sum = 0.0
    for distance in 0...radius {
      let weight = exp(exponent * (Double(distance) * Double(distance)))
      sum += distance == 0 ? weight : 2 * weight
      guard radius > size, distance > 0 else {
        weights[distance] += weight
        continue
      }
      let phase = distance % (2 * size)
      switch phase {
      case 0: weights[0] += 2 * weight
      case ..<size, size: weights[phase] += weight
      default: weights[2 * size - phase] += weight
      }
    }
    for distance in 0..<weights.count { weights[distance] /= sum }
    return weights
  }

  /// The pixel of a line of `size` that the half-sample symmetric border shows at `index`, -size <= index < 2 * size.
  private func reflected(_ index: Int, _ size: Int) -> Int {
    index < 0 ? -1 &- index : (index < size ? index : 2 &* size &- 1 &- index)
  }
}
