import CSwiftVis
import SwiftVis

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// Readers of C arguments. Each throws `invalidArgument` with the argument's name; none reads memory that it has not checked
// as far as C allows.

private let longestName = 4096
private let longestDescription = 1 << 30

/// A pointer that must not be NULL and must be aligned for what it points at.
func required<T>(_ pointer: UnsafeMutablePointer<T>?, _ name: String) throws -> UnsafeMutablePointer<T> {
  UnsafeMutablePointer(mutating: try required(UnsafePointer(pointer), name))
}

func required<T>(_ pointer: UnsafePointer<T>?, _ name: String) throws -> UnsafePointer<T> {
  guard let pointer else { throw invalid("\(name) is NULL") }
  guard UInt(bitPattern: pointer) % UInt(MemoryLayout<T>.alignment) == 0 else { throw invalid("\(name) is not aligned") }
  return pointer
}

/// `count` elements; NULL is allowed for none. The byte size of what is returned fits an Int.
func elements<T>(_ pointer: UnsafePointer<T>?, _ count: Int, _ name: String) throws -> UnsafeBufferPointer<T> {
  guard count >= 0, !count.multipliedReportingOverflow(by: MemoryLayout<T>.stride).overflow else {
    throw invalid("\(name): the count \(UInt(bitPattern: count)) is too large")
  }
  if count == 0 { return UnsafeBufferPointer(start: nil, count: 0) }
  return UnsafeBufferPointer(start: try required(pointer, name), count: count)
}

func elements<T>(_ pointer: UnsafeMutablePointer<T>?, _ count: Int, _ name: String) throws -> UnsafeMutableBufferPointer<T> {
  UnsafeMutableBufferPointer(mutating: try elements(UnsafePointer(pointer), count, name))
}

/// A NUL-terminated UTF-8 string: a name or a path.
func string(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
  guard let pointer else { throw invalid("\(name) is NULL") }
  let length = strnlen(pointer, longestName + 1)
  guard length <= longestName else { throw invalid("\(name) is longer than \(longestName) bytes") }
  return try string(UnsafeBufferPointer(start: pointer, count: length), name)
}

/// A model description: UTF-8 with a length.
func description(_ pointer: UnsafePointer<CChar>?, _ length: Int) throws -> String {
  guard length >= 0, length <= longestDescription else {
    throw invalid("description_length \(UInt(bitPattern: length)) is above \(longestDescription)")
  }
  return try string(elements(pointer, length, "description"), "description")
}

private func string(_ bytes: UnsafeBufferPointer<CChar>, _ name: String) throws -> String {
  let text = bytes.withMemoryRebound(to: UInt8.self) { String(validating: $0, as: UTF8.self) }
  guard let text else { throw invalid("\(name) is not UTF-8") }
  return text
}

/// A list of node names, of which a sensible question has no more than the model has nodes.
func names(_ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, of model: Model, _ name: String) throws
  -> [String]
{
  let nodeCount = model.graph.nodes.count
  guard count >= 0, count <= nodeCount else {
    throw invalid("\(name): \(UInt(bitPattern: count)) names, but the model has \(nodeCount) inputs and nodes")
  }
  return try elements(pointer, count, name).enumerated().map { try string($1, "\(name)[\($0)]") }
}

/// A shape with all sizes at least `smallest`, whose float32 tensor can be addressed.
func sizes(_ shape: sv_shape, smallest: Int64, _ name: String) throws -> [Int] {
  guard shape.rank >= 0, shape.rank <= SV_MAX_RANK else {
    throw invalid("\(name): rank \(shape.rank) is not within 0..\(SV_MAX_RANK)")
  }
  let dims = withUnsafeBytes(of: shape.dims) { Array($0.bindMemory(to: Int64.self).prefix(Int(shape.rank))) }
  var byteCount: Int64 = 4
  for size in dims {
    guard size >= smallest else { throw invalid("\(name): \(dims) has a size below \(smallest)") }
    let (product, overflow) = byteCount.multipliedReportingOverflow(by: max(size, 1))
    guard !overflow else { throw invalid("\(name): \(dims) is too large") }
    byteCount = product
  }
  return dims.map { Int($0) }
}

/// The float32 buffers of a run; the engine compares their lengths with the shapes.
func buffers(_ pointer: UnsafePointer<sv_const_buffer>?, _ count: Int, expected: Int, _ name: String) throws
  -> [UnsafeBufferPointer<Float>]
{
  try checkCount(count, expected: expected, name)
  return try elements(pointer, count, name).enumerated().map { try elements($1.data, $1.count, "\(name)[\($0)].data") }
}

func buffers(_ pointer: UnsafePointer<sv_buffer>?, _ count: Int, expected: Int, _ name: String) throws
  -> [UnsafeMutableBufferPointer<Float>]
{
  try checkCount(count, expected: expected, name)
  return try elements(pointer, count, name).enumerated().map { try elements($1.data, $1.count, "\(name)[\($0)].data") }
}

func checkCount(_ count: Int, expected: Int, _ name: String) throws {
  guard count == expected else {
    throw invalid("\(name): expected \(expected) of them, got \(UInt(bitPattern: count))")
  }
}

/// The sizes of a map as Ints, each at least 1, with a byte count that fits an Int.
func elementCount(_ sizes: [Int64], _ name: String) throws -> Int {
  var byteCount = 4
  for size in sizes {
    let (product, overflow) = byteCount.multipliedReportingOverflow(by: Int(clamping: size))
    guard size >= 1, !overflow else { throw invalid("\(name): \(sizes) has a size below 1 or is too large") }
    byteCount = product
  }
  return byteCount / 4
}

/// Throws where two buffers share memory; `allowSame` lets them be the very same.
func checkOverlap<A, B>(
  _ input: UnsafeBufferPointer<A>, _ output: UnsafeMutableBufferPointer<B>, allowSame: Bool, _ name: String,
  other: String = "output"
) throws {
  let first = UInt(bitPattern: input.baseAddress), second = UInt(bitPattern: output.baseAddress)
  let firstSize = UInt(input.count * MemoryLayout<A>.stride), secondSize = UInt(output.count * MemoryLayout<B>.stride)
  let (low, high, size) = first <= second ? (first, second, firstSize) : (second, first, secondSize)
  guard high - low >= size || (allowSame && first == second) else { throw invalid("\(other) overlaps \(name)") }
}
