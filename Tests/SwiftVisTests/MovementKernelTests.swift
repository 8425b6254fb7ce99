import SwiftVisKernels
import Testing

@Suite struct MovementKernelTests {
  static let permutations: [([Int], [Int])] = [
    ([7], [0]), ([5, 9], [1, 0]), ([2, 3, 10, 11], [0, 2, 3, 1]), ([2, 10, 11, 3], [0, 3, 1, 2]),
    ([2, 10, 11, 40], [0, 3, 1, 2]),
    ([2, 5, 6, 7], [0, 2, 1, 3]), ([3, 4, 5], [2, 1, 0]), ([3, 4, 5], [0, 1, 2]), ([1, 6, 1, 4], [3, 2, 1, 0]),
    ([1, 1], [1, 0]),
    ([2, 3, 2, 3, 2, 3, 2, 2], [7, 0, 6, 1, 5, 2, 4, 3]), ([17, 33], [1, 0]), ([1, 20, 30, 50], [0, 1, 3, 2]),
  ]

  @Test(arguments: permutations) func permute(shape: [Int], axes: [Int]) {
    let n = shape.reduce(1, *)
    let x = (0..<n).map { Float($0) }
    let permutation = Permutation(shape: shape, axes: axes)
    let y = runKernel(units: permutation.unitCount, count: n) { permutation.run(units: $0, input: x, output: $1) }
    let outputShape = axes.map { shape[$0] }
    for i in 0..<n {
      var rest = i
      var index = [Int](repeating: 0, count: shape.count)
      for axis in axes.indices.reversed() {
        index[axes[axis]] = rest % outputShape[axis]
        rest /= outputShape[axis]
      }
      #expect(y[i] == Float(zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }))
    }
  }

  static let placements: [([Int], [Int], [Int])] = [
    ([2, 5, 6, 3], [2, 8, 9, 3], [0, 1, 2, 0]), ([2, 8, 9, 3], [2, 5, 6, 3], [0, -1, -2, 0]), ([4], [9], [3]),
    ([9], [4], [-3]),
    ([2, 5, 6, 3], [2, 4, 9, 3], [0, 1, -2, 0]), ([2, 5, 6, 3], [2, 5, 6, 3], [0, 0, 0, 0]), ([3, 4], [3, 4], [0, 6]),
    ([3, 4], [3, 4], [-5, 0]), ([2, 3, 4], [2, 5, 7], [0, 1, 2]),
    ([2, 2, 3, 1, 2, 2], [2, 4, 3, 2, 2, 3], [0, 1, 0, 1, 0, -1]),
  ]

  @Test(arguments: placements) func place(source: [Int], destination: [Int], offset: [Int]) {
    let x = (0..<source.reduce(1, *)).map { Float($0 + 1) }
    let n = destination.reduce(1, *)
    let copy = PlacedCopy(source: source, destination: destination, offset: offset)
    let y = runKernel(units: copy.unitCount, count: n) { copy.run(units: $0, source: x, destination: $1) }
    for i in 0..<n {
      var rest = i, from = 0, step = 1, isInside = true
      for axis in source.indices.reversed() {
        let place = rest % destination[axis] - offset[axis]
        rest /= destination[axis]
        isInside = isInside && 0 <= place && place < source[axis]
        from += place * step
        step *= source[axis]
      }
      #expect(y[i] == (isInside ? x[from] : 0))
    }
  }

  @Test func rowsWithStrides() {
    let x = (0..<60).map { Float($0) }
    let y = runKernel(units: 5, count: 5 * 7, initial: [Float](repeating: -1, count: 35)) {
      copyRows(from: x, stride: 12, to: $1 + 2, stride: 7, count: 4, rows: $0)
    }
    for row in 0..<5 {
      for column in 0..<7 { #expect(y[row * 7 + column] == (2..<6 ~= column ? x[row * 12 + column - 2] : -1)) }
    }
  }

  typealias Mode = (Resizing.Interpolation, Resizing.Coordinates)
  static let modes: [Mode] = [
    (.nearest, .halfPixel), (.nearest, .asymmetric), (.nearest, .alignCorners), (.bilinear, .halfPixel),
    (.bilinear, .asymmetric),
    (.bilinear, .alignCorners),
  ]

  /// Weights (output, input) of resizing one axis, written from the definition.
  static func weights(_ input: Int, _ output: Int, _ mode: Mode) -> [[Double]] {
    (0..<output).map { i in
      var row = [Double](repeating: 0, count: input)
      let ratio = Double(input) / Double(output)
      let corner = output == 1 ? 0 : Double(i) * Double(input - 1) / Double(output - 1)
      switch mode.0 {
      case .nearest:
        let place =
          switch mode.1 {
          case .halfPixel: ((Double(i) + 0.5) * ratio).rounded(.down)
          case .asymmetric: (Double(i) * ratio + 1e-9).rounded(.down)
          case .alignCorners: (corner + 1e-9).rounded()
          }
        row[min(input - 1, Int(place))] = 1
      case .bilinear:
        let place =
          switch mode.1 {
          case .halfPixel: (Double(i) + 0.5) * ratio - 0.5
          case .asymmetric: Double(i) * ratio
          case .alignCorners: corner
          }
        let low = place.rounded(.down)
        row[min(input - 1, max(0, Int(low)))] += 1 - (place - low)
        row[min(input - 1, max(0, Int(low) + 1))] += place - low
      }
      return row
    }
  }

  @Test(arguments: modes, [(5, 7, 10, 14, 3), (5, 7, 7, 4, 9), (4, 1, 9, 3, 8), (6, 6, 1, 2, 17), (3, 4, 3, 4, 2)])
  func resize(mode: Mode, sizes: (Int, Int, Int, Int, Int)) {
    let (h, w, oh, ow, c) = sizes
    var generator = SeededGenerator(9)
    let geometry = WindowGeometry(batch: 2, input: (h, w, c), output: (oh, ow, c), kernel: (1, 1))
    let rows = Self.weights(h, oh, mode), columns = Self.weights(w, ow, mode)
    for direction in [Direction.forward, .inputGradient] {
      let isForward = direction == .forward
      let resizing = Resizing(geometry, interpolation: mode.0, coordinates: mode.1, direction: direction)
      let x = generator.floats(2 * c * (isForward ? h * w : oh * ow))
      let (dh, dw) = isForward ? (oh, ow) : (h, w)
      let (sh, sw) = isForward ? (h, w) : (oh, ow)
      var expected = [Double](repeating: 0, count: 2 * dh * dw * c)
      for n in 0..<2 {
        for dy in 0..<dh {
          for dx in 0..<dw {
            for sy in 0..<sh {
              for sx in 0..<sw {
                let weight = isForward ? rows[dy][sy] * columns[dx][sx] : rows[sy][dy] * columns[sx][dx]
                for k in 0..<c {
                  let from = ((n * sh + sy) * sw + sx) * c + k
                  expected[((n * dh + dy) * dw + dx) * c + k] += weight * Double(x[from])
                }
              }
            }
          }
        }
      }
      let y = runKernel(units: resizing.unitCount, count: expected.count) {
        resizing.run(units: $0, source: x, destination: $1)
      }
      expectClose(y, expected)
    }
  }
}
