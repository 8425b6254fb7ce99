/// Values brought to 0...1.
package enum UnitRange {
  /// (x - smallest) / (largest - smallest + `epsilon`), and 0 where there is no contrast. With `epsilon` 0 a map of tiny gradients is
  /// scaled like any other; keras-vis has 1e-7. `output` may be `values`; both have one count.
  package static func normalize(
    _ values: UnsafeBufferPointer<Float>, epsilon: Double = 0, into output: UnsafeMutableBufferPointer<Float>
  ) {
    guard let (low, high) = extremes(of: values) else { return }
    let contrast = Float(Double(high) - Double(low) + epsilon)
    guard low < high || contrast.isNaN else { return output.update(repeating: 0) }
    for index in 0..<min(values.count, output.count) { output[index] = (values[index] - low) / contrast }
  }

  /// Both NaN where one of the values is: it makes all results NaN instead of passing unseen. Nil of nothing.
  private static func extremes(of values: UnsafeBufferPointer<Float>) -> (low: Float, high: Float)? {
    guard let first = values.first, let base = values.baseAddress else { return nil }
    var low = SIMD8(repeating: first), high = low, wrong = low .!= low
    func look(_ part: SIMD8<Float>) {
      low.replace(with: part, where: part .< low)
      high.replace(with: part, where: part .> high)
      wrong = wrong .| (part .!= part)
    }
    let whole = values.count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
      look(UnsafeRawPointer(base + start).loadUnaligned(as: SIMD8<Float>.self))
    }
    for index in whole..<values.count { look(SIMD8(repeating: values[index])) }
    return any(wrong) ? (.nan, .nan) : (low.min(), high.max())
  }
}
