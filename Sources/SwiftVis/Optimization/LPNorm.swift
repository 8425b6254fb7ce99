#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The p-norm of all values over the number of values of one sample, which bounds the intensity of pixels. With p infinite it is, as in
/// keras-vis, of the largest value, not of the largest absolute one.
package struct LPNorm {
  private let p: Double
  private let count: Int
  private let volume: Double

  /// `shape` has the samples first. Throws `invalidArgument` where a size or p is below 1.
  package init(shape: [Int], p: Double) throws {
    guard p >= 1 else { throw VisError(.invalidArgument, "p-norm: p \(p) is not 1 or more") }
    self.p = p
    count = try elementCount(shape, "p-norm")
    volume = Double(shape.dropFirst().reduce(1, *))
  }

  package func value(_ image: UnsafeBufferPointer<Float>) throws -> Double {
    try check(image.count)
    return Double(p.isFinite ? norm(image) : Self.largest(image)) / volume
  }

  /// Adds `weight` times the gradient, which is 0 for an image of zeros. Equal maxima share it.
  package func addGradient(
    _ image: UnsafeBufferPointer<Float>, weight: Double, to gradient: UnsafeMutableBufferPointer<Float>
  ) throws {
    try check(image.count)
    try check(gradient.count)
    guard let x = image.baseAddress, let sum = gradient.baseAddress else { return }
    let factor = weight / volume
    guard p.isFinite else {
      let largest = Self.largest(image), shared = image.count { $0 == largest }
      for place in 0..<count where x[place] == largest { sum[place] += Float(factor / Double(shared)) }
      return
    }
    let norm = norm(image)
    guard norm != 0 else { return }
    // The slope is (|x| / norm)^(p - 1): a quotient no larger than 1, whose power cannot overflow.
    Lanes.forEach(x, sum, count) { x, sum in
      let quotient = x / norm
      let slope = Lanes.power(Lanes.magnitude(quotient), p - 1)
      return sum + Float(factor) * slope.replacing(with: -slope, where: x .< 0).replacing(with: 0, where: x .== 0)
    }
  }

  private func norm(_ image: UnsafeBufferPointer<Float>) -> Float {
    guard let x = image.baseAddress else { return 0 }
    let sum = Lanes.sum(x, count) { Lanes.power(Lanes.magnitude($0), p) }
    if sum.isNaN || (1e-20...1e30).contains(sum) { return Float(pow(sum, 1 / p)) }
    // Powers that float32 does not hold: the largest value is taken out first.
    let largest = image.reduce(0) { max($0, abs($1)) }
    guard largest > 0, largest.isFinite else { return largest }
    return Float(Double(largest) * pow(Lanes.sum(x, count) { Lanes.power(Lanes.magnitude($0 / largest), p) }, 1 / p))
  }

  /// NaN where one is among them.
  private static func largest(_ image: UnsafeBufferPointer<Float>) -> Float {
    var largest = -Float.infinity
    for value in image {
      if value.isNaN { return value }
      if value > largest { largest = value }
    }
    return largest
  }

  private func check(_ count: Int) throws {
    guard count == self.count else {
      throw VisError(.invalidArgument, "p-norm: expected \(self.count) values, got \(count)")
    }
  }
}
