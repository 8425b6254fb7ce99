import SwiftVisKernels
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct BroadcastKernelTests {
  static let shapes: [([Int], [Int])] = [
    ([2, 3, 5, 7], [2, 3, 5, 7]), ([2, 3, 5, 7], [2, 1, 1, 7]), ([2, 1, 1, 7], [2, 3, 5, 7]),
    ([2, 3, 5, 16], [1, 1, 1, 16]),
    ([2, 3, 5, 9], [2, 3, 5, 1]), ([2, 3, 5, 1], [2, 3, 5, 9]), ([4, 9], [1, 1]), ([1, 1], [4, 9]), ([1], [1]),
    ([3, 1, 4, 1], [1, 5, 1, 6]), ([1, 70, 80, 3], [1, 70, 80, 3]), ([2, 5000], [2, 1]),
    ([2, 1, 3, 1, 2, 1, 2, 3], [1, 2, 3, 1, 2, 2, 1, 3]),
  ]

  static func reference(_ kind: BinaryKind, _ a: Double, _ b: Double) -> Double {
    switch kind {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .maximum: max(a, b)
    case .minimum: min(a, b)
    case .divide: a / b
    case .greater: a > b ? 1 : 0
    case .greaterEqual: a >= b ? 1 : 0
    case .equal: a == b ? 1 : 0
    case .keepWhere: a != 0 ? b : 0
    case .keepUnless: a == 0 ? b : 0
    case .power: pow(a, b)
    case .powerSlope: b == 0 ? 0 : b * pow(a, b - 1)
    case .powerLog: a == 0 && b >= 0 ? 0 : pow(a, b) * log(a)
    }
  }

  /// For each output element the element of an operand of this shape.
  static func indices(_ shape: [Int], in output: [Int]) -> [Int] {
    var indices = [0]
    for (size, outputSize) in zip(shape, output) {
      indices = indices.flatMap { base in (0..<outputSize).map { base * size + (size == 1 ? 0 : $0) } }
    }
    return indices
  }

  @Test(arguments: shapes) func allKinds(left: [Int], right: [Int]) {
    var generator = SeededGenerator(4)
    let output = zip(left, right).map { max($0, $1) }
    let n = output.reduce(1, *)
    // Few distinct values, so that ties are common.
    let a = generator.floats(left.reduce(1, *)).map { ($0 * 4).rounded() }
    let b = generator.floats(right.reduce(1, *)).map { ($0 * 4).rounded() }
    let cotangent = generator.floats(n)
    let ai = Self.indices(left, in: output), bi = Self.indices(right, in: output)
    for kind in [
      BinaryKind.add, .subtract, .multiply, .maximum, .minimum, .divide, .greater, .greaterEqual, .equal, .keepWhere,
      .keepUnless, .power, .powerSlope, .powerLog,
    ] {
      let operation = BroadcastBinary(kind, left: left, right: right)
      let y = runKernel(units: operation.rowCount, count: n) { operation.run(rows: $0, left: a, right: b, into: $1) }
      expectClose(y, (0..<n).map { Self.reference(kind, Double(a[ai[$0]]), Double(b[bi[$0]])) })
      if left == output {
        let inPlace = runKernel(units: operation.rowCount, count: n, initial: a) {
          operation.run(rows: $0, left: $1, right: b, into: $1)
        }
        #expect(inPlace.map(\.bitPattern) == y.map(\.bitPattern))
      }
    }
    for kind in [BinaryKind.maximum, .minimum] {
      for ofLeft in [true, false] {
        let operation = BroadcastBinary(kind, left: left, right: right)
        let d = runKernel(units: operation.rowCount, count: n) {
          operation.runSelectGradient(rows: $0, left: a, right: b, cotangent: cotangent, ofLeft: ofLeft, into: $1)
        }
        let expected = (0..<n).map { i in
          let l = a[ai[i]], r = b[bi[i]]
          let isLeft = if case .maximum = kind { l >= r } else { l <= r }
          return isLeft == ofLeft ? Double(cotangent[i]) : 0
        }
        expectClose(d, expected)
      }
    }
  }

  @Test func nanWins() {
    let a: [Float] = [.nan, 1, 2], b: [Float] = [0, .nan, 3]
    for kind in [BinaryKind.add, .subtract, .multiply, .maximum, .minimum] {
      let operation = BroadcastBinary(kind, left: [3], right: [3])
      let y = runKernel(units: operation.rowCount, count: 3) { operation.run(rows: $0, left: a, right: b, into: $1) }
      #expect(y[0].isNaN && y[1].isNaN && !y[2].isNaN)
    }
  }
}
