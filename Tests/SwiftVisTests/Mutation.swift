extension [UInt8] {
  /// What fuzzers do: flips, sets, removes, repeats, or puts in a number or a structural character.
  mutating func mutate(using generator: inout some RandomNumberGenerator) {
    guard !isEmpty else { return }
    let position = Int.random(in: 0..<count, using: &generator)
    let end = Swift.min(count, position + Int.random(in: 1...12, using: &generator))
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: self[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: self[position] = UInt8.random(in: 0...255, using: &generator)
    case 2: removeSubrange(position..<end)
    case 3: insert(contentsOf: self[position..<end], at: position)
    case 4:
      let tokens = [
        "0", "-1", "9223372036854775807", "-9223372036854775808", "1e308", "2147483647", "null", "\"same\"", "[", "}",
      ]
      replaceSubrange(position..<Swift.min(count, position + 1), with: (tokens.randomElement(using: &generator) ?? "").utf8)
    default:
      let digits = indices.filter { (0x30...0x39).contains(self[$0]) }
      guard let digit = digits.randomElement(using: &generator) else { return }
      self[digit] = UInt8.random(in: 0x30...0x39, using: &generator)
    }
  }
}
