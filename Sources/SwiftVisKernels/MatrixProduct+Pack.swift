import CPlatform

extension MatrixProduct {
  /// Panels [channel][16], the last [channel][16 or 24], filled up with zeros.
  func packRight(_ matrix: UnsafePointer<Float>, _ group: Range<Int>, into packed: UnsafeMutablePointer<Float>) {
    for panel in group {
      let first = panel * PointwiseConvolution.panelWidth
      let width = panel == panels.panelCount - 1 ? panels.lastPanelWidth : PointwiseConvolution.panelWidth
      let present = min(width, columns - first)
      let to = packed + (panel - group.lowerBound) * PointwiseConvolution.panelWidth * depth
      let from = matrix + first * right.column
      if right.column == 1 {
        for k in 0..<depth { copy(from + k * right.row, to + k * width, count: present) }
      } else {
        turn(from, right.column, rows: present, columns: depth, step: right.row, into: to, stride: width)
      }
      if present < width {
        for k in 0..<depth { (to + k * width + present).update(repeating: 0, count: width - present) }
      }
    }
  }

  /// Rows of `depth` floats.
  func packLeft(_ matrix: UnsafePointer<Float>, rows: Int, into packed: UnsafeMutablePointer<Float>) {
    if left.column == 1 {
      for row in 0..<rows { (packed + row * depth).update(from: matrix + row * left.row, count: depth) }
    } else {
      turn(matrix, left.column, rows: depth, columns: rows, step: left.row, into: packed, stride: depth)
    }
  }

  @inline(__always) private func copy(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, count: Int) {
    if count == 16 {
      SIMD8(from).store(to)
      SIMD8(from + 8).store(to + 8)
    } else {
      forEachVector(count) { i, lanes in SIMD8(from + i, count: lanes).store(to + i, count: lanes) }
    }
  }

  private func turn(
    _ x: UnsafePointer<Float>, _ stride: Int, rows: Int, columns: Int, step: Int, into y: UnsafeMutablePointer<Float>,
    stride outputStride: Int
  ) {
    guard step != 1 else {
      return transpose(x, stride: stride, rows: rows, columns: columns, into: y, stride: outputStride)
    }
    for row in 0..<rows { for column in 0..<columns { y[column * outputStride + row] = x[row * stride + column * step] } }
  }
}

/// Writes column c of x to row c of y.
func transpose(
  _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>,
  stride outputStride: Int
) {
  let (wholeRows, wholeColumns) = (rows & ~7, columns & ~7)
  for row in Swift.stride(from: 0, to: wholeRows, by: 8) {
    let from = x + row * stride
    for column in Swift.stride(from: 0, to: wholeColumns, by: 8) {
      platform_transpose8(from + column, stride, y + column * outputStride + row, outputStride)
    }
    for column in wholeColumns..<columns {
      let p = from + column
      SIMD8(p[0], p[stride], p[2 * stride], p[3 * stride], p[4 * stride], p[5 * stride], p[6 * stride], p[7 * stride])
        .store(y + column * outputStride + row)
    }
  }
  for row in wholeRows..<rows {
    for column in 0..<columns { y[column * outputStride + row] = x[row * stride + column] }
  }
}
