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
    try Processor.check()
    let answer = try required(model, "model")
    let text = try SwiftVisABI.description(description, description_length)
    let weights = try SwiftVisABI.weights(elements(tensors, tensor_count, "tensors"))
    answer.pointee = handle(try Model(description: text, weights: weights))
  }
}

private func weights(_ tensors: UnsafeBufferPointer<sv_tensor>) throws -> [String: Weights] {
  var weights: [String: Weights] = [:]
  for (index, tensor) in tensors.enumerated() {
    let name = try string(tensor.name, "tensors[\(index)].name")
    let shape = try sizes(tensor.shape, smallest: 0, "tensor '\(name)'")
    let count = shape.reduce(1, *)
    guard tensor.count == count else {
      throw invalid("tensor '\(name)': shape \(shape) has \(count) elements, but count is \(UInt(bitPattern: tensor.count))")
    }
    let values = try elements(tensor.data, tensor.count, "tensor '\(name)': data")
    guard weights.updateValue(try Weights(copying: values, shape: shape), forKey: name) == nil else {
      throw invalid("tensor '\(name)' is given twice")
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
