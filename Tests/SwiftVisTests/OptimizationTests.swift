#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import Testing

@testable import SwiftVis

/// The arithmetic of gradient descent, against formulas in Double.
@Suite struct OptimizationArithmeticTests {
  private static let shapes: [(shape: [Int], first: Bool)] = [
    ([2, 5, 6, 3], false), ([2, 3, 5, 6], true), ([1, 9, 2], false), ([1, 2, 9], true), ([1, 3, 4, 2, 2], false),
    ([3, 4], false),
    ([2, 1, 7, 3], false), ([4], false), ([1, 2, 2, 33], false),
  ]

  private func variation(_ x: Tensor, _ first: Bool, _ beta: Double) -> Double {
    let axes = x.shape.indices.filter { $0 > 0 && $0 != (first ? 1 : x.rank - 1) }
    guard !axes.isEmpty else { return 0 }
    var sum = 0.0
    Tensor.forEachIndex(x.shape.indices.map { x.shape[$0] - (axes.contains($0) ? 1 : 0) }) { index in
      let squares = axes.map { axis in
        var next = index
        next[axis] += 1
        return (x[next] - x[index]) * (x[next] - x[index])
      }
      sum += pow(squares.reduce(0, +), beta / 2)
    }
    return sum / Double(x.shape.dropFirst().reduce(1, *))
  }

  private func norm(_ x: Tensor, _ p: Double) -> Double {
    pow(x.values.reduce(0) { $0 + pow(abs($1), p) }, 1 / p) / Double(x.shape.dropFirst().reduce(1, *))
  }

