/// How activations pass the gradient of their output, dY, back to their input, dX.
///
/// `guided` and `rectified` change ReLU and clipped ReLU (ReLU6) only; other activations keep their own derivative under them. Rules
/// of your own are for activations of any kind:
///
/// ```swift
/// let leaky = BackwardRule.elementwise { gradient, x, _ in x > 0 ? gradient : 0.1 * gradient }
/// let map = try model.saliency(of: image, rule: .guided.overridden(in: ["conv5": leaky]))
/// ```
public struct BackwardRule: Sendable {
  /// What a ``custom(_:)`` rule runs.
  public typealias Function = @Sendable (ActivationGradient) throws -> Void

  let kind: RuleKind
  let function: Function?
  /// By layer or node.
  private(set) var own: [String: BackwardRule] = [:]

  private init(_ kind: RuleKind, _ function: Function? = nil) { (self.kind, self.function) = (kind, function) }

  /// dX = dY where 0 < Y and Y is below the upper limit: the gradient (Simonyan et al. 2013, arXiv:1312.6034).
  public static let plain = BackwardRule(.plain)
  /// The same, and only where dY > 0: guided backpropagation (Springenberg et al. 2015, arXiv:1412.6806).
  public static let guided = BackwardRule(.guided)
  /// dY where dY > 0, whatever Y is: the deconvnet (Zeiler & Fergus 2014, arXiv:1311.2901).
  public static let rectified = BackwardRule(.rectified)

  /// A rule of your own. `function` is called once for each activation that is not `linear`, the last one first, on the thread that asked
  /// for the gradient, and fills ``ActivationGradient/result``. What it throws ends the run: a ``VisError`` as it is, another error in one
  /// of kind `callbackFailed`.
  public static func custom(_ function: @escaping Function) -> BackwardRule { BackwardRule(.custom, function) }

  /// A rule of your own that looks at one place at a time: dX from dY, what went into the activation and what came out of it.
  public static func elementwise(
    _ function: @escaping @Sendable (_ gradient: Float, _ x: Float, _ y: Float) -> Float
  ) -> BackwardRule {
    .custom { pass in
      for place in pass.result.indices {
        pass.result[place] = function(pass.gradient[place], pass.x[place], pass.y[place])
      }
    }
  }

  /// This rule, but another one for the activations of single layers.
  ///
  /// - Parameter layers: rules by the name of a layer that has an activation, or of an activation's node. An unknown name, or one without
  ///   an activation, is an error of kind `invalidArgument` when the rule is used.
  public func overridden(in layers: [String: BackwardRule]) -> BackwardRule {
    var rule = self
    rule.own.merge(layers) { $1 }
    return rule
  }
}

/// What a custom rule is given, and where it writes dX. The buffers are valid during the call only.
public struct ActivationGradient {
  /// The activation's name in the graph.
  public let node: String
  /// Of all four buffers, which are row-major; batch first.
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
