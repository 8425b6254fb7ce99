/// log(softmax(x)) over the last axis of (rows, count). `y` may be `x`.
public func logSoftmax(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>) {
  for row in rows {
    let x = x + row * count, y = y + row * count
    let largest = maximum(x, count)
    var sum = SIMD8<Double>.zero
    forEachVector(count) { i, lanes in
      var e = SIMD8<Double>(SIMD8<Float>.exp(SIMD8(x + i, count: lanes) - largest))
      for lane in lanes..<8 { e[lane] = 0 }
      sum += e
    }
    let shift = Float(naturalLogarithm(SwiftVisKernels.total(sum)))
    forEachVector(count) { i, lanes in (SIMD8(x + i, count: lanes) - largest - shift).store(y + i, count: lanes) }
  }
}

/// Its gradient from the output y: dy - exp(y) * sum(dy). `dx` may be either operand.
public func logSoftmaxGradient(
  output y: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
  rows: Range<Int>
) {
  for row in rows {
    let y = y + row * count, dy = cotangent + row * count, dx = dx + row * count
    var total = SIMD8<Double>.zero
    forEachVector(count) { i, lanes in total += SIMD8<Double>(SIMD8<Float>(dy + i, count: lanes)) }
    let sum = Float(SwiftVisKernels.total(total))
    forEachVector(count) { i, lanes in
      (SIMD8(dy + i, count: lanes) - SIMD8.exp(SIMD8(y + i, count: lanes)) * sum).store(dx + i, count: lanes)
    }
  }
}

/// Of a positive, finite number. A NaN stays one.
private func naturalLogarithm(_ x: Double) -> Double {
  guard x.isFinite else { return x }
  // log(m sqrt 2 / sqrt 2) = 2 atanh((m - sqrt 2) / (m + sqrt 2)) + log(2) / 2, with m in 1..<2.
  let root = 2.0.squareRoot()
  let s = (x.significand - root) / (x.significand + root)
  var (power, sum) = (s, s)
  for n in stride(from: 3.0, through: 23, by: 2) {
    power *= s * s
    sum += power / n
  }
  return 2 * sum + (Double(x.exponent) + 0.5) * 0.693_147_180_559_945_3
}
