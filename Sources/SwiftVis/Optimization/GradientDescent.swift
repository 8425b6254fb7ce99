/// The arithmetic of one step down a gradient. Everything is of one length; results may be written over operands.
package enum GradientDescent {
  /// Divides a gradient by its l2 norm, or by 1e-6 where that is less.
  package static func normalize(
    _ gradient: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    try check(gradient.count, output.count)
    guard let source = gradient.baseAddress, let target = output.baseAddress else { return }
    var squares = SIMD4<Double>.zero
    for start in stride(from: 0, to: gradient.count &- 3, by: 4) {
      let values = SIMD4<Double>(UnsafeRawPointer(source + start).loadUnaligned(as: SIMD4<Float>.self))
      squares += values * values
    }
    var sum = squares.sum()
    for place in gradient.count & ~3..<gradient.count { sum += Double(source[place]) * Double(source[place]) }
    // Not `max`, for which a NaN may be the smaller one.
    let norm = Float((sum < 1e-12 ? 1e-12 : sum).squareRoot())
    for place in 0..<gradient.count { target[place] = source[place] / norm }
  }

  /// RMSProp (Tieleman & Hinton 2012): each value moves by its gradient over the root of that gradient's decayed mean square.
  ///
  /// - Parameter meanSquare: zeros before the first step; this one goes into it.
  package static func rmsprop(
    _ gradient: UnsafeBufferPointer<Float>, meanSquare: UnsafeMutableBufferPointer<Float>, decay: Double = 0.95,
    rate: Double = 1, of image: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard decay >= 0, decay < 1 else { throw VisError(.invalidArgument, "rmsprop: decay \(decay) is not within 0..<1") }
    guard rate.isFinite else { throw VisError(.invalidArgument, "rmsprop: rate \(rate) is not finite") }
    try check(gradient.count, meanSquare.count)
    try check(gradient.count, image.count)
    try check(gradient.count, output.count)
    guard let slope = gradient.baseAddress, let mean = meanSquare.baseAddress, let x = image.baseAddress,
      let target = output.baseAddress
    else { return }
    let kept = Float(decay), added = Float(1 - decay), rate = Float(rate)
    func step(_ slope: Lanes.Vector, _ mean: Lanes.Vector, _ x: Lanes.Vector) -> (mean: Lanes.Vector, x: Lanes.Vector) {
      let square = kept * mean + added * (slope * slope)
      return (square, x - rate * (slope / (square + 1e-7).squareRoot()))
    }
    for start in stride(from: 0, to: gradient.count &- 7, by: 8) {
      let moved = step(Lanes.load(slope + start), Lanes.load(mean + start), Lanes.load(x + start))
      Lanes.store(moved.mean, to: mean + start)
      Lanes.store(moved.x, to: target + start)
    }
    for place in gradient.count & ~7..<gradient.count {
      let moved = step(.init(repeating: slope[place]), .init(repeating: mean[place]), .init(repeating: x[place]))
      (mean[place], target[place]) = (moved.mean[0], moved.x[0])
    }
  }

  private static func check(_ one: Int, _ other: Int) throws {
    guard one == other else { throw VisError(.invalidArgument, "gradient descent: \(one) values beside \(other)") }
  }
}
