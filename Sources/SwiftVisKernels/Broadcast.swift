#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

public enum BinaryKind: Sendable {
  case add, subtract, multiply, divide, maximum, minimum, power
  /// 1 or 0.
  case greater, greaterEqual, equal
  /// The derivatives of a power by its base and by its exponent.
  case powerSlope, powerLog
  /// The right operand where the left one is not 0, or where it is, and 0 elsewhere.
  case keepWhere, keepUnless
}

/// An element-wise operation on two tensors of one rank (1...8), sizes equal or 1. A NaN operand of sums, products and extrema gives a NaN. The work is
/// counted in `rowCount` rows, pieces of the output that may be computed in any order and grouping with the same bits.
/// `y` and `d` may be the same buffer as an operand of the output's shape.
public struct BroadcastBinary: Equatable, Sendable {
  public let rowCount: Int
  private let kind: BinaryKind
  /// Sizes of the output, outermost first, axes of like nature joined; the last is cut into pieces of `pieceLength`.
  private let sizes: [Int]
  /// Elements from one index to the next along each axis, 0 where the operand is repeated.
  private let leftStrides: [Int], rightStrides: [Int]
  private let pieceCount: Int
  private static let pieceLength = 4096

  public init(_ kind: BinaryKind, left: [Int], right: [Int]) {
    self.kind = kind
    var sizes: [Int] = [], isLeftRepeated: [Bool] = [], isRightRepeated: [Bool] = []
    for (l, r) in zip(left, right) where max(l, r) > 1 {
      if let last = sizes.last, isLeftRepeated.last == (l == 1), isRightRepeated.last == (r == 1) {
        sizes[sizes.count - 1] = last * max(l, r)
      } else {
        sizes.append(max(l, r))
        isLeftRepeated.append(l == 1)
        isRightRepeated.append(r == 1)
      }
    }
    if sizes.isEmpty { (sizes, isLeftRepeated, isRightRepeated) = ([1], [false], [false]) }
    func strides(_ isRepeated: [Bool]) -> [Int] {
      var next = 1
      return zip(sizes, isRepeated).reversed().map { size, isRepeated in
        defer { if !isRepeated { next *= size } }
        return isRepeated ? 0 : next
      }.reversed()
    }
    self.sizes = sizes
    leftStrides = strides(isLeftRepeated)
    rightStrides = strides(isRightRepeated)
    pieceCount = (sizes[sizes.count - 1] + Self.pieceLength - 1) / Self.pieceLength
    rowCount = sizes.dropLast().reduce(pieceCount, *)
  }

  public func run(
    rows: Range<Int>, left: UnsafePointer<Float>, right: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    switch kind {
    case .add: apply(Sum(), rows, left, right, y)
    case .subtract: apply(Difference(), rows, left, right, y)
    case .multiply: apply(Product(), rows, left, right, y)
    case .divide: apply(Quotient(), rows, left, right, y)
    case .maximum: apply(Maximum(), rows, left, right, y)
    case .minimum: apply(Minimum(), rows, left, right, y)
    case .power: apply(Lanewise2(function: powf), rows, left, right, y)
    case .powerSlope: apply(Lanewise2(function: powerSlope), rows, left, right, y)
    case .powerLog: apply(Lanewise2(function: powerLog), rows, left, right, y)
    case .greater: apply(Greater(), rows, left, right, y)
    case .greaterEqual: apply(GreaterEqual(), rows, left, right, y)
    case .equal: apply(Equal(), rows, left, right, y)
    case .keepWhere: apply(Kept(unless: false), rows, left, right, y)
    case .keepUnless: apply(Kept(unless: true), rows, left, right, y)
    }
  }

  /// Maximum and minimum only: the cotangent of one operand at the output's full shape. Ties go to the left operand.
  public func runSelectGradient(
    rows: Range<Int>, left: UnsafePointer<Float>, right: UnsafePointer<Float>, cotangent: UnsafePointer<Float>,
    ofLeft: Bool, into d: UnsafeMutablePointer<Float>
  ) {
    let isMinimum = if case .minimum = kind { true } else { false }
    apply(Selected(minimum: isMinimum, cotangent: cotangent, ofLeft: ofLeft), rows, left, right, d)
  }

  private func apply<F: BinaryFunction>(
    _ function: F, _ rows: Range<Int>, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let axis = sizes.count - 1
    let length = sizes[axis]
    let repeatsLeft = leftStrides[axis] == 0, repeatsRight = rightStrides[axis] == 0
    for unit in rows {
      let (row, piece) = unit.quotientAndRemainder(dividingBy: pieceCount)
      var l = 0, r = 0, rest = row, outer = axis - 1
      while outer >= 0 {
        let index: Int
        (rest, index) = rest.quotientAndRemainder(dividingBy: sizes[outer])
        l += index * leftStrides[outer]
        r += index * rightStrides[outer]
        outer -= 1
      }
      let start = piece * Self.pieceLength
      let count = min(Self.pieceLength, length - start)
      if repeatsLeft {
        function.runRepeatingLeft(left[l], right + r + start, y, row * length + start, count)
      } else if repeatsRight {
        function.runRepeatingRight(left + l + start, right[r], y, row * length + start, count)
      } else {
        function.run(left + l + start, right + r + start, y, row * length + start, count)
      }
    }
  }
}
