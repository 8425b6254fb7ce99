import CSwiftVis
import Testing

@testable import SwiftVis

// Tests/c/test_abi.c goes through every argument with its message. Here: nothing at all, and everything damaged.

private let tiny = """
  {"format": "swiftvis", "version": 1, "inputs": [{"name": "x", "shape": [null, null, 3]}],
   "nodes": [{"name": "y", "op": "dense", "inputs": ["x"], "weights": {"kernel": "k"}},
             {"name": "z", "op": "relu", "inputs": ["y"]}], "outputs": ["z"]}
  """

private func createModel(_ text: String) -> (OpaquePointer?, sv_status) {
  let kernel: [Float] = [1, -2, 3, 4, 5, -6]
  var model: OpaquePointer?
  let status = kernel.withUnsafeBufferPointer { kernel in
    "k".withCString { name in
      var shape = sv_shape()
      shape.rank = 2
      (shape.dims.0, shape.dims.1) = (3, 2)
      var tensor = sv_tensor(name: name, data: kernel.baseAddress, count: 6, shape: shape)
      var text = text
      return text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { sv_model_create($0.baseAddress, $0.count, &tensor, 1, &model, nil) }
      }
    }
  }
  return (model, status)
}

@Suite struct ArgumentTests {
  @Test func oneVersion() {
    let number = Int(sv_version())
    #expect(swiftVisVersion == "\(number / 10000).\(number / 100 % 100).\(number % 100)")
  }

  @Test func everythingNull() {
    #expect(sv_model_load(nil, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_model_create(nil, 0, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_model_with_description(nil, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_model_save(nil, nil, 0, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_model_describe(nil, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_model_shape(nil, nil, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_create(nil, nil, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_shape(nil, nil, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_unmodified_activations(nil, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_describe(nil, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_memory(nil, nil, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_forward(nil, nil, 0, nil, 0, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_session_backward(nil, nil, 0, nil, 0, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_gaussian_filter(nil, 0, 0, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_colormap_apply(nil, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_resize(nil, 0, 0, 0, nil, 0, 0, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_overlay(nil, nil, 0, 0.5, nil, nil) == SV_OK)
    #expect(sv_score_cotangent(nil, 0, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_saliency_map(nil, nil, 0, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_class_activation_map(nil, nil, nil, 0, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_spline_zoom(nil, nil, nil, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_normalize(nil, 0, 0, nil, nil) == SV_OK)
    #expect(sv_gradient_picture(nil, 0, 0, 0, 0, nil, nil) == SV_INVALID_ARGUMENT)
    #expect(sv_smoothed_overlay(nil, 0, 0, nil, 0, 0, 0, nil, 0, nil, nil) == SV_INVALID_ARGUMENT)
    sv_model_destroy(nil)
    sv_session_destroy(nil)
  }

  @Test func everyTruncatedDescriptionIsRefused() {
    let (model, status) = createModel(tiny)
    #expect(status == SV_OK && model != nil)
    sv_model_destroy(model)
    for length in 0..<tiny.utf8.count {
      let (model, status) = createModel(String(tiny.prefix(length)))
      #expect(status == SV_INVALID_MODEL && model == nil)
    }
  }

  @Test func damagedDescriptionsNeverEndTheProcess() {
    var generator = Lcg(state: 42)
    let pieces = Array("{}[]\",:0123456789-eE.ntrue\\u null")
    for _ in 0..<3000 {
      var text = Array(tiny)
      for _ in 0...Int.random(in: 0..<4, using: &generator) {
        let place = text.indices.randomElement(using: &generator) ?? 0
        text[place] = pieces.randomElement(using: &generator) ?? " "
      }
      let (model, status) = createModel(String(text))
      #expect((model != nil) == (status == SV_OK))
      sv_model_destroy(model)
    }
  }

  @Test func damagedQuestionsNeverEndTheProcess() throws {
    var generator = Lcg(state: 7)
    let (model, _) = createModel(tiny)
    defer { sv_model_destroy(model) }
    let sizes: [Int64] = [-1, 0, 1, 2, 3, 5, .max, .min, 1 << 31, 1 << 62]
    let rules: [sv_rule] = [-1, 0, 1, 2, 3, 3, 4]
    let counts = [0, 1, 1, 1, 2, 4, -1, .max, .min]
    for _ in 0..<3000 {
      var shape = sv_shape()
      shape.rank = [3, 3, 3, 3, 0, 8, 9, -1].randomElement(using: &generator) ?? 3
      shape.dims.0 = sizes.randomElement(using: &generator) ?? 1
      shape.dims.1 = sizes.randomElement(using: &generator) ?? 1
      shape.dims.2 = [3, 3, 3, 4, 0].randomElement(using: &generator) ?? 3
      let status = ["x", "y", "z", ""].randomElement(using: &generator)!.withCString { name in
        withUnsafePointer(to: shape) { shape in
          withUnsafePointer(to: Optional(name)) { names in
            withUnsafePointer(to: sv_node_rule(node: name, rule: rules.randomElement(using: &generator)!)) { rule in
              var question = sv_question()
              question.struct_size =
                [MemoryLayout<sv_question>.size, MemoryLayout.offset(of: \sv_question.rules)!].randomElement(
                  using: &generator)!
              question.rules = rule
              question.rule_count = [0, 1, 1, -1].randomElement(using: &generator) ?? 0
              if Bool.random(using: &generator) { question.backward_rule = { _, _, _, _, _, _, _ in 0 } }
              question.input_shapes = shape
              question.input_count = [1, 1, 1, 0, 2, -1].randomElement(using: &generator) ?? 1
              question.values = names
              question.cotangents = names
              question.gradients = names
              // One name is there; more are only asked for where the count alone is refused.
              for list in [\sv_question.value_count, \.cotangent_count, \.gradient_count] {
                let count = counts.randomElement(using: &generator) ?? 1
                question[keyPath: list] = (2...3).contains(count) ? 1 : count
              }
              question.rule = Int32.random(in: -1...4, using: &generator)
              question.threads = Int32.random(in: -1...3, using: &generator)
              question.flags = UInt32.random(in: 0...8, using: &generator)
              var session: OpaquePointer?
              let status = sv_session_create(model, &question, &session, nil)
              #expect((session != nil) == (status == SV_OK))
              sv_session_destroy(session)
              return status
            }
          }
        }
      }
      #expect([SV_OK, SV_INVALID_ARGUMENT, SV_OUT_OF_MEMORY, SV_UNSUPPORTED].contains(status))
    }
  }

  @Test func namesAreBounded() {
    let (model, _) = createModel(tiny)
    defer { sv_model_destroy(model) }
    var error = sv_error()
    var shape = sv_shape()
    #expect(sv_model_shape(model, String(repeating: "a", count: 5000), &shape, &error) == SV_INVALID_ARGUMENT)
    #expect(
      withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        == "node is longer than 4096 bytes")
    #expect(sv_model_shape(model, "y", &shape, &error) == SV_OK)
    #expect(shape.rank == 3 && shape.dims.0 == -1 && shape.dims.1 == -1 && shape.dims.2 == 2)
  }
}

/// The same damage in every run.
private struct Lcg: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}
