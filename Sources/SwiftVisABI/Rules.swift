import CSwiftVis
import SwiftVis

// Backward rules of a question, in both directions.

func addRules(_ options: sv_question, _ model: Model, to question: inout Question) throws {
  question.rule = try rule(options.rule, "question.rule")
  let nodeCount = model.graph.nodes.count
  guard options.rule_count >= 0, options.rule_count <= nodeCount else {
    throw invalid(
      "question.rules: \(UInt(bitPattern: options.rule_count)) rules, but the model has \(nodeCount) inputs and nodes")
  }
  for (index, entry) in try elements(options.rules, options.rule_count, "question.rules").enumerated() {
    let node = try string(entry.node, "question.rules[\(index)].node")
    guard question.rules.updateValue(try rule(entry.rule, "question.rules[\(index)].rule"), forKey: node) == nil else {
      throw invalid("question.rules: '\(node)' is given twice")
    }
  }
  if options.backward_rule == nil, question.rule == .custom || question.rules.values.contains(.custom) {
    throw invalid("question.backward_rule is NULL, but a rule is SV_RULE_CUSTOM")
  }
}

private func rule(_ value: sv_rule, _ name: String) throws -> RuleKind {
  switch value {
  case SV_RULE_PLAIN: .plain
  case SV_RULE_GUIDED: .guided
  case SV_RULE_RECTIFIED: .rectified
  case SV_RULE_CUSTOM: .custom
  default: throw invalid("\(name): \(value) is none of the SV_RULE_ values")
  }
}

func customRule(_ rule: @escaping sv_backward_rule, _ context: UnsafeMutableRawPointer?) -> CustomRule {
  { pass in
    var shape = sv_shape()
    try answer(pass.shape, node: pass.node, &shape)
    let status = pass.node.withCString {
      rule(
        context, $0, &shape, pass.gradient.baseAddress, pass.x.baseAddress, pass.y.baseAddress, pass.result.baseAddress)
    }
    guard status == 0 else {
      throw VisError(.callbackFailed, "the backward rule answered \(status) for '\(pass.node)'")
    }
  }
}
