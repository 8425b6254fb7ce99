/// Products of a matrix (inputs, outputs) in row-major order with a few vectors, in one pass over the matrix.
///
/// The time is that of reading the matrix, so a row that changes nothing is not read: forward one whose inputs are all 0, as
/// rectifiers leave many; backward one whose result the epilogue's gate shuts out.
struct MatrixVector: Sendable {
  static let maximumRows = 32
  /// Forward: rows of the matrix that are added up by themselves: one sum over 25088 inputs rounds seven times as much.
  static let summedInputs = 256

  let rows: Int, inputs: Int, outputs: Int
  let direction: Direction
  /// Forward: columns of the matrix in a unit; gradient: rows of the matrix in a unit.
  let unitSize: Int
  let unitCount: Int

  init(rows: Int, inputs: Int, outputs: Int, direction: Direction) {
    (self.rows, self.inputs, self.outputs, self.direction) = (rows, inputs, outputs, direction)
    switch direction {
    case .forward:
      // Memory likes long stretches; what stays in a cache can be shared out more finely. The sums fit the L1 cache.
      let isLarge = inputs * outputs > 1 << 22
      unitSize = isLarge ? 1024 : min(1024, max(64, (outputs + 1023) / 1024 * 64))
      unitCount = (outputs + unitSize - 1) / unitSize
    case .inputGradient:
      unitSize = max(1, min((inputs + 31) / 32, 32768 / outputs))
      unitCount = (inputs + unitSize - 1) / unitSize
    }
  }

  func scale(
    _ kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into scaled: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<inputs {
      let (from, to) = (kernel + i * outputs, scaled + i * outputs)
      let factor = inputScale?[i] ?? 1
      if let outputScale {
        for o in 0..<outputs { to[o] = from[o] * outputScale[o] * factor }
      } else {
        for o in 0..<outputs { to[o] = from[o] * factor }
      }
    }
  }

  /// The sums of a unit, every row of them; and those over some of the inputs.
  var workerScratchCount: Int { rows * unitSize * (sumsInParts ? 2 : 1) }
  private var sumsInParts: Bool { direction == .forward && inputs > Self.summedInputs }

  func run(
    unit: Int, source: UnsafePointer<Float>, kernel: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>,
    epilogue: Epilogue, sums: UnsafeMutablePointer<Float>
  ) {
    let first = unit * unitSize
    let width = direction == .forward ? outputs : inputs
    let count = min(unitSize, width - first)
    switch direction {
    case .forward: addParts(columns: first, count: count, source, kernel, sums)
    case .inputGradient: multiplyRows(first: first, count: count, source, kernel, sums, epilogue)
    }
    for row in 0..<rows {
      var i = 0
      while i < count {
        let lanes = min(8, count - i)
        var v = SIMD8(UnsafePointer(sums + row * unitSize + i), count: lanes)
        if let bias = epilogue.bias { v += SIMD8(bias + first + i, count: lanes) }
        epilogue.finish(v, into: destination, at: row * width + first + i, count: lanes)
        i += 8
      }
    }
  }

  private func addParts(
    columns first: Int, count: Int, _ source: UnsafePointer<Float>, _ kernel: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    guard sumsInParts else { return combineRows(0..<inputs, columns: first, count: count, source, kernel, sums) }
    sums.update(repeating: 0, count: rows * unitSize)
    let part = sums + rows * unitSize
    for start in stride(from: 0, to: inputs, by: Self.summedInputs) {
      let range = start..<min(start + Self.summedInputs, inputs)
      combineRows(range, columns: first, count: count, source, kernel, part)
      for i in 0..<rows * unitSize { sums[i] += part[i] }
    }
  }

