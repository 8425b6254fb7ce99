#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Eight values at a time.
enum Lanes {
  typealias Vector = SIMD8<Float>

  /// Sums of a row in float32 lanes, of rows in float64.
  @inline(__always)
  static func sum(_ values: UnsafePointer<Float>, _ count: Int, _ transform: (Vector) -> Vector) -> Double {
    var total = 0.0
    var row = Vector.zero
    for start in stride(from: 0, to: count &- 7, by: 8) {
      row += transform(load(values + start))
      if start & 1023 == 1016 {
        total += Double(row.sum())
        row = .zero
      }
    }
    for place in count & ~7..<count { total += Double(transform(Vector(repeating: values[place]))[0]) }
    return total + Double(row.sum())
  }

  /// Replaces each of `targets` by a function of the two.
  @inline(__always)
  static func forEach(
    _ values: UnsafePointer<Float>, _ targets: UnsafeMutablePointer<Float>, _ count: Int,
    _ transform: (_ value: Vector, _ target: Vector) -> Vector
  ) {
    for start in stride(from: 0, to: count &- 7, by: 8) {
      store(transform(load(values + start), load(targets + start)), to: targets + start)
    }
    for place in count & ~7..<count {
      targets[place] = transform(Vector(repeating: values[place]), Vector(repeating: targets[place]))[0]
    }
  }

  @inline(__always)
  static func load(_ values: UnsafePointer<Float>) -> Vector { UnsafeRawPointer(values).loadUnaligned(as: Vector.self) }

  @inline(__always)
  static func store(_ vector: Vector, to target: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(target).storeBytes(of: vector, as: Vector.self)
  }

  @inline(__always)
  static func magnitude(_ x: Vector) -> Vector {
    unsafeBitCast(unsafeBitCast(x, to: SIMD8<UInt32>.self) & 0x7FFF_FFFF, to: Vector.self)
  }

  /// A small whole power by products, many times faster than powf.
  @inline(__always)
  static func power(_ x: Vector, _ exponent: Double) -> Vector {
    guard let whole = Int(exactly: exponent), 0...16 ~= whole else { return x.map { powf($0, Float(exponent)) } }
    var result = Vector(repeating: 1), square = x, rest = whole
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

extension SIMD8<Float> {
  @inline(__always)
  func map(_ function: (Float) -> Float) -> Self {
    var result = self
    for lane in 0..<8 { result[lane] = function(self[lane]) }
    return result
  }
}

/// The product of sizes. Throws `invalidArgument` where one is below 1 or it is too large.
func elementCount(_ shape: [Int], _ name: String) throws -> Int {
  var count = 1
  for size in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: size)
    guard size >= 1, !overflow, product <= Int.max / 8 else {
      throw VisError(.invalidArgument, "\(name): \(shape) has a size below 1 or is too large")
    }
    count = product
  }
  return count
}
