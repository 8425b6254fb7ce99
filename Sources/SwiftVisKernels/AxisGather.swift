/// Places of one axis picked by index, in any order, some perhaps more than once; and the transpose, which sums what was picked from
/// a place. The tensor is (outer, count, inner) and the indices are below `count`. Units are rows of `inner` floats of the
/// destination.
public struct AxisGather: Sendable {
  public let unitCount: Int
  private let count: Int, inner: Int
  /// Forward: the place that each row of the destination is copied from.
  private let indices: [Int]
  /// For the gradient: which rows came from each place, one list behind the other.
  private let rows: [Int], starts: [Int]

  public init(outer: Int, count: Int, inner: Int, indices: [Int], direction: Direction) {
    self.count = count
    self.inner = inner
    self.indices = indices
    var starts: [Int] = [], rows: [Int] = []
    if direction == .inputGradient {
      // A counting sort: the rows of a place stay in order, so that sums have the same bits every time.
      starts = Array(repeating: 0, count: count + 1)
      for index in indices { starts[index + 1] += 1 }
      for place in 0..<count { starts[place + 1] += starts[place] }
      var next = starts
      rows = Array(repeating: 0, count: indices.count)
      for (row, index) in indices.enumerated() {
        rows[next[index]] = row
        next[index] += 1
      }
    }
    (self.rows, self.starts) = (rows, starts)
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
    for unit in units {
      let (row, place) = unit.quotientAndRemainder(dividingBy: count)
      let dx = inputGradient + unit * inner
      let cotangent = cotangent + row * indices.count * inner
      dx.update(repeating: 0, count: inner)
      for i in starts[place]..<starts[place + 1] {
        scale(cotangent + rows[i] * inner, by: 1, addend: dx, into: dx, range: 0..<inner)
      }
    }
  }
}
