/// The members of a JSON object, taken out one by one; what is left at the end was not known. Messages open with `context`.
struct Fields {
  /// Sizes and attributes stay below this, so that a product of two of them and a few sums cannot overflow an Int.
  static let maximumInteger = Int(Int32.max)
  static let maximumNameLength = 1024

  var context: String
  private var members: [String: JSON]

  init(_ json: JSON, context: String) throws {
    guard case .object(let members) = json else {
      throw VisError(.invalidModel, "\(context): expected an object, got \(json.kind)")
    }
    self.context = context
    self.members = members
  }

  func failure(_ problem: String) -> VisError { VisError(.invalidModel, "\(context): \(problem)") }

  func wrongType(_ key: String, expected: String, got json: JSON?) -> VisError {
    guard let json else { return failure("'\(key)' is missing") }
    return failure("'\(key)' should be \(expected), got \(json.kind)")
  }

  func has(_ key: String) -> Bool { members[key] != nil }

  mutating func required(_ key: String) throws -> JSON {
    guard let json = take(key) else { throw failure("'\(key)' is missing") }
    return json
  }

  mutating func take(_ key: String) -> JSON? { members.removeValue(forKey: key) }

  /// Throws where members are left that nobody has taken.
  func finish() throws {
    guard let key = members.keys.min() else { return }
    throw failure("unknown key '\(key.prefix(100))'")
  }

  mutating func string(_ key: String) throws -> String {
    let json = take(key)
    guard case .string(let text) = json else { throw wrongType(key, expected: "a string", got: json) }
    return text
  }

  /// A string that may stand in messages and cross the C ABI.
  mutating func name(_ key: String) throws -> String { try checkedName(try string(key), key) }

  func checkedName(_ text: String, _ key: String) throws -> String {
    guard !text.isEmpty else { throw failure("'\(key)' is empty") }
    guard text.utf8.count <= Self.maximumNameLength else {
      throw failure("'\(key)' is longer than \(Self.maximumNameLength) bytes")
    }
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw failure("'\(key)' holds a control character") }
    return text
  }

  mutating func array(_ key: String) throws -> [JSON] {
    let json = take(key)
    guard case .array(let elements) = json else { throw wrongType(key, expected: "a list", got: json) }
    return elements
  }

  /// An empty list where the key is absent.
  mutating func optionalArray(_ key: String) throws -> [JSON] { members[key] == nil ? [] : try array(key) }

  mutating func names(_ key: String, optional: Bool = false) throws -> [String] {
    try (optional ? optionalArray(key) : array(key)).map {
      guard case .string(let text) = $0 else { throw failure("'\(key)' should be a list of names, got \($0.kind) in it") }
      return try checkedName(text, key)
    }
  }

  mutating func bool(_ key: String, default value: Bool) throws -> Bool {
    guard let json = take(key) else { return value }
    guard case .bool(let value) = json else { throw wrongType(key, expected: "true or false", got: json) }
    return value
  }

  /// A number that float32 can hold.
  mutating func number(_ key: String, default value: Double) throws -> Double {
    guard let json = take(key) else { return value }
    guard case .number(let value) = json else { throw wrongType(key, expected: "a number", got: json) }
    guard Float(value).isFinite else { throw failure("'\(key)' is too large: \(value)") }
    return value
  }

  /// Nil where the key is absent or null.
  mutating func optionalNumber(_ key: String) throws -> Double? {
    dropNull(key)
    return members[key] == nil ? nil : try number(key, default: 0)
  }

  /// For the few attributes that may be null: takes it for absent.
  mutating func dropNull(_ key: String) {
    if case .null = members[key] { members[key] = nil }
  }

  func integer(_ json: JSON, _ key: String, atLeast minimum: Int, atMost maximum: Int = maximumInteger) throws -> Int {
    guard case .number(let number) = json, let value = Int(exactly: number) else {
      throw failure("'\(key)' should hold whole numbers, got \(json.kind)")
    }
    guard value >= minimum, value <= maximum else {
      throw failure("'\(key)' should be between \(minimum) and \(maximum), got \(value)")
    }
    return value
  }

  mutating func integer(_ key: String, default value: Int, atLeast minimum: Int) throws -> Int {
    guard let json = take(key) else { return value }
    return try integer(json, key, atLeast: minimum)
  }

  mutating func integers(_ key: String, atLeast minimum: Int, atMost maximum: Int = maximumInteger) throws -> [Int] {
    try array(key).map { try integer($0, key, atLeast: minimum, atMost: maximum) }
  }

  /// [height, width].
  mutating func extent(_ key: String, default value: Extent2D, atLeast minimum: Int = 1) throws -> Extent2D {
    try optionalExtent(key, atLeast: minimum) ?? value
  }

  /// Nil where the key is absent.
  mutating func optionalExtent(_ key: String, atLeast minimum: Int) throws -> Extent2D? {
    guard members[key] != nil else { return nil }
    let values = try integers(key, atLeast: minimum)
    guard values.count == 2 else { throw failure("'\(key)' should be [height, width], got \(values.count) numbers") }
    return Extent2D(values[0], values[1])
  }

  /// A list of [before, after].
  mutating func edgePairs(_ key: String, atLeast minimum: Int) throws -> [EdgePair] {
    try edgePairs(.array(array(key)), key, atLeast: minimum)
  }

  func edgePairs(_ json: JSON, _ key: String, atLeast minimum: Int) throws -> [EdgePair] {
    guard case .array(let pairs) = json else { throw wrongType(key, expected: "a list", got: json) }
    return try pairs.map { pair in
      guard case .array(let ends) = pair, ends.count == 2 else {
        throw failure("'\(key)' should hold [before, after] pairs")
      }
      return EdgePair(try integer(ends[0], key, atLeast: minimum), try integer(ends[1], key, atLeast: minimum))
    }
  }

  /// One of a closed set of words.
  mutating func word<Value>(_ key: String, _ words: KeyValuePairs<String, Value>, default value: Value) throws -> Value {
    guard members[key] != nil else { return value }
    let text = try string(key)
    guard let match = words.first(where: { $0.key == text }) else {
      let known = words.map { "'\($0.key)'" }.joined(separator: ", ")
      throw failure("'\(key)' should be one of \(known), got '\(text.prefix(100))'")
    }
    return match.value
  }
}
