/// Products of matrices that are both computed: y = left * right for every place along the leading axes.
///
/// As many columns of the right one as stay in the second-level cache are packed like weights, and the product is that of a 1x1
/// convolution; a left one whose rows are not adjacent is packed too, some rows at a time. Units are blocks of rows of one matrix.
public struct MatrixProduct: Sendable {
  /// Floats from one index to the next along each leading axis (0: it is repeated), from row to row and from column to column.
  public struct Layout: Sendable {
    public var leading: [Int]
    public var row: Int, column: Int
    public init(leading: [Int], row: Int, column: Int) { (self.leading, self.row, self.column) = (leading, row, column) }

    /// Of a tensor whose last two axes are the matrix, turned perhaps. An axis of size 1 is repeated.
    public init(_ shape: [Int], transposed: Bool = false) {
      let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
      var next = rows * columns
      leading = shape.dropLast(2).reversed().map { size in
        defer { next *= size }
        return size == 1 ? 0 : next
      }.reversed()
      (row, column) = transposed ? (1, columns) : (columns, 1)
    }
  }

  public let rows: Int, depth: Int, columns: Int
  public let unitCount: Int
  public let workerScratchCount: Int
  let left: Layout, right: Layout, output: Layout
  let panels: PointwiseConvolution

  /// Of the leading axes.
  private let sizes: [Int]
  private let rowUnits: Int
  /// Panels that are packed together.
  private let panelsPerGroup: Int
  private let hasFewRows: Bool
  private let packedLeftCount: Int, packedRightCount: Int

  private static let floatsOfGroup = 96 << 10
  private static let blockRows = PointwiseConvolution.rowsOfBlock

  /// The output's columns are adjacent.
  public init(sizes: [Int], rows: Int, depth: Int, columns: Int, left: Layout, right: Layout, output: Layout) {
    (self.sizes, self.rows, self.depth, self.columns) = (sizes, rows, depth, columns)
    (self.left, self.right, self.output) = (left, right, output)
    // Few rows are filled up with zeros.
    let pixels = max(rows, PointwiseConvolution.leastPixels)
    hasFewRows = rows < pixels
    panels = PointwiseConvolution(pixels: pixels, depth: depth, columns: columns, direction: .forward)
    panelsPerGroup = max(1, min(panels.panelCount, Self.floatsOfGroup / (depth * PointwiseConvolution.panelWidth)))
    // Every unit packs the right operand for itself.
    let batch = sizes.reduce(1, *)
    rowUnits = max(1, min(rows / (4 * Self.blockRows), 32 / batch))
    unitCount = batch * rowUnits
    // The last block of rows takes what would be too few for one.
    packedLeftCount =
      left.column != 1 || hasFewRows ? min(pixels, Self.blockRows + PointwiseConvolution.leastPixels) * depth : 0
    packedRightCount = (panelsPerGroup + 1) * PointwiseConvolution.panelWidth * depth
    workerScratchCount =
      PointwiseProduct.scratchCount + packedRightCount + packedLeftCount + (hasFewRows ? pixels * columns : 0)
  }

  /// Of tensors of one rank, 2 or more, whose leading axes are equal or 1.
  public init(left: [Int], right: [Int], transposesLeft: Bool = false, transposesRight: Bool = false) {
    let last = left.count - 1
    let sizes = zip(left, right).dropLast(2).map { max($0, $1) }
    let rows = left[transposesLeft ? last : last - 1], columns = right[transposesRight ? last - 1 : last]
    self.init(
      sizes: sizes, rows: rows, depth: left[transposesLeft ? last - 1 : last], columns: columns,
      left: Layout(left, transposed: transposesLeft), right: Layout(right, transposed: transposesRight),
      output: Layout(sizes + [rows, columns]))
  }

  public var multiplyAdds: Int { sizes.reduce(rows * depth * columns, *) }

  public func run(
    units: Range<Int>, left: UnsafePointer<Float>, right: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    epilogue: Epilogue, workerScratch: UnsafeMutablePointer<Float>?
  ) {
    guard let workerScratch else { return }
    for unit in units {
      var (rest, rowUnit) = unit.quotientAndRemainder(dividingBy: rowUnits)
      let rows = rows * rowUnit / rowUnits..<rows * (rowUnit + 1) / rowUnits
      var from = rows.lowerBound * self.left.row, fromRight = 0, to = rows.lowerBound * self.output.row
      for axis in sizes.indices.reversed() {
        (rest, rowUnit) = rest.quotientAndRemainder(dividingBy: sizes[axis])
        from += rowUnit * self.left.leading[axis]
        fromRight += rowUnit * self.right.leading[axis]
        to += rowUnit * self.output.leading[axis]
      }
      multiply(rows.count, left + from, right + fromRight, output + to, epilogue.advanced(by: to), workerScratch)
    }
  }

  private func multiply(
    _ rows: Int, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ epilogue: Epilogue, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let packedRight = scratch + PointwiseProduct.scratchCount, packedLeft = packedRight + packedRightCount
    let filled = packedLeft + packedLeftCount
    let least = PointwiseConvolution.leastPixels
    var pitches = Pitches()
    (pitches.destination, pitches.addend, pitches.gate) = (self.output.row, self.output.row, self.output.row)
    for start in stride(from: 0, to: panels.panelCount, by: panelsPerGroup) {
      let group = start..<min(panels.panelCount, start + panelsPerGroup)
      packRight(right, group, into: packedRight)
      let packed = UnsafePointer(packedRight) - start * PointwiseConvolution.panelWidth * depth
      if hasFewRows {
        packLeft(left, rows: rows, into: packedLeft)
        (packedLeft + rows * depth).update(repeating: 0, count: (least - rows) * depth)
        let product = PointwiseProduct(
          source: packedLeft, destination: filled, epilogue: Epilogue(),
          pitches: Pitches().resolved(source: depth, destination: columns), scratch: scratch)
        panels.multiply(product, rows: 0..<least, panels: group, packed)
      } else if packedLeftCount == 0 {
        pitches.source = self.left.row
        let product = PointwiseProduct(
          source: left, destination: output, epilogue: epilogue, pitches: pitches, scratch: scratch)
        panels.multiply(product, rows: 0..<rows, panels: group, packed)
      } else {
        pitches.source = depth
        var row = 0
        while row < rows {
          let next = rows - row < Self.blockRows + least ? rows : row + Self.blockRows
          packLeft(left + row * self.left.row, rows: next - row, into: packedLeft)
          let product = PointwiseProduct(
            source: packedLeft, destination: output + row * self.output.row,
            epilogue: epilogue.advanced(by: row * self.output.row), pitches: pitches, scratch: scratch)
          panels.multiply(product, rows: 0..<next - row, panels: group, packed)
          row = next
        }
      }
    }
    guard hasFewRows else { return }
    for row in 0..<rows {
      forEachVector(columns) { i, lanes in
        epilogue.finish(
          SIMD8(filled + row * columns + i, count: lanes), into: output, at: pitches.place(pixel: row, channel: i),
          count: lanes)
      }
    }
  }
}
