/// What a session answers: for these input shapes, the values of some nodes, and the gradients at some nodes for cotangents at others.
public struct Question: Hashable, Sendable {
  /// One per model input, in the model's order; batch first.
  public var inputShapes: [[Int]]
  public var values: [String] = []
  public var cotangents: [String] = []
  public var gradients: [String] = []
  public var rule = BackwardRule.plain
  /// Backward may be called again after one forward, at the price of memory.
  public var keepsForward = false
  /// Off: every tensor in a place of its own, for tests.
  public var reusesMemory = true
  /// Only convolution algorithms that sum products directly.
  public var exact = false
  public init(inputShapes: [[Int]]) { self.inputShapes = inputShapes }
}

/// How ReLU and clipped ReLU pass a cotangent back; every other operation keeps its own derivative.
public enum BackwardRule: Hashable, Sendable { case plain, guided, rectified }

/// One answer, planned and with its memory reserved. Used by one thread at a time. (Contract; the engine's author implements.)
public final class Session {
  /// `threads` 0: as many as this process may use.
  public init(_ model: Model, _ question: Question, threads: Int = 0) throws { throw VisError(.unsupported, "contract") }
  /// Called between steps with the share done; returning false cancels the run with `VisError.cancelled`.
  public var progress: ((_ done: Int, _ total: Int) -> Bool)?
  public func shape(of node: String) throws -> [Int] { [] }
  /// "name (kind)" of activations between cotangents and gradients to which the rule does not apply.
  public var unmodifiedActivations: [String] { [] }
  public var arenaByteCount: Int { 0 }
  public var packedWeightByteCount: Int { 0 }
  /// Throws `invalidArgument` where a count is wrong or an input holds a NaN or an infinity.
  public func forward(_ inputs: [UnsafeBufferPointer<Float>], values: [UnsafeMutableBufferPointer<Float>] = []) throws {}
  public func backward(_ cotangents: [UnsafeBufferPointer<Float>], gradients: [UnsafeMutableBufferPointer<Float>]) throws {}
}
