/// Activations written as products: x times a gate that is a function of x.
extension Patterns {
  /// outer * (coefficient * x) * (scale * f(u) + offset), where the function node is f.
  private struct GatedProduct {
    let coefficient: Double
    let x: Graph.NodeIndex
    let function: Graph.NodeIndex
    let scale: Double, offset: Double
  }

  func activation(_ node: Graph.NodeIndex) -> Graph.Node? {
    if let slope = hardSigmoidSlope(node) {
      return replacement(node, .activation(.hardSigmoid(slope: Float(slope))), of: input(input(input(node))))
    }
    for product in gatedProducts(node) {
      if let activation = activation(product) { return replacement(node, .activation(activation), of: product.x) }
    }
    return nil
  }

  /// The ways to read a product of two, perhaps scaled.
  private func gatedProducts(_ node: Graph.NodeIndex) -> [GatedProduct] {
    var (root, outer) = (node, 1.0)
    if let (scale, offset) = scaling(node), offset == 0 {
      (root, outer) = (input(node), scale)
      guard !kept.contains(root) else { return [] }
    }
    guard operation(root) == .merge(.multiply), graph.nodes[root].inputs.count == 2 else { return [] }
    return [(0, 1), (1, 0)].flatMap { x, gate -> [GatedProduct] in
      guard let (function, scale, offset) = gateFunction(input(root, gate)) else { return [] }
      return scaledInputs(input(root, x)).map { x, factor in
        GatedProduct(coefficient: outer * factor, x: x, function: function, scale: scale, offset: offset)
      }
    }
  }

  /// Behind a scale and an offset.
  private func gateFunction(_ node: Graph.NodeIndex) -> (Graph.NodeIndex, scale: Double, offset: Double)? {
    guard !kept.contains(node) else { return nil }
    guard let (scale, offset) = scaling(node) else { return (node, 1, 0) }
    return kept.contains(input(node)) ? nil : (input(node), scale, offset)
  }

  /// A node is itself, or a number times its input.
  private func scaledInputs(_ node: Graph.NodeIndex) -> [(Graph.NodeIndex, factor: Double)] {
    guard let (scale, offset) = scaling(node), offset == 0, !kept.contains(node) else { return [(node, 1)] }
    return [(node, 1), (input(node), scale)]
  }

  private func activation(_ product: GatedProduct) -> Activation? {
    func argument(_ coefficients: Double...) -> Bool {
      var budget = 16
      guard let p = polynomial(input(product.function), of: product.x, &budget), p.count == coefficients.count else {
        return false
      }
      return zip(p, coefficients).allSatisfy(nearly)
    }
    let amplitude = product.coefficient * product.scale
    let isHalfOfOnePlus = nearly(amplitude, 0.5) && nearly(product.offset, product.scale)
    let isWhole = nearly(amplitude, 1) && product.offset == 0
    switch operation(product.function) {
    case .activation(.sigmoid) where isWhole:
      if argument(0, 1) { return .silu }
      return argument(0, 1.5957691216, 0, 0.0713548163) ? .gelu(approximate: true) : nil
    case .activation(.hardSigmoid(let slope)) where isWhole && nearly(Double(slope), 1 / 6):
      return argument(0, 1) ? .hardSwish : nil
    case .activation(.relu(let maxValue?, 0, 0))
    where nearly(amplitude * Double(maxValue), 1) && product.offset == 0 && rules[product.function] == .plain:
      return argument(Double(maxValue) / 2, Double(maxValue) / 6) ? .hardSwish : nil
    case .unary(.elementary(.erf)) where isHalfOfOnePlus:
      return argument(0, 0.7071067812) ? .gelu(approximate: false) : nil
    case .activation(.tanh) where isHalfOfOnePlus:
      return argument(0, 0.7978845608, 0, 0.0356774081) ? .gelu(approximate: true) : nil
    case .activation(.tanh) where isWhole:
      let inner = input(product.function)
      guard operation(inner) == .activation(.softplus), !kept.contains(inner) else { return nil }
      return input(inner) == product.x ? .mish : nil
    default: return nil
    }
  }

  /// clip(x + 3, 0, 6) / 6 and the like, whose clip is a ReLU that follows no rule.
  private func hardSigmoidSlope(_ node: Graph.NodeIndex) -> Double? {
    guard let (outer, zero) = scaling(node), zero == 0, case let relu = input(node), !kept.contains(relu),
      case .activation(.relu(let maxValue?, 0, 0)) = operation(relu), rules[relu] == .plain,
      case let shifted = input(relu), !kept.contains(shifted), let (slope, offset) = scaling(shifted),
      nearly(outer * Double(maxValue), 1), nearly(outer * offset, 0.5)
    else { return nil }
    return outer * slope
  }
}
