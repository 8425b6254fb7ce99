#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How much neighbouring pixels differ: the squares of the differences, summed over the directions, to the power beta / 2, summed over
/// pixels, channels and samples (Mahendran & Vedaldi 2016, arXiv:1512.02017, section 3.2.2), over the number of values of one sample.
package struct TotalVariation {
  private let beta: Double
  private let positions: Positions
  private let volume: Double

  /// `shape` is (samples, positions..., channels), or (samples, channels, positions...). Throws `invalidArgument` where a size is below 1
  /// or beta is not a positive number.
  package init(shape: [Int], channelsFirst: Bool, beta: Double) throws {
    guard beta > 0, beta.isFinite else { throw VisError(.invalidArgument, "total variation: beta \(beta) is not positive") }
    self.beta = beta
    positions = try Positions(shape, channelsFirst: channelsFirst)
    volume = Double(shape.dropFirst().reduce(1, *))
  }

  package func value(_ image: UnsafeBufferPointer<Float>) throws -> Double {
    try check(image.count)
    guard let x = image.baseAddress, positions.hasNeighbours else { return 0 }
    let squares = try Scratch<Float>(count: positions.runLength)
    let exponent = Float(beta / 2)
    var sum = 0.0
    positions.forEachRun { start in
      addSquares(x + start, into: squares.base)
      switch beta {
      case 2: sum += Lanes.sum(squares.base, positions.runLength) { $0 }
      case 1: sum += Lanes.sum(squares.base, positions.runLength) { $0.squareRoot() }
      default: sum += Lanes.sum(squares.base, positions.runLength) { $0.map { powf($0, exponent) } }
      }
    }
    return sum / volume
  }

  /// Adds `weight` times the gradient. Where nothing varies and the slope is infinite, it counts as 0.
  package func addGradient(
    _ image: UnsafeBufferPointer<Float>, weight: Double, to gradient: UnsafeMutableBufferPointer<Float>
  ) throws {
    try check(image.count)
    try check(gradient.count)
    guard let x = image.baseAddress, let sum = gradient.baseAddress, positions.hasNeighbours else { return }
    let count = positions.runLength
    let slopes = try Scratch<Float>(count: count)
    let factor = Float(weight * beta / volume), exponent = Float(beta / 2 - 1)
    positions.forEachRun { start in
      let here = x + start, target = sum + start
      if beta != 2 {
        addSquares(here, into: slopes.base)
        for place in 0..<count {
          let square = slopes[place]
          slopes[place] = square == 0 ? 0 : factor * powf(square, exponent)
        }
      } else {
        for place in 0..<count { slopes[place] = factor }
      }
      // Two loops: what is added behind a pixel would otherwise be what the next one subtracts from.
      for stride in positions.strides {
        let after = here + stride, behind = target + stride
        for place in 0..<count { target[place] -= slopes[place] * (after[place] - here[place]) }
        for place in 0..<count { behind[place] += slopes[place] * (after[place] - here[place]) }
      }
    }
  }

  private func addSquares(_ here: UnsafePointer<Float>, into squares: UnsafeMutablePointer<Float>) {
    squares.update(repeating: 0, count: positions.runLength)
    for stride in positions.strides {
      let after = here + stride
      for place in 0..<positions.runLength {
        let difference = after[place] - here[place]
        squares[place] += difference * difference
      }
    }
  }

  private func check(_ count: Int) throws {
    guard count == positions.count else {
      throw VisError(.invalidArgument, "total variation: expected \(positions.count) values, got \(count)")
    }
  }
}

/// The pixels that have a neighbour in every direction, as runs of memory.
private struct Positions {
  let count: Int
  /// Samples, and channels that come first.
  private let outer: Int
  private let sizes: [Int]
  /// Channels that come last.
  private let inner: Int
  /// From a pixel to its neighbour in each direction.
  let strides: [Int]

  init(_ shape: [Int], channelsFirst: Bool) throws {
    count = try elementCount(shape, "total variation")
    let split = min(channelsFirst ? 2 : 1, shape.count), end = max(shape.count - (channelsFirst ? 0 : 1), split)
    (outer, sizes, inner) = (shape[..<split].reduce(1, *), Array(shape[split..<end]), shape[end...].reduce(1, *))
    var strides: [Int] = [], stride = inner
    for size in sizes.reversed() {
      strides.insert(stride, at: 0)
      stride *= size
    }
    self.strides = strides
  }

  var hasNeighbours: Bool { !sizes.isEmpty && !sizes.contains(1) }
  var runLength: Int { ((sizes.last ?? 1) - 1) * inner }

  func forEachRun(_ body: (_ start: Int) -> Void) {
    let leading = sizes.dropLast()
    var index = leading.map { _ in 0 }
    let sample = sizes.reduce(inner, *)
    for first in 0..<outer {
      rows: while true {
        body(zip(index, strides).reduce(first * sample) { $0 + $1.0 * $1.1 })
        for axis in index.indices.reversed() {
          index[axis] += 1
          if index[axis] < leading[axis] - 1 { continue rows }
          index[axis] = 0
        }
        break
      }
    }
  }
}
