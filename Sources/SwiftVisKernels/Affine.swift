/// y[i] = x[i] * scale[i % period] + offset[i % period]; nil scale is 1, nil offset is 0. Then the epilogue (bias ignored).
/// Works on elements `range` with the same bits however the whole is cut; `y` may be `x` or an operand of the epilogue.
public func affine(
  _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, offset: UnsafePointer<Float>?, period: Int,
  epilogue: Epilogue, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {
  withVectorPeriod(scale, offset, absent: (1, 0), period: period, range: range) { scale, offset, period, phase in
    forEachRun(of: range, period: period, phase: phase) { i, j, count in
      var k = 0
      while k + 8 <= count {
        let product = SIMD8(offset + j + k).addingProduct(SIMD8(x + i + k), SIMD8(scale + j + k))
        epilogue.finish(product, into: y, at: i + k)
        k += 8
      }
      let rest = count - k
      guard rest > 0 else { return }
      let product = SIMD8(offset + j + k, count: rest)
        .addingProduct(SIMD8(x + i + k, count: rest), SIMD8(scale + j + k, count: rest))
      epilogue.finish(product, into: y, at: i + k, count: rest)
    }
  }
}

/// The same for rows of slices, each of them `width` floats and whole periods.
public func affine(
  _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, offset: UnsafePointer<Float>?, period: Int,
  epilogue: Epilogue, into y: UnsafeMutablePointer<Float>, rows: Range<Int>, width: Int, pitches: Pitches
) {
  let pitches = pitches.resolved(source: width, destination: width)
  withVectorPeriod(scale, offset, absent: (1, 0), period: period, range: 0..<width) { scale, offset, period, phase in
    for row in rows {
      let x = x + row * pitches.source
      let place = pitches.place(pixel: row, channel: 0)
      forEachRun(of: 0..<width, period: period, phase: phase) { i, j, count in
        var k = 0
        while k + 8 <= count {
          let product = SIMD8(offset + j + k).addingProduct(SIMD8(x + i + k), SIMD8(scale + j + k))
          epilogue.finish(product, into: y, at: place + (i + k))
          k += 8
        }
        let rest = count - k
        guard rest > 0 else { return }
        let product = SIMD8(offset + j + k, count: rest)
          .addingProduct(SIMD8(x + i + k, count: rest), SIMD8(scale + j + k, count: rest))
        epilogue.finish(product, into: y, at: place + (i + k), count: rest)
      }
    }
  }
}

/// y = x > 0 ? x : alpha[i % period] * x. `y` may be `x`.
public func prelu(
  _ x: UnsafePointer<Float>, alpha: UnsafePointer<Float>, period: Int, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {
  preluGradient(x, alpha: alpha, period: period, cotangent: x, addend: nil, into: y, range: range)
}

/// dx = x > 0 ? dy : alpha[i % period] * dy, plus the addend. `dx` may be any operand but alpha.
public func preluGradient(
  _ x: UnsafePointer<Float>, alpha: UnsafePointer<Float>, period: Int, cotangent: UnsafePointer<Float>,
  addend: UnsafePointer<Float>?, into dx: UnsafeMutablePointer<Float>, range: Range<Int>
) {
  withVectorPeriod(alpha, nil, absent: (0, 0), period: period, range: range) { alpha, _, period, phase in
    forEachRun(of: range, period: period, phase: phase) { i, j, count in
      var k = 0
      while k < count {
        let lanes = min(8, count - k)
        let isWhole = lanes == 8
        let v = isWhole ? SIMD8(x + i + k) : SIMD8(x + i + k, count: lanes)
        let dy = isWhole ? SIMD8(cotangent + i + k) : SIMD8(cotangent + i + k, count: lanes)
        let slope = isWhole ? SIMD8(alpha + j + k) : SIMD8(alpha + j + k, count: lanes)
        var d = (slope * dy).replacing(with: dy, where: v .> 0)
        if let addend { d += isWhole ? SIMD8(addend + i + k) : SIMD8(addend + i + k, count: lanes) }
        if isWhole { d.store(dx + i + k) } else { d.store(dx + i + k, count: lanes) }
        k += 8
      }
    }
  }
}

/// Calls `body` with the two periodic operands, a period and the phase at which `range` begins. A short period that is no
/// multiple of eight (a colour image's 3) is written out until it is one, so that rows are whole vectors.
@inline(always) private func withVectorPeriod(
  _ first: UnsafePointer<Float>?, _ second: UnsafePointer<Float>?, absent: (Float, Float), period: Int, range: Range<Int>,
  _ body: (UnsafePointer<Float>, UnsafePointer<Float>, Int, Int) -> Void
) {
  let phase = range.lowerBound % period
  if let first, let second, period % 8 == 0 || period > 512 { return body(first, second, period, phase) }
  let length = period % 8 == 0 || period > 512 ? period : period * 8
  withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * length) { buffer in
    guard let base = buffer.baseAddress else { return }
    var j = phase
    for i in 0..<min(length, range.count) {
      base[i] = first?[j] ?? absent.0
      base[length + i] = second?[j] ?? absent.1
      j = j + 1 == period ? 0 : j + 1
    }
    body(base, base + length, length, 0)
  }
}

/// Cuts a range where its period ends; `body` gets the first element, its place in the period, and the count.
@inline(always) private func forEachRun(
  of range: Range<Int>, period: Int, phase: Int, _ body: (Int, Int, Int) -> Void
) {
  var i = range.lowerBound, j = phase
  while i < range.upperBound {
    let count = min(period - j, range.upperBound - i)
    body(i, j, count)
    i += count
    j = 0
  }
}
