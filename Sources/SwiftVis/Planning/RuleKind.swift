/// Which rule an activation follows on the way back: what a plan depends on. (`BackwardRule` has a custom one's function too.)
package enum RuleKind: Hashable, Sendable {
  case plain
  case guided
  case rectified
  /// For any kind of activation. As the rule of a whole question it leaves out `linear`.
  case custom
}

/// A backward rule of the caller's own. Called once for each activation on the way back, on the thread of the run; what it throws
/// ends the run and reaches the caller.
package typealias CustomRule = (ActivationGradient) throws -> Void
