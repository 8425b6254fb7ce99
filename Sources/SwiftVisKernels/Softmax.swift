/// Softmax over the last axis of (rows, count), max-shifted. `y` may be `x`.
public func softmax(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, rows: Range<Int>) {
  for row in rows {
    let x = x + row * count, y = y + row * count
    let largest = maximum(x, count)
    var sum = SIMD8<Double>.zero
    var i = 0
    while i + 8 <= count {
      let e = SIMD8<Float>.decay(SIMD8(x + i) - largest)
      e.store(y + i)
      sum += SIMD8<Double>(e)
      i += 8
    }
    if i < count {
      // What is beyond the row adds exp(-infinity).
      let e = SIMD8<Float>.decay(present(SIMD8(x + i, count: count - i), count - i) - largest)
      e.store(y + i, count: count - i)
      sum += SIMD8<Double>(e)
    }
    let factor = Float(1 / total(sum))
    forEachVector(count) { i, lanes in (SIMD8(y + i, count: lanes) * factor).store(y + i, count: lanes) }
  }
}

/// Of a row. NaNs are passed over.
func maximum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
  var largest = SIMD8<Float>(repeating: -.infinity)
  var i = 0
  while i + 8 <= count {
    let v = SIMD8<Float>(x + i)
    largest.replace(with: v, where: v .> largest)
    i += 8
  }
  if i < count {
    let v = present(SIMD8(x + i, count: count - i), count - i)
    largest.replace(with: v, where: v .> largest)
  }
  let four = pointwiseMax(largest.lowHalf, largest.highHalf)
  let two = pointwiseMax(four.lowHalf, four.highHalf)
  return Swift.max(two.x, two.y)
}

/// -infinity in the lanes beyond the first so many.
@inline(__always) private func present(_ v: SIMD8<Float>, _ lanes: Int) -> SIMD8<Float> {
  let absent = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7) .>= Int32(truncatingIfNeeded: lanes)
  return v.replacing(with: SIMD8(repeating: -.infinity), where: absent)
}

/// The sum of the lanes, by halves: a chain of eight additions takes as long as a short row.
@inline(__always) func total(_ v: SIMD8<Double>) -> Double {
  let four = v.lowHalf + v.highHalf
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

/// The gradient of softmax from its output y: y * (dy - sum(y * dy)). `dx` may be either operand.
public func softmaxGradient(
  output y: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
  rows: Range<Int>
) {
  for row in rows {
    let y = y + row * count, dy = cotangent + row * count, dx = dx + row * count
    var dot = SIMD8<Double>.zero
    forEachVector(count) { i, lanes in
      dot += SIMD8<Double>(SIMD8(y + i, count: lanes) * SIMD8(dy + i, count: lanes))
    }
    let mean = Float(total(dot))
    forEachVector(count) { i, lanes in
      (SIMD8(y + i, count: lanes) * (SIMD8(dy + i, count: lanes) - mean)).store(dx + i, count: lanes)
    }
  }
}
