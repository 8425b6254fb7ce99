/// Places of one axis picked by index, in any order, some perhaps more than once; and the transpose, which sums what was picked from
/// a place. The tensor is (outer, count, inner) and the indices are below `count`. Units are rows of `inner` floats of the
/// destination.
public struct AxisGather: Sendable {
  public let unitCount: Int
  private let count: Int, inner: Int
  /// The place that each row comes from. For the gradient in order, with the row: sums always have the same bits.
  private let indices: [Int], rows: [Int]

  public init(outer: Int, count: Int, inner: Int, indices: [Int], direction: Direction) {
    self.count = count
    self.inner = inner
    rows = direction == .forward ? [] : indices.indices.sorted { (indices[$0], $0) < (indices[$1], $1) }
    self.indices = direction == .forward ? indices : rows.map { indices[$0] }
    unitCount = outer * (direction == .forward ? indices.count : count)
  }

  public func run(units: Range<Int>, source x: UnsafePointer<Float>, destination y: UnsafeMutablePointer<Float>) {
    for unit in units {
      let (row, place) = unit.quotientAndRemainder(dividingBy: indices.count)
      let from = (row * count + indices[place]) * inner
      if inner == 1 { y[unit] = x[from] } else { (y + unit * inner).update(from: x + from, count: inner) }
    }
  }

  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>
  ) {
    var next = indices.count, last = count
    for unit in units {
      let (row, place) = unit.quotientAndRemainder(dividingBy: count)
      // Neighbouring units have neighbouring places, or begin another row.
      if place <= last { next = firstRow(of: place) }
      last = place
      let dx = inputGradient + unit * inner
      dx.update(repeating: 0, count: inner)
      while next < indices.count, indices[next] == place {
        let dy = cotangent + (row * indices.count + rows[next]) * inner
        scale(dy, by: 1, addend: dx, into: dx, range: 0..<inner)
        next += 1
      }
    }
  }

  private func firstRow(of place: Int) -> Int {
    var low = 0, high = indices.count
    while low < high {
      let middle = (low + high) / 2
      if indices[middle] < place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
