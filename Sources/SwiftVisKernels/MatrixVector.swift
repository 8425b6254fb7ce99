/// Products of a matrix (inputs, outputs) in row-major order with a few vectors, in one pass over the matrix.
struct MatrixVector: Sendable {
  static let maximumRows = 4

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

  /// The sums of a unit, every row of them.
  var workerScratchCount: Int { rows * unitSize }

  func run(
    unit: Int, source: UnsafePointer<Float>, kernel: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>,
    epilogue: Epilogue, sums: UnsafeMutablePointer<Float>
  ) {
    let first = unit * unitSize
    let width = direction == .forward ? outputs : inputs
    let count = min(unitSize, width - first)
    switch direction {
    case .forward: combineRows(columns: first, count: count, source, kernel, sums)
    case .inputGradient: multiplyRows(first: first, count: count, source, kernel, sums)
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

  /// Forward: the matrix's rows, each times its input, are added up in order; four at a time, to load the sums less often.
  private func combineRows(
    columns first: Int, count: Int, _ source: UnsafePointer<Float>, _ kernel: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    sums.update(repeating: 0, count: rows * unitSize)
    let vectors = count / 8 * 8
    var i = 0
    while i + 4 <= inputs {
      let (k0, k1) = (kernel + i * outputs + first, kernel + (i + 1) * outputs + first)
      let (k2, k3) = (k1 + outputs, k1 + 2 * outputs)
      for row in 0..<rows {
        let (x, y) = (source + row * inputs + i, sums + row * unitSize)
        let x0 = SIMD8<Float>(repeating: x[0]), x1 = SIMD8<Float>(repeating: x[1])
        let x2 = SIMD8<Float>(repeating: x[2]), x3 = SIMD8<Float>(repeating: x[3])
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
          v.addProduct(x[0], k0[c])
          v.addProduct(x[1], k1[c])
          v.addProduct(x[2], k2[c])
          v.addProduct(x[3], k3[c])
          y[c] = v
          c += 1
        }
      }
      i += 4
    }
    while i < inputs {
      let k = kernel + i * outputs + first
      for row in 0..<rows {
        let y = sums + row * unitSize
        let x = source[row * inputs + i]
        for c in 0..<count { y[c].addProduct(x, k[c]) }
      }
      i += 1
    }
  }

  /// Gradient: each of the matrix's rows times the cotangent.
  private func multiplyRows(
    first: Int, count: Int, _ source: UnsafePointer<Float>, _ kernel: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count {
      let k = kernel + (first + i) * outputs
      for row in 0..<rows {
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
        while o + 8 <= outputs {
          v0.addProduct(SIMD8(g + o), SIMD8(k + o))
          o += 8
        }
        if o < outputs { v1.addProduct(SIMD8(g + o, count: outputs - o), SIMD8(k + o, count: outputs - o)) }
        sums[row * unitSize + i] = ((v0 + v1) + (v2 + v3)).sum()
      }
    }
  }
}
