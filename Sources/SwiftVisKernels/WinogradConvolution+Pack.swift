extension WinogradConvolution {
  /// Transforms the kernel, eight destination channels at a time.
  func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    packed.update(repeating: 0, count: zeroCount)
    let forward = direction == .forward
    let (rowScale, columnScale) = forward ? (inputScale, outputScale) : (outputScale, inputScale)
    let (depth, width) = (source.channels, destination.channels)
    let matrices = packed + zeroCount
    withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: 9 * 8 + 18) { taps in
      let lines = taps.baseAddress.unsafelyUnwrapped + 72
      for column in stride(from: 0, to: width, by: 8) {
        let scale = columnScale.map { SIMD8<Float>($0 + column) } ?? SIMD8(repeating: 1)
        for row in stride(from: 0, to: depth, by: 8) {
          for tap in 0..<9 {
            let eight = taps.baseAddress.unsafelyUnwrapped + tap * 8
            if forward {
              let base = kernel + (tap * depth + row) * width + column
              for k in 0..<8 { eight[k] = SIMD8(base + k * width) }
            } else {
              // Turned by half: the gradient's taps run the other way.
              transpose(kernel + ((8 - tap) * width + column) * depth + row, stride: depth, into: eight)
            }
          }
          for k in 0..<8 {
            let factor = scale * (rowScale?[row + k] ?? 1)
            func tap(_ y: Int, _ x: Int) -> SIMD8<Float> { taps[(y * 3 + x) * 8 + k] * factor }
            for x in 0..<3 {
              let v = winogradKernel(tap(0, x), tap(1, x), tap(2, x))
              (lines[x], lines[x + 3], lines[x + 6]) = (v.0, v.1, v.2)
              (lines[x + 9], lines[x + 12], lines[x + 15]) = (v.3, v.4, v.5)
            }
            let offset = (column / Self.panelWidth * depth + row + k) * Self.panelWidth + column % Self.panelWidth
            for y in 0..<6 {
              let v = winogradKernel(lines[y * 3], lines[y * 3 + 1], lines[y * 3 + 2])
              let target = matrices + y * 6 * depth * width + offset
              v.0.store(target)
              v.1.store(target + depth * width)
              v.2.store(target + 2 * depth * width)
              v.3.store(target + 3 * depth * width)
              v.4.store(target + 4 * depth * width)
              v.5.store(target + 5 * depth * width)
            }
          }
        }
      }
    }
  }

  /// An 8x8 matrix with rows `stride` apart.
  private func transpose(_ from: UnsafePointer<Float>, stride: Int, into columns: UnsafeMutablePointer<SIMD8<Float>>) {
    for k in 0..<8 {
      columns[k] = SIMD8(
        from[k], from[k + stride], from[k + 2 * stride], from[k + 3 * stride], from[k + 4 * stride], from[k + 5 * stride],
        from[k + 6 * stride], from[k + 7 * stride])
    }
  }
}
