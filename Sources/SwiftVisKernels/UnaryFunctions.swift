#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Functions of one number that are no activations.
public enum UnaryFunction: Hashable, Sendable {
  case elementary(Elementary)
  /// max(x, min), then min of that and max.
  case clip(min: Float, max: Float)
  case power(Float)

  /// By the names of the model format.
  public enum Elementary: String, CaseIterable, Sendable {
    case abs, sqrt, log, erf, sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
    /// `round` goes to even.
    case floor, ceil, round, sign
    case reciprocal
  }

  /// See `ActivationKind.derivativeReadsInput`.
  var derivativeReadsInput: Bool {
    switch self {
    case .elementary(.sqrt), .elementary(.reciprocal), .power(0.5), .power(-0.5): false
    default: true
    }
  }
}

extension UnaryFunction {
  var implementation: any ActivationFunction {
    switch self {
    case .clip(let lower, let upper): Clip(lower: lower, upper: upper)
    case .power(0.5): SquareRoot()
    case .power(-0.5): ReciprocalSquareRoot()
    case .power(-1): ReciprocalOfInput()
    case .power(2): Square()
    case .power(3): Cube()
    case .power(let exponent): Lanewise({ powf($0, exponent) }, { powerSlope($0, exponent) })
    case .elementary(let elementary): elementary.function
    }
  }
}

extension UnaryFunction.Elementary {
  fileprivate var function: any ActivationFunction {
    switch self {
    case .abs: Magnitude()
    case .sqrt: SquareRoot()
    case .erf: ErrorFunction()
    case .floor: Rounded(rule: .down)
    case .ceil: Rounded(rule: .up)
    case .round: Rounded(rule: .toNearestOrEven)
    case .sign: Sign()
    case .reciprocal: Reciprocal()
    case .log: Lanewise(logf) { 1 / $0 }
    case .sin: Lanewise(sinf, cosf)
    case .cos: Lanewise(cosf) { -sinf($0) }
    case .tan:
      Lanewise(tanf) {
        let t = tanf($0)
        return 1 + t * t
      }
    case .asin: Lanewise(asinf) { 1 / ((1 - $0) * (1 + $0)).squareRoot() }
    case .acos: Lanewise(acosf) { -1 / ((1 - $0) * (1 + $0)).squareRoot() }
    case .atan: Lanewise(atanf) { 1 / (1 + $0 * $0) }
    case .sinh: Lanewise(sinhf, coshf)
    case .cosh: Lanewise(coshf, sinhf)
    case .asinh: Lanewise(asinhf) { 1 / hypotf($0, 1) }
    case .acosh: Lanewise(acoshf) { 1 / (($0 - 1).squareRoot() * ($0 + 1).squareRoot()) }
    case .atanh: Lanewise(atanhf) { 1 / ((1 - $0) * (1 + $0)) }
    }
  }
}

/// exponent * x^(exponent - 1); 0 where the exponent is 0, at x = 0 too.
func powerSlope(_ x: Float, _ exponent: Float) -> Float { exponent == 0 ? 0 : exponent * powf(x, exponent - 1) }

/// A function from the C library and its derivative of the input, number by number.
private struct Lanewise: ActivationFunction {
  let function: (Float) -> Float, slope: (Float) -> Float
  init(_ function: @escaping (Float) -> Float, _ slope: @escaping (Float) -> Float) {
    (self.function, self.slope) = (function, slope)
  }
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.mapped(function) }
  func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { x.mapped(slope) }
}

extension SIMD8 where Scalar == Float {
  func mapped(_ function: (Float) -> Float) -> Self {
    var y = self
    for lane in 0..<8 { y[lane] = function(self[lane]) }
    return y
  }
}

/// The gradient passes where x is inside, ends included.
private struct Clip: ActivationFunction {
  let lower: Float, upper: Float
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.limited(from: lower, to: upper) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: SIMD8(repeating: 1), where: (x .>= lower) .& (x .<= upper))
  }
}

private struct Square: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * x }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { x + x }
}

private struct Cube: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * x * x }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { 3 * x * x }
}

private struct SquareRoot: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.squareRoot() }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> { 0.5 / y }
}

private struct ReciprocalSquareRoot: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { 1 / x.squareRoot() }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> { -0.5 * y * y * y }
}

private struct Reciprocal: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { 1 / x }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> { -y * y }
}

private struct ReciprocalOfInput: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { 1 / x }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { -1 / x / x }
}

private struct Magnitude: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.magnitude }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { Sign().value(x) }
}

/// The steps have the derivative 0 everywhere.
private struct Sign: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    // A zero and a NaN stay.
    x.replacing(with: SIMD8(repeating: 1), where: x .> 0).replacing(with: SIMD8(repeating: -1), where: x .< 0)
  }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { .zero }
}

private struct Rounded: ActivationFunction {
  let rule: FloatingPointRoundingRule
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.rounded(rule) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { .zero }
}

private struct ErrorFunction: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { .erf(x) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8.normal(x * 1.414_213_6).density * 2.828_427_1
  }
}
