public import CSwiftVis
import SwiftVis

// A `sv_model` is a retained `Model`.

private func handle(_ model: Model) -> OpaquePointer { OpaquePointer(Unmanaged.passRetained(model).toOpaque()) }

func model(_ handle: OpaquePointer?) throws -> Model {
  guard let handle else { throw invalid("model is NULL") }
  return Unmanaged<Model>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

@c @implementation
public func sv_model_load(
  _ path: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    try Processor.check()
    let answer = try required(model, "model")
    answer.pointee = handle(try Model(contentsOf: string(path, "path")))
  }
}

@c @implementation
public func sv_model_create(
  _ description: UnsafePointer<CChar>?, _ description_length: Int, _ tensors: UnsafePointer<sv_tensor>?,
  _ tensor_count: Int, _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    try create(description, description_length, tensors, tensor_count, model, reading: nil)
  }
}

@c @implementation
public func sv_model_create_reading(
  _ description: UnsafePointer<CChar>?, _ description_length: Int, _ tensors: UnsafePointer<sv_tensor>?,
  _ tensor_count: Int, _ read: sv_read?, _ context: UnsafeMutableRawPointer?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    guard let read else { throw invalid("read is NULL") }
    try create(description, description_length, tensors, tensor_count, model) { index, destination in
      read(context, index, destination.baseAddress, destination.count) == 0
    }
  }
}

/// Fills a tensor's memory; false where that was not possible.
private typealias Reader = (_ index: Int, _ destination: UnsafeMutableBufferPointer<Float>) -> Bool

private func create(
  _ description: UnsafePointer<CChar>?, _ length: Int, _ tensors: UnsafePointer<sv_tensor>?, _ count: Int,
  _ model: UnsafeMutablePointer<OpaquePointer?>?, reading read: Reader?
) throws {
  try Processor.check()
  let answer = try required(model, "model")
  let text = try SwiftVisABI.description(description, length)
  let weights = try SwiftVisABI.weights(elements(tensors, count, "tensors"), reading: read)
  answer.pointee = handle(try Model(description: text, weights: weights))
}

private func weights(_ tensors: UnsafeBufferPointer<sv_tensor>, reading read: Reader?) throws -> [String: Weights] {
  var weights: [String: Weights] = [:]
  for (index, tensor) in tensors.enumerated() {
    let name = try string(tensor.name, "tensors[\(index)].name")
    let shape = try sizes(tensor.shape, smallest: 0, "tensor '\(name)'")
    let count = shape.reduce(1, *)
    guard tensor.count == count else {
      throw invalid("tensor '\(name)': shape \(shape) has \(count) elements, but count is \(UInt(bitPattern: tensor.count))")
    }
    guard weights[name] == nil else { throw invalid("tensor '\(name)' is given twice") }
    if let read, tensor.data == nil {
      weights[name] = try Weights(shape: shape) {
        guard read(index, $0) else { throw VisError(.io, "tensor '\(name)' could not be read") }
      }
    } else {
      let values = try elements(tensor.data, tensor.count, "tensor '\(name)': data")
      weights[name] = try Weights(copying: values, shape: shape)
    }
  }
  return weights
}

@c @implementation
public func sv_model_with_description(
  _ model: OpaquePointer?, _ description: UnsafePointer<CChar>?, _ description_length: Int,
  _ edited: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let model = try SwiftVisABI.model(model)
    let answer = try required(edited, "edited")
    let text = try SwiftVisABI.description(description, description_length)
    answer.pointee = handle(try model.replacingDescription(text))
  }
}

@c @implementation
public func sv_model_save(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ half: Int32, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    try SwiftVisABI.model(model).save(to: string(path, "path"), half: half != 0)
  }
}

@c @implementation
public func sv_model_describe(
  _ model: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    try answer(SwiftVisABI.model(model).description, buffer, capacity, length)
  }
}

@c @implementation
public func sv_model_shape(
  _ model: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ shape: UnsafeMutablePointer<sv_shape>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let graph = try SwiftVisABI.model(model).graph
    let name = try string(node, "node")
    let target = try required(shape, "shape")
    guard let index = graph.index(of: name), graph.nodes.indices.contains(index) else {
      throw invalid("the model has no node '\(name)'")
    }
    try answer(graph.nodes[index].shape, node: name, target)
  }
}

@c @implementation
public func sv_model_destroy(_ model: OpaquePointer?) {
  guard let model else { return }
  Unmanaged<Model>.fromOpaque(UnsafeRawPointer(model)).release()
}
