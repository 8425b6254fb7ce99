/// Softmax over the last axis of (rows, count), max-shifted. `y` may be `x`.
public func softmax(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>) {
  let reduction = AxisReduction(.max, outer: 1, count: count, inner: 1)
  for row in rows {
    let x = x + row * count, y = y + row * count
    var largest: Float = 0
    reduction.run(units: 0..<1, input: x, output: &largest)
    var sum = SIMD8<Double>.zero
    var i = 0
    while i + 8 <= count {
      let e = SIMD8.exp(SIMD8(x + i) - largest)
      e.store(y + i)
      sum += SIMD8<Double>(e)
      i += 8
    }
    while i < count {
      let e = SIMD8.exp(SIMD8(repeating: x[i] - largest))[0]
      y[i] = e
      sum[0] += Double(e)
      i += 1
    }
    scale(y, by: Float(1 / sum.sum()), addend: nil, into: y, range: 0..<count)
  }
}

/// The gradient of softmax from its output y: y * (dy - sum(y * dy)). `dx` may be either operand.
public func softmaxGradient(
  output y: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
  rows: Range<Int>
) {
  for row in rows {
    let y = y + row * count, dy = cotangent + row * count, dx = dx + row * count
    var dot = SIMD8<Double>.zero
    var i = 0
    while i < count {
      let lanes = min(8, count - i)
      dot.addProduct(SIMD8<Double>(SIMD8(y + i, count: lanes)), SIMD8<Double>(SIMD8(dy + i, count: lanes)))
      i += 8
    }
    let mean = Float(dot.sum())
    i = 0
    while i + 8 <= count {
      (SIMD8(y + i) * (SIMD8(dy + i) - mean)).store(dx + i)
      i += 8
    }
    while i < count {
      dx[i] = y[i] * (dy[i] - mean)
      i += 1
    }
  }
}
