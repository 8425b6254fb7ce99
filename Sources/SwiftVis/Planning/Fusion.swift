import SwiftVisKernels

/// Nodes that run as one step: zero padding, a core operation, the affine folded into its weights, the value added to its
/// result, and the rectifier or other activation applied last, all while the result is in registers or the first-level cache.
struct FusedNode {
  let core: Graph.NodeIndex
  /// The `pad` node whose zeros the core's own padding stands for.
  var pad: Graph.NodeIndex?
  var affine: Graph.NodeIndex?
  var addend: Graph.NodeIndex?
  var rectifier: Rectifier?
  var activation: Epilogue.Activation?
  /// The node whose value the group has.
  var output: Graph.NodeIndex
}

/// A ReLU or clipped ReLU: what the guided and rectified rules apply to. Its derivative can be read off its output: the
/// cotangent passes where that is inside (0, limit).
struct Rectifier: Equatable {
  let limit: Float
  let threshold: Float
  let rule: RuleKind

  /// Nil for a custom rule too, which knows no gates.
  init?(_ operation: Operation, _ rule: RuleKind) {
    guard case .activation(.relu(let maxValue, let slope, let threshold)) = operation, slope == 0, threshold >= 0,
      maxValue.map({ $0 > 0 }) ?? true, rule != .custom
    else { return nil }
    self.rule = rule
    limit = maxValue ?? .infinity
    self.threshold = threshold
  }
}

/// The needed nodes of a physical graph, grouped.
struct Fusion {
  /// In an order in which each group comes after what it reads.
  private(set) var groups: [FusedNode] = []
  private let graph: Graph
  private let shapes: [[Int]]
  private let rules: ActivationRules
  private let kept: Set<Graph.NodeIndex>
  private var useCount: [Int]

  /// `wanted`: nodes that must be computed. `kept`: nodes whose own value or cotangent is asked for, which are not fused over.
  init(
    _ graph: Graph, shapes: [[Int]], rules: ActivationRules, wanted: Set<Graph.NodeIndex>, kept: Set<Graph.NodeIndex>
  ) {
    self.graph = graph
    self.shapes = shapes
    self.rules = rules
    self.kept = kept
    useCount = Array(repeating: 0, count: graph.nodes.count)
    var needed = Array(repeating: false, count: graph.nodes.count)
    for node in wanted { needed[node] = true }
    for node in graph.nodes.indices.reversed() where needed[node] {
      for input in graph.inputs(of: node) {
        needed[input] = true
        useCount[input] += 1
      }
    }
    group(graph.nodes.indices.filter { needed[$0] })
  }

  private mutating func group(_ order: [Graph.NodeIndex]) {
    var slotOf: [Graph.NodeIndex: Int] = [:]
    var slots: [FusedNode?] = []
    for node in order {
      var group = FusedNode(core: node, rectifier: rectifier(node), output: node)
      // The latest input first: in a residual block it is the nearest convolution.
      for input in graph.inputs(of: node).sorted(by: >) where useCount[input] == 1 && !kept.contains(input) {
        // The group moves to the node's place in the order, where all else that the node reads is ready.
        if let slot = slotOf[input], let previous = slots[slot], let extended = extend(previous, with: node) {
          slots[slot] = nil
          group = extended
          break
        }
      }
      if let pad = foldedPad(node), let slot = slotOf[pad] {
        slots[slot] = nil
        group.pad = pad
      }
      slotOf[node] = slots.count
      slots.append(group)
    }
    groups = slots.compactMap { $0 }
  }

  /// The `pad` before a convolution, where it only adds zeros round the image.
  private func foldedPad(_ node: Graph.NodeIndex) -> Graph.NodeIndex? {
    switch graph.nodes[node].operation {
    case .convolution(let attributes), .depthwiseConvolution(let attributes):
      guard attributes.padding != .same, let input = graph.inputs(of: node).first, useCount[input] == 1,
        !kept.contains(input), case .pad(let pairs) = graph.nodes[input].operation, pairs.count >= 3,
        pairs.allSatisfy({ $0.before >= 0 && $0.after >= 0 }),
        (pairs.dropLast(3) + pairs.suffix(1)).allSatisfy({ $0 == EdgePair(0, 0) })
      else { return nil }
      return input
    default: return nil
    }
  }

  /// The group with the node as its new end, where the core's kernel can do that.
  private func extend(_ group: FusedNode, with node: Graph.NodeIndex) -> FusedNode? {
    guard group.rectifier == nil, group.activation == nil, rules[node] != .custom else { return nil }
    let core = graph.nodes[group.core].operation
    var extended = group
    extended.output = node
    switch graph.nodes[node].operation {
    case .affine where core.foldsAffine && group.affine == nil && group.addend == nil:
      extended.affine = node
    case .merge(.add) where core.foldsAffine && group.addend == nil:
      let inputs = graph.inputs(of: node)
      guard inputs.count == 2, shapes[inputs[0]] == shapes[inputs[1]] else { return nil }
      extended.addend = inputs[0] == group.output ? inputs[1] : inputs[0]
    case .activation(.silu) where core.foldsAffine: extended.activation = .silu
    case .activation(.gelu(let approximate)) where core.foldsAffine: extended.activation = approximate ? .geluTanh : .gelu
    case .activation where core.clampsResult:
      guard let rectifier = rectifier(node), rectifier.threshold == 0 else { return nil }
      extended.rectifier = rectifier
    default: return nil
    }
    return extended
  }

  private func rectifier(_ node: Graph.NodeIndex) -> Rectifier? { Rectifier(graph.nodes[node].operation, rules[node]) }
}

extension Graph {
  func inputs(of node: NodeIndex) -> [NodeIndex] { nodes[node].inputs }

  /// What the core of a group reads.
  func inputs(of group: FusedNode) -> [NodeIndex] { inputs(of: group.pad ?? group.core) }
}

extension Operation {
  /// Whether a following affine can be multiplied into the weights, and an addend be added as the result is written.
  fileprivate var foldsAffine: Bool {
    switch self {
    case .convolution, .depthwiseConvolution, .transposedConvolution, .dense: true
    default: false
    }
  }

  fileprivate var clampsResult: Bool { foldsAffine || self == .affine || self == .merge(.add) }
}
