// A program of a user's: the guided saliency map of a gradient image, printed with the milliseconds that it took.
//
// usage: Consumer MODEL.safetensors

import SwiftVis

do {
  let model = try Model(contentsOf: CommandLine.arguments[1])
  let size = 224
  let image = try Tensor(
    shape: [1, size, size, 3], values: (0..<size * size * 3).map { Float($0 % 251) / 125.5 - 1 })
  var map: Tensor?
  var milliseconds = Int.max
  for _ in 0..<5 {
    let time = try ContinuousClock().measure {
      map = try model.gradient(image, filters: [504], rule: .guided, threads: 1).saliencyMap()
    }
    milliseconds = min(milliseconds, Int(time / .milliseconds(1)))
  }
  let values = map?.values ?? []
  print(swiftVisVersion, "\(values.count)/\(values.max() ?? 0)/\(values.reduce(0, +))", milliseconds)
} catch {
  print("thrown:", error)
}
