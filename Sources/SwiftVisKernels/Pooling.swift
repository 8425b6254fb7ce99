/// Max and average pooling over NHWC and their transposes; channels in == channels out. Units are rows of the destination, which
/// may be computed in any order and grouping with the same bits. Every window must hold at least one real pixel.
public struct Pooling: Sendable {
  public enum Kind: Sendable { case max, average(countIncludesPadding: Bool) }
  public let unitCount: Int
  let geometry: WindowGeometry
  let kind: Kind

  public init(_ geometry: WindowGeometry, kind: Kind, direction: Direction) {
    self.geometry = geometry
    self.kind = kind
    unitCount = geometry.batch * (direction == .forward ? geometry.outputHeight : geometry.inputHeight)
  }

  /// `argmax`, where not nil, receives for each output the place in its window (row * kernelWidth + column) of the first maximum.
  /// Padding never wins a maximum; a NaN does. `argmax` is ignored for averages.
  public func runForward(
    units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    argmax: UnsafeMutablePointer<UInt16>?
  ) {
    let g = geometry
    for unit in units {
      let (image, row) = unit.quotientAndRemainder(dividingBy: g.outputHeight)
      let top = row * g.strideHeight - g.paddingTop
      let ys = WindowRange(start: top, kernel: g.kernelHeight, dilation: g.dilationHeight, size: g.inputHeight)
      for column in 0..<g.outputWidth {
        let left = column * g.strideWidth - g.paddingLeft
        let xs = WindowRange(start: left, kernel: g.kernelWidth, dilation: g.dilationWidth, size: g.inputWidth)
        let window = input + ((image * g.inputHeight + top) * g.inputWidth + left) * g.inputChannels
        let place = (unit * g.outputWidth + column) * g.inputChannels
        switch kind {
        case .max:
          if let argmax {
            maximum(window, ys.taps, xs.taps, output + place, argmax + place)
          } else {
            maximum(window, ys.taps, xs.taps, output + place)
          }
        case .average(let countsPadding):
          let count = countsPadding ? g.kernelHeight * g.kernelWidth : ys.taps.count * xs.taps.count
          average(window, ys.taps, xs.taps, 1 / Float(count), output + place)
        }
      }
    }
  }

  private func maximum(
    _ window: UnsafePointer<Float>, _ ys: Range<Int>, _ xs: Range<Int>, _ output: UnsafeMutablePointer<Float>,
    _ argmax: UnsafeMutablePointer<UInt16>
  ) {
    let channels = geometry.inputChannels
    let rowStep = geometry.dilationHeight * geometry.inputWidth * channels
    let columnStep = geometry.dilationWidth * channels
    var c = 0
    while c < channels {
      let lanes = min(8, channels - c)
      var largest = SIMD8<Float>.zero
      var places = SIMD8<Int32>(repeating: -1)
      for y in ys {
        var p = window + y * rowStep + xs.lowerBound * columnStep + c
        for x in xs {
          let v = lanes == 8 ? SIMD8(p) : SIMD8(p, count: lanes)
          let wins = (v .> largest) .| (v .!= v) .| (places .== -1)
          largest.replace(with: v, where: wins)
          places.replace(with: SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: y * geometry.kernelWidth + x)), where: wins)
          p += columnStep
        }
      }
      let indices = SIMD8<UInt16>(truncatingIfNeeded: places)
      if lanes == 8 {
        largest.store(output + c)
        UnsafeMutableRawPointer(argmax + c).storeBytes(of: indices, as: SIMD8<UInt16>.self)
      } else {
        largest.store(output + c, count: lanes)
        for lane in 0..<lanes { argmax[c + lane] = indices[lane] }
      }
      c += 8
    }
  }

  private func maximum(
    _ window: UnsafePointer<Float>, _ ys: Range<Int>, _ xs: Range<Int>, _ output: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    let rowStep = geometry.dilationHeight * geometry.inputWidth * channels
    let columnStep = geometry.dilationWidth * channels
    var c = 0
    while c < channels {
      let lanes = min(8, channels - c)
      var largest = SIMD8(repeating: -Float.infinity)
      for y in ys {
        var p = window + y * rowStep + xs.lowerBound * columnStep + c
        for _ in xs {
          largest = largest.maximum(lanes == 8 ? SIMD8(p) : SIMD8(p, count: lanes))
          p += columnStep
        }
      }
      if lanes == 8 { largest.store(output + c) } else { largest.store(output + c, count: lanes) }
      c += 8
    }
  }

  private func average(
    _ window: UnsafePointer<Float>, _ ys: Range<Int>, _ xs: Range<Int>, _ factor: Float,
    _ output: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    let rowStep = geometry.dilationHeight * geometry.inputWidth * channels
    let columnStep = geometry.dilationWidth * channels
    var c = 0
    while c < channels {
      let lanes = min(8, channels - c)
      var sum = SIMD8<Float>.zero
      for y in ys {
        // A sum for each row of the window: a large window's average keeps its last digits.
        var line = SIMD8<Float>.zero
        var p = window + y * rowStep + xs.lowerBound * columnStep + c
        for _ in xs {
          line += lanes == 8 ? SIMD8(p) : SIMD8(p, count: lanes)
          p += columnStep
        }
        sum += line
      }
      if lanes == 8 { (sum * factor).store(output + c) } else { (sum * factor).store(output + c, count: lanes) }
      c += 8
    }
  }
}

/// The taps of a window that fall on real pixels along one axis.
struct WindowRange {
  let taps: Range<Int>
  init(start: Int, kernel: Int, dilation: Int, size: Int) {
    let first = start >= 0 ? 0 : (dilation - 1 - start) / dilation
    let end = start >= size ? 0 : min(kernel, (size - start + dilation - 1) / dilation)
    taps = first..<Swift.max(first, end)
  }
}
