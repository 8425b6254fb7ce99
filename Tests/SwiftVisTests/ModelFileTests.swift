import Foundation
import Testing

@testable import SwiftVis

/// A folder that is gone after the test.
private final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "swiftvis-tests-\(UInt64.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// Writes the bytes and gives what loading them throws.
  func failure(loading bytes: [UInt8]) throws -> VisError? {
    // Not Foundation's write, which waits for the disk.
    let path = file("\(UInt64.random(in: 0...(.max))).safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try bytes.withUnsafeBytes { try File(creating: path).write($0) }
    do {
      _ = try Model(contentsOf: path)
      return nil
    } catch {
      return error
    }
  }
}

private func bytes(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

private func file(header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  let prefix = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) }
  return prefix + Array(header.utf8) + Array(repeating: 0, count: data)
}

private func values(_ model: Model, _ name: String) -> [Float] {
  guard let weights = model.weights[name] else { return [] }
  return Array(UnsafeBufferPointer(start: weights.base, count: weights.count))
}

private let description = #"""
  {"format": "swiftvis", "version": 1, "name": "tïny \"quoted\"\n", "inputs": [{"name": "image", "shape": [null, 3]}],
   "nodes": [{"name": "d", "op": "dense", "inputs": ["image"], "weights": {"kernel": "d/kernel", "bias": "d/bias"}}],
   "outputs": ["d"], "kept": {"as": ["it", 1, null]}}
  """#

private func tinyModel(kernel: [Float] = [1, -0.5, 0.1, 65504, 0, 6e-8], bias: [Float] = [1e20, .pi]) throws -> Model {
  try Model(
    description: description,
    weights: [
      "d/kernel": try Weights(shape: [3, 2], values: kernel), "d/bias": try Weights(shape: [2], values: bias),
      "unused": try Weights(shape: [1], values: [1]),
    ])
}

@Suite struct ModelFileTests {
  @Test func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("tiny ü.safetensors")
    let model = try tinyModel()
    for half in [true, false] {
      try model.save(to: path, half: half)
      let again = try Model(contentsOf: path)
      #expect(again.description == description)
      #expect(again.weights.keys.sorted() == ["d/bias", "d/kernel"])
      #expect(values(again, "d/bias") == [1e20, .pi])
      let expected: [Float] = half ? [1, -0.5, 0.099975586, 65504, 0, 5.9604645e-8] : [1, -0.5, 0.1, 65504, 0, 6e-8]
      #expect(values(again, "d/kernel") == expected)
      let header = try bytes(of: path).prefix(8)
      #expect(header.first.map { $0 % 8 } == 0)
      #expect(again.weights.values.allSatisfy { UInt(bitPattern: $0.base) % 64 == 0 })
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["tiny ü.safetensors"])
  }

  @Test(arguments: [65505, -1e9, .infinity, .nan] as [Float])
  func refusesWeightsBeyondHalf(_ value: Float) throws {
    let folder = try TemporaryFolder()
    let error = try #require(throws: VisError.self) {
      try tinyModel(kernel: [0, 0, 0, 0, 0, value]).save(to: folder.file("x.safetensors"), half: true)
    }
    #expect(error.kind == .invalidArgument)
    #expect(error.message.contains("'d/kernel'"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func namesThePathAndTheReason() throws {
    let folder = try TemporaryFolder()
    try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
    for (path, reason) in [
      (folder.file("pipe"), "not a regular file"),
      (folder.file("none.safetensors"), "No such file or directory"), (folder.path, "not a regular file"),
      ("a\0b", "Invalid"),
    ] {
      let error = try #require(throws: VisError.self) { try Model(contentsOf: path) }
      #expect(error.kind == .io)
      #expect(error.message.contains(path) && error.message.contains(reason), "\(error.message)")
    }
    let error = try #require(throws: VisError.self) { try tinyModel().save(to: folder.file("no/where.safetensors")) }
    #expect(error.kind == .io)
    #expect(error.message.contains("no/where.safetensors"))
  }

  static let metadata = #""__metadata__": {"swiftvis": \#(JSON.quoted(description))}"#

  @Test(
    arguments: [
      ([], "it has 0 bytes"), (file(header: "{}", length: .max), "a header of 18446744073709551615 bytes"),
      (file(header: "{}", length: 1 << 40), "a header of 1099511627776 bytes"), (file(header: "{}", length: 3), "cut short"),
      (file(header: "[]"), "not a JSON object"), (file(header: "{}"), "no swiftvis model"),
      (file(header: "{} x"), "not valid JSON"),
      (file(header: #"{"__metadata__": {"swiftvis": 1}}"#), "not a string"),
      (file(header: #"{"__metadata__": []}"#), "expected an object"),
      (Array(file(header: #"{"a": ""#).dropLast()) + [0xFF], "not UTF-8"),
      (file(header: #"{"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#), "between 0 and 0, got 4"),
      (
        file(header: #"{"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#, data: 4),
        "should have 8 bytes, got 4"
      ),
      (file(header: #"{"t": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}"#, data: 4), "should be [begin, end]"),
      (file(header: #"{"t": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}"#, data: 4), "should be [begin, end]"),
      (file(header: #"{"t": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#, data: 4), "between 0 and"),
      (file(header: #"{"t": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}}"#, data: 4), "unknown dtype 'F31'"),
      (file(header: #"{"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "x": 1}}"#, data: 4), "unknown key 'x'"),
      (
        file(header: #"{"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#, data: 8),
        "take 4 bytes of data, got 8"
      ),
      (file(header: #"{"t": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}"#, data: 8), "starts at 4, expected 0"),
      (
        file(
          header: #"""
            {"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
             "u": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}
            """#, data: 8), "'u' starts at 4, expected 8"
      ),
      (
        file(
          header: #"""
            {"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
             "t": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}
            """#, data: 8), "key 't' given twice"
      ),
      (
        file(header: #"{"t": {"dtype": "U8", "shape": [2147483647, 2147483647, 2147483647], "data_offsets": [0, 0]}}"#),
        "too large"
      ),
      (file(header: "{\(metadata)}"), "dense 'd': its bias, weight 'd/bias', is missing"),
      (
        file(header: #"{\#(metadata), "d/bias": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}}"#, data: 16),
        "'d/bias' has dtype I64"
      ),
      (
        file(header: #"{\#(metadata), "d/bias": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}"#),
        "size 0 in a tensor"
      ),
    ] as [([UInt8], String)])
  func refusesAFile(_ bytes: [UInt8], _ message: String) throws {
    let error = try #require(try TemporaryFolder().failure(loading: bytes))
    #expect(error.kind == .invalidModel || error.kind == .unsupported)
    #expect(error.message.contains(message), "\(error.message)")
  }

  @Test func refusesEveryTruncation() throws {
    let folder = try TemporaryFolder()
    try tinyModel().save(to: folder.file("x.safetensors"), half: true)
    let whole = try bytes(of: folder.file("x.safetensors"))
    for length in 0..<whole.count {
      #expect(try folder.failure(loading: Array(whole[..<length])) != nil)
    }
    #expect(try folder.failure(loading: whole) == nil)
    #expect(try folder.failure(loading: whole + [0]) != nil)
  }

  @Test func survivesMutations() throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(2)
    try tinyModel().save(to: folder.file("x.safetensors"), half: true)
    let whole = try bytes(of: folder.file("x.safetensors"))
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) { bytes.mutate(using: &generator) }
      _ = try folder.failure(loading: bytes)
    }
  }

  /// Every half there and back, and rounding in the middle of two neighbours and on both sides of it.
  @Test func halves() {
    let wrong = (UInt16.min ... .max).filter { half in
      let value = widen(half)
      guard half & 0x7FFF <= 0x7C00 else { return !value.isNaN }
      guard value == expected(half), (value.sign == .minus) == (half >= 0x8000) else { return true }
      guard half & 0x7FFF < 0x7BFF else { return value.isFinite && HalfPrecision.narrow(value) != half }
      let middle = (value + widen(half + 1)) / 2
      let (inward, outward) = half < 0x8000 ? (middle.nextDown, middle.nextUp) : (middle.nextUp, middle.nextDown)
      return [value, inward, middle, outward].map(HalfPrecision.narrow) != [half, half, half + half % 2, half + 1]
    }
    #expect(wrong.isEmpty)
  }

  private func widen(_ half: UInt16) -> Float { HalfPrecision.widen(half) }

  /// The definition of binary16.
  private func expected(_ half: UInt16) -> Float {
    let sign: Float = half < 0x8000 ? 1 : -1
    let (exponent, fraction) = (Int(half >> 10 & 0x1F), Float(half & 0x3FF) / 1024)
    switch exponent {
    case 0: return sign * Float(sign: .plus, exponent: -14, significand: fraction)
    case 31: return sign * .infinity
    default: return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    }
  }
}
