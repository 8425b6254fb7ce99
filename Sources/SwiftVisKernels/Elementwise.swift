// Element-wise functions on elements `range` of their tensors. They give the same bits however the whole is cut into ranges,
// and the destination may be the same buffer as any operand of the same shape.

/// Applies all of an epilogue but its bias to x.
public func applyEpilogue(
  _ epilogue: Epilogue, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>
) {
  var i = range.lowerBound
  while i + 8 <= range.upperBound {
    epilogue.finish(SIMD8(x + i), into: y, at: i)
    i += 8
  }
  let rest = range.upperBound - i
  if rest > 0 { epilogue.finish(SIMD8(x + i, count: rest), into: y, at: i, count: rest) }
  epilogue.activate(y + range.lowerBound, derivativeAt: range.lowerBound, count: range.count)
}

/// y = x * factor + addend (nil: 0). With factor 1 a copy or a sum.
public func scale(
  _ x: UnsafePointer<Float>, by factor: Float, addend: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>,
  range: Range<Int>
) {
  let factors = SIMD8(repeating: factor)
  var i = range.lowerBound
  while i + 8 <= range.upperBound {
    var sum = SIMD8<Float>.zero
    if let addend { sum = SIMD8(addend + i) }
    sum.addingProduct(SIMD8(x + i), factors).store(y + i)
    i += 8
  }
  while i < range.upperBound {
    y[i] = (addend?[i] ?? 0).addingProduct(x[i], factor)
    i += 1
  }
}

public func fill(_ value: Float, into y: UnsafeMutablePointer<Float>, range: Range<Int>) {
  (y + range.lowerBound).update(repeating: value, count: range.count)
}

/// y = x, and true where every element is finite.
public func copyFinite(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, range: Range<Int>) -> Bool {
  // x - x is 0 where x is finite, else NaN.
  var finite = SIMDMask<SIMD8<Int32>>(repeating: true)
  var i = range.lowerBound
  while i + 8 <= range.upperBound {
    let v = SIMD8<Float>(x + i)
    v.store(y + i)
    finite = finite .& ((v - v) .== 0)
    i += 8
  }
  let rest = range.upperBound - i
  if rest > 0 {
    let v = SIMD8<Float>(x + i, count: rest)
    v.store(y + i, count: rest)
    finite = finite .& ((v - v) .== 0)
  }
  return all(finite)
}
