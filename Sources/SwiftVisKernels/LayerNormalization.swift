/// Layer normalization over the last axis of (rows, count), with the biased variance; nil scale is 1, nil offset 0. `y`
/// may be `x`.
public func layerNormalization(
  _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, offset: UnsafePointer<Float>?, epsilon: Double,
  into y: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>
) {
  for row in rows {
    let x = x + row * count, y = y + row * count
    let (mean, inverse) = moments(x, count, epsilon)
    forEachVector(count) { i, lanes in
      var v = (SIMD8(x + i, count: lanes) - mean) * inverse
      if let scale { v *= SIMD8(scale + i, count: lanes) }
      if let offset { v += SIMD8(offset + i, count: lanes) }
      v.store(y + i, count: lanes)
    }
  }
}

/// Its gradient from the input x. With n the normalized x and g = dy * scale: (g - mean(g) - n * mean(g * n)) /
/// deviation. `dx` may be either operand.
public func layerNormalizationGradient(
  input x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, epsilon: Double, cotangent: UnsafePointer<Float>,
  into dx: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>
) {
  for row in rows {
    let x = x + row * count, dy = cotangent + row * count, dx = dx + row * count
    let (mean, inverse) = moments(x, count, epsilon)
    var sum = SIMD8<Double>.zero, dot = SIMD8<Double>.zero
    forEachVector(count) { i, lanes in
      var g = SIMD8<Float>(dy + i, count: lanes)
      if let scale { g *= SIMD8(scale + i, count: lanes) }
      sum += SIMD8<Double>(g)
      dot.addProduct(SIMD8<Double>(g), SIMD8<Double>((SIMD8(x + i, count: lanes) - mean) * inverse))
    }
    let meanGradient = Float(total(sum) / Double(count)), meanProduct = Float(total(dot) / Double(count))
    forEachVector(count) { i, lanes in
      var g = SIMD8<Float>(dy + i, count: lanes)
      if let scale { g *= SIMD8(scale + i, count: lanes) }
      let n = (SIMD8(x + i, count: lanes) - mean) * inverse
      ((g - meanGradient - n * meanProduct) * inverse).store(dx + i, count: lanes)
    }
  }
}

/// The mean and 1 / sqrt(variance + epsilon), from sums of differences to the first element: those cancel less.
private func moments(_ x: UnsafePointer<Float>, _ count: Int, _ epsilon: Double) -> (mean: Float, inverse: Float) {
  let first = Double(x[0])
  var sum = SIMD8<Double>.zero, squares = SIMD8<Double>.zero
  let whole = count & ~7
  for i in stride(from: 0, to: whole, by: 8) {
    let d = SIMD8<Double>(SIMD8<Float>(x + i)) - first
    sum += d
    squares.addProduct(d, d)
  }
  for i in whole..<count {
    let d = Double(x[i]) - first
    sum[0] += d
    squares[0] += d * d
  }
  let mean = total(sum) / Double(count)
  let variance = max(total(squares) / Double(count) - mean * mean, 0)
  return (Float(mean + first), Float(1 / (variance + epsilon).squareRoot()))
}
