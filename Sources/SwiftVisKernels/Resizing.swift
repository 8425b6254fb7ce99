/// Resizing of NHWC images and its transpose. Bilinear clamps at the border. Units are rows of the destination.
public struct Resizing: Sendable {
  public enum Interpolation: Sendable { case nearest, bilinear }
  /// Where output index i lies in the input: (i + 0.5) * in / out - 0.5, i * in / out, or i * (in - 1) / (out - 1).
  public enum Coordinates: Sendable { case halfPixel, asymmetric, alignCorners }
  public let unitCount: Int
  private let channels: Int
  private let sourceHeight: Int, sourceWidth: Int, destinationHeight: Int, destinationWidth: Int
  private let rows: ResizingTaps, columns: ResizingTaps

  /// `geometry`: only batch, input and output sizes and channels are read.
  public init(
    _ geometry: WindowGeometry, interpolation: Interpolation, coordinates: Coordinates, direction: Direction
  ) {
    let g = geometry
    let rows = ResizingTaps(from: g.inputHeight, to: g.outputHeight, interpolation, coordinates)
    let columns = ResizingTaps(from: g.inputWidth, to: g.outputWidth, interpolation, coordinates)
    switch direction {
    case .forward:
      (self.rows, self.columns) = (rows, columns)
      (sourceHeight, sourceWidth) = (g.inputHeight, g.inputWidth)
      (destinationHeight, destinationWidth) = (g.outputHeight, g.outputWidth)
    case .inputGradient:
      (self.rows, self.columns) = (rows.transposed(to: g.inputHeight), columns.transposed(to: g.inputWidth))
      (sourceHeight, sourceWidth) = (g.outputHeight, g.outputWidth)
      (destinationHeight, destinationWidth) = (g.inputHeight, g.inputWidth)
    }
    channels = g.inputChannels
    unitCount = g.batch * destinationHeight
  }

  public func run(units: Range<Int>, source: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>) {
    let rowLength = sourceWidth * channels
    for unit in units {
      let (image, row) = unit.quotientAndRemainder(dividingBy: destinationHeight)
      let x = source + image * sourceHeight * rowLength
      var y = destination + unit * destinationWidth * channels
      rows.withTaps(of: row) { vertical in
        for column in 0..<destinationWidth {
          columns.withTaps(of: column) { sumPixel(x, rowLength, vertical, $0, y) }
          y += channels
        }
      }
    }
  }

  private func sumPixel(
    _ x: UnsafePointer<Float>, _ rowLength: Int, _ vertical: UnsafeBufferPointer<ResizingTaps.Tap>,
    _ horizontal: UnsafeBufferPointer<ResizingTaps.Tap>, _ y: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    while c < channels {
      let lanes = min(8, channels - c)
      var sum = SIMD8<Float>.zero
      for v in vertical {
        let line = x + v.index * rowLength + c
        for h in horizontal {
          let weight = SIMD8(repeating: v.weight * h.weight)
          let p = line + h.index * channels
          sum = sum.addingProduct(lanes == 8 ? SIMD8(p) : SIMD8(p, count: lanes), weight)
        }
      }
      if lanes == 8 { sum.store(y + c) } else { sum.store(y + c, count: lanes) }
      c += 8
    }
  }
}

/// Resizing along one axis as a sparse matrix: for each destination index the source indices it reads and their weights.
struct ResizingTaps: Sendable {
  struct Tap { var index: Int, weight: Float }
  private var taps: [Tap] = []
  private var starts = [0]

  init(from input: Int, to output: Int, _ interpolation: Resizing.Interpolation, _ coordinates: Resizing.Coordinates) {
    for i in 0..<output {
      switch interpolation {
      case .nearest: taps.append(Tap(index: Self.nearest(i, input, output, coordinates), weight: 1))
      case .bilinear:
        let place = Self.place(i, input, output, coordinates)
        let low = min(Int(place), input - 1)
        let fraction = Float(place - Double(low))
        if fraction == 0 || low == input - 1 {
          taps.append(Tap(index: low, weight: 1))
        } else {
          taps.append(Tap(index: low, weight: 1 - fraction))
          taps.append(Tap(index: low + 1, weight: fraction))
        }
      }
      starts.append(taps.count)
    }
  }

  func withTaps(of index: Int, _ body: (UnsafeBufferPointer<Tap>) -> Void) {
    taps.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[starts[index]..<starts[index + 1]])) }
  }

  /// The same weights by source index; `size` is the number of source indices.
  func transposed(to size: Int) -> ResizingTaps {
    var rows = [[Tap]](repeating: [], count: size)
    for i in 0..<starts.count - 1 {
      for tap in taps[starts[i]..<starts[i + 1]] { rows[tap.index].append(Tap(index: i, weight: tap.weight)) }
    }
    var result = self
    result.taps = rows.flatMap { $0 }
    result.starts = rows.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
    return result
  }

  /// In integers: a rounding error must not choose another pixel.
  private static func nearest(_ i: Int, _ input: Int, _ output: Int, _ coordinates: Resizing.Coordinates) -> Int {
    let index =
      switch coordinates {
      case .halfPixel: (2 * i + 1) * input / (2 * output)
      case .asymmetric: i * input / output
      case .alignCorners: output == 1 ? 0 : (2 * i * (input - 1) + output - 1) / (2 * (output - 1))
      }
    return min(index, input - 1)
  }

  private static func place(_ i: Int, _ input: Int, _ output: Int, _ coordinates: Resizing.Coordinates) -> Double {
    switch coordinates {
    case .halfPixel: max(0, (Double(i) + 0.5) * Double(input) / Double(output) - 0.5)
    case .asymmetric: Double(i * input) / Double(output)
    case .alignCorners: output == 1 ? 0 : Double(i * (input - 1)) / Double(output - 1)
    }
  }
}
