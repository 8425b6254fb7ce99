import SwiftVis

/// What a session answered, in the order of its question.
struct Answer: Equatable {
  var values: [[Float]] = []
  var gradients: [[Float]] = []

  /// Equal to the last bit, NaNs and signs of zero included.
  func isIdentical(to other: Answer) -> Bool {
    func bits(_ answer: Answer) -> [[UInt32]] { (answer.values + answer.gradients).map { $0.map(\.bitPattern) } }
    return bits(self) == bits(other)
  }
}

extension Network {
  /// The question about this network's samples.
  func question(
    values: [String] = [], cotangents: [String] = [], gradients: [String] = [], rule: RuleKind = .plain
  ) -> Question {
    var question = Question(inputShapes: inputs.map { shape($0) })
    question.values = values
    question.cotangents = cotangents
    question.gradients = gradients
    question.rule = rule
    return question
  }

  var samples: [[Float]] { inputs.map { values[$0]!.floats } }
}

extension Session {
  /// Forward, and backward where there are cotangents.
  func run(_ question: Question, inputs: [[Float]], cotangents: [[Float]] = []) throws -> Answer {
    var answer = Answer()
    answer.values = try forward(inputs, values: question.values.map { try shape(of: $0).reduce(1, *) })
    if !question.gradients.isEmpty { answer.gradients = try backward(question, cotangents: cotangents) }
    return answer
  }

  /// Starts from outputs full of NaN, so that a place that is never written shows.
  func forward(_ inputs: [[Float]], values counts: [Int]) throws -> [[Float]] {
    try filling(counts) { outputs in try borrowing(inputs) { try forward($0, values: outputs) } }
  }
  func backward(_ question: Question, cotangents: [[Float]]) throws -> [[Float]] {
    let counts = try question.gradients.map { try shape(of: $0).reduce(1, *) }
    return try filling(counts) { outputs in try borrowing(cotangents) { try backward($0, gradients: outputs) } }
  }
}

private func borrowing(_ arrays: [[Float]], _ body: ([UnsafeBufferPointer<Float>]) throws -> Void) throws {
  let copies = arrays.map { array in
    let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: array.count)
    _ = copy.initialize(from: array)
    return copy
  }
  defer { copies.forEach { $0.deallocate() } }
  try body(copies.map { UnsafeBufferPointer($0) })
}

private func filling(_ counts: [Int], _ body: ([UnsafeMutableBufferPointer<Float>]) throws -> Void) throws -> [[Float]] {
  let buffers = counts.map { count in
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    buffer.initialize(repeating: .nan)
    return buffer
  }
  defer { buffers.forEach { $0.deallocate() } }
  try body(buffers)
  return buffers.map { Array($0) }
}
