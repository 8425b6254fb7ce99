// Elementary functions on vectors of eight floats, to about two units in the last place. Each reduces its argument to a
// short interval and evaluates a minimax polynomial there; the coefficients were fitted for these intervals.

extension SIMD8 where Scalar == Float {
  @inline(always) var magnitude: Self {
    let mask = SIMD8<UInt32>(repeating: 0x7fff_ffff)
    return unsafeBitCast(unsafeBitCast(self, to: SIMD8<UInt32>.self) & mask, to: Self.self)
  }

  /// x = n ln 2 + r with |r| <= ln(2) / 2; returns n and expm1(r). |x| must be below 110; a NaN stays a NaN in `expm1`.
  @inline(always) private static func reduce(_ x: Self) -> (n: SIMD8<Int32>, expm1: Self) {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    let shifter = Self(repeating: 12_582_912)
    let shifted = shifter.addingProduct(x, Self(repeating: 1.442_695_04))
    let n = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- unsafeBitCast(shifter, to: SIMD8<Int32>.self)
    let rounded = shifted - shifter
    let r = x.addingProduct(rounded, Self(repeating: -0.693_359_375))
      .addingProduct(rounded, Self(repeating: 2.121_944_4e-4))
    var q = Self(repeating: 0.001_390_128_5)
    q = Self(repeating: 0.008_363_142).addingProduct(q, r)
    q = Self(repeating: 0.041_666_854).addingProduct(q, r)
    q = Self(repeating: 0.166_665_78).addingProduct(q, r)
    q = Self(repeating: 0.5).addingProduct(q, r)
    return (n, r.addingProduct(r * r, q))
  }

  @inline(always) private static func powerOfTwo(_ n: SIMD8<Int32>) -> Self {
    unsafeBitCast((n &+ SIMD8<Int32>(repeating: 127)) &<< SIMD8<Int32>(repeating: 23), to: Self.self)
  }

  @inline(always) func zeroed(where mask: SIMDMask<SIMD8<Int32>>) -> Self { replacing(with: Self.zero, where: mask) }

  @inline(always) func limited(from lower: Float, to upper: Float) -> Self {
    var v = self
    v.replace(with: Self(repeating: lower), where: v .< lower)
    v.replace(with: Self(repeating: upper), where: v .> upper)
    return v
  }

  /// Zero below the smallest subnormal, infinity above the largest float.
  @inline(always) static func exp(_ x: Self) -> Self {
    let (n, expm1) = reduce(x.limited(from: -104, to: 89))
    // In two steps, since 2^n alone may be out of range where the product is not.
    let half = n &>> SIMD8<Int32>(repeating: 1)
    return (expm1 + 1) * powerOfTwo(half) * powerOfTwo(n &- half)
  }

  /// exp(x) for x up to 0, and zero below -87, near where it is no longer a normal number.
  @inline(always) static func decay(_ x: Self) -> Self {
    let (n, expm1) = reduce(x.replacing(with: Self(repeating: -87), where: x .< -87))
    return ((expm1 + 1) * powerOfTwo(n)).zeroed(where: x .< -87)
  }

  /// exp(x) - 1 for x up to 80, exact near zero.
  @inline(always) static func expm1(_ x: Self) -> Self {
    let (n, expm1) = reduce(x.limited(from: -80, to: 80))
    let power = powerOfTwo(n)
    return (power - 1).addingProduct(power, expm1)
  }

  @inline(always) static func tanh(_ x: Self) -> Self {
    let e = expm1(x.magnitude.limited(from: 0, to: 10) * 2)
    let positive = e / (e + 2)
    return positive.replacing(with: -positive, where: x .< 0)
  }

  /// 1 / (1 + exp(-x)).
  @inline(always) static func logistic(_ x: Self) -> Self { 1 / (1 + exp(-x)) }

  /// x times the logistic function of x, and the derivative of that. The logistic function is 0 below -88 here, where
  /// it would be subnormal.
  @inline(always) static func silu(_ x: Self) -> (value: Self, derivative: Self) {
    // One power of two is enough: up to 127 it is finite, and at 128 it is the infinity that is wanted.
    let (n, expm1) = reduce((-x).limited(from: -87, to: 89))
    let s = 1 / ((expm1 + 1) * powerOfTwo(n) + 1)
    let value = x * s
    return (value, s.addingProduct(value, 1 - s))
  }

