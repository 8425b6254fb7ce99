/// What is explained: the mean activation of filters (classes, units, channels) of a layer.
///
/// The score that is differentiated is the sum over the filters of each one's mean over positions. A regression's output is
/// `.filter(0)`.
public struct Target: Hashable, Sendable {
  /// A layer or node by name; nil for the model's first output.
  public var layer: String?
  /// Indices from 0; nil for the mean of all. A filter that is named twice counts twice.
  public var filters: [Int]?
  /// Whether a softmax that the layer ends in is left out: then a map shows what speaks for a class, and not what speaks against the
  /// others.
  public var beforeSoftmax: Bool

  /// Filters of a layer.
  public init(layer: String? = nil, filters: [Int]? = nil, beforeSoftmax: Bool = false) {
    (self.layer, self.filters, self.beforeSoftmax) = (layer, filters, beforeSoftmax)
  }

  /// A class by its score before the softmax, if there is one: what is mostly explained.
  public static func logit(_ index: Int, of layer: String? = nil) -> Target {
    Target(layer: layer, filters: [index], beforeSoftmax: true)
  }

  /// One filter: of the model's output, a class.
  public static func filter(_ index: Int, of layer: String? = nil) -> Target { Target(layer: layer, filters: [index]) }
  /// Several filters.
  public static func filters(_ indices: [Int], of layer: String? = nil) -> Target { Target(layer: layer, filters: indices) }
  /// The mean of all filters of a layer.
  public static func mean(of layer: String) -> Target { Target(layer: layer) }
  /// The mean of all that the model puts out.
  public static let mean = Target()
}
