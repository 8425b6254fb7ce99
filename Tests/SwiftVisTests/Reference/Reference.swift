import Foundation
import SwiftVis

/// What every operation means, in nested loops over Doubles: slow, and meant to be obviously right. It shares no code with the
/// engine, not even the rules for shapes.
enum Reference {
  /// The output of one operation. `weights` by role, as in ModelFormat.md. A constant is given any tensor with the batch.
  static func evaluate(_ operation: SwiftVis.Operation, _ inputs: [Tensor], _ weights: [String: Tensor]) -> Tensor {
    let x = inputs[0]
    if x.rank > 4, operation.readsImages {
      let images = Tensor([x.shape.dropLast(3).reduce(1, *)] + x.shape.suffix(3), x.values)
      let result = evaluate(operation, [images], weights)
      return Tensor(x.shape.dropLast(3) + result.shape.dropFirst(), result.values)
    }
    switch operation {
    case .input: return x
    case .constant: return constant(weights["value"]!, batch: x.shape[0])
    case .convolution(let attributes):
      return convolution(x, kernel: weights["kernel"]!, bias: weights["bias"], attributes)
    case .depthwiseConvolution(let attributes):
      return depthwiseConvolution(x, kernel: weights["kernel"]!, bias: weights["bias"], attributes)
    case .transposedConvolution(let attributes, let outputPadding):
      return transposedConvolution(
        x, kernel: weights["kernel"]!, bias: weights["bias"], attributes, outputPadding: outputPadding)
    case .dense: return dense(x, kernel: weights["kernel"]!, bias: weights["bias"])
    case .matrixProduct(let transposesLeft, let transposesRight):
      return matrixProduct(inputs[0], inputs[1], transposesLeft: transposesLeft, transposesRight: transposesRight)
    case .affine: return affine(x, scale: weights["scale"]!, offset: weights["offset"]!)
    case .pool(let attributes): return pool(x, attributes)
    case .reduce(let kind, let axes, let keepDims): return reduce(x, kind, axes: axes, keepDims: keepDims)
    case .pad(let edges): return pad(x, edges)
    case .resize(let attributes): return resize(x, attributes)
    case .reshape(let shape): return reshape(x, shape)
    case .permute(let axes): return permute(x, axes)
    case .concatenate(let axis): return concatenate(inputs, axis: axis)
    case .slice(let ranges): return slice(x, ranges)
    case .gather(let axis, let indices): return gather(x, axis: axis, indices)
    case .choose: return choose(inputs)
    case .merge(let kind): return merge(inputs, kind)
    case .layerNormalization(let epsilon):
      return layerNormalization(x, scale: weights["scale"], offset: weights["offset"], epsilon: epsilon)
    case .softmax: return softmax(x)
    case .logSoftmax: return softmax(x).map { log($0) }
    case .activation(let activation): return x.map { value(activation, $0) }
    case .unary(let function): return x.map { value(function, $0) }
    case .prelu: return prelu(x, alpha: weights["alpha"]!)
    }
  }
}

extension SwiftVis.Operation {
  /// All axes before the height are a batch to these.
  fileprivate var readsImages: Bool {
    switch self {
    case .convolution, .depthwiseConvolution, .transposedConvolution, .pool, .resize: true
    default: false
    }
  }
}
