/// The header of a .safetensors file: where each tensor lies in the data that follows, and a dictionary of strings.
/// Reading trusts nothing: names are unique, and the tensors cover the data exactly, each as long as its shape says.
struct SafetensorsHeader {
  struct Tensor {
    var name: String
    var type: String
    var shape: [Int]
    /// In bytes from the end of the header.
    var range: Range<Int>
  }

  /// The JSON's length, eight bytes, little-endian, precedes it.
  static let prefixLength = 8
  static let maximumLength = 2 * Graph.maximumDescriptionLength
  static let typeSizes = [
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1,
    "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
  ]

  private static let descriptionKey = "swiftvis"

  /// The graph description, nil where the file is not a model of ours.
  var description: String?
  var tensors: [Tensor]
}

extension SafetensorsHeader {
  /// `dataLength` is what the file holds after the header.
  init(parsing text: String, dataLength: Int) throws {
    guard case .object(let members) = try JSON(parsing: text) else {
      throw VisError(.invalidModel, "the header is not a JSON object")
    }
    description = nil
    tensors = []
    for (name, json) in members {
      if name == "__metadata__" {
        var fields = try Fields(json, context: "__metadata__")
        description = try fields.take(Self.descriptionKey).map { value in
          guard case .string(let text) = value else { throw fields.failure("'\(Self.descriptionKey)' is not a string") }
          return text
        }
      } else {
        tensors.append(try Tensor(name: name, json, dataLength: dataLength))
      }
    }
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = 0
    for tensor in tensors {
      guard tensor.range.lowerBound == end else {
        throw VisError(.invalidModel, "tensor '\(tensor.name)' starts at \(tensor.range.lowerBound), expected \(end)")
      }
      end = tensor.range.upperBound
    }
    guard end == dataLength else {
      throw VisError(.invalidModel, "the tensors take \(end) bytes of data, got \(dataLength)")
    }
  }

  /// The prefix and the JSON, padded so that the data starts at a multiple of eight.
  func encoded() -> [UInt8] {
    var parts: [String] = []
    if let description {
      parts.append("\"__metadata__\":{\(JSON.quoted(Self.descriptionKey)):\(JSON.quoted(description))}")
    }
    parts += tensors.map { tensor in
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      return "\(JSON.quoted(tensor.name)):{\"dtype\":\"\(tensor.type)\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(tensor.range.lowerBound),\(tensor.range.upperBound)]}"
    }
    var json = Array("{\(parts.joined(separator: ","))}".utf8)
    json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}

extension SafetensorsHeader.Tensor {
  init(name: String, _ json: JSON, dataLength: Int) throws {
    var fields = try Fields(json, context: "tensor '\(name.prefix(200))'")
    let type = try fields.string("dtype")
    guard let typeSize = SafetensorsHeader.typeSizes[type] else {
      throw VisError(.unsupported, "\(fields.context): unknown dtype '\(type.prefix(40))'")
    }
    let shape = try fields.integers("shape", atLeast: 0)
    let offsets = try fields.integers("data_offsets", atLeast: 0, atMost: dataLength)
    try fields.finish()
    guard offsets.count == 2, offsets[0] <= offsets[1] else { throw fields.failure("'data_offsets' should be [begin, end]") }
    var byteCount = typeSize
    for size in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard !overflow else { throw fields.failure("its shape \(ShapeInference.text(shape)) is too large") }
      byteCount = product
    }
    guard byteCount == offsets[1] - offsets[0] else {
      throw fields.failure(
        "\(type) of \(ShapeInference.text(shape)) should have \(byteCount) bytes, got \(offsets[1] - offsets[0])")
    }
    self.init(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }
}
