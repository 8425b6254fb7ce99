public enum ActivationKind: Sendable {
  case relu(maxValue: Float, negativeSlope: Float, threshold: Float)  // maxValue may be +infinity
  case elu(alpha: Float), selu, sigmoid, hardSigmoid(slope: Float), tanh, softplus, softsign, silu, hardSwish
  case gelu, geluTanh, exponential, mish, celu(alpha: Float)
  case unary(UnaryFunction)

  /// Whether the derivative is computed from the activation's input x (else from its output y).
  public var derivativeReadsInput: Bool {
    switch self {
    // Where the output's sign says which branch was taken, the output is enough.
    case .relu(_, let negativeSlope, let threshold): negativeSlope < 0 || threshold < 0
    case .elu(let alpha): alpha < 0
    case .selu, .sigmoid, .hardSigmoid, .tanh, .exponential, .celu: false
    case .softplus, .softsign, .silu, .hardSwish, .gelu, .geluTanh, .mish: true
    case .unary(let function): function.derivativeReadsInput
    }
  }
}

/// y = f(x) on elements `range`, with the same bits however the whole is cut into ranges. `y` may be `x`.
public func activate(
  _ kind: ActivationKind, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {
  switch kind {
  case .relu(let maxValue, 0, let threshold):
    map(Relu(threshold: threshold, maxValue: maxValue, readsInput: false), x, y, range)
  case .relu(let maxValue, let slope, let threshold):
    map(LeakyRelu(threshold: threshold, maxValue: maxValue, slope: slope, readsInput: false), x, y, range)
  case .elu(let alpha): map(Elu(alpha: alpha), x, y, range)
  case .selu: map(Elu.selu, x, y, range)
  case .sigmoid: map(Sigmoid(), x, y, range)
  case .hardSigmoid(let slope): map(HardSigmoid(slope: slope), x, y, range)
  case .tanh: map(Tanh(), x, y, range)
  case .softplus: map(Softplus(), x, y, range)
  case .softsign: map(Softsign(), x, y, range)
  case .silu: map(Silu(), x, y, range)
  case .hardSwish: map(HardSwish(), x, y, range)
  case .gelu: map(Gelu(), x, y, range)
  case .geluTanh: map(GeluTanh(), x, y, range)
  case .exponential: map(Exponential(), x, y, range)
  case .mish: map(Mish(), x, y, range)
  case .celu(let alpha): map(Celu(alpha: alpha), x, y, range)
  case .unary(let function): function.implementation.run(x, into: y, range: range)
  }
}

/// dx = dy * f'(saved) + addend, `saved` being x or y as `derivativeReadsInput` says. `dx` may be any of the operands.
public func activateGradient(
  _ kind: ActivationKind, saved: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, addend: UnsafePointer<Float>?,
  into dx: UnsafeMutablePointer<Float>, range: Range<Int>
) {
  let readsInput = kind.derivativeReadsInput
  switch kind {
  case .relu(let maxValue, 0, let threshold):
    mapGradient(Relu(threshold: threshold, maxValue: maxValue, readsInput: readsInput), saved, cotangent, addend, dx, range)
  case .relu(let maxValue, let slope, let threshold):
    let relu = LeakyRelu(threshold: threshold, maxValue: maxValue, slope: slope, readsInput: readsInput)
    mapGradient(relu, saved, cotangent, addend, dx, range)
  case .elu(let alpha) where readsInput:
    mapGradient(EluOfInput(alpha: alpha), saved, cotangent, addend, dx, range)
  case .elu(let alpha): mapGradient(Elu(alpha: alpha), saved, cotangent, addend, dx, range)
  case .selu: mapGradient(Elu.selu, saved, cotangent, addend, dx, range)
  case .sigmoid: mapGradient(Sigmoid(), saved, cotangent, addend, dx, range)
  case .hardSigmoid(let slope): mapGradient(HardSigmoid(slope: slope), saved, cotangent, addend, dx, range)
  case .tanh: mapGradient(Tanh(), saved, cotangent, addend, dx, range)
  case .softplus: mapGradient(Softplus(), saved, cotangent, addend, dx, range)
  case .softsign: mapGradient(Softsign(), saved, cotangent, addend, dx, range)
  case .silu: mapGradient(Silu(), saved, cotangent, addend, dx, range)
  case .hardSwish: mapGradient(HardSwish(), saved, cotangent, addend, dx, range)
  case .gelu: mapGradient(Gelu(), saved, cotangent, addend, dx, range)
  case .geluTanh: mapGradient(GeluTanh(), saved, cotangent, addend, dx, range)
  case .exponential: mapGradient(Exponential(), saved, cotangent, addend, dx, range)
  case .mish: mapGradient(Mish(), saved, cotangent, addend, dx, range)
  case .celu(let alpha): mapGradient(Celu(alpha: alpha), saved, cotangent, addend, dx, range)
  case .unary(let function):
    function.implementation.runGradient(saved: saved, cotangent: cotangent, addend: addend, into: dx, range: range)
  }
}

extension ActivationFunction {
  func run(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>) { map(self, x, y, range) }
  func runGradient(
    saved: UnsafePointer<Float>, cotangent: UnsafePointer<Float>, addend: UnsafePointer<Float>?,
    into dx: UnsafeMutablePointer<Float>, range: Range<Int>
  ) { mapGradient(self, saved, cotangent, addend, dx, range) }
}

/// Generic over the function, so that each gets a loop of its own with the function inside.
private func map<F: ActivationFunction>(
  _ function: F, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ range: Range<Int>
) {
  var i = range.lowerBound
  while i + 8 <= range.upperBound {
    function.value(SIMD8(x + i)).store(y + i)
    i += 8
  }
  let rest = range.upperBound - i
  if rest > 0 { function.value(SIMD8(x + i, count: rest)).store(y + i, count: rest) }
}

private func mapGradient<F: ActivationFunction>(
  _ function: F, _ saved: UnsafePointer<Float>, _ cotangent: UnsafePointer<Float>, _ addend: UnsafePointer<Float>?,
  _ dx: UnsafeMutablePointer<Float>, _ range: Range<Int>
) {
  var i = range.lowerBound
  while i + 8 <= range.upperBound {
    var sum = SIMD8<Float>.zero
    if let addend { sum = SIMD8(addend + i) }
    sum.addingProduct(SIMD8(cotangent + i), function.derivative(SIMD8(saved + i))).store(dx + i)
    i += 8
  }
  let rest = range.upperBound - i
  guard rest > 0 else { return }
  var sum = SIMD8<Float>.zero
  if let addend { sum = SIMD8(addend + i, count: rest) }
  let derivative = function.derivative(SIMD8(saved + i, count: rest))
  sum.addingProduct(SIMD8(cotangent + i, count: rest), derivative).store(dx + i, count: rest)
}
