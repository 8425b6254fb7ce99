/// The gradient of a maximum over windows that do not overlap, as nearly all are: a pixel has at most one window, so a row
/// walks along its windows and reads each one's cotangent and argmax once for all of its taps.
extension Pooling {
  var windowsAreDisjoint: Bool {
    let g = geometry
    return g.strideHeight >= g.kernelHeight && g.strideWidth >= g.kernelWidth && g.dilationHeight == 1
      && g.dilationWidth == 1
  }

  func routeRow(
    _ unit: Int, _ cotangent: UnsafePointer<Float>, _ argmax: UnsafePointer<UInt16>,
    _ dx: UnsafeMutablePointer<Float>, _ epilogue: Epilogue, _ pitches: Pitches
  ) {
    let g = geometry
    let (image, row) = unit.quotientAndRemainder(dividingBy: g.inputHeight)
    let (y, tapRow) = (row + g.paddingTop).quotientAndRemainder(dividingBy: g.strideHeight)
    guard tapRow < g.kernelHeight, y < g.outputHeight else {
      return clear(0..<g.inputWidth, of: unit, dx, epilogue, pitches)
    }
    var reached = 0
    for x in 0..<g.outputWidth {
      let left = x * g.strideWidth - g.paddingLeft
      let columns = max(left, 0)..<min(left + g.kernelWidth, g.inputWidth)
      clear(reached..<columns.lowerBound, of: unit, dx, epilogue, pitches)
      reached = columns.upperBound
      let pixel = (image * g.outputHeight + y) * g.outputWidth + x
      let firstTap = Int32(truncatingIfNeeded: tapRow * g.kernelWidth + columns.lowerBound - left)
      route(
        cotangent + pixel * pitches.source, argmax + pixel * g.inputChannels, firstTap, columns.count,
        at: unit * g.inputWidth + columns.lowerBound, dx, epilogue, pitches)
    }
    clear(reached..<g.inputWidth, of: unit, dx, epilogue, pitches)
  }

  /// What a window's row of taps receives, at adjacent pixels from `first` on.
  @inline(always) private func route(
    _ values: UnsafePointer<Float>, _ winners: UnsafePointer<UInt16>, _ firstTap: Int32, _ count: Int, at first: Int,
    _ dx: UnsafeMutablePointer<Float>, _ epilogue: Epilogue, _ pitches: Pitches
  ) {
    let channels = geometry.inputChannels
    var c = 0
    while c + 8 <= channels {
      let won = SIMD8<Int32>(
        truncatingIfNeeded: UnsafeRawPointer(winners + c).loadUnaligned(as: SIMD8<UInt16>.self))
      let value = SIMD8<Float>(values + c)
      for i in 0..<count {
        let tap = SIMD8<Int32>(repeating: firstTap + Int32(truncatingIfNeeded: i))
        epilogue.finish(value.zeroed(where: won .!= tap), into: dx, at: pitches.place(pixel: first + i, channel: c))
      }
      c += 8
    }
    let rest = channels - c
    guard rest > 0 else { return }
    for i in 0..<count {
      var value = SIMD8<Float>.zero
      for lane in 0..<rest where Int(winners[c + lane]) == Int(firstTap) + i { value[lane] = values[c + lane] }
      epilogue.finish(value, into: dx, at: pitches.place(pixel: first + i, channel: c), count: rest)
    }
  }

  /// Pixels between the windows and beyond the last one.
  private func clear(
    _ columns: Range<Int>, of unit: Int, _ dx: UnsafeMutablePointer<Float>, _ epilogue: Epilogue, _ pitches: Pitches
  ) {
    for column in columns {
      let pixel = unit * geometry.inputWidth + column
      forEachVector(geometry.inputChannels) { c, lanes in
        let place = pitches.place(pixel: pixel, channel: c)
        if lanes == 8 {
          epilogue.finish(.zero, into: dx, at: place)
        } else {
          epilogue.finish(.zero, into: dx, at: place, count: lanes)
        }
      }
    }
  }
}
