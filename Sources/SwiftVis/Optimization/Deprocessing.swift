/// Values of any scale brought to one where they can be seen.
package enum Deprocessing {
  /// The mean goes to the middle of the range and the deviation to a tenth of it; what is beyond the range is clipped.
  package static func apply(
    _ input: UnsafeBufferPointer<Float>, to range: ClosedRange<Double>, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard range.lowerBound.isFinite, range.upperBound.isFinite else {
      throw VisError(.invalidArgument, "deprocess: the range \(range) is not finite")
    }
    let size = Float(range.upperBound - range.lowerBound), low = Float(range.lowerBound)
    try standardize(input, into: output) {
      let value = $0 * 0.1 + 0.5
      // A NaN stays one.
      return size * (value < 0 ? 0 : value > 1 ? 1 : value) + low
    }
  }

  /// The mean 0 and the deviation 1 (0 where nothing varies), then a function of each value.
  static func standardize(
    _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>, _ transform: (Float) -> Float
  ) throws {
    guard input.count == output.count else {
      throw VisError(.invalidArgument, "deprocess: \(input.count) values into \(output.count)")
    }
    guard !input.isEmpty else { return }
    let count = Double(input.count)
    let mean = input.reduce(0) { $0 + Double($1) } / count
    let variance = input.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
    let centre = Float(mean), deviation = Float(variance.squareRoot()) + 1e-7
    for place in input.indices { output[place] = transform((input[place] - centre) / deviation) }
  }
}
