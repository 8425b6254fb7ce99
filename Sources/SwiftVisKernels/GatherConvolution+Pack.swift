extension GatherConvolution {
  /// The kernel of one position, inputs x outputs of a group, as the product needs it: rows are source channels.
  private struct KernelMatrix {
    let base: UnsafePointer<Float>
    let rows: Int, columns: Int
    let rowStride: Int, columnStride: Int
    let rowScale: UnsafePointer<Float>?, columnScale: UnsafePointer<Float>?
  }

  func pack(
    kernel weights: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    packed.update(repeating: 0, count: zeroCount)
    let outputsPerGroup = kernel.outputs / (groupCount * groupsMerged)
    for phase in phases {
      let panelSize = phase.taps * phase.depth * Self.panelWidth
      let panels = packed + phase.packedOffset
      let isFull = groupsMerged == 1 && phase.y.count * phase.x.count == 1 && groupColumns % Self.panelWidth == 0
      if !isFull { panels.update(repeating: 0, count: panelCount * panelSize) }
      for tapY in phase.y.offsets.indices {
        for tapX in phase.x.offsets.indices {
          let firstRow = (tapY * phase.x.offsets.count + tapX) * groupDepth
          for neighbour in 0..<phase.y.count * phase.x.count {
            let (y, x) = (neighbour / phase.x.count, neighbour % phase.x.count)
            let ky = phase.y.kernelPositions[y * phase.y.offsets.count + tapY]
            let kx = phase.x.kernelPositions[x * phase.x.offsets.count + tapX]
            if ky < 0 || kx < 0 { continue }
            let position = weights + (ky * kernel.width + kx) * kernel.inputs * kernel.outputs
            for group in 0..<groupCount * groupsMerged {
              let matrix = matrix(
                position + group * outputsPerGroup, outputs: outputsPerGroup,
                inputScale: inputScale.map { $0 + group * kernel.inputs },
                outputScale: outputScale.map { $0 + group * outputsPerGroup })
              let (outer, inner) = (group / groupsMerged, group % groupsMerged)
              let first = neighbour * destination.channels + inner * matrix.columns
              place(
                matrix, row: firstRow + inner * matrix.rows, column: first,
                into: panels + outer * panelsPerGroup * panelSize, panelSize: panelSize)
            }
          }
        }
      }
    }
  }

  private func matrix(
    _ base: UnsafePointer<Float>, outputs: Int, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?
  ) -> KernelMatrix {
    switch direction {
    case .forward:
      KernelMatrix(
        base: base, rows: kernel.inputs, columns: outputs, rowStride: kernel.outputs, columnStride: 1, rowScale: inputScale,
        columnScale: outputScale)
    case .inputGradient:
      KernelMatrix(
        base: base, rows: outputs, columns: kernel.inputs, rowStride: 1, columnStride: kernel.outputs, rowScale: outputScale,
        columnScale: inputScale)
    }
  }

  /// Copies a matrix to (`row`, `column`) of the panels, at most a panel's columns at a time.
  private func place(
    _ matrix: KernelMatrix, row: Int, column: Int, into panels: UnsafeMutablePointer<Float>, panelSize: Int
  ) {
    var done = 0
    while done < matrix.columns {
      let (panel, lane) = ((column + done) / Self.panelWidth, (column + done) % Self.panelWidth)
      let count = min(matrix.columns - done, Self.panelWidth - lane)
      let target = panels + panel * panelSize + row * Self.panelWidth + lane
      let part = matrix.base + done * matrix.columnStride
      for k in 0..<matrix.rows {
        let (from, to) = (part + k * matrix.rowStride, target + k * Self.panelWidth)
        for i in 0..<count { to[i] = from[i * matrix.columnStride] }
      }
      if let scale = matrix.columnScale {
        for k in 0..<matrix.rows { for i in 0..<count { target[k * Self.panelWidth + i] *= scale[done + i] } }
      }
      if let scale = matrix.rowScale {
        for k in 0..<matrix.rows { for i in 0..<count { target[k * Self.panelWidth + i] *= scale[k] } }
      }
      done += count
    }
  }
}
