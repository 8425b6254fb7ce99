// Where the time of a network goes: the gradient of one class score, step by step, beside this machine's limits.
//
// usage: StepProfile [--runs N] [--batch N] [--threads N] [--exact] [--summary] MODEL.safetensors...

import SwiftVis

struct Options {
  var runs = 10, batch = 1, threads = 0, exact = false, isSummary = false
  var paths: [String] = []

  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      func number(_ previous: Int) -> Int { rest.popFirst().flatMap { Int($0) } ?? previous }
      switch argument {
      case "--runs": runs = max(1, number(runs))
      case "--batch": batch = max(1, number(batch))
      case "--threads": threads = number(threads)
      case "--exact": exact = true
      case "--summary": isSummary = true
      default: paths.append(argument)
      }
    }
  }
}

func profile(_ path: String, _ options: Options, peak: Peak) throws {
  let model = try Model(contentsOf: path)
  guard let output = model.graph.outputs.first, model.graph.inputCount == 1 else { return }
  var question = Question(inputShapes: [[options.batch] + (model.graph.nodes[0].shape.dropFirst().map { $0 ?? 224 })])
  question.cotangents = [model.graph.nodes[output].name]
  question.gradients = [model.graph.nodes[0].name]
  question.exact = options.exact
  let session = try Session(model, question, threads: options.threads)
  let count = question.inputShapes[0].reduce(1, *)
  let cotangent = [Float](repeating: 1, count: try session.shape(of: question.cotangents[0]).reduce(1, *))
  var generator = SystemRandomNumberGenerator()
  let input = (0..<count).map { _ in Float.random(in: 0..<1, using: &generator) }
  let timings = try input.withUnsafeBufferPointer { x in
    try cotangent.withUnsafeBufferPointer { y in try session.timeSteps([x], cotangents: [y], runs: options.runs + 1) }
  }
  let total = timings.reduce(0) { $0 + $1.seconds }
  let products = timings.reduce(0) { $0 + $1.multiplyAdds }
  let name = path.split(separator: "/").last.map(String.init) ?? path
  print(
    "\(name): \(milliseconds(total)) ms, \(rate(products * 2, total)) GFLOP/s of the definition = "
      + "\(Int(200 * Double(products) / total / peak.flops)) % of peak; arena \(session.arenaByteCount >> 20) MiB, "
      + "packed weights \(session.packedWeightByteCount >> 20) MiB")
  if options.isSummary { return }
  print("    ms      %  GFLOP/s   GB/s  step")
  for timing in timings {
    print(
      padded(milliseconds(timing.seconds), 6), padded("\(decimal(100 * timing.seconds / total, 1))", 6),
      padded(rate(timing.multiplyAdds * 2, timing.seconds), 8), padded(rate(timing.byteCount, timing.seconds), 6),
      timing.name,
      separator: " ")
  }
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
let peak = Peak(threads: options.threads)
print("FMA peak \(rate(Int(peak.flops), 1)) GFLOP/s, memory \(rate(Int(peak.bandwidth), 1)) GB/s, \(peak.threads) threads")
for path in options.paths { try profile(path, options, peak: peak) }
