/// A reduction of the middle axis of (outer, count, inner) to (outer, inner). Units are blocks of columns, or of rows
/// where inner is 1; they may run in any order and grouping with the same bits. Sums are accumulated in double precision.
public struct AxisReduction: Sendable {
  public enum Kind: Sendable { case sum, mean, max }
  public let unitCount: Int
  let kind: Kind, outer: Int, count: Int, inner: Int
  let blocksPerRow: Int, rowsPerUnit: Int
  static let blockWidth = 64

  public init(_ kind: Kind, outer: Int, count: Int, inner: Int) {
    self.kind = kind
    self.outer = outer
    self.count = count
    self.inner = inner
    blocksPerRow = (inner + Self.blockWidth - 1) / Self.blockWidth
    rowsPerUnit = inner == 1 ? max(1, 2048 / count) : 1
    unitCount = inner == 1 ? (outer + rowsPerUnit - 1) / rowsPerUnit : outer * blocksPerRow
  }

  public func run(units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    for unit in units {
      if inner == 1 {
        for row in rows(of: unit) { output[row] = reduceRow(input + row * count) }
      } else {
        let (row, columns) = columns(of: unit)
        reduceColumns(input + row * count * inner, columns, into: output + row * inner)
      }
    }
  }

  func rows(of unit: Int) -> Range<Int> { unit * rowsPerUnit..<min(outer, (unit + 1) * rowsPerUnit) }

  func columns(of unit: Int) -> (row: Int, columns: Range<Int>) {
    let (row, block) = unit.quotientAndRemainder(dividingBy: blocksPerRow)
    return (row, block * Self.blockWidth..<min(inner, (block + 1) * Self.blockWidth))
  }

  private func reduceRow(_ x: UnsafePointer<Float>) -> Float {
    switch kind {
    case .sum: Float(sumRow(x))
    case .mean: Float(sumRow(x) / Double(count))
    case .max: maximumRow(x)
    }
  }

  private func sumRow(_ x: UnsafePointer<Float>) -> Double {
    var sum = SIMD8<Double>.zero
    var i = 0
    while i + 8 <= count {
      sum += SIMD8<Double>(SIMD8<Float>(x + i))
      i += 8
    }
    sum += SIMD8<Double>(SIMD8<Float>(x + i, count: count - i))
    return sum.sum()
  }

  private func maximumRow(_ x: UnsafePointer<Float>) -> Float {
    var largest = SIMD8(repeating: x[0])
    var i = 0
    while i + 8 <= count {
      largest = largest.maximum(SIMD8(x + i))
      i += 8
    }
    while i < count {
      largest = largest.maximum(SIMD8(repeating: x[i]))
      i += 1
    }
    return largest.horizontalMaximum()
  }

  /// A short last vector is moved back to overlap the one before: each column's result does not depend on its neighbours.
  private func reduceColumns(_ x: UnsafePointer<Float>, _ columns: Range<Int>, into y: UnsafeMutablePointer<Float>) {
    let width = min(8, inner)
    var c = columns.lowerBound
    while c < columns.upperBound {
      let start = min(c, inner - width)
      let result =
        switch kind {
        case .sum: SIMD8<Float>(sumColumns(x + start, width))
        case .mean: SIMD8<Float>(sumColumns(x + start, width) / Double(count))
        case .max: maximumColumns(x + start, width)
        }
      if width == 8 { result.store(y + start) } else { result.store(y + start, count: width) }
      c += 8
    }
  }

  @inline(always) private func sumColumns(_ x: UnsafePointer<Float>, _ width: Int) -> SIMD8<Double> {
    var even = SIMD8<Double>.zero, odd = SIMD8<Double>.zero
    var k = 0
    if width == 8 {
      while k + 2 <= count {
        even += SIMD8<Double>(SIMD8<Float>(x + k * inner))
        odd += SIMD8<Double>(SIMD8<Float>(x + (k + 1) * inner))
        k += 2
      }
    }
    while k < count {
      even += SIMD8<Double>(SIMD8<Float>(x + k * inner, count: width))
      k += 1
    }
    return even + odd
  }

  @inline(always) private func maximumColumns(_ x: UnsafePointer<Float>, _ width: Int) -> SIMD8<Float> {
    var largest = SIMD8<Float>(x, count: width)
    if width == 8 {
      for k in 1..<max(1, count) { largest = largest.maximum(SIMD8(x + k * inner)) }
    } else {
      for k in 1..<max(1, count) { largest = largest.maximum(SIMD8(x + k * inner, count: width)) }
    }
    return largest
  }
}

extension SIMD8 where Scalar == Float {
  /// Lane by lane the larger; a NaN wins.
  @inline(always) func maximum(_ other: Self) -> Self {
    replacing(with: other, where: (other .> self) .| (other .!= other))
  }

  @inline(always) func horizontalMaximum() -> Float {
    var largest = self[0]
    for lane in 1..<8 where self[lane] > largest || self[lane].isNaN { largest = self[lane] }
    return largest
  }
}
