extension WinogradConvolution {
  /// Orders the kernel by panels, with its scales in it, and transforms it where that is done once for all runs.
  func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    packed.update(repeating: 0, count: zeroCount)
    let depth = source.channels
    let target = packed + zeroCount
    if transformsKernel {
      for panel in 0..<panels {
        gather(panel: panel, of: kernel, inputScale, outputScale, into: target + panel * depth * 9 * Self.panelWidth)
      }
      return
    }
    let panelSize = depth * Self.panelWidth
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 9 * panelSize) { buffer in
      let taps = buffer.baseAddress.unsafelyUnwrapped
      for panel in 0..<panels {
        gather(panel: panel, of: kernel, inputScale, outputScale, into: taps)
        transformKernel(taps, channels: depth, into: target + panel * panelSize, stride: panels * panelSize)
      }
    }
  }

  /// The taps of a panel of destination channels: [source channel][tap][16].
  private func gather(
    panel: Int, of kernel: UnsafePointer<Float>, _ inputScale: UnsafePointer<Float>?, _ outputScale: UnsafePointer<Float>?,
    into taps: UnsafeMutablePointer<Float>
  ) {
    let isForward = direction == .forward
    let (depth, width) = (source.channels, destination.channels)
    let (rowScale, columnScale) = isForward ? (inputScale, outputScale) : (outputScale, inputScale)
    let firstColumn = panel * Self.panelWidth
    for tap in 0..<9 {
      // Turned by half for the gradient: its taps run the other way.
      let matrix = kernel + (isForward ? tap : 8 - tap) * depth * width
      let (rowStride, columnStride) = isForward ? (width, 1) : (1, depth)
      for row in 0..<depth {
        let target = taps + (row * 9 + tap) * Self.panelWidth
        let from = matrix + row * rowStride + firstColumn * columnStride
        for column in 0..<Self.panelWidth {
          target[column] =
            from[column * columnStride] * (rowScale?[row] ?? 1) * (columnScale?[firstColumn + column] ?? 1)
        }
      }
    }
  }

  /// `taps` of some source channels [channel][tap][16] to 36 matrices [channel][16], `stride` floats apart.
  func transformKernel(
    _ taps: UnsafePointer<Float>, channels: Int, into kernel: UnsafeMutablePointer<Float>, stride: Int
  ) {
    withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: 18) { buffer in
      let lines = buffer.baseAddress.unsafelyUnwrapped
      for half in 0..<channels * 2 {
        let (channel, lane) = (half / 2, half % 2 * 8)
        let from = taps + channel * 9 * Self.panelWidth + lane
        for x in 0..<3 {
          let column = from + x * Self.panelWidth
          let v = winogradKernel(
            SIMD8(column), SIMD8(column + 3 * Self.panelWidth), SIMD8(column + 6 * Self.panelWidth))
          (lines[x], lines[x + 3], lines[x + 6]) = (v.0, v.1, v.2)
          (lines[x + 9], lines[x + 12], lines[x + 15]) = (v.3, v.4, v.5)
        }
        let to = kernel + channel * Self.panelWidth + lane
        for y in 0..<6 {
          store(winogradKernel(lines[y * 3], lines[y * 3 + 1], lines[y * 3 + 2]), to: to + y * 6 * stride, stride: stride)
        }
      }
    }
  }
}
