extension JSON {
  static func integer(_ value: Int) -> JSON { .number(Double(value)) }

  static func integers(_ values: [Int]) -> JSON { .array(values.map { .integer($0) }) }

  /// JSON has no infinity and no NaN: they become a string, which no attribute takes.
  static func finite(_ value: Double) -> JSON { value.isFinite ? .number(value) : .string("\(value)") }

  /// With as few digits as bring the same float32 back.
  static func finite(_ value: Float) -> JSON {
    guard value.isFinite, let short = Double(value.description), Float(short) == value else { return finite(Double(value)) }
    return .number(short)
  }

  /// As one line; members are sorted by their keys. Numbers are finite.
  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let value): Int(exactly: value).map { $0.magnitude < 1 << 53 ? "\($0)" : "\(value)" } ?? "\(value)"
    case .string(let text): Self.quoted(text)
    case .array(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)): \($0.value.text)" }.joined(separator: ", ") + "}"
    }
  }
}