  /// log(1 + exp(x)).
  @inline(always) static func softplus(_ x: Self) -> Self {
    // log1p(e) = 2 atanh(e / (2 + e)), for e in (0, 1].
    let e = exp(-x.magnitude)
    let s = e / (e + 2)
    let z = s * s
    var p = Self(repeating: 0.134_305_12)
    p = Self(repeating: 0.141_175_21).addingProduct(p, z)
    p = Self(repeating: 0.200_038_14).addingProduct(p, z)
    p = Self(repeating: 0.333_333_2).addingProduct(p, z)
    let log1p = 2 * s.addingProduct(s * z, p)
    // x is added last where it is positive, and a NaN is kept.
    return log1p + x.zeroed(where: x .< 0)
  }

  /// By its power series near zero, where 1 - tail would cancel.
  @inline(always) static func erf(_ x: Self) -> Self {
    let z = x * x
    var p = Self(repeating: 1.205_533_3e-4)
    p = Self(repeating: -8.548_327e-4).addingProduct(p, z)
    p = Self(repeating: 5.223_977_6e-3).addingProduct(p, z)
    p = Self(repeating: -2.686_617_1e-2).addingProduct(p, z)
    p = Self(repeating: 0.112_837_92).addingProduct(p, z)
    p = Self(repeating: -0.376_126_4).addingProduct(p, z)
    p = Self(repeating: 1.128_379_2).addingProduct(p, z)
    let far = 1 - 2 * normal(-x.magnitude * 1.414_213_6).distribution
    return far.replacing(with: -far, where: x .< 0).replacing(with: x * p, where: x.magnitude .< 0.5)
  }

  /// x tanh(softplus(x)), and the derivative of that.
  @inline(always) static func mish(_ x: Self) -> (value: Self, derivative: Self) {
    // tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2); beyond 20 it is 1 and powers of e would overflow.
    let limited = x.limited(from: -104, to: 20)
    let e = exp(limited)
    let n = e * (e + 2)
    let r = 1 / (n + 2)
    let t = n * r
    return (x * t, t.addingProduct(limited * r, 4 * e * (1 + e) * r))
  }

  /// The standard normal distribution function (1 + erf(x / sqrt 2)) / 2 and its density exp(-x^2 / 2) / sqrt(2 pi).
  @inline(always) static func normal(_ x: Self) -> (distribution: Self, density: Self) {
    let a = x.magnitude.limited(from: 0, to: 15)
    // The rounding error of a^2 matters to the exponential in the tail.
    let square = a * a
    let error = (-square).addingProduct(a, a)
    let gauss = decay(square * -0.5) * (1 - error * 0.5)
    // The tail beyond a is gauss * g(t) / (a + 3) with a smooth g.
    let inverse = 1 / (a + 3)
    let t = (a - 3) * inverse
    var g = Self(repeating: 5.451_302_4e-05)
    g = Self(repeating: -0.000_199_391_07).addingProduct(g, t)
    g = Self(repeating: -0.000_947_222_5).addingProduct(g, t)
    g = Self(repeating: 0.001_013_509_9).addingProduct(g, t)
    g = Self(repeating: 0.006_936_855).addingProduct(g, t)
    g = Self(repeating: -0.010_461_519).addingProduct(g, t)
    g = Self(repeating: -0.047_258_02).addingProduct(g, t)
    g = Self(repeating: 0.230_017_63).addingProduct(g, t)
    g = Self(repeating: -0.509_332_2).addingProduct(g, t)
    g = Self(repeating: 0.729_083_7).addingProduct(g, t)
    let tail = gauss * g * inverse
    return (tail.replacing(with: 1 - tail, where: x .> 0), gauss * 0.398_942_28)
  }

  /// x times the normal distribution function, and the derivative of that.
  @inline(always) static func gelu(_ x: Self) -> (value: Self, derivative: Self) {
    let (distribution, density) = normal(x)
    return (x * distribution, distribution.addingProduct(x, density))
  }

  /// x / 2 * (1 + tanh u), u = sqrt(2 / pi) * (x + 0.044715 x^3), written with the logistic function of 2u, and its derivative.
  @inline(always) static func geluTanh(_ x: Self) -> (value: Self, derivative: Self) {
    // Beyond 20 the logistic function is 0 or 1 and powers of x would overflow.
    let limited = x.limited(from: -20, to: 20)
    let square = limited * limited
    let s = logistic(limited * Self(repeating: 1.595_769_1).addingProduct(square, Self(repeating: 0.071_354_814)))
    let slope = Self(repeating: 1.595_769_1).addingProduct(square, Self(repeating: 0.214_064_44))
    return (x * s, s.addingProduct(limited * s * (1 - s), slope))
  }
}
