extension Pooling {
  /// In gather form: each input pixel sums the cotangents of the windows that took it.
  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, argmax: UnsafePointer<UInt16>?,
    inputGradient: UnsafeMutablePointer<Float>, epilogue: Epilogue
  ) {
    let g = geometry
    for unit in units {
      let (image, row) = unit.quotientAndRemainder(dividingBy: g.inputHeight)
      let base = image * g.outputHeight * g.outputWidth
      for column in 0..<g.inputWidth {
        let place = (unit * g.inputWidth + column) * g.inputChannels
        switch kind {
        case .max:
          if let argmax { gatherMaximum(row, column, base, cotangent, argmax, inputGradient, place, epilogue) }
        case .average(let countsPadding):
          gatherAverage(row, column, base, cotangent, countsPadding, inputGradient, place, epilogue)
        }
      }
    }
  }

  /// Calls `body` with the index of each output whose window has a tap on this pixel, and that tap.
  @inline(__always) private func forEachWindow(
    on row: Int, _ column: Int, _ body: (_ outputRow: Int, _ outputColumn: Int, _ tapRow: Int, _ tapColumn: Int) -> Void
  ) {
    let g = geometry
    for oy in outputs(over: row + g.paddingTop, g.kernelHeight, g.strideHeight, g.dilationHeight, g.outputHeight) {
      let dy = row + g.paddingTop - oy * g.strideHeight
      if g.dilationHeight > 1, dy % g.dilationHeight != 0 { continue }
      for ox in outputs(over: column + g.paddingLeft, g.kernelWidth, g.strideWidth, g.dilationWidth, g.outputWidth) {
        let dx = column + g.paddingLeft - ox * g.strideWidth
        if g.dilationWidth > 1, dx % g.dilationWidth != 0 { continue }
        body(oy, ox, dy / g.dilationHeight, dx / g.dilationWidth)
      }
    }
  }

  /// The outputs whose windows reach over a padded position.
  @inline(__always) private func outputs(
    over position: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ count: Int
  ) -> Range<Int> {
    let reach = (kernel - 1) * dilation
    let first = position <= reach ? 0 : (position - reach + stride - 1) / stride
    return first..<Swift.max(first, min(count, position / stride + 1))
  }

  private func gatherMaximum(
    _ row: Int, _ column: Int, _ base: Int, _ cotangent: UnsafePointer<Float>, _ argmax: UnsafePointer<UInt16>,
    _ dx: UnsafeMutablePointer<Float>, _ place: Int, _ epilogue: Epilogue
  ) {
    let channels = geometry.inputChannels
    var c = 0
    while c < channels {
      let lanes = min(8, channels - c)
      var sum = SIMD8<Float>.zero
      forEachWindow(on: row, column) { oy, ox, ky, kx in
        let from = (base + oy * geometry.outputWidth + ox) * channels + c
        let tap = SIMD8<UInt16>(repeating: UInt16(truncatingIfNeeded: ky * geometry.kernelWidth + kx))
        let dy = lanes == 8 ? SIMD8(cotangent + from) : SIMD8(cotangent + from, count: lanes)
        var won = SIMD8<UInt16>.zero
        if lanes == 8 {
          won = UnsafeRawPointer(argmax + from).loadUnaligned(as: SIMD8<UInt16>.self)
        } else {
          for lane in 0..<lanes { won[lane] = argmax[from + lane] }
        }
        sum += dy.zeroed(where: SIMD8<Int32>(truncatingIfNeeded: won) .!= SIMD8<Int32>(truncatingIfNeeded: tap))
      }
      finish(sum, into: dx, at: place + c, lanes, epilogue)
      c += 8
    }
  }

  private func gatherAverage(
    _ row: Int, _ column: Int, _ base: Int, _ cotangent: UnsafePointer<Float>, _ countsPadding: Bool,
    _ dx: UnsafeMutablePointer<Float>, _ place: Int, _ epilogue: Epilogue
  ) {
    let g = geometry
    let channels = g.inputChannels
    var c = 0
    while c < channels {
      let lanes = min(8, channels - c)
      var sum = SIMD8<Float>.zero
      forEachWindow(on: row, column) { oy, ox, _, _ in
        let from = (base + oy * g.outputWidth + ox) * channels + c
        var count = g.kernelHeight * g.kernelWidth
        if !countsPadding {
          let ys = WindowRange(
            start: oy * g.strideHeight - g.paddingTop, kernel: g.kernelHeight, dilation: g.dilationHeight,
            size: g.inputHeight)
          let xs = WindowRange(
            start: ox * g.strideWidth - g.paddingLeft, kernel: g.kernelWidth, dilation: g.dilationWidth, size: g.inputWidth)
          count = ys.taps.count * xs.taps.count
        }
        let dy = lanes == 8 ? SIMD8(cotangent + from) : SIMD8(cotangent + from, count: lanes)
        sum = sum.addingProduct(dy, SIMD8(repeating: 1 / Float(count)))
      }
      finish(sum, into: dx, at: place + c, lanes, epilogue)
      c += 8
    }
  }

  @inline(__always) private func finish(
    _ v: SIMD8<Float>, into dx: UnsafeMutablePointer<Float>, at index: Int, _ lanes: Int, _ epilogue: Epilogue
  ) {
    if lanes == 8 { epilogue.finish(v, into: dx, at: index) } else { epilogue.finish(v, into: dx, at: index, count: lanes) }
  }
}
