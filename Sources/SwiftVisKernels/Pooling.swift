/// Max and average pooling over NHWC and their transposes; channels in == channels out. Units are rows of the
/// destination, which may be computed in any order and grouping with the same bits. Every window must hold at least one
/// real pixel.
public struct Pooling: Sendable {
  public enum Kind: Sendable { case max, average(countIncludesPadding: Bool) }
  public let unitCount: Int
  let geometry: WindowGeometry
  let kind: Kind
  public var channels: Int { geometry.inputChannels }
  /// For the gradient: the windows over each input row and column.
  let rows: PoolingReach, columns: PoolingReach

  public init(_ geometry: WindowGeometry, kind: Kind, direction: Direction) {
    self.geometry = geometry
    self.kind = kind
    let isForward = direction == .forward
    rows = PoolingReach(geometry.vertical, isEmpty: isForward)
    columns = PoolingReach(geometry.horizontal, isEmpty: isForward)
    unitCount = geometry.batch * (isForward ? geometry.outputHeight : geometry.inputHeight)
  }

  /// `argmax`, where not nil, receives for each output the place in its window (row * kernelWidth + column) of the first
  /// maximum. Padding never wins a maximum; a NaN does. `argmax` is ignored for averages.
  public func runForward(
    units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    argmax: UnsafeMutablePointer<UInt16>?, pitches: Pitches = Pitches()
  ) {
    let g = geometry
    let pitches = pitches.resolved(source: g.inputChannels, destination: g.inputChannels)
    // However large a window is, its real taps are pixels of the input.
    let capacity = min(g.kernelHeight, g.inputHeight) * min(g.kernelWidth, g.inputWidth)
    withUnsafeTemporaryAllocation(of: PoolingTap.self, capacity: capacity) { buffer in
      guard let taps = buffer.baseAddress else { return }
      for unit in units { runRow(unit, input, output, argmax, pitches, taps) }
    }
  }

  private func runRow(
    _ unit: Int, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ argmax: UnsafeMutablePointer<UInt16>?, _ pitches: Pitches, _ taps: UnsafeMutablePointer<PoolingTap>
  ) {
    let g = geometry
    let (image, row) = unit.quotientAndRemainder(dividingBy: g.outputHeight)
    let top = row * g.strideHeight - g.paddingTop
    let ys = g.vertical.realTaps(start: top)
    var columns = 0..<0
    for column in 0..<g.outputWidth {
      let left = column * g.strideWidth - g.paddingLeft
      let xs = g.horizontal.realTaps(start: left)
      if xs != columns {
        columns = xs
        findTaps(ys, xs, pitches.source, taps)
      }
      let count = ys.count * xs.count
      let window = input + ((image * g.inputHeight + top) * g.inputWidth + left) * pitches.source
      let pixel = unit * g.outputWidth + column
      let output = output + pixel * pitches.destination
      switch kind {
      case .max:
        if let argmax {
          maximum(window, taps, count, output, argmax + pixel * g.inputChannels)
        } else {
          maximum(window, taps, count, output)
        }
      case .average(let countsPadding):
        let divisor = countsPadding ? g.kernelHeight * g.kernelWidth : count
        average(window, taps, count, 1 / Float(divisor), output)
      }
    }
  }

  private func findTaps(_ ys: Range<Int>, _ xs: Range<Int>, _ pitch: Int, _ taps: UnsafeMutablePointer<PoolingTap>) {
    let g = geometry
    var count = 0
    for y in ys {
      for x in xs {
        let pixel = y * g.dilationHeight * g.inputWidth + x * g.dilationWidth
        let place = Int32(truncatingIfNeeded: y * g.kernelWidth + x)
        taps[count] = PoolingTap(offset: pixel * pitch, place: Float(bitPattern: UInt32(bitPattern: place)))
        count += 1
      }
    }
  }

  private func maximum(
    _ window: UnsafePointer<Float>, _ taps: UnsafePointer<PoolingTap>, _ count: Int,
    _ output: UnsafeMutablePointer<Float>, _ argmax: UnsafeMutablePointer<UInt16>
  ) {
    forEachVector(geometry.inputChannels) { c, lanes in
      var largest = SIMD8(repeating: -Float.infinity)
      var places = SIMD8(repeating: taps[0].place)
      for t in 0..<count {
        let v = SIMD8<Float>(window + taps[t].offset + c, count: lanes)
        let wins = (v .> largest) .| (v .!= v)
        largest.replace(with: v, where: wins)
        places.replace(with: SIMD8(repeating: taps[t].place), where: wins)
      }
      let indices = SIMD8<UInt16>(truncatingIfNeeded: unsafeBitCast(places, to: SIMD8<Int32>.self))
      largest.store(output + c, count: lanes)
      for lane in 0..<lanes { argmax[c + lane] = indices[lane] }
    }
  }

  private func maximum(
    _ window: UnsafePointer<Float>, _ taps: UnsafePointer<PoolingTap>, _ count: Int,
    _ output: UnsafeMutablePointer<Float>
  ) {
    forEachVector(geometry.inputChannels) { c, lanes in
      var largest = SIMD8(repeating: -Float.infinity)
      for t in 0..<count { largest = largest.maximum(SIMD8(window + taps[t].offset + c, count: lanes)) }
      largest.store(output + c, count: lanes)
    }
  }

  private func average(
    _ window: UnsafePointer<Float>, _ taps: UnsafePointer<PoolingTap>, _ count: Int, _ factor: Float,
    _ output: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    let blocks = count <= 32 ? channels / 32 : 0
    for block in 0..<blocks {
      let (window, output) = (window + block * 32, output + block * 32)
      var a = SIMD8<Float>.zero, b = SIMD8<Float>.zero, c = SIMD8<Float>.zero, d = SIMD8<Float>.zero
      for t in 0..<count {
        let x = window + taps[t].offset
        a += SIMD8(x)
        b += SIMD8(x + 8)
        c += SIMD8(x + 16)
        d += SIMD8(x + 24)
      }
      (a * factor).store(output)
      (b * factor).store(output + 8)
      (c * factor).store(output + 16)
      (d * factor).store(output + 24)
    }
    let (window, output) = (window + blocks * 32, output + blocks * 32)
    forEachVector(channels - blocks * 32) { c, lanes in
      // In parts: the average over a large window keeps its last digits.
      var sum = SIMD8<Float>.zero
      var t = 0
      while t < count {
        var part = SIMD8<Float>.zero
        let end = min(count, t + 32)
        while t < end {
          part += SIMD8(window + taps[t].offset + c, count: lanes)
          t += 1
        }
        sum += part
      }
      (sum * factor).store(output + c, count: lanes)
    }
  }
}

/// A tap on a real pixel: where that lies from the window's corner, and the tap's place in the window, an integer carried
/// in the bits of a float (a blend by a mask of floats is one instruction).
struct PoolingTap {
  let offset: Int
  let place: Float
}

extension WindowAxis {
  /// The taps of the window at `start` that fall on real pixels.
  func realTaps(start: Int) -> Range<Int> {
    if start >= 0, start + (kernel - 1) * dilation < input { return 0..<kernel }
    let first = start >= 0 ? 0 : (dilation - 1 - start) / dilation
    let end = start >= input ? 0 : min(kernel, (input - start + dilation - 1) / dilation)
    return first..<max(first, end)
  }
}
