/// How an activation passes a cotangent dY back. `guided` and `rectified` change ReLU and clipped ReLU (ReLU6) only.
public enum BackwardRule: Hashable, Sendable {
  /// dX = dY where 0 < Y and Y is below the upper limit: the gradient (Simonyan et al. 2013). Other activations have their
  /// own derivative.
  case plain
  /// The same, and only where dY > 0: guided backpropagation (Springenberg et al. 2015).
  case guided
  /// dY where dY > 0, whatever Y is: the deconvnet (Zeiler & Fergus 2014).
  case rectified
  /// What a `CustomRule` writes, for any kind of activation. As the rule of a whole question it leaves out `linear`.
  case custom
}

/// A backward rule of the caller's own. Called once for each activation on the way back, on the thread of the run; what it throws
/// ends the run and reaches the caller.
public typealias CustomRule = (ActivationGradient) throws -> Void

/// What a custom rule is given, and where it writes dX. The buffers are valid during the call only.
public struct ActivationGradient {
  /// The activation's name in the graph.
  public let node: String
  /// Of all four buffers, which are row-major.
  public let shape: [Int]
  /// dY: the gradient of the activation's output.
  public let gradient: UnsafeBufferPointer<Float>
  /// What went into the activation.
  public let x: UnsafeBufferPointer<Float>
  /// What came out of it.
  public let y: UnsafeBufferPointer<Float>
  /// dX, to be written from end to end.
  public let result: UnsafeMutableBufferPointer<Float>
}
