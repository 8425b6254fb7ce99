/// The backward pass through a factor for every channel of an image (squeeze and excite) that was itself made from the image's
/// sums, on tensors of (outer, count, inner) pixels' channels and (outer, inner) factors.
///
/// One pass over memory. Units are runs of pixels and give the same bits in any order and grouping.
public struct ChannelScaling: Sendable {
  public let unitCount: Int
  private let count: Int, inner: Int
  private let pixelsPerUnit: Int, unitsPerImage: Int
  /// By which what is spread is divided: 1, or the pixels of an image where their mean was taken.
  private let divisor: Float

  /// For the reduction, a sum or a mean, that the factors were made from.
  public init?(_ reduction: AxisReduction) {
    guard reduction.kind != .max, reduction.inner > 1 else { return nil }
    (count, inner) = (reduction.count, reduction.inner)
    pixelsPerUnit = max(1, 8192 / inner)
    unitsPerImage = (count + pixelsPerUnit - 1) / pixelsPerUnit
    unitCount = reduction.outer * unitsPerImage
    divisor = reduction.kind == .mean ? Float(count) : 1
  }

  /// dx = dy * scale + spread / divisor, and the epilogue (without a bias). `dx` may be `dy` or an operand of the epilogue.
  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, scale: UnsafePointer<Float>, spread: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>, epilogue: Epilogue
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: inner) { buffer in
      guard let shares = buffer.baseAddress else { return }
      for unit in units {
        let (image, part) = unit.quotientAndRemainder(dividingBy: unitsPerImage)
        let factors = scale + image * inner
        for c in 0..<inner { shares[c] = spread[image * inner + c] / divisor }
        for pixel in part * pixelsPerUnit..<min(count, (part + 1) * pixelsPerUnit) {
          let row = (image * count + pixel) * inner
          var c = 0
          while c + 8 <= inner {
            let v = SIMD8<Float>(UnsafePointer(shares + c)).addingProduct(SIMD8(cotangent + row + c), SIMD8(factors + c))
            epilogue.finish(v, into: inputGradient, at: row + c)
            c += 8
          }
          let rest = inner - c
          guard rest > 0 else { continue }
          let v = SIMD8<Float>(UnsafePointer(shares + c), count: rest)
            .addingProduct(SIMD8(cotangent + row + c, count: rest), SIMD8(factors + c, count: rest))
          epilogue.finish(v, into: inputGradient, at: row + c, count: rest)
        }
      }
    }
  }
}
