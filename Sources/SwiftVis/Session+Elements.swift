import SwiftVisKernels

/// Element-wise steps: all tensors have one shape, and some may be slices.
extension Session {
  /// Where the operands of a step are; the second input is the first where there is one only.
  struct Elements {
    var inputs: (UnsafePointer<Float>, UnsafePointer<Float>)
    var output: UnsafeMutablePointer<Float>
    var epilogue: Epilogue
  }

  /// Calls `body` with ranges that cover the elements; row by row where a tensor's rows are not adjacent.
  func elements(of step: Step, _ cost: Int, _ body: (Elements, Range<Int>) -> Void) throws {
    let whole = Elements(
      inputs: (
        UnsafePointer(try pointer(step.inputs[0])), UnsafePointer(try pointer(step.inputs[step.inputs.count - 1]))
      ),
      output: try pointer(step.outputs[0]), epilogue: try resolve(step.epilogue))
    let count = plan.counts[step.outputs[0]], width = plan.widths[step.outputs[0]]
    let pitches = plan.memory.pitches
    guard (step.reads + step.outputs).contains(where: { pitches[$0] > 0 }) else {
      // Whole cache lines for each thread.
      let block = 1024
      return parallel((count + block - 1) / block, cost) { blocks, _ in
        body(whole, blocks.lowerBound * block..<min(count, blocks.upperBound * block))
      }
    }
    func pitch(_ tensor: TensorID?) -> Int { tensor.map { pitches[$0] > 0 ? pitches[$0] : width } ?? 0 }
    let (first, second) = (pitch(step.inputs[0]), pitch(step.inputs[step.inputs.count - 1]))
    let (output, addend, gate) = (pitch(step.outputs[0]), pitch(step.epilogue.addend), pitch(step.epilogue.gate))
    let (factor, derivative) = (pitch(step.epilogue.factor), pitch(step.epilogue.derivative))
    parallel(count / width, cost) { rows, _ in
      for row in rows {
        var part = whole
        part.inputs.0 += row * first
        part.inputs.1 += row * second
        part.output += row * output
        part.epilogue.addend? += row * addend
        part.epilogue.gate? += row * gate
        part.epilogue.factor? += row * factor
        part.epilogue.derivative? += row * derivative
        body(part, 0..<width)
      }
    }
  }
}
