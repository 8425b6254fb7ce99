#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A function of two vectors; `index` is where they stand in the output, of which `count` lanes are wanted.
protocol BinaryFunction {
  func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at index: Int) -> SIMD8<Float>
  func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at index: Int, count: Int) -> SIMD8<Float>
}

/// One row of the output, from `index` on.
extension BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at index: Int, count: Int) -> SIMD8<Float> {
    value(a, b, at: index)
  }

  @inline(always) func run(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ index: Int, _ count: Int
  ) {
    var i = 0
    while i + 8 <= count {
      value(SIMD8(a + i), SIMD8(b + i), at: index + i).store(y + index + i)
      i += 8
    }
    let rest = count - i
    guard rest > 0 else { return }
    value(SIMD8(a + i, count: rest), SIMD8(b + i, count: rest), at: index + i, count: rest).store(y + index + i, count: rest)
  }

  @inline(always) func runRepeatingLeft(
    _ a: Float, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ index: Int, _ count: Int
  ) {
    let a = SIMD8(repeating: a)
    var i = 0
    while i + 8 <= count {
      value(a, SIMD8(b + i), at: index + i).store(y + index + i)
      i += 8
    }
    let rest = count - i
    if rest > 0 { value(a, SIMD8(b + i, count: rest), at: index + i, count: rest).store(y + index + i, count: rest) }
  }

  @inline(always) func runRepeatingRight(
    _ a: UnsafePointer<Float>, _ b: Float, _ y: UnsafeMutablePointer<Float>, _ index: Int, _ count: Int
  ) {
    let b = SIMD8(repeating: b)
    var i = 0
    while i + 8 <= count {
      value(SIMD8(a + i), b, at: index + i).store(y + index + i)
      i += 8
    }
    let rest = count - i
    if rest > 0 { value(SIMD8(a + i, count: rest), b, at: index + i, count: rest).store(y + index + i, count: rest) }
  }
}

struct Sum: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> { a + b }
}

struct Difference: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> { a - b }
}

struct Product: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> { a * b }
}

struct Quotient: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> { a / b }
}

struct Greater: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: SIMD8(repeating: 1), where: a .> b)
  }
}

struct GreaterEqual: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: SIMD8(repeating: 1), where: a .>= b)
  }
}

struct Equal: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    SIMD8.zero.replacing(with: SIMD8(repeating: 1), where: a .== b)
  }
}

struct Kept: BinaryFunction {
  let unless: Bool
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    unless ? b.zeroed(where: a .!= 0) : b.zeroed(where: a .== 0)
  }
}

/// A function from the C library, number by number.
struct Lanewise2: BinaryFunction {
  let function: (Float, Float) -> Float
  func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    var y = a
    for lane in 0..<8 { y[lane] = function(a[lane], b[lane]) }
    return y
  }
}

/// x^y log(x), the limit 0 where x is 0 and y is not negative.
func powerLog(_ x: Float, _ y: Float) -> Float { x == 0 && y >= 0 ? 0 : powf(x, y) * logf(x) }

struct Maximum: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    b.replacing(with: a, where: (a .>= b) .| (a .!= a))
  }
}

struct Minimum: BinaryFunction {
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at _: Int) -> SIMD8<Float> {
    b.replacing(with: a, where: (a .<= b) .| (a .!= a))
  }
}

/// The cotangent where the maximum or minimum came from the wanted operand, else zero.
struct Selected: BinaryFunction {
  let minimum: Bool
  let cotangent: UnsafePointer<Float>
  let ofLeft: Bool
  @inline(always) private func select(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ dy: SIMD8<Float>) -> SIMD8<Float> {
    let left = (minimum ? a .<= b : a .>= b) .| (a .!= a)
    return ofLeft ? SIMD8.zero.replacing(with: dy, where: left) : dy.zeroed(where: left)
  }
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at index: Int) -> SIMD8<Float> {
    select(a, b, SIMD8(cotangent + index))
  }
  @inline(always) func value(_ a: SIMD8<Float>, _ b: SIMD8<Float>, at index: Int, count: Int) -> SIMD8<Float> {
    select(a, b, SIMD8(cotangent + index, count: count))
  }
}
