import Synchronization

/// Weights in the form that a kernel reads, made once for a model and shared by all its sessions.
final class PackedWeights: Sendable {
  /// What a packed form depends on. Equal keys mean equal contents.
  struct Key: Hashable {
    /// By name: a plan's graph has numbers of its own.
    let node: String
    /// The affine folded into it.
    let affine: String?
    /// The affine before it, whose scale is in it too.
    var affineBefore: String?
    let form: Form
  }
  enum Form: Hashable {
    case convolution(Int), depthwise(Int), dense(Int)
    case permuted([Layout.Factor])
    case bias, scale(count: Int), offset(count: Int), alpha(period: Int)
  }

  private let entries = Mutex<[Key: Weights]>([:])

  var byteCount: Int { entries.withLock { $0.values.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride } } }

  /// The entry for the key; `make` fills `count` floats (zero to begin with) if there is none.
  func weights(_ key: Key, count: Int, make: (UnsafeMutablePointer<Float>) -> Void) throws -> Weights {
    try weights(key) { try Weights(count: count, filling: make) }
  }

  func weights(_ key: Key, make: () throws -> Weights) throws -> Weights {
    if let entry = entries.withLock({ $0[key] }) { return entry }
    let made = try make()
    // Two threads may have made the same one: the first stays.
    return entries.withLock { entries in
      if let entry = entries[key] { return entry }
      entries[key] = made
      return made
    }
  }
}

extension Weights {
  /// `count` zeros and more to a whole number of 64-byte lines, and then filled.
  convenience init(count: Int, filling fill: (UnsafeMutablePointer<Float>) -> Void) throws {
    try self.init(shape: [(count + 15) / 16 * 16]) { buffer in
      buffer.update(repeating: 0)
      if let base = buffer.baseAddress { fill(base) }
    }
  }
}
