import CSwiftVis
import SwiftVis

// Writers of C answers. They check the output pointers before they write any.

/// The string protocol of `sv_model_describe`.
func answer(
  _ text: String, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ length: UnsafeMutablePointer<Int>?
) throws {
  var text = text
  let length = try required(length, "length")
  try text.withUTF8 { utf8 in
    if let buffer {
      // A size_t above Int.max arrives as a negative number.
      guard UInt(bitPattern: capacity) > UInt(utf8.count) else {
        throw invalid("capacity: \(utf8.count + 1) bytes are needed, \(UInt(bitPattern: capacity)) were given")
      }
      UnsafeMutableRawBufferPointer(start: buffer, count: utf8.count).copyBytes(from: utf8)
      buffer[utf8.count] = 0
    }
    length.pointee = utf8.count
  }
}

/// Batch first, -1 where a size is open.
func answer(_ sizes: [Int?], node: String, _ shape: UnsafeMutablePointer<sv_shape>) throws {
  guard sizes.count <= SV_MAX_RANK else { throw VisError(.internal, "node '\(node)' has rank \(sizes.count)") }
  var answer = sv_shape()
  answer.rank = Int32(sizes.count)
  withUnsafeMutableBytes(of: &answer.dims) { bytes in
    let dims = bytes.bindMemory(to: Int64.self)
    for (axis, size) in sizes.enumerated() { dims[axis] = Int64(size ?? -1) }
  }
  shape.pointee = answer
}
