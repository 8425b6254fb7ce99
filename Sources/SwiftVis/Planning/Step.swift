import SwiftVisKernels

typealias TensorID = Int

/// One kernel call of a plan, with the tensors that it reads and writes by number. A tensor is written by one step only.
struct Step {
  var kernel: Kernel
  /// By name, for people.
  let node: String
  /// In the kernel's order.
  var inputs: [TensorID]
  var outputs: [TensorID]
  var epilogue = EpilogueSpec()

  var reads: [TensorID] { inputs + epilogue.reads }

  /// What the first output may overwrite, if nothing reads it later.
  var inPlaceCandidates: [TensorID] {
    switch kernel {
    case .convolution, .dense, .depthwise, .matrixProduct, .poolGradient, .reduceGradient:
      epilogue.reads.filter { !inputs.contains($0) }
    case .scaleGradient: [inputs[0]] + epilogue.reads
    case .activate, .activateGradient, .epilogue, .affine, .prelu, .preluGradient, .scale: reads
    default: []
    }
  }
}

/// Some of the floats of every row of a tensor.
struct RowPart {
  let offset: Int, width: Int
}

/// `Epilogue` with tensors by number.
struct EpilogueSpec {
  var bias: Weights?
  var addend: TensorID?
  var addsLast = false
  var lowerBound = -Float.infinity
  var upperBound = Float.infinity
  var positiveOnly = false
  var gate: TensorID?
  var gateLimit = Float.infinity
  var activation: Epilogue.Activation?
  /// Written: an output of the step.
  var derivative: TensorID?
  var factor: TensorID?

  var reads: [TensorID] { [addend, gate, factor].compactMap { $0 } }
}

/// What a step runs; the comments name its inputs where there is more than one.
enum Kernel {
  case convolution(Convolution, Weights)
  case dense(Dense, Weights)
  case depthwise(DepthwiseConvolution, Weights)
  /// left, right
  case matrixProduct(MatrixProduct)
  /// A second output, where there is one, is the argmax.
  case pool(Pooling)
  /// cotangent, argmax?
  case poolGradient(Pooling)
  case activate(ActivationKind)
  /// saved, cotangent
  case activateGradient(ActivationKind)
  /// x, y, cotangent
  case customGradient(node: String, shape: [Int])
  case epilogue
  case affine(scale: Weights?, offset: Weights?, period: Int)
  case prelu(alpha: Weights, period: Int)
  /// x, cotangent
  case preluGradient(alpha: Weights, period: Int)
  case scale(Float)
  /// left, right
  case binary(BroadcastBinary)
  /// left, right, cotangent
  case selectGradient(BroadcastBinary, ofLeft: Bool)
  case reduce(AxisReduction)
  /// cotangent, (input, output)?
  case reduceGradient(AxisReduction)
  /// The sum of the products of two tensors.
  case reduceProduct(AxisReduction)
  /// cotangent of the product, the factors, cotangent of what the factors were made from
  case scaleGradient(ChannelScaling)
  case softmax(count: Int)
  /// output, cotangent
  case softmaxGradient(count: Int)
  case logSoftmax(count: Int)
  /// output, cotangent
  case logSoftmaxGradient(count: Int)
  case layerNormalization(scale: Weights?, offset: Weights?, epsilon: Double, count: Int)
  /// x, cotangent
  case layerNormalizationGradient(scale: Weights?, epsilon: Double, count: Int)
  case permute(Permutation)
  case place(PlacedCopy)
  case gather(AxisGather)
  case gatherGradient(AxisGather)
  case resize(Resizing)
  /// Inputs side by side: a part of every row of `total` floats for each.
  case concatenate([RowPart], total: Int)
  /// A part of every row of `total` floats.
  case slice(RowPart, total: Int)

  /// Whether the step can shut a gate as it writes, which saves a pass over memory.
  var hasGate: Bool {
    switch self {
    case .convolution, .dense, .depthwise, .matrixProduct, .poolGradient, .epilogue, .affine, .reduceGradient,
      .scaleGradient:
      true
    default: false
    }
  }

  /// Whether the step can apply an activation to what it writes.
  var appliesActivation: Bool {
    switch self {
    case .convolution(let convolution, _): convolution.appliesActivation
    case .dense(let dense, _): dense.appliesActivation
    case .depthwise(let depthwise, _): depthwise.appliesActivation
    case .epilogue: true
    default: false
    }
  }

  /// Floats that all workers share, and floats for each worker.
  var sharedScratchCount: Int {
    if case .convolution(let convolution, _) = self { convolution.sharedScratchCount } else { 0 }
  }
  var workerScratchCount: Int {
    switch self {
    case .convolution(let convolution, _): convolution.workerScratchCount
    case .dense(let dense, _): dense.workerScratchCount
    case .depthwise(let depthwise, _): depthwise.workerScratchCount
    case .matrixProduct(let product): product.workerScratchCount
    default: 0
    }
  }
}
