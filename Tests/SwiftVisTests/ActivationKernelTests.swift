import SwiftVisKernels
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct ActivationKernelTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let kind: ActivationKind
    var range: ClosedRange<Float> = -30...30
    /// Relative to the value; near zeros of the function the error is relative to |x|.
    var tolerance = 3e-7
    let value: @Sendable (Double) -> Double
    let derivative: @Sendable (Double) -> Double
    var testDescription: String { "\(kind)" }
  }

  static let cases: [Case] = [
    Case(
      kind: .relu(maxValue: .infinity, negativeSlope: 0, threshold: 0), value: { max(0, $0) },
      derivative: { $0 > 0 ? 1 : 0 }),
    Case(
      kind: .relu(maxValue: 6, negativeSlope: 0, threshold: 0), value: { min(6, max(0, $0)) },
      derivative: { $0 > 0 && $0 < 6 ? 1 : 0 }),
    Case(
      kind: .relu(maxValue: 6, negativeSlope: 0.25, threshold: 1), value: { $0 >= 1 ? min(6, $0) : 0.25 * ($0 - 1) },
      derivative: { $0 >= 1 ? ($0 < 6 ? 1 : 0) : 0.25 }),
    Case(
      kind: .relu(maxValue: 6, negativeSlope: 0, threshold: -2), value: { $0 >= -2 ? min(6, $0) : 0 },
      derivative: { $0 >= -2 && $0 < 6 ? 1 : 0 }),
    Case(
      kind: .relu(maxValue: .infinity, negativeSlope: -0.5, threshold: 0), value: { $0 >= 0 ? $0 : -0.5 * $0 },
      derivative: { $0 > 0 ? 1 : -0.5 }),
    Case(
      kind: .elu(alpha: 1.5), value: { $0 > 0 ? $0 : 1.5 * expm1($0) }, derivative: { $0 > 0 ? 1 : 1.5 * exp($0) }),
    Case(
      kind: .elu(alpha: -0.5), value: { $0 > 0 ? $0 : -0.5 * expm1($0) }, derivative: { $0 > 0 ? 1 : -0.5 * exp($0) }),
    Case(
      kind: .selu, value: { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) },
      derivative: { 1.0507009873554805 * ($0 > 0 ? 1 : 1.6732632423543772 * exp($0)) }),
    Case(
      kind: .sigmoid, range: -80...80, value: { 1 / (1 + exp(-$0)) },
      derivative: {
        let s = 1 / (1 + exp(-$0)); return s * (1 - s)
      }),
    Case(
      kind: .hardSigmoid(slope: 0.25), value: { min(1, max(0, 0.25 * $0 + 0.5)) },
      derivative: { abs($0) < 2 ? 0.25 : 0 }),
    Case(kind: .tanh, value: { tanh($0) }, derivative: { 1 - tanh($0) * tanh($0) }),
    Case(
      kind: .softplus, range: -80...200, value: { max($0, 0) + log1p(exp(-abs($0))) }, derivative: { 1 / (1 + exp(-$0)) }),
    Case(kind: .softsign, value: { $0 / (1 + abs($0)) }, derivative: { 1 / ((1 + abs($0)) * (1 + abs($0))) }),
    Case(
      kind: .silu, range: -80...80, value: { $0 / (1 + exp(-$0)) },
      derivative: {
        let s = 1 / (1 + exp(-$0)); return s * (1 + $0 * (1 - s))
      }),
    Case(
      kind: .hardSwish, value: { $0 * min(6, max(0, $0 + 3)) / 6 },
      derivative: { $0 <= -3 ? 0 : $0 >= 3 ? 1 : (2 * $0 + 3) / 6 }),
    Case(
      kind: .gelu, range: -10...10, tolerance: 6e-7, value: { $0 * erfc(-$0 / 2.0.squareRoot()) / 2 },
      derivative: { erfc(-$0 / 2.0.squareRoot()) / 2 + $0 * exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot() }),
    Case(
      kind: .geluTanh, range: -4...10, tolerance: 3e-6, value: { $0 / (1 + exp(-geluExponent($0))) },
      derivative: {
        let s = 1 / (1 + exp(-geluExponent($0)))
        return s + $0 * s * (1 - s) * 2 * (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * $0 * $0)
      }),
    Case(
      kind: .mish, range: -80...80, tolerance: 6e-7, value: { $0 * tanh(max($0, 0) + log1p(exp(-abs($0)))) },
      derivative: {
        let t = tanh(max($0, 0) + log1p(exp(-abs($0)))); return t + $0 * (1 - t * t) / (1 + exp(-$0))
      }),
    Case(
      kind: .celu(alpha: 0.75), value: { $0 > 0 ? $0 : 0.75 * expm1($0 / 0.75) }, derivative: { $0 > 0 ? 1 : exp($0 / 0.75) }
    ),
    Case(
      kind: .unary(.elementary(.erf)), range: -5...5, tolerance: 6e-7, value: { erf($0) },
      derivative: { 2 / Double.pi.squareRoot() * exp(-$0 * $0) }),
    Case(kind: .exponential, range: -87...88, value: { exp($0) }, derivative: { exp($0) }),
  ]
  static func geluExponent(_ x: Double) -> Double { 2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x) }

  @Test(arguments: cases) func valueAndDerivative(_ c: Case) {
    var generator = SeededGenerator(7)
    let n = 20011
    var x = generator.floats(n, in: c.range)
    // Small arguments, where a careless formula cancels.
    for i in 0..<2000 { x[i] = generator.floats(1, in: -1...1)[0] * Float(pow(10, -Double(i % 20) / 4)) }
    let y = runKernel(units: n, count: n) { activate(c.kind, x, into: $1, range: $0) }
    let inPlace = runKernel(units: n, count: n, initial: x) { activate(c.kind, $1, into: $1, range: $0) }
    #expect(y == inPlace)
    let cotangent = generator.floats(n, in: 1...2)
    let addend = generator.floats(n)
    let saved = c.kind.derivativeReadsInput ? x : y
    let dx = runKernel(units: n, count: n) {
      activateGradient(c.kind, saved: saved, cotangent: cotangent, addend: nil, into: $1, range: $0)
    }
    let sum = runKernel(units: n, count: n, initial: addend) {
      activateGradient(c.kind, saved: saved, cotangent: cotangent, addend: $1, into: $1, range: $0)
    }
    for i in 0..<n {
      let e = c.value(Double(x[i]))
      let d = c.derivative(Double(x[i])) * Double(cotangent[i])
      let valueIsClose = abs(Double(y[i]) - e) <= c.tolerance * abs(e) + 1e-37
      let derivativeIsClose = abs(Double(dx[i]) - d) <= 2e-6 * (abs(d) + min(1, abs(e)))
      let sumIsClose = abs(Double(sum[i]) - Double(addend[i]) - Double(dx[i])) <= 1e-6 * (1 + abs(d))
      // One expectation for each element would take longer than all else.
      guard valueIsClose, derivativeIsClose, sumIsClose else {
        Issue.record("f(\(x[i])) = \(y[i]), not \(e); times \(cotangent[i]), f' = \(dx[i]), not \(d); with addend \(sum[i])")
        return
      }
    }
  }

  @Test(arguments: cases) func extremes(_ c: Case) {
    let x: [Float] = [.nan, -.greatestFiniteMagnitude, .greatestFiniteMagnitude, -1e4, 1e4, 0, -0.0, 1e-30, -1e-30]
    let y = runKernel(units: x.count, count: x.count) { activate(c.kind, x, into: $1, range: $0) }
    #expect(y[0].isNaN)
    #expect(!y.dropFirst().contains { $0.isNaN })
    let ones = [Float](repeating: 1, count: x.count)
    let saved = c.kind.derivativeReadsInput ? x : y
    let dx = runKernel(units: x.count, count: x.count) {
      activateGradient(c.kind, saved: saved, cotangent: ones, addend: nil, into: $1, range: $0)
    }
    #expect(!dx.dropFirst().contains { $0.isNaN })
  }
}
