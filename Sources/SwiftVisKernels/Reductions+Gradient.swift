extension AxisReduction {
  /// Spreads the cotangent (outer, inner) over (outer, count, inner). Max: shared evenly among ties; needs input and output.
  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, input: UnsafePointer<Float>?, output: UnsafePointer<Float>?,
    inputGradient: UnsafeMutablePointer<Float>, epilogue: Epilogue
  ) {
    let extremes = kind == .max ? input.flatMap { input in output.map { (input, $0) } } : nil
    for unit in units {
      if inner == 1 {
        for row in rows(of: unit) { spreadRow(row, cotangent, extremes, inputGradient, epilogue) }
      } else {
        let (row, columns) = columns(of: unit)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.blockWidth) { buffer in
          guard let shares = buffer.baseAddress else { return }
          spreadColumns(row, columns, cotangent, extremes, shares, inputGradient, epilogue)
        }
      }
    }
  }

  private typealias Extremes = (input: UnsafePointer<Float>, output: UnsafePointer<Float>)

  private func spreadRow(
    _ row: Int, _ cotangent: UnsafePointer<Float>, _ extremes: Extremes?, _ dx: UnsafeMutablePointer<Float>,
    _ epilogue: Epilogue
  ) {
    let base = row * count
    var share = cotangent[row]
    if kind == .mean { share /= Float(count) }
    if let (input, output) = extremes {
      var ties: Float = 0
      for i in base..<base + count where input[i] == output[row] { ties += 1 }
      share /= ties
    }
    var i = base
    let end = base + count
    while i < end {
      let lanes = min(8, end - i)
      var v = SIMD8(repeating: share)
      if let (input, output) = extremes { v = v.zeroed(where: SIMD8(input + i, count: lanes) .!= output[row]) }
      if lanes == 8 { epilogue.finish(v, into: dx, at: i) } else { epilogue.finish(v, into: dx, at: i, count: lanes) }
      i += 8
    }
  }

  private func spreadColumns(
    _ row: Int, _ columns: Range<Int>, _ cotangent: UnsafePointer<Float>, _ extremes: Extremes?,
    _ shares: UnsafeMutablePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ epilogue: Epilogue
  ) {
    let base = row * count * inner + columns.lowerBound
    let top = row * inner + columns.lowerBound
    for c in 0..<columns.count {
      var share = cotangent[top + c]
      if kind == .mean { share /= Float(count) }
      shares[c] = share
    }
    if let (input, output) = extremes {
      shareAmongTies(input + base, output + top, columns.count, shares)
    }
    for k in 0..<count {
      let line = base + k * inner
      var c = 0
      while c + 8 <= columns.count {
        var v = SIMD8<Float>(shares + c)
        if let (input, output) = extremes { v = v.zeroed(where: SIMD8<Float>(input + line + c) .!= SIMD8(output + top + c)) }
        epilogue.finish(v, into: dx, at: line + c)
        c += 8
      }
      let rest = columns.count - c
      guard rest > 0 else { continue }
      var v = SIMD8<Float>(shares + c, count: rest)
      if let (input, output) = extremes {
        v = v.zeroed(where: SIMD8(input + line + c, count: rest) .!= SIMD8(output + top + c, count: rest))
      }
      epilogue.finish(v, into: dx, at: line + c, count: rest)
    }
  }

  private func shareAmongTies(
    _ input: UnsafePointer<Float>, _ output: UnsafePointer<Float>, _ width: Int, _ shares: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    while c < width {
      let lanes = min(8, width - c)
      let largest = SIMD8<Float>(output + c, count: lanes)
      var ties = SIMD8<Float>.zero
      for k in 0..<count {
        let v = lanes == 8 ? SIMD8<Float>(input + k * inner + c) : SIMD8(input + k * inner + c, count: lanes)
        ties += SIMD8(repeating: 1).zeroed(where: v .!= largest)
      }
      (SIMD8(shares + c, count: lanes) / ties).store(shares + c, count: lanes)
      c += 8
    }
  }
}