  /// The matrix's rows, each times its input, are added up in order; four at a time, to load the sums less often.
  private func combineRows(
    _ range: Range<Int>, columns first: Int, count: Int, _ source: UnsafePointer<Float>,
    _ kernel: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>
  ) {
    sums.update(repeating: 0, count: rows * unitSize)
    let vectors = count / 8 * 8, end = range.upperBound
    var i = nextInput(from: range.lowerBound, to: end, source)
    while i < end {
      let i1 = nextInput(from: i + 1, to: end, source)
      let i2 = nextInput(from: i1 + 1, to: end, source)
      let i3 = nextInput(from: i2 + 1, to: end, source)
      guard i3 < end else {
        while i < end {
          let k = kernel + i * outputs + first
          for row in 0..<rows {
            let y = sums + row * unitSize
            let x = source[row * inputs + i]
            for c in 0..<count { y[c].addProduct(x, k[c]) }
          }
          i = nextInput(from: i + 1, to: end, source)
        }
        return
      }
      let (k0, k1) = (kernel + i * outputs + first, kernel + i1 * outputs + first)
      let (k2, k3) = (kernel + i2 * outputs + first, kernel + i3 * outputs + first)
      for row in 0..<rows {
        let (x, y) = (source + row * inputs, sums + row * unitSize)
        let (s0, s1, s2, s3) = (x[i], x[i1], x[i2], x[i3])
        let x0 = SIMD8<Float>(repeating: s0), x1 = SIMD8<Float>(repeating: s1)
        let x2 = SIMD8<Float>(repeating: s2), x3 = SIMD8<Float>(repeating: s3)
        var c = 0
        while c < vectors {
          var v = SIMD8<Float>(y + c)
          v.addProduct(x0, SIMD8(k0 + c))
          v.addProduct(x1, SIMD8(k1 + c))
          v.addProduct(x2, SIMD8(k2 + c))
          v.addProduct(x3, SIMD8(k3 + c))
          v.store(y + c)
          c += 8
        }
        while c < count {
          var v = y[c]
          v.addProduct(s0, k0[c])
          v.addProduct(s1, k1[c])
          v.addProduct(s2, k2[c])
          v.addProduct(s3, k3[c])
          y[c] = v
          c += 1
        }
      }
      i = nextInput(from: i3 + 1, to: end, source)
    }
  }

  /// The first input from `start` on that is not 0 in every row of the source; `end` or more where there is none.
  @inline(always) private func nextInput(from start: Int, to end: Int, _ source: UnsafePointer<Float>) -> Int {
    var i = start
    while i < end {
      for row in 0..<rows where source[row * inputs + i] != 0 { return i }
      i += 1
    }
    return i
  }

  /// Gradient: each of the matrix's rows times the cotangent. Where a row ends within a vector, the start of the next one is
  /// read with it and masked.
  private func multiplyRows(
    first: Int, count: Int, _ source: UnsafePointer<Float>, _ kernel: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>, _ epilogue: Epilogue
  ) {
    let rest = outputs % 8, whole = outputs - rest
    let isBeyond = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7) .>= SIMD8(repeating: Int32(rest))
    withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: rows) { tails in
      for row in 0..<rows { tails[row] = SIMD8(source + row * outputs + whole, count: rest) }
      for i in 0..<count {
        let k = kernel + (first + i) * outputs
        let mayReadOn = (first + i) * outputs + whole + 8 <= inputs * outputs
        for row in 0..<rows {
          if let gate = epilogue.gate,
            !(gate[row * inputs + first + i] > 0 && gate[row * inputs + first + i] < epilogue.gateLimit)
          {
            sums[row * unitSize + i] = 0
            continue
          }
          let g = source + row * outputs
          var v0 = SIMD8<Float>.zero, v1 = SIMD8<Float>.zero, v2 = SIMD8<Float>.zero, v3 = SIMD8<Float>.zero
          var o = 0
          while o + 32 <= outputs {
            v0.addProduct(SIMD8(g + o), SIMD8(k + o))
            v1.addProduct(SIMD8(g + o + 8), SIMD8(k + o + 8))
            v2.addProduct(SIMD8(g + o + 16), SIMD8(k + o + 16))
            v3.addProduct(SIMD8(g + o + 24), SIMD8(k + o + 24))
            o += 32
          }
          while o < whole {
            v0.addProduct(SIMD8(g + o), SIMD8(k + o))
            o += 8
          }
          if rest > 0 {
            let last = mayReadOn ? SIMD8(k + whole).zeroed(where: isBeyond) : SIMD8(k + whole, count: rest)
            v1.addProduct(tails[row], last)
          }
          sums[row * unitSize + i] = ((v0 + v1) + (v2 + v3)).sum()
        }
      }
    }
  }
}
