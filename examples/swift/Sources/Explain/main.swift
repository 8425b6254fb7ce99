// What a network looks at in a photo: the guided saliency map of its first guess, smoothed and laid over the photo.
//
// usage: swift run -c release Explain MODEL.safetensors PHOTO.png OVERLAY.png [CLASS]

import Foundation
import SwiftVis

func explain(_ arguments: [String]) throws(VisError) {
  guard (3...4).contains(arguments.count) else {
    throw VisError(.invalidArgument, "usage: Explain MODEL.safetensors PHOTO.png OVERLAY.png [CLASS]")
  }
  let model = try Model(contentsOf: arguments[0])
  let photo = try Image(png: arguments[1])

  // EfficientNet-Lite0 takes samples of 0...255; `.scaled(to: -1...1)` behind it is for networks that were trained on that.
  let input = try photo.resized(height: 224, width: 224)
  let output = try model.predict(input)
  guard output.shape.count == 2 else {
    throw VisError(.invalidArgument, "the model puts out \(output.shape), which are no scores of classes")
  }
  let scores = output.values
  let guesses = scores.indices.sorted { scores[$0] > scores[$1] }
  for guess in guesses.prefix(3) {
    print(guess, (model.classes?[guess] ?? "") + ":", String(format: "%.3f", scores[guess]))
  }

  var label = guesses[0]
  if arguments.count == 4 {
    guard let number = Int(arguments[3]) else { throw VisError(.invalidArgument, "class '\(arguments[3])' is no number") }
    label = number
  }
  let map = try model.saliency(of: input, target: .logit(label), rule: .guided)
  try photo.overlaid(with: map, sigma: 5, colormap: .jet, alpha: 0.7).write(png: arguments[2])
}

do {
  try explain(Array(CommandLine.arguments.dropFirst()))
} catch {
  FileHandle.standardError.write(Data("Explain: \(error)\n".utf8))
  exit(2)
}