  private func check(
    _ x: Tensor, _ note: String, _ formula: (Tensor) -> Double, value: (UnsafeBufferPointer<Float>) throws -> Double,
    gradient: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws {
    var sums = [Float](repeating: 1, count: x.values.count)
    let found = try x.floats.withUnsafeBufferPointer { floats in
      try sums.withUnsafeMutableBufferPointer { try gradient(floats, $0) }
      return try value(floats)
    }
    expectAgreement([Float(found)], [formula(x)], 1e-5, note)
    let slopes = x.values.indices.map { place in
      var moved = x
      moved.values[place] += 1e-6
      let right = formula(moved)
      moved.values[place] -= 2e-6
      return (right - formula(moved)) / 2e-6
    }
    // What was there stays: 1.
    expectAgreement(sums, slopes.map { 3 * $0 + 1 }, 1e-4, note)
  }

  @Test(arguments: [2, 1, 1.5, 3.0]) func totalVariation(beta: Double) throws {
    var random = SeededGenerator(3)
    for (shape, first) in Self.shapes {
      let variation = try TotalVariation(shape: shape, channelsFirst: first, beta: beta)
      try check(
        random.tensor(shape), "beta \(beta), \(shape)", { self.variation($0, first, beta) }, value: variation.value,
        gradient: { try variation.addGradient($0, weight: 3, to: $1) })
    }
  }

  @Test(arguments: [1, 2, 6, 2.5, 40]) func lpNorm(p: Double) throws {
    var random = SeededGenerator(4)
    for (shape, _) in Self.shapes {
      let norm = try LPNorm(shape: shape, p: p)
      try check(
        random.tensor(shape), "p \(p), \(shape)", { self.norm($0, p) }, value: norm.value,
        gradient: { try norm.addGradient($0, weight: 3, to: $1) })
    }
  }

  @Test func sumsOfLongRowsStayExact() throws {
    // Each of 4 million squares is 1: float32 alone would stop counting at 16 million, and drift before.
    let values = (0..<4_194_304).map { Float($0 % 2) }
    let variation = try TotalVariation(shape: [1, 4_194_304, 1], channelsFirst: false, beta: 2)
    let norm = try LPNorm(shape: [1, 4_194_304, 1], p: 1)
    let found = try values.withUnsafeBufferPointer { try (variation.value($0), norm.value($0)) }
    #expect(found == (4_194_303 / 4_194_304, 0.5))
  }

  @Test func extremes() throws {
    func gradient(_ values: [Float], p: Double) throws -> (Double, [Float]) {
      let norm = try LPNorm(shape: [1, values.count], p: p)
      var sum = [Float](repeating: 0, count: values.count)
      return try values.withUnsafeBufferPointer { x in
        try sum.withUnsafeMutableBufferPointer { try norm.addGradient(x, weight: 1, to: $0) }
        return (try norm.value(x), sum)
      }
    }
    let infinite = try gradient([3, -9, 3, 1], p: .infinity)
    #expect(infinite.0 == 0.75 && infinite.1 == [0.125, 0, 0.125, 0])
    #expect(try gradient([0, 0], p: 6) == (0, [0, 0]))
    for p in [6, Double.infinity] { #expect(try gradient([1, .nan], p: p).0.isNaN) }
    #expect(try gradient([1, .infinity], p: 2).0 == .infinity)
    #expect(throws: VisError.self) { try LPNorm(shape: [1, 0], p: 2) }
    for wrong in [0.99, -1, .nan] { #expect(throws: VisError.self) { try LPNorm(shape: [1], p: wrong) } }
    for wrong in [0, -1, .nan, .infinity] {
      #expect(throws: VisError.self) { try TotalVariation(shape: [1, 2, 2, 1], channelsFirst: false, beta: wrong) }
    }
    #expect(throws: VisError.self) { try TotalVariation(shape: [.max, 2, 2, 1], channelsFirst: false, beta: 2) }
  }

  @Test func descends() throws {
    var gradient: [Float] = [3, 0, -4, 0, 0], mean: [Float] = [0, 0.2, 0.4, 0, 0], image: [Float] = [1, 2, 3, 4, 5]
    try gradient.withUnsafeMutableBufferPointer { gradient in
      try GradientDescent.normalize(UnsafeBufferPointer(gradient), into: gradient)
      #expect(Array(gradient) == [0.6, 0, -0.8, 0, 0])
      try mean.withUnsafeMutableBufferPointer { mean in
        try image.withUnsafeMutableBufferPointer {
          try GradientDescent.rmsprop(
            UnsafeBufferPointer(gradient), meanSquare: mean, decay: 0.75, rate: 0.5, of: UnsafeBufferPointer($0), into: $0)
        }
      }
      gradient.update(repeating: 0)
      try GradientDescent.normalize(UnsafeBufferPointer(gradient), into: gradient)
      #expect(Array(gradient) == [0, 0, 0, 0, 0])
    }
    expectAgreement(mean, [0.09, 0.15, 0.46, 0, 0], 1e-6, "mean square")
    expectAgreement(image, [1 - 0.5 * 0.6 / 0.3, 2, 3 + 0.4 / 0.46.squareRoot(), 4, 5], 1e-6, "image")
  }

  @Test func shifts() throws {
    func shifted(_ values: [Float], _ shape: [Int], _ offsets: [Int]) throws -> [Float] {
      let shift = try Shift(shape: shape, offsets: offsets)
      var output = values
      try values.withUnsafeBufferPointer { input in
        try output.withUnsafeMutableBufferPointer { try shift.apply(input, into: $0) }
      }
      return output
    }
    // scipy.ndimage.shift(mode="wrap", order=0)
    let line: [Float] = [0, 1, 2, 3, 4]
    #expect(try shifted(line, [1, 5, 1], [0, 1, 0]) == [3, 0, 1, 2, 3])
    #expect(try shifted(line, [1, 5, 1], [0, -2, 0]) == [2, 3, 4, 1, 2])
    #expect(try shifted(line, [5], [13]) == [3, 4, 1, 2, 3])
    #expect(try shifted(line, [5], [-14]) == [2, 3, 0, 1, 2])
    #expect(try shifted(line, [5, 1], [0, 3]) == line)
    #expect(try shifted([7], [], []) == [7])
    let square: [Float] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    #expect(try shifted(square, [3, 3], [1, -1]) == [4, 5, 4, 1, 2, 1, 4, 5, 4])
    for offsets in [[1], [1, 1, 1], [Int.max, 0], [0, .min]] {
      #expect(throws: VisError.self) { try shifted(square, [3, 3], offsets) }
    }
    #expect(throws: VisError.self) { try Shift(shape: [0, 3], offsets: [0, 0]) }
  }

  @Test func deprocesses() throws {
    func picture(_ values: [Float], _ range: ClosedRange<Double>) throws -> [Float] {
      var output = values
      try output.withUnsafeMutableBufferPointer { try Deprocessing.apply(UnsafeBufferPointer($0), to: range, into: $0) }
      return output
    }
    expectAgreement(try picture([1, 3, 5, 7], -1...1), [-3, -1, 1, 3].map { 0.2 * $0 / 5.0.squareRoot() }, 1e-5, "picture")
    #expect(try picture([4, 4], 0...255) == [127.5, 127.5])
    #expect(try picture([], 0...1).isEmpty)
    #expect(try picture([1, .nan], 0...1).allSatisfy(\.isNaN))
    #expect(try picture([Float](repeating: 0, count: 999) + [1e9], 0...1).last == 1)
    #expect(throws: VisError.self) { try picture([1], 0...Double.infinity) }
  }
}
