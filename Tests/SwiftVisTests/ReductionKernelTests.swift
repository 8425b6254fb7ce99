import SwiftVisKernels
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct ReductionKernelTests {
  static let shapes: [(Int, Int, Int)] = [
    (1, 1, 1), (3, 49, 20), (1, 50, 130), (2, 9, 3), (700, 5, 1), (1, 4001, 1), (2, 1, 9), (1, 300, 8), (5, 7, 72),
  ]

  @Test(arguments: shapes) func sumOfProducts(outer: Int, count: Int, inner: Int) {
    var generator = SeededGenerator(6)
    let size = outer * count * inner
    let x = generator.floats(size), y = generator.floats(size)
    let reduction = AxisReduction(.sum, outer: outer, count: count, inner: inner)
    let expected = (0..<outer * inner).map { i in
      (0..<count).reduce(0.0) { sum, k in
        let place = (i / inner * count + k) * inner + i % inner
        return sum + Double(x[place]) * Double(y[place])
      }
    }
    let sums = runKernel(units: reduction.unitCount, count: outer * inner) {
      reduction.runProduct(units: $0, left: x, right: y, output: $1)
    }
    expectClose(sums, expected, tolerance: 1e-6)
  }

  @Test(arguments: shapes) func scaledAndSpread(outer: Int, count: Int, inner: Int) {
    var generator = SeededGenerator(7)
    let size = outer * count * inner
    let cotangent = generator.floats(size), addend = generator.floats(size), gate = generator.floats(size)
    let scale = generator.floats(outer * inner), spread = generator.floats(outer * inner)
    for kind in [AxisReduction.Kind.sum, .mean] {
      guard let scaling = ChannelScaling(AxisReduction(kind, outer: outer, count: count, inner: inner)) else { continue }
      for (epilogue, adds, gates) in ElementwiseKernelTests.epilogues(addend, gate) {
        let dx = runKernel(units: scaling.unitCount, count: size) {
          scaling.runInputGradient(
            units: $0, cotangent: cotangent, scale: scale, spread: spread, inputGradient: $1, epilogue: epilogue)
        }
        let expected = (0..<size).map { i in
          let channel = i / (count * inner) * inner + i % inner
          var v = Double(cotangent[i]) * Double(scale[channel])
          v += Double(spread[channel]) / (kind == .mean ? Double(count) : 1)
          return epilogue.reference(v, at: i, addend: adds ? addend : nil, gate: gates ? gate : nil)
        }
        expectClose(dx, expected, tolerance: 1e-6)
      }
    }
  }

  @Test(arguments: shapes) func reduceAndSpread(outer: Int, count: Int, inner: Int) {
    var generator = SeededGenerator(5)
    let size = outer * count * inner
    let x = generator.floats(size).map { ($0 * 8).rounded() / 8 }
    let cotangent = generator.floats(outer * inner), addend = generator.floats(size), gate = generator.floats(size)
    for kind in [AxisReduction.Kind.sum, .mean, .max] {
      let reduction = AxisReduction(kind, outer: outer, count: count, inner: inner)
      var expected = [Double](repeating: 0, count: outer * inner)
      var ties = expected
      for o in 0..<outer {
        for i in 0..<inner {
          let values = (0..<count).map { Double(x[(o * count + $0) * inner + i]) }
          let top = values.max() ?? 0
          ties[o * inner + i] = Double(values.count { $0 == top })
          let sum = values.reduce(0, +)
          switch kind {
          case .sum: expected[o * inner + i] = sum
          case .mean: expected[o * inner + i] = sum / Double(count)
          case .max: expected[o * inner + i] = top
          }
        }
      }
      let y = runKernel(units: reduction.unitCount, count: outer * inner) { reduction.run(units: $0, input: x, output: $1) }
      expectClose(y, expected, tolerance: 1e-7)
      for (epilogue, adds, gates) in ElementwiseKernelTests.epilogues(addend, gate) {
        let dx = runKernel(units: reduction.unitCount, count: size) {
          reduction.runInputGradient(
            units: $0, cotangent: cotangent, input: kind == .max ? x : nil, output: kind == .max ? y : nil,
            inputGradient: $1, epilogue: epilogue)
        }
        expectClose(
          dx,
          (0..<size).map { i in
            let top = i / (count * inner) * inner + i % inner
            var share = Double(cotangent[top])
            if kind == .mean { share /= Double(count) }
            if kind == .max { share = x[i] == y[top] ? share / ties[top] : 0 }
            return epilogue.reference(share, at: i, addend: adds ? addend : nil, gate: gates ? gate : nil)
          })
      }
    }
  }

  @Test func manyElementsKeepTheirDigits() {
    let n = 1 << 20
    let x = [Float](repeating: 0.1, count: n * 2)
    for inner in [1, 2] {
      let sum = AxisReduction(.sum, outer: 1, count: n, inner: inner)
      let y = runKernel(units: sum.unitCount, count: inner) { sum.run(units: $0, input: x, output: $1) }
      #expect(y[0] == Float(Double(Float(0.1)) * Double(n)))
    }
  }

  @Test func nanMaximum() {
    for place in 0..<11 {
      var x = (0..<22).map { Float($0) }
      x[place * 2] = .nan
      let columns = AxisReduction(.max, outer: 1, count: 11, inner: 2)
      let y = runKernel(units: columns.unitCount, count: 2) { columns.run(units: $0, input: x, output: $1) }
      #expect(y[0].isNaN && y[1] == 21)
      let rows = AxisReduction(.max, outer: 1, count: 22, inner: 1)
      #expect(runKernel(units: rows.unitCount, count: 1) { rows.run(units: $0, input: x, output: $1) }[0].isNaN)
    }
  }

  @Test(arguments: [1, 5, 8, 10, 1000]) func softmaxOverRows(count: Int) {
    var generator = SeededGenerator(6)
    let rows = 5
    var x = generator.floats(rows * count, in: -20...20)
    for i in 0..<count { x[i] += 3e4 }
    let dy = generator.floats(rows * count)
    let y = runKernel(units: rows, count: rows * count) { softmax(x, into: $1, count: count, rows: $0) }
    let inPlace = runKernel(units: rows, count: rows * count, initial: x) { softmax($1, into: $1, count: count, rows: $0) }
    #expect(y == inPlace)
    let dx = runKernel(units: rows, count: rows * count, initial: dy) {
      softmaxGradient(output: y, cotangent: $1, into: $1, count: count, rows: $0)
    }
    for row in 0..<rows {
      let slice = row * count..<(row + 1) * count
      let top = Double(x[slice].max() ?? 0)
      let e = x[slice].map { exp(Double($0) - top) }
      let total = e.reduce(0, +)
      let p = e.map { $0 / total }
      for (a, b) in zip(y[slice], p) { #expect(abs(Double(a) - b) <= 4e-6 * b + 1e-37) }
      let dot = zip(p, dy[slice]).reduce(0.0) { $0 + $1.0 * Double($1.1) }
      expectClose(Array(dx[slice]), zip(p, dy[slice]).map { $0 * (Double($1) - dot) }, tolerance: 3e-7)
    }
  }

  @Test(arguments: [1, 5, 8, 100, 770]) func layerNormalizationOverRows(count: Int) {
    var generator = SeededGenerator(8)
    let rows = 4
    let x = generator.floats(rows * count, in: 90...110), dy = generator.floats(rows * count)
    let factor = generator.floats(count), shift = generator.floats(count)
    for isPlain in [true, false] {
      let y = runKernel(units: rows, count: rows * count, initial: x) {
        layerNormalization(
          $1, scale: isPlain ? nil : factor, offset: isPlain ? nil : shift, epsilon: 1e-3, into: $1, count: count, rows: $0)
      }
      let dx = runKernel(units: rows, count: rows * count, initial: dy) {
        layerNormalizationGradient(
          input: x, scale: isPlain ? nil : factor, epsilon: 1e-3, cotangent: $1, into: $1, count: count, rows: $0)
      }
      for row in 0..<rows {
        let slice = row * count..<(row + 1) * count
        let v = x[slice].map { Double($0) }
        let normalize = { (v: [Double]) -> [Double] in
          let mean = v.reduce(0, +) / Double(count)
          let variance = v.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
          let deviation = (variance + 1e-3).squareRoot()
          return (0..<count).map { i -> Double in
            let n = (v[i] - mean) / deviation
            return isPlain ? n : n * Double(factor[i]) + Double(shift[i])
          }
        }
        expectClose(Array(y[slice]), normalize(v), tolerance: 5e-6)
        let loss = { (v: [Double]) -> Double in zip(normalize(v), dy[slice]).reduce(0.0) { $0 + $1.0 * Double($1.1) } }
        let numeric = (0..<count).map { i -> Double in
          var up = v, down = v
          up[i] += 1e-4
          down[i] -= 1e-4
          return (loss(up) - loss(down)) / 2e-4
        }
        expectClose(Array(dx[slice]), numeric, tolerance: 1e-5)
      }
    }
  }
}
