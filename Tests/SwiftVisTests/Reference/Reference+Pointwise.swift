import Foundation
import SwiftVis
import SwiftVisKernels

extension Reference {
  static func value(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .linear: return x
    case .relu(let maxValue, let negativeSlope, let threshold):
      if x >= Double(threshold) { return min(x, maxValue.map { Double($0) } ?? .infinity) }
      return Double(negativeSlope) * (x - Double(threshold))
    case .elu(let alpha): return x > 0 ? x : Double(alpha) * (exp(x) - 1)
    case .selu: return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (exp(x) - 1))
    case .sigmoid: return 1 / (1 + exp(-x))
    case .hardSigmoid(let slope): return min(max(Double(slope) * x + 0.5, 0), 1)
    case .tanh: return Foundation.tanh(x)
    case .softplus: return log(1 + exp(x))
    case .softsign: return x / (1 + abs(x))
    case .silu: return x / (1 + exp(-x))
    case .hardSwish: return x * min(max(x + 3, 0), 6) / 6
    case .gelu(let approximate):
      if approximate { return 0.5 * x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) }
      return 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .exponential: return exp(x)
    case .mish: return x * Foundation.tanh(log1p(exp(x)))
    case .celu(let alpha): return max(0, x) + min(0, Double(alpha) * (exp(x / Double(alpha)) - 1))
    }
  }

  static func value(_ function: UnaryFunction, _ x: Double) -> Double {
    switch function {
    case .clip(let lower, let upper): return min(max(x, Double(lower)), Double(upper))
    case .power(let exponent): return pow(x, Double(exponent))
    case .elementary(let elementary):
      switch elementary {
      case .abs: return abs(x)
      case .sqrt: return x.squareRoot()
      case .log: return log(x)
      case .erf: return erf(x)
      case .sin: return sin(x)
      case .cos: return cos(x)
      case .tan: return tan(x)
      case .asin: return asin(x)
      case .acos: return acos(x)
      case .atan: return atan(x)
      case .sinh: return sinh(x)
      case .cosh: return cosh(x)
      case .asinh: return asinh(x)
      case .acosh: return acosh(x)
      case .atanh: return atanh(x)
      case .floor: return x.rounded(.down)
      case .ceil: return x.rounded(.up)
      case .round: return x.rounded(.toNearestOrEven)
      case .sign: return x > 0 ? 1 : x < 0 ? -1 : 0
      case .reciprocal: return 1 / x
      }
    }
  }

  static func matrixProduct(_ left: Tensor, _ right: Tensor, transposesLeft: Bool, transposesRight: Bool) -> Tensor {
    let last = left.rank - 1
    let depth = left.shape[transposesLeft ? last - 1 : last]
    let rows = left.shape[transposesLeft ? last : last - 1], columns = right.shape[transposesRight ? last - 1 : last]
    func place(_ tensor: Tensor, _ leading: [Int], _ row: Int, _ column: Int, _ isTransposed: Bool) -> [Int] {
      zip(leading, tensor.shape).map { $1 == 1 ? 0 : $0 } + (isTransposed ? [column, row] : [row, column])
    }
    return Tensor(zip(left.shape, right.shape).dropLast(2).map { max($0, $1) } + [rows, columns]) { index in
      let leading = Array(index.dropLast(2))
      return (0..<depth).reduce(0) { sum, k in
        sum + left[place(left, leading, index[last - 1], k, transposesLeft)]
          * right[place(right, leading, k, index[last], transposesRight)]
      }
    }
  }

  static func constant(_ value: Tensor, batch: Int) -> Tensor {
    Tensor([batch] + value.shape, (0..<batch).flatMap { _ in value.values })
  }

  static func affine(_ x: Tensor, scale: Tensor, offset: Tensor) -> Tensor {
    let channels = x.shape[x.rank - 1]
    func channel(_ tensor: Tensor, _ c: Int) -> Double { tensor.values[tensor.values.count == 1 ? 0 : c] }
    return Tensor(
      x.shape, x.values.indices.map { x.values[$0] * channel(scale, $0 % channels) + channel(offset, $0 % channels) })
  }

  static func prelu(_ x: Tensor, alpha: Tensor) -> Tensor {
    Tensor(x.shape) { index in
      let slope = alpha[zip(index.dropFirst(), alpha.shape).map { $1 == 1 ? 0 : $0 }]
      return x[index] > 0 ? x[index] : slope * x[index]
    }
  }

  static func layerNormalization(_ x: Tensor, scale: Tensor?, offset: Tensor?, epsilon: Double) -> Tensor {
    overRows(x) { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(row.count)
      return row.indices.map {
        (row[$0] - mean) / (variance + epsilon).squareRoot() * (scale?.values[$0] ?? 1) + (offset?.values[$0] ?? 0)
      }
    }
  }

  static func softmax(_ x: Tensor) -> Tensor {
    overRows(x) { row in
      let powers = row.map { exp($0 - row.max()!) }
      return powers.map { $0 / powers.reduce(0, +) }
    }
  }

  private static func overRows(_ x: Tensor, _ function: ([Double]) -> [Double]) -> Tensor {
    let count = x.shape[x.rank - 1]
    return Tensor(
      x.shape, stride(from: 0, to: x.values.count, by: count).flatMap { function(Array(x.values[$0..<$0 + count])) })
  }
}
