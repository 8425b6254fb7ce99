import SwiftVisKernels

extension Step {
  /// Roughly the nanoseconds that a step takes on one thread, to decide how far it is worth cutting up. The rates are those of
  /// small shapes on one core of 2020s hardware.
  func cost(_ counts: [Int]) -> Int {
    let floats = (reads + outputs).reduce(0) { $0 + counts[$1] } + kernel.weightCount
    switch kernel {
    case .convolution, .depthwise, .dense, .matrixProduct: return kernel.multiplyAdds / 24 + floats / 8
    case .poolGradient, .activate, .activateGradient, .softmax, .logSoftmax, .logSoftmaxGradient, .layerNormalization,
      .layerNormalizationGradient, .resize:
      return floats
    default: return floats / 4
    }
  }
}
