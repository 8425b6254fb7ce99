/// A tensor that lies in a wider one: a part of each of the host's rows. (Rows are pixels, a width is a count of channels.)
struct Slice {
  let host: TensorID
  let part: RowPart
}

/// Concatenation and slicing without copies: what a concatenation reads is written to its place in the result, and what a
/// slice would copy is read where it is.
struct Slicing {
  private(set) var steps: [Step] = []
  private(set) var forwardCount = 0
  private(set) var slices: [TensorID: Slice] = [:]
  /// Tensors whose rows must be adjacent: those that leave or enter the session, and those that some kernel reads or writes as
  /// one block or with rows of another width.
  private(set) var rigid: Set<TensorID>
  private let widths: [Int]
  private let constants: Set<TensorID>

  /// `widths`: floats in a row, by tensor. `fixed` tensors stay as they are; `constants` are not in the arena.
  init(_ schedule: Schedule, widths: [Int], fixed: Set<TensorID>, constants: Set<TensorID>) {
    self.widths = widths
    self.constants = constants
    rigid = fixed
    for step in schedule.steps {
      for (tensor, width) in step.rowWidths(widths) where width != widths[tensor] { rigid.insert(tensor) }
    }
    for (index, step) in schedule.steps.enumerated() {
      guard let kept = replaced(step) else { continue }
      steps.append(kept)
      if index < schedule.forwardCount { forwardCount += 1 }
    }
  }

  /// What is left of a step; nil: nothing.
  private mutating func replaced(_ step: Step) -> Step? {
    switch step.kernel {
    case .concatenate(let parts, let total):
      var rest = step
      var left: [RowPart] = []
      rest.inputs = []
      for (input, part) in zip(step.inputs, parts) where !put(input, part, of: total, in: step.outputs[0]) {
        rest.inputs.append(input)
        left.append(part)
      }
      rest.kernel = .concatenate(left, total: total)
      return left.isEmpty ? nil : rest
    case .slice(let part, let total):
      return put(step.outputs[0], part, of: total, in: step.inputs[0]) ? nil : step
    default: return step
    }
  }

  /// False where the tensor cannot be a slice, or is one already, or where the host has rows of another width.
  private mutating func put(_ tensor: TensorID, _ part: RowPart, of total: Int, in host: TensorID) -> Bool {
    guard !rigid.contains(tensor), slices[tensor] == nil, widths[host] == total, !constants.contains(host) else {
      return false
    }
    slices[tensor] = Slice(host: host, part: part)
    return true
  }
}

extension Step {
  /// The row width with which the step accesses each of its tensors: they may be slices of wider rows. Nil: as one block.
  fileprivate func rowWidths(_ widths: [Int]) -> [(TensorID, Int?)] {
    func all(_ tensors: [TensorID], _ width: Int?) -> [(TensorID, Int?)] { tensors.map { ($0, width) } }
    let results = outputs + epilogue.reads
    switch kernel {
    case .convolution(let plan, _):
      let (inner, outer) = (plan.geometry.inputChannels, plan.geometry.outputChannels)
      let (source, destination) = plan.direction == .forward ? (inner, outer) : (outer, inner)
      return all(inputs, plan.readsSlices ? source : nil) + all(results, plan.writesSlices ? destination : nil)
    case .pool(let pooling):
      let images = all([inputs[0], outputs[0]], pooling.channels)
      return images + all(Array(outputs.dropFirst()), nil)
    case .poolGradient(let pooling):
      return all([inputs[0]] + results, pooling.channels) + all(Array(inputs.dropFirst()), nil)
    case .activate, .activateGradient, .epilogue, .affine, .scale:
      return all(reads + outputs, widths[outputs[0]])
    case .concatenate(let parts, let total):
      return zip(inputs, parts).map { ($0, $1.width) } + all(outputs, total)
    case .slice(let part, let total):
      return all(inputs, total) + all(outputs, part.width)
    case .dense, .depthwise, .matrixProduct, .customGradient, .prelu, .preluGradient, .binary, .selectGradient, .reduce,
      .reduceGradient,
      .reduceProduct, .scaleGradient, .softmax, .softmaxGradient, .logSoftmax, .logSoftmaxGradient, .layerNormalization,
      .layerNormalizationGradient,
      .permute, .place, .gather, .gatherGradient, .resize:
      return all(reads + outputs, nil)
    }
  }
}
