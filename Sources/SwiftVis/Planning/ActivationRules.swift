/// The rule that each activation follows.
struct ActivationRules {
  private let common: RuleKind
  /// Of activations that do not follow the common rule.
  private(set) var own: [Graph.NodeIndex: RuleKind] = [:]
  private var graph: Graph

  /// Throws where the question names something that is no activation.
  init(_ graph: Graph, _ question: Question) throws {
    self.graph = graph
    common = question.rule
    for (name, rule) in question.rules.sorted(by: { $0.key < $1.key }) {
      guard let node = graph.index(of: name) else {
        throw VisError(.invalidArgument, "the model has no node '\(name)'")
      }
      guard graph.nodes[node].operation.isActivation else {
        let kind = graph.nodes[node].operation.name
        throw VisError(.invalidArgument, "'\(name)' (\(kind)) is no activation: it has no backward rule")
      }
      own[node] = rule
    }
    // A rule for all of them does not mean the places where an activation could be.
    guard common == .custom else { return }
    for node in graph.nodes.indices where own[node] == nil {
      if graph.nodes[node].operation == .activation(.linear) || !graph.nodes[node].operation.isActivation {
        own[node] = .plain
      }
    }
  }

  subscript(node: Graph.NodeIndex) -> RuleKind { own[node] ?? common }

  /// The same rules for the nodes of a physical graph. Its movements have none.
  func moved(to physical: PhysicalGraph) -> ActivationRules {
    var moved = self
    moved.graph = physical.graph
    moved.own = [:]
    for (node, origin) in physical.origins.enumerated() {
      let rule = origin.map { self[$0] } ?? .plain
      if rule != common { moved.own[node] = rule }
    }
    return moved
  }

  /// Those whose rule is custom.
  var customNodes: [Graph.NodeIndex] { graph.nodes.indices.filter { self[$0] == .custom } }

  /// Custom rules count only where a cotangent is carried from an activation to its input: elsewhere the ordinary steps will do.
  mutating func restrict(to path: Set<Graph.NodeIndex>, of graph: Graph) {
    for node in customNodes where !path.contains(node) || path.isDisjoint(with: graph.inputs(of: node)) {
      own[node] = .plain
    }
  }
}

extension Operation {
  var isActivation: Bool {
    switch self {
    case .activation, .softmax, .logSoftmax, .prelu: true
    default: false
    }
  }
}
