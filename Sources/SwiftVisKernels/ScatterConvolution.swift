/// The input gradient of a convolution of 1 to 4 channels: the first layer of a network.
///
/// Goals, in order: few columns of zeros, and sums that never leave the second-level cache. A panel of 16 destination columns
/// would hold 3 of a pixel's channels. Instead an output pixel's cotangent is multiplied by the kernel of all taps at once, a
/// matrix product with a column for each tap and channel (27 or 147 where they are 3x3 or 7x7), and an input pixel then sums the
/// columns that are its own, in the order of the taps. A unit is a band of input rows, for which it keeps the products of the few
/// output rows that the current row needs; bands make those at their borders again, and of these only the panels they need.
struct ScatterConvolution: Sendable {
  private static let mostChannels = 4
  /// Output rows of two bands for each that both make.
  private static let rowsPerSharedRow = 14

  let geometry: WindowGeometry
  private let product: PointwiseConvolution
  /// Columns of a tap's row, and of all with zeros up to a whole vector.
  private let tapRow: Int, columns: Int
  private let bands: Int
  /// Output rows whose products are kept: all that an input row has taps on.
  private let rowsKept: Int
  /// By input column: where its taps' products begin in an output row's, `starts[x]..<starts[x + 1]` of `places`.
  private let starts: [Int], places: [Int]

  /// Nil where the shape does not fit, or where a panel of neighbouring pixels makes about as few products.
  init?(_ g: WindowGeometry, direction: Direction) {
    guard direction == .inputGradient, g.groups == 1, g.inputChannels <= Self.mostChannels,
      g.outputWidth >= PointwiseConvolution.leastPixels, g.kernelHeight * g.kernelWidth > 1
    else { return nil }
    geometry = g
    tapRow = g.kernelWidth * g.inputChannels
    columns = (g.kernelHeight * tapRow + 7) / 8 * 8
    product = PointwiseConvolution(
      pixels: g.outputWidth, depth: g.outputChannels, columns: columns, direction: .inputGradient)
    let gathered = GatherConvolution(g, direction: direction).multiplyAdds
    guard 10 * g.batch * g.outputHeight * g.outputWidth * product.packedCount < 9 * gathered else { return nil }

    let reach = (g.kernelHeight - 1) * g.dilationHeight / g.strideHeight
    rowsKept = min(g.outputHeight, reach + 1)
    bands = min(g.inputHeight, 2 * max(1, g.outputHeight / (Self.rowsPerSharedRow * max(1, reach))))
    var starts = [0], places: [Int] = []
    for x in 0..<g.inputWidth {
      for tap in 0..<g.kernelWidth {
        guard let output = g.horizontal.output(of: x, tap: tap) else { continue }
        places.append(output * columns + tap * g.inputChannels)
      }
      starts.append(places.count)
    }
    (self.starts, self.places) = (starts, places)
  }

  var unitCount: Int { geometry.batch * bands }
  var packedCount: Int { product.packedCount }
  private var rowSize: Int { geometry.outputWidth * columns }
  /// The rows kept, a vector behind them that the last may read into, and what the product needs.
  var workerScratchCount: Int { rowsKept * rowSize + 8 + product.workerScratchCount }
  var packingKey: Int {
    var hasher = Hasher()
    hasher.combine("scattered")
    for n in [geometry.kernelHeight, geometry.kernelWidth, geometry.inputChannels, geometry.outputChannels] {
      hasher.combine(n)
    }
    return hasher.finalize()
  }

