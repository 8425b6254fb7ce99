/// What an optimization makes small: a number that is computed from what layers put out, or from the image itself.
///
/// ```swift
/// let brightness = Loss.custom("brightness", of: ["image"]) { values in
///   let x = values[0], count = Float(x.values.count)
///   return .init(
///     value: x.values.reduce(0, +) / count,
///     gradients: [try Tensor(shape: x.shape, values: x.values.map { _ in 1 / count })])
/// }
/// let image = try model.minimize([.activation(of: .filter(3)), brightness], from: seed)
/// ```
public struct Loss: Sendable {
  /// How the steps of an optimization call it.
  public var name: String
  /// What its value and its gradients are multiplied by.
  public var weight: Double
  let formula: Formula

  enum Formula: Sendable {
    case activation(Target)
    case totalVariation(beta: Double)
    case lpNorm(p: Double)
    case custom(layers: [String], Function)
  }

  /// What a loss of your own answers.
  public struct Evaluation: Sendable {
    /// The loss.
    public var value: Float
    /// Its derivative with respect to each of the tensors, of their shapes.
    public var gradients: [Tensor]

    /// A loss and its derivatives.
    public init(value: Float, gradients: [Tensor]) { (self.value, self.gradients) = (value, gradients) }
  }

  /// Computes a loss of your own from what its layers put out, batch first, in the order in which they are named.
  public typealias Function = @Sendable (_ values: [Tensor]) throws -> Evaluation

  /// Minus the mean activation of each filter, over batch and positions, summed over the filters (Simonyan et al. 2014,
  /// arXiv:1312.6034).
  public static func activation(of target: Target, weight: Double = 1) -> Loss {
    Loss(name: "ActivationMax Loss", weight: weight, formula: .activation(target))
  }

  /// How much neighbouring pixels differ: the squares of their differences, summed over the directions, to the power beta / 2, summed
  /// over pixels and channels (Mahendran & Vedaldi 2016, arXiv:1512.02017), over the number of values of one image.
  ///
  /// - Parameters:
  ///   - beta: positive; smaller values give sharper, spikier images. 1.5 to 2 are usual.
  ///   - weight: what the loss is multiplied by.
  public static func totalVariation(beta: Double = 2, weight: Double = 10) -> Loss {
    Loss(name: "TV(\(beta)) Loss", weight: weight, formula: .totalVariation(beta: beta))
  }

  /// The p-norm of all values of the image over their number, which bounds the intensity of pixels.
  ///
  /// - Parameters:
  ///   - p: 1 or more; infinity means the largest value, as in keras-vis, not the largest absolute value.
  ///   - weight: what the loss is multiplied by.
  public static func lpNorm(p: Double = 6, weight: Double = 10) -> Loss {
    Loss(name: "L-\(p) Norm Loss", weight: weight, formula: .lpNorm(p: p))
  }

  /// A loss of your own. It is called once in each step, on the thread of the optimization; what it throws ends that.
  ///
  /// - Parameters:
  ///   - name: how steps call it.
  ///   - layers: layers or nodes whose values the function takes; the model's input is one of them where it is named.
  ///   - weight: what the loss is multiplied by.
  ///   - function: computes it.
  public static func custom(
    _ name: String, of layers: [String], weight: Double = 1, _ function: @escaping Function
  ) -> Loss {
    Loss(name: name, weight: weight, formula: .custom(layers: layers, function))
  }
}
