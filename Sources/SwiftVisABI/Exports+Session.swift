public import CSwiftVis
import SwiftVis
import Synchronization

/// What a `sv_session` points at.
private final class SessionHandle {
  let session: Session
  let question: Question
  private let isRunning = Atomic<Bool>(false)

  init(session: Session, question: Question) {
    self.session = session
    self.question = question
  }

  /// A session has one arena: a second run at the same time, from another thread or from the progress callback, is refused.
  func run(_ body: (Session) throws -> Void) throws {
    guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      throw invalid("the session is running already; a session is for one thread at a time, make one per thread")
    }
    defer { isRunning.store(false, ordering: .releasing) }
    try body(session)
  }
}

private func handle(_ session: OpaquePointer?) throws -> SessionHandle {
  guard let session else { throw invalid("session is NULL") }
  return Unmanaged<SessionHandle>.fromOpaque(UnsafeRawPointer(session)).takeUnretainedValue()
}

@c @implementation
public func sv_session_create(
  _ model: OpaquePointer?, _ question: UnsafePointer<sv_question>?, _ session: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    try Processor.check()
    let model = try SwiftVisABI.model(model)
    let answer = try required(session, "session")
    let options = try SwiftVisABI.options(question)
    let question = try SwiftVisABI.question(options, model)
    guard options.threads >= 0, Int(options.threads) <= ThreadPool.maximumThreadCount else {
      throw invalid("threads: \(options.threads) is not within 0..\(ThreadPool.maximumThreadCount)")
    }
    let made = try Session(model, question, threads: Int(options.threads))
    if let progress = options.progress {
      let context = options.progress_context
      made.progress = { done, total in progress(context, UInt64(clamping: done), UInt64(clamping: total)) == 0 }
    }
    if let rule = options.backward_rule { made.customRule = customRule(rule, options.backward_rule_context) }
    let handle = SessionHandle(session: made, question: question)
    answer.pointee = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
  }
}

/// The size says which header the caller was compiled with, and so which fields there are to read.
private func options(_ question: UnsafePointer<sv_question>?) throws -> sv_question {
  let question = try required(question, "question")
  let size = UnsafeRawPointer(question).load(as: Int.self)
  let wholeSize = MemoryLayout<sv_question>.size
  guard size == wholeSize || size == MemoryLayout.offset(of: \sv_question.rules) else {
    throw invalid(
      "question.struct_size is \(UInt(bitPattern: size)), expected \(wholeSize): "
        + "set it to sizeof(sv_question), and compile with the header of this library")
  }
  var options = sv_question()
  withUnsafeMutableBytes(of: &options) { $0.copyMemory(from: UnsafeRawBufferPointer(start: question, count: size)) }
  return options
}

private func question(_ options: sv_question, _ model: Model) throws -> Question {
  try checkCount(options.input_count, expected: model.graph.inputCount, "question.input_shapes")
  let shapes = try elements(options.input_shapes, options.input_count, "question.input_shapes").enumerated().map {
    try sizes($1, smallest: 1, "question.input_shapes[\($0)]")
  }
  var question = Question(inputShapes: shapes)
  question.values = try names(options.values, options.value_count, of: model, "question.values")
  question.cotangents = try names(options.cotangents, options.cotangent_count, of: model, "question.cotangents")
  question.gradients = try names(options.gradients, options.gradient_count, of: model, "question.gradients")
  try addRules(options, model, to: &question)
  guard options.flags & ~(SV_KEEP_FORWARD | SV_NO_MEMORY_REUSE | SV_EXACT) == 0 else {
    throw invalid("question.flags: 0x\(String(options.flags, radix: 16)) has bits that mean nothing")
  }
  question.keepsForward = options.flags & SV_KEEP_FORWARD != 0
  question.reusesMemory = options.flags & SV_NO_MEMORY_REUSE == 0
  question.exact = options.flags & SV_EXACT != 0
  return question
}

@c @implementation
public func sv_session_shape(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ shape: UnsafeMutablePointer<sv_shape>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let session = try handle(session).session
    let name = try string(node, "node")
    let target = try required(shape, "shape")
    try answer(session.shape(of: name), node: name, target)
  }
}

@c @implementation
public func sv_session_unmodified_activations(
  _ session: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    try answer(handle(session).session.unmodifiedActivations.joined(separator: ", "), buffer, capacity, length)
  }
}

@c @implementation
public func sv_session_describe(
  _ session: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) { try answer(handle(session).session.description, buffer, capacity, length) }
}

@c @implementation
public func sv_session_memory(
  _ session: OpaquePointer?, _ arena: UnsafeMutablePointer<UInt64>?, _ weights: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let session = try handle(session).session
    let (arena, weights) = (try required(arena, "arena"), try required(weights, "weights"))
    arena.pointee = UInt64(clamping: session.arenaByteCount)
    weights.pointee = UInt64(clamping: session.packedWeightByteCount)
  }
}

@c @implementation
public func sv_session_forward(
  _ session: OpaquePointer?, _ inputs: UnsafePointer<sv_const_buffer>?, _ input_count: Int,
  _ values: UnsafePointer<sv_buffer>?, _ value_count: Int, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let handle = try handle(session), question = handle.question
    let inputs = try buffers(inputs, input_count, expected: question.inputShapes.count, "inputs")
    let values = try buffers(values, value_count, expected: question.values.count, "values")
    try handle.run { try $0.forward(inputs, values: values) }
  }
}

@c @implementation
public func sv_session_backward(
  _ session: OpaquePointer?, _ cotangents: UnsafePointer<sv_const_buffer>?, _ cotangent_count: Int,
  _ gradients: UnsafePointer<sv_buffer>?, _ gradient_count: Int, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let handle = try handle(session), question = handle.question
    let cotangents = try buffers(cotangents, cotangent_count, expected: question.cotangents.count, "cotangents")
    let gradients = try buffers(gradients, gradient_count, expected: question.gradients.count, "gradients")
    try handle.run { try $0.backward(cotangents, gradients: gradients) }
  }
}

@c @implementation
public func sv_session_destroy(_ session: OpaquePointer?) {
  guard let session else { return }
  Unmanaged<SessionHandle>.fromOpaque(UnsafeRawPointer(session)).release()
}
