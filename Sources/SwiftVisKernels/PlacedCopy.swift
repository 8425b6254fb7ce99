/// The part of `source` (shape) that falls into `destination` (shape) when its origin is put at `offset`, the rest of the
/// destination zero: padding where offsets are positive, cropping where they are negative. Same rank, 1...8. Its
/// transpose is the copy with shapes swapped and offsets negated. Units are rows of the destination.
public struct PlacedCopy: Sendable {
  public let unitCount: Int
  /// With the inner axes that are whole in both joined to the first that is not.
  private let source: [Int], destination: [Int], offset: [Int]
  /// The part of a destination row that comes from the source.
  private let start: Int, length: Int

  public init(source: [Int], destination: [Int], offset: [Int]) {
    var source = source, destination = destination, offset = offset
    while source.count > 2, let inner = source.last, inner == destination.last, offset.last == 0 {
      source.removeLast()
      destination.removeLast()
      offset.removeLast()
      let last = source.count - 1
      source[last] *= inner
      destination[last] *= inner
      offset[last] *= inner
    }
    let last = source.count - 1
    start = min(max(0, offset[last]), destination[last])
    length = max(0, min(destination[last], offset[last] + source[last]) - start)
    unitCount = destination.dropLast().reduce(1, *)
    self.source = source
    self.destination = destination
    self.offset = offset
  }

  public func run(units: Range<Int>, source x: UnsafePointer<Float>, destination y: UnsafeMutablePointer<Float>) {
    let last = source.count - 1
    let width = destination[last]
    for unit in units {
      let y = y + unit * width
      var rest = unit, step = source[last], from = start - offset[last], isInside = length > 0
      var axis = last - 1
      while axis >= 0 {
        let index: Int
        (rest, index) = rest.quotientAndRemainder(dividingBy: destination[axis])
        let place = index - offset[axis]
        isInside = isInside && place >= 0 && place < source[axis]
        from += place * step
        step *= source[axis]
        axis -= 1
      }
      if isInside {
        y.update(repeating: 0, count: start)
        (y + start).update(from: x + from, count: length)
        (y + start + length).update(repeating: 0, count: width - start - length)
      } else {
        y.update(repeating: 0, count: width)
      }
    }
  }
}

/// Copies `rows` rows of `count` floats between buffers with different row strides: concatenation and its transpose.
public func copyRows(
  from source: UnsafePointer<Float>, stride sourceStride: Int, to destination: UnsafeMutablePointer<Float>,
  stride destinationStride: Int, count: Int, rows: Range<Int>
) {
  for row in rows {
    (destination + row * destinationStride).update(from: source + row * sourceStride, count: count)
  }
}
