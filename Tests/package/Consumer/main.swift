// A program of a user's: the guided saliency map of a gradient image, printed with the milliseconds that it took.
//
// usage: Consumer MODEL.safetensors

import SwiftVis

do {
  let model = try Model(contentsOf: CommandLine.arguments[1])
  let size = 224
  let image = try Image<Float>(
    height: size, width: size, channels: 3, samples: (0..<size * size * 3).map { Float($0 % 251) / 125.5 - 1 })
  var values: [Float] = []
  var milliseconds = Int.max
  for _ in 0..<5 {
    let time = try ContinuousClock().measure {
      let map = try model.saliency(of: image, target: .filter(504), rule: .guided, options: RunOptions(threads: 1))
      values = map.normalized().samples
    }
    milliseconds = min(milliseconds, Int(time / .milliseconds(1)))
  }
  print(swiftVisVersion, "\(values.count)/\(values.max() ?? 0)/\(values.reduce(0, +))", milliseconds)
} catch {
  print("thrown:", error)
}
