/// Why something cannot be done. Every public function that can fail throws one.
public struct VisError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  public enum Kind: Sendable {
    /// A name, shape, size or option is wrong, or an input holds a NaN or an infinity.
    case invalidArgument
    /// A model file or description is damaged or contradicts itself.
    case invalidModel
    /// An operation, data type or processor that this version does not know.
    case unsupported
    /// A file could not be read or written.
    case io
    /// There is not enough memory.
    case outOfMemory
    /// The task was cancelled.
    case cancelled
    /// A fault of the library itself; please report it.
    case `internal`
    /// A backward rule of the caller's failed: see ``VisError/underlyingError``.
    case callbackFailed
  }
  /// What kind of failure it is.
  public let kind: Kind
  /// For the user: names the layer or node, what was expected and what came.
  public let message: String
  /// What the caller's own function threw.
  public let underlyingError: (any Error)?

  /// An error with a message for the user.
  public init(_ kind: Kind, _ message: String, underlyingError: (any Error)? = nil) {
    (self.kind, self.message, self.underlyingError) = (kind, message, underlyingError)
  }

  /// The message.
  public var description: String { message }
}

/// Gives what `body` throws its public type. The engine throws nothing but `VisError`; anything else is from a caller's function.
func asVisError<Result>(_ body: () throws -> Result) throws(VisError) -> Result {
  do {
    return try body()
  } catch let error as VisError {
    throw error
  } catch {
    throw VisError(.callbackFailed, "the caller's function failed: \(error)", underlyingError: error)
  }
}
