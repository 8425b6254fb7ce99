/// An activation and its derivative, the latter of the input or of the output as `ActivationKind.derivativeReadsInput` says.
protocol ActivationFunction {
  func value(_ x: SIMD8<Float>) -> SIMD8<Float>
  func derivative(_ saved: SIMD8<Float>) -> SIMD8<Float>
  // `activate` and `activateGradient`. Requirements, so that each function has loops of its own even where its type is not known.
  func run(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>)
  func runGradient(
    saved: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, addend: UnsafePointer<Float>?,
    into dx: UnsafeMutablePointer<Float>, range: Range<Int>)
}

/// Zero below the threshold.
struct Relu: ActivationFunction {
  let threshold: Float, maxValue: Float, readsInput: Bool
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    var y = x.zeroed(where: x .< threshold)
    y.replace(with: SIMD8(repeating: maxValue), where: y .> maxValue)
    return y
  }
  @inline(always) func derivative(_ saved: SIMD8<Float>) -> SIMD8<Float> {
    let open = (saved .> (readsInput ? threshold : 0)) .& (saved .< maxValue)
    return SIMD8.zero.replacing(with: SIMD8(repeating: 1), where: open)
  }
}

struct LeakyRelu: ActivationFunction {
  let threshold: Float, maxValue: Float, slope: Float, readsInput: Bool
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    var y = x
    y.replace(with: SIMD8(repeating: maxValue), where: x .> maxValue)
    y.replace(with: (x - threshold) * slope, where: x .< threshold)
    return y
  }
  @inline(always) func derivative(_ saved: SIMD8<Float>) -> SIMD8<Float> {
    var d = SIMD8(repeating: slope).replacing(
      with: SIMD8(repeating: 1), where: saved .> (readsInput ? threshold : 0))
    d = d.zeroed(where: saved .>= maxValue)
    return d
  }
}

/// scale * (x > 0 ? x : alpha * (exp(x) - 1)), with a derivative of the output (alpha not negative).
struct Elu: ActivationFunction {
  let alpha: Float
  var scale: Float = 1
  static var selu: Elu { Elu(alpha: 1.673_263_2, scale: 1.050_701) }
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let negative = x.zeroed(where: x .> 0)
    return scale * (SIMD8.expm1(negative) * alpha).replacing(with: x, where: x .> 0)
  }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> {
    (y + scale * alpha).replacing(with: SIMD8(repeating: scale), where: y .> 0)
  }
}

/// max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)), alpha positive.
struct Celu: ActivationFunction {
  let alpha: Float
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let negative = x.zeroed(where: x .> 0)
    return (SIMD8.expm1(negative / alpha) * alpha).replacing(with: x, where: x .> 0)
  }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> {
    (y / alpha + 1).replacing(with: SIMD8(repeating: 1), where: y .> 0)
  }
}

/// ELU with a derivative of the input: with a negative alpha the output does not tell the branch.
struct EluOfInput: ActivationFunction {
  let alpha: Float
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { Elu(alpha: alpha).value(x) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let negative = x.zeroed(where: x .> 0)
    return (SIMD8.exp(negative) * alpha).replacing(with: SIMD8(repeating: 1), where: x .> 0)
  }
}

struct Sigmoid: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { .logistic(x) }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> { y * (1 - y) }
}

struct HardSigmoid: ActivationFunction {
  let slope: Float
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8(repeating: 0.5).addingProduct(x, SIMD8(repeating: slope)).limited(from: 0, to: 1)
  }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: SIMD8(repeating: slope), where: (y .> 0) .& (y .< 1))
  }
}

struct Tanh: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { .tanh(x) }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> { (1 - y) * (1 + y) }
}

struct Softplus: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { .softplus(x) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { .logistic(x) }
}

struct Softsign: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x / (1 + x.magnitude) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let r = 1 / (1 + x.magnitude)
    return r * r
  }
}

struct Silu: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.silu(x).value }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.silu(x).derivative }
}

struct Mish: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.mish(x).value }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.mish(x).derivative }
}

struct HardSwish: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * (x + 3).limited(from: 0, to: 6) * (1 / 6) }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> {
    var d = SIMD8(repeating: 0.5).addingProduct(x, SIMD8(repeating: 1 / 3))
    d = d.zeroed(where: x .<= -3)
    d.replace(with: SIMD8(repeating: 1), where: x .>= 3)
    return d
  }
}

struct Gelu: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.gelu(x).value }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.gelu(x).derivative }
}

struct GeluTanh: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.geluTanh(x).value }
  @inline(always) func derivative(_ x: SIMD8<Float>) -> SIMD8<Float> { SIMD8.geluTanh(x).derivative }
}

struct Exponential: ActivationFunction {
  @inline(always) func value(_ x: SIMD8<Float>) -> SIMD8<Float> { .exp(x) }
  @inline(always) func derivative(_ y: SIMD8<Float>) -> SIMD8<Float> { y }
}
