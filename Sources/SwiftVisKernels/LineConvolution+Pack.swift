extension LineConvolution {
  /// Transforms the kernel (height, width, input channels, output channels), eight destination channels at a time.
  func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    packed.update(repeating: 0, count: zeroCount)
    let forward = direction == .forward
    let (rowScale, columnScale) = forward ? (inputScale, outputScale) : (outputScale, inputScale)
    let (depth, width) = (source.channels, destination.channels)
    let (taps, points, across) = (transform.taps, transform.points, tapsAcross)
    let matrices = packed + zeroCount
    withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: taps) { values in
      for tapAcross in 0..<across {
        for row in 0..<depth {
          for column in stride(from: 0, to: width, by: 8) {
            for tap in 0..<taps {
              // The gradient's taps run the other way.
              let (a, b) = forward ? (tapAcross, tap) : (across - 1 - tapAcross, taps - 1 - tap)
              let matrix = kernel + (isVertical ? b * across + a : a * taps + b) * depth * width
              if forward {
                values[tap] = SIMD8(SIMD8<Float>(matrix + row * width + column))
              } else {
                for lane in 0..<8 { values[tap][lane] = Double(matrix[(column + lane) * depth + row]) }
              }
            }
            let scale = (columnScale.map { SIMD8<Float>($0 + column) } ?? SIMD8(repeating: 1)) * (rowScale?[row] ?? 1)
            let panel = column / Self.panelWidth
            for point in 0..<points {
              var sum = SIMD8<Double>.zero
              for tap in 0..<taps { sum += values[tap] * transform.kernel[point * taps + tap] }
              let line = ((point * panels + panel) * across + tapAcross) * depth + row
              (SIMD8<Float>(sum) * scale).store(matrices + line * Self.panelWidth + column % Self.panelWidth)
            }
          }
        }
      }
    }
  }
}
