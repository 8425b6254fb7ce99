import SwiftVisKernels
import Testing

extension SeededGenerator {
  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

/// Runs a kernel over units 0..<unitCount at once, then again in shuffled pieces, and expects the same bits and nothing
/// written outside `count` floats. `initial` is what the destination holds before (for in-place use).
func runKernel(
  units unitCount: Int, count: Int, initial: [Float]? = nil, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
) -> [Float] {
  let guardLength = 16
  let guardValue: Float = -12345.5
  func result(_ pieces: [Range<Int>]) -> [Float] {
    let margin = [Float](repeating: guardValue, count: guardLength)
    var buffer = margin + (initial ?? [Float](repeating: .nan, count: count)) + margin
    buffer.withUnsafeMutableBufferPointer { buffer in
      for piece in pieces { body(piece, buffer.baseAddress! + guardLength) }
    }
    let isIntact =
      buffer.prefix(guardLength).allSatisfy { $0 == guardValue }
      && buffer.suffix(guardLength).allSatisfy { $0 == guardValue }
    #expect(isIntact, "wrote outside the destination", sourceLocation: sourceLocation)
    return Array(buffer[guardLength..<guardLength + count])
  }
  let whole = result([0..<unitCount])
  var generator = SeededGenerator(UInt64(unitCount))
  var pieces: [Range<Int>] = []
  var start = 0
  while start < unitCount {
    let end = Swift.min(unitCount, start + Int.random(in: 1...Swift.max(1, unitCount / 3), using: &generator))
    pieces.append(start..<end)
    start = end
  }
  let cut = result(pieces.shuffled(using: &generator))
  #expect(
    whole.map(\.bitPattern) == cut.map(\.bitPattern), "the bits depend on how units are grouped",
    sourceLocation: sourceLocation)
  return whole
}

/// Expects every element within `tolerance` of the expected one, absolutely plus relative to its size.
func expectClose(
  _ actual: [Float], _ expected: [Double], tolerance: Double = 1e-6, _ comment: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record("\(actual.count) elements instead of \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  for (i, (a, e)) in zip(actual, expected).enumerated() {
    let isEqual = Double(a) == e || (a.isNaN && e.isNaN) || abs(Double(a) - e) <= tolerance * (1 + abs(e))
    guard isEqual else {
      Issue.record("element \(i) is \(a) instead of \(e) \(comment())", sourceLocation: sourceLocation)
      return
    }
  }
}

/// A copy for kernels that keep a pointer; it lives as long as the test process.
func pointer(to values: [Float]) -> UnsafePointer<Float> {
  let copy = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
  copy.initialize(from: values, count: values.count)
  return UnsafePointer(copy)
}

extension Epilogue {
  /// What the epilogue does to a value, bias included, in double precision.
  func reference(_ sum: Double, at index: Int, bias biasIndex: Int = 0, addend: [Float]?, gate: [Float]?) -> Double {
    var v = sum + (bias.map { Double($0[biasIndex]) } ?? 0)
    if let addend { v += Double(addend[index]) }
    if v < Double(lowerBound) { v = Double(lowerBound) }
    if v > Double(upperBound) { v = Double(upperBound) }
    if positiveOnly { v = v > 0 ? v : 0 }
    if let gate, !(gate[index] > 0 && gate[index] < gateLimit) { v = 0 }
    return v
  }
}
