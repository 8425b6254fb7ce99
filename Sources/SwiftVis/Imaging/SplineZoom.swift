/// Resizing by interpolating cubic splines, in any number of dimensions: the first and last points of an axis fall on its first and last
/// values, and beyond them the values are mirrored about the ends.
package enum SplineZoom {
  package static func resize(
    _ input: UnsafeBufferPointer<Float>, from shape: [Int], into output: UnsafeMutableBufferPointer<Float>, to target: [Int]
  ) throws {
    let wide = try Scratch<Double>(count: input.count), result = try Scratch<Double>(count: output.count)
    for index in 0..<input.count { wide[index] = Double(input[index]) }
    try resize(UnsafeBufferPointer(wide.buffer), from: shape, into: result.buffer, to: target)
    for index in 0..<output.count { output[index] = Float(result[index]) }
  }

  /// Axis by axis. Throws `invalidArgument` where a size is below 1, or a count or the number of axes does not fit.
  package static func resize(
    _ input: UnsafeBufferPointer<Double>, from shape: [Int], into output: UnsafeMutableBufferPointer<Double>,
    to target: [Int]
  ) throws {
    guard shape.count == target.count else {
      throw VisError(.invalidArgument, "spline zoom: \(shape) and \(target) have different numbers of axes")
    }
    try checkMap("spline zoom: input", shape, count: input.count)
    try checkMap("spline zoom: output", target, count: output.count)
    var values = try Scratch<Double>(count: input.count)
    for index in 0..<input.count { values[index] = input[index] }
    var sizes = shape
    for axis in shape.indices where shape[axis] != target[axis] {
      let inner = sizes[(axis + 1)...].reduce(1, *), outer = sizes[..<axis].reduce(1, *)
      let spline = try CubicSpline(from: shape[axis], to: target[axis])
      let (count, overflow) = (outer * inner).multipliedReportingOverflow(by: target[axis])
      guard !overflow else { throw VisError(.outOfMemory, "spline zoom: \(shape) to \(target) is too large") }
      let resized = try Scratch<Double>(count: count)
      for row in 0..<outer {
        for column in 0..<inner {
          spline.resize(
            values.base + row * shape[axis] * inner + column, into: resized.base + row * target[axis] * inner + column,
            stride: inner)
        }
      }
      sizes[axis] = target[axis]
      values = resized
    }
    for index in 0..<output.count { output[index] = values[index] }
  }
}

/// The spline through the values of a line, read at evenly spaced points from the first to the last value.
private struct CubicSpline: ~Copyable {
  private let size: Int
  private let coefficients: Scratch<Double>
  /// The pivots of the elimination.
  private let pivots: Scratch<Double>
  private let points: Scratch<Point>

  /// A point between two values, and how much of the four coefficients around it makes its value.
  private struct Point: BitwiseCopyable {
    let first: Int
    let weights: SIMD4<Double>
  }

  init(from size: Int, to count: Int) throws {
    let coefficients = try Scratch<Double>(count: size), pivots = try Scratch<Double>(count: size)
    let points = try Scratch<Point>(count: count)
    // The basis is 2/3 at its own value and 1/6 at its neighbours: 4 c[i] + c[i - 1] + c[i + 1] = 6 v[i].
    var pivot = 0.0
    for index in 0..<size {
      let above = index == 1 ? 2.0 : 1, left = index == size - 1 ? 2.0 : 1
      pivot = index == 0 ? 4 : 4 - left * above / pivot
      pivots[index] = pivot
    }
    let step = Double(size - 1) / Double(max(count - 1, 1))
    for index in 0..<count {
      let position = Double(index) * step
      let whole = min(Int(position), max(size - 2, 0))
      let t = position - Double(whole), s = 1 - t
      points[index] = Point(
        first: whole - 1,
        weights: SIMD4(s * s * s / 6, 2 / 3 - t * t * (2 - t) / 2, 2 / 3 - s * s * (2 - s) / 2, t * t * t / 6))
    }
    self.size = size
    self.coefficients = coefficients
    self.pivots = pivots
    self.points = points
  }

  func resize(_ values: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>, stride: Int) {
    guard size > 1 else {
      for index in 0..<points.count { result[index &* stride] = values[0] }
      return
    }
    solve(values, stride)
    for index in 0..<points.count {
      let point = points[index]
      var sum = 0.0
      for tap in 0..<4 { sum += point.weights[tap] * coefficients[mirrored(point.first &+ tap)] }
      result[index &* stride] = sum
    }
  }

  /// Elimination, then substitution backwards. Both ends see their neighbour twice, mirrored.
  private func solve(_ values: UnsafePointer<Double>, _ stride: Int) {
    coefficients[0] = 6 * values[0]
    for index in 1..<size {
      let left = index == size - 1 ? 2.0 : 1
      coefficients[index] = 6 * values[index &* stride] - left * coefficients[index - 1] / pivots[index - 1]
    }
    coefficients[size - 1] /= pivots[size - 1]
    for index in (0..<size - 1).reversed() {
      let above = index == 0 ? 2.0 : 1
      coefficients[index] = (coefficients[index] - above * coefficients[index + 1]) / pivots[index]
    }
  }

  /// An index of at most one place beyond either end.
  private func mirrored(_ index: Int) -> Int { index < 0 ? -index : index < size ? index : 2 &* (size &- 1) &- index }
}
