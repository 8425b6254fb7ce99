import CPlatform

extension AxisReduction {
  /// Rows whose columns are summed before the next rows: both tensors' stay in the first-level cache.
  private static var rowsPerChunk: Int { 16 }

  /// Sums only: of the products of two tensors.
  public func runProduct(
    units: Range<Int>, left: UnsafePointer<Float>, right: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>
  ) {
    for unit in units {
      if inner == 1 {
        for row in rows(of: unit) { output[row] = Float(sumRow(left + row * count, right + row * count)) }
      } else {
        let (row, columns) = columns(of: unit)
        let image = row * count * inner
        withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: Self.blockWidth / 4) { buffer in
          guard let sums = buffer.baseAddress else { return }
          sumColumns(left + image, right + image, columns, sums, into: output + row * inner)
        }
      }
    }
  }

  private func sumRow(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Double {
    var sum = SIMD8<Double>.zero
    var i = 0
    while i + 8 <= count {
      sum += SIMD8<Double>(SIMD8<Float>(x + i) * SIMD8<Float>(y + i))
      i += 8
    }
    sum += SIMD8<Double>(SIMD8<Float>(x + i, count: count - i) * SIMD8<Float>(y + i, count: count - i))
    return sum.sum()
  }

  /// A short last vector is moved back to overlap the one before, as in a plain sum. Two sums for each column.
  private func sumColumns(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ columns: Range<Int>, _ sums: UnsafeMutablePointer<SIMD8<Double>>,
    into output: UnsafeMutablePointer<Float>
  ) {
    let width = min(8, inner)
    let vectors = (columns.count + 7) / 8
    sums.initialize(repeating: .zero, count: 2 * vectors)
    var first = 0
    while first < count {
      let end = min(count, first + Self.rowsPerChunk)
      // Rows of a part of the columns are not read ahead by themselves.
      for k in end..<min(count, end + Self.rowsPerChunk) {
        for c in stride(from: columns.lowerBound, to: columns.upperBound, by: 16) {
          platform_prefetch(x + k * inner + c)
          platform_prefetch(y + k * inner + c)
        }
      }
      for vector in 0..<vectors {
        let start = min(columns.lowerBound + vector * 8, inner - width)
        var even = sums[2 * vector], odd = sums[2 * vector + 1]
        var k = first
        if width == 8 {
          while k + 2 <= end {
            let i = k * inner + start
            even += SIMD8<Double>(SIMD8<Float>(x + i) * SIMD8<Float>(y + i))
            odd += SIMD8<Double>(SIMD8<Float>(x + i + inner) * SIMD8<Float>(y + i + inner))
            k += 2
          }
        }
        while k < end {
          let i = k * inner + start
          even += SIMD8<Double>(SIMD8<Float>(x + i, count: width) * SIMD8<Float>(y + i, count: width))
          k += 1
        }
        (sums[2 * vector], sums[2 * vector + 1]) = (even, odd)
      }
      first = end
    }
    for vector in 0..<vectors {
      let start = min(columns.lowerBound + vector * 8, inner - width)
      let sum = SIMD8<Float>(sums[2 * vector] + sums[2 * vector + 1])
      if width == 8 { sum.store(output + start) } else { sum.store(output + start, count: width) }
    }
  }
}
