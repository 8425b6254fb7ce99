/// Values brought to 0...1.
package enum UnitRange {
  /// (x - smallest) / (largest - smallest + `epsilon`), and 0 where there is no contrast. With `epsilon` 0 a map of tiny gradients is
  /// scaled like any other; keras-vis has 1e-7. `output` may be `values`; both have one count.
  package static func normalize(
    _ values: UnsafeBufferPointer<Float>, epsilon: Double = 0, into output: UnsafeMutableBufferPointer<Float>
  ) {
    guard let first = values.first else { return }
    var low = first, high = first
    for value in values {
      // Written so that a NaN anywhere makes all of them NaN instead of passing unseen.
      low = value < low || value.isNaN ? value : low
      high = value > high || value.isNaN ? value : high
    }
    let contrast = Float(Double(high) - Double(low) + epsilon)
    guard low < high || contrast.isNaN else { return output.update(repeating: 0) }
    for index in 0..<min(values.count, output.count) { output[index] = (values[index] - low) / contrast }
  }
}