  /// The kernel is the product's as it lies there, but for the scale of its rows.
  func pack(
    kernel: UnsafePointer<Float>, inputScale: UnsafePointer<Float>?, outputScale: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let depth = geometry.outputChannels
    let count = geometry.kernelHeight * tapRow * depth
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns * depth) { buffer in
      let rows = buffer.baseAddress.unsafelyUnwrapped
      for i in 0..<columns * depth {
        rows[i] = i < count ? kernel[i] * (inputScale?[i / depth % geometry.inputChannels] ?? 1) : 0
      }
      product.pack(kernel: rows, inputScale: nil, outputScale: outputScale, into: packed)
    }
  }

  func run(
    units: Range<Int>, source: UnsafePointer<Float>, packed: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>,
    epilogue: Epilogue, pitches: Pitches, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    guard let workerScratch else { return }
    let g = geometry
    let pitches = pitches.resolved(source: g.outputChannels, destination: g.inputChannels)
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: g.kernelHeight) { taps in
      for unit in units {
        let (image, band) = (unit / bands, unit % bands)
        let rows = g.inputHeight * band / bands..<g.inputHeight * (band + 1) / bands
        let outputs = source + image * g.outputHeight * g.outputWidth * pitches.source
        let reach = (g.kernelHeight - 1) * g.dilationHeight
        var next = max(0, rows.lowerBound + g.paddingTop - reach) / g.strideHeight
        for y in rows {
          var count = 0
          for tap in (0..<g.kernelHeight).reversed() {
            guard let output = g.vertical.output(of: y, tap: tap) else { continue }
            while next <= output {
              multiply(row: next, for: rows, outputs, packed, workerScratch, pitches)
              next += 1
            }
            taps[count] = UnsafePointer(workerScratch) + output % rowsKept * rowSize + tap * tapRow
            count += 1
          }
          sum(taps[0..<count], pixel: (image * g.inputHeight + y) * g.inputWidth, destination, epilogue, pitches)
        }
      }
    }
  }

  /// The products of an output row with the panels that some of the input `rows` need.
  private func multiply(
    row: Int, for rows: Range<Int>, _ outputs: UnsafePointer<Float>, _ packed: UnsafePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>, _ pitches: Pitches
  ) {
    let g = geometry
    let first = row * g.strideHeight - g.paddingTop
    let taps = (0..<g.kernelHeight).filter { rows.contains(first + $0 * g.dilationHeight) }
    guard let low = taps.first, let high = taps.last else { return }
    func panel(_ column: Int) -> Int { min(column / PointwiseConvolution.panelWidth, product.panelCount - 1) }
    var between = Pitches()
    (between.source, between.destination) = (pitches.source, columns)
    let part = PointwiseProduct(
      source: outputs + row * g.outputWidth * pitches.source, destination: scratch + row % rowsKept * rowSize,
      epilogue: Epilogue(), pitches: between, scratch: scratch + rowsKept * rowSize + 8)
    product.multiply(
      part, rows: 0..<g.outputWidth, panels: panel(low * tapRow)..<panel((high + 1) * tapRow - 1) + 1, packed)
  }

  /// A row of pixels from the products of its taps' rows.
  private func sum(
    _ taps: Slice<UnsafeMutableBufferPointer<UnsafePointer<Float>>>, pixel first: Int,
    _ destination: UnsafeMutablePointer<Float>, _ epilogue: Epilogue, _ pitches: Pitches
  ) {
    let channels = geometry.inputChannels
    // Vectors of four reach into the next pixel, which is written later; what they read there does not matter.
    let isPlain = epilogue.isIdentity && epilogue.bias == nil && pitches.destination == channels
    let bias = epilogue.bias.map { SIMD8($0, count: channels) } ?? .zero
    starts.withUnsafeBufferPointer { starts in
      places.withUnsafeBufferPointer { places in
        for x in 0..<geometry.inputWidth {
          var v = SIMD4<Float>.zero
          for tap in taps {
            for i in starts[x]..<starts[x + 1] { v += SIMD4(tap + places[i]) }
          }
          let place = pitches.place(pixel: first + x, channel: 0)
          if isPlain && x * channels + 4 <= geometry.inputWidth * channels {
            v.store(destination + place.destination)
          } else {
            let sums = SIMD8(lowHalf: v, highHalf: .zero) + bias
            epilogue.finish(sums, into: destination, at: place, count: channels)
          }
        }
      }
    }
  }
}
