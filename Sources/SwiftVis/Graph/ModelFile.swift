/// A model as a .safetensors file, open for reading and with its header checked.
struct ModelFile {
  let description: String
  private let file: File
  private let dataStart: Int
  private let tensors: [String: SafetensorsHeader.Tensor]
  private static let chunkCount = 1 << 15

  init(path: String) throws {
    file = try File(reading: path)
    let size = try file.size()
    let start = SafetensorsHeader.prefixLength
    guard size >= start else { throw VisError(.invalidModel, "not a .safetensors file: it has \(size) bytes") }
    var prefix: UInt64 = 0
    try withUnsafeMutableBytes(of: &prefix) { [file] in try file.read(at: 0, into: $0) }
    guard let length = Int(exactly: UInt64(littleEndian: prefix)), length <= SafetensorsHeader.maximumLength else {
      throw VisError(.invalidModel, "not a .safetensors file: a header of \(UInt64(littleEndian: prefix)) bytes")
    }
    guard length <= size - start else {
      throw VisError(.invalidModel, "cut short: the header should have \(length) bytes, got \(size - start)")
    }
    var bytes = [UInt8](repeating: 0, count: length)
    try bytes.withUnsafeMutableBytes { [file] in try file.read(at: start, into: $0) }
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.utf8.elementsEqual(bytes) else { throw VisError(.invalidModel, "the header is not UTF-8") }
    let header = try SafetensorsHeader(parsing: text, dataLength: size - start - length)
    guard let description = header.description else {
      throw VisError(.invalidModel, "holds tensors but no swiftvis model: convert the model that they belong to")
    }
    self.description = description
    dataStart = start + length
    tensors = Dictionary(uniqueKeysWithValues: header.tensors.map { ($0.name, $0) })
  }

  /// Reads a tensor as float32; nil where the file has none of that name.
  func weights(named name: String) throws -> Weights? {
    guard let tensor = tensors[name] else { return nil }
    let offset = dataStart + tensor.range.lowerBound
    switch tensor.type {
    case "F32":
      return try Weights(shape: tensor.shape) { try file.read(at: offset, into: UnsafeMutableRawBufferPointer($0)) }
    case "F16":
      return try Weights(shape: tensor.shape) { destination in
        var halves = [UInt16](repeating: 0, count: min(Self.chunkCount, destination.count))
        for start in stride(from: 0, to: destination.count, by: Self.chunkCount) {
          let values = UnsafeMutableBufferPointer(
            rebasing: destination[start..<min(start + Self.chunkCount, destination.count)])
          try halves.withUnsafeMutableBufferPointer { halves in
            let chunk = UnsafeMutableBufferPointer(rebasing: halves[..<values.count])
            try file.read(at: offset + start * 2, into: UnsafeMutableRawBufferPointer(chunk))
            HalfPrecision.widen(UnsafeBufferPointer(chunk), into: values)
          }
        }
      }
    default:
      throw VisError(.unsupported, "tensor '\(name)' has dtype \(tensor.type); F32 and F16 are supported")
    }
  }

  /// Writes a file that `init(path:)` and the safetensors package read.
  static func write(description: String, weights: [String: Weights], to path: String, half: Bool) throws {
    func isHalf(_ weights: Weights) -> Bool { half && weights.shape.count >= 2 }
    // Those of four bytes first: all stay aligned.
    let ordered = weights.sorted { (isHalf($0.value) ? 1 : 0, $0.key) < (isHalf($1.value) ? 1 : 0, $1.key) }
    var header = SafetensorsHeader(description: description, tensors: [])
    var end = 0
    for (name, weights) in ordered {
      let start = end
      end += weights.count * (isHalf(weights) ? 2 : 4)
      header.tensors.append(
        .init(name: name, type: isHalf(weights) ? "F16" : "F32", shape: weights.shape, range: start..<end))
    }
    try File.replace(path) { file in
      try header.encoded().withUnsafeBytes { try file.write($0) }
      for (name, weights) in ordered {
        let values = UnsafeBufferPointer(start: weights.base, count: weights.count)
        if isHalf(weights) {
          try writeHalf(values, name: name, to: file)
        } else {
          try file.write(UnsafeRawBufferPointer(values))
        }
      }
    }
  }

  private static func writeHalf(_ values: UnsafeBufferPointer<Float>, name: String, to file: File) throws {
    var halves = [UInt16](repeating: 0, count: min(chunkCount, values.count))
    for start in stride(from: 0, to: values.count, by: chunkCount) {
      let chunk = UnsafeBufferPointer(rebasing: values[start..<min(start + chunkCount, values.count)])
      try halves.withUnsafeMutableBufferPointer { halves in
        let destination = UnsafeMutableBufferPointer(rebasing: halves[..<chunk.count])
        guard HalfPrecision.narrow(chunk, into: destination) else {
          throw VisError(.invalidArgument, "weight '\(name)' holds a value that float16 cannot: save the model without half")
        }
        try file.write(UnsafeRawBufferPointer(destination))
      }
    }
  }
}
