/// Moves a tensor along its axes. What leaves on one side comes in on the other, where the first and the last place of an axis count as
/// one, as in scipy.ndimage.shift(mode="wrap", order=0).
package struct Shift {
  private let count: Int
  private let outer: [Axis]
  /// Where the innermost moved axis comes from, in pieces; in floats.
  private let pieces: [Piece]
  /// Floats in a row of that axis.
  private let rowLength: Int

  private struct Axis {
    let stride: Int
    let sources: [Int]
  }

  private struct Piece {
    let target: Int, source: Int
    var count: Int
  }

  /// `offsets` are in places, one for each axis, none beyond 2^31 - 1. Throws `invalidArgument`.
  package init(shape: [Int], offsets: [Int]) throws {
    count = try elementCount(shape, "shift")
    guard offsets.count == shape.count else {
      throw VisError(.invalidArgument, "shift: \(offsets.count) offsets for \(shape.count) axes")
    }
    if let wrong = offsets.first(where: { $0.magnitude > UInt(Int32.max) }) {
      throw VisError(.invalidArgument, "shift: the offset \(wrong) is too large")
    }
    let last = offsets.lastIndex { $0 != 0 } ?? 0
    let inner = shape.dropFirst(last + 1).reduce(1, *)
    let size = shape.isEmpty ? 1 : shape[last]
    rowLength = size * inner
    var pieces: [Piece] = []
    for (place, source) in Self.sources(size, shape.isEmpty ? 0 : offsets[last]).enumerated() {
      if let piece = pieces.last, piece.source + piece.count == source * inner {
        pieces[pieces.count - 1].count += inner
      } else {
        pieces.append(Piece(target: place * inner, source: source * inner, count: inner))
      }
    }
    self.pieces = pieces
    outer = shape.indices.prefix(last).map { axis in
      Axis(stride: shape[(axis + 1)...].reduce(1, *), sources: Self.sources(shape[axis], offsets[axis]))
    }
  }

  /// Where each place of an axis comes from.
  private static func sources(_ size: Int, _ offset: Int) -> [Int] {
    let period = max(size - 1, 1)
    return (0..<size).map { target in
      let place = target - offset
      if size == 1 || (0..<size).contains(place) { return size == 1 ? 0 : place }
      return place < 0 ? period - -place % period : place % period
    }
  }

  /// The buffers do not overlap. Throws `invalidArgument` where one is not of the shape.
  package func apply(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) throws {
    guard input.count == count, output.count == count else {
      throw VisError(.invalidArgument, "shift: expected \(count) values, got \(input.count) and \(output.count)")
    }
    guard let source = input.baseAddress, let target = output.baseAddress else { return }
    for row in 0..<count / rowLength {
      var place = row * rowLength, start = 0
      for axis in outer {
        start += axis.sources[place / axis.stride] * axis.stride
        place %= axis.stride
      }
      let written = target + row * rowLength
      for piece in pieces { (written + piece.target).update(from: source + start + piece.source, count: piece.count) }
    }
  }
}
