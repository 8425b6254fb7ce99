import Foundation
import SwiftVis
import Testing

/// Swift's methods give the numbers of Python's functions of the same names, which Tests/python/test_swift_numbers.py has written.
@Suite struct AgreementTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fixtures")
  private let model: Model
  private let numbers: [String: [Float]]
  private let image: Image<UInt8>

  init() throws {
    model = try Model(contentsOf: Self.folder.appendingPathComponent("methods.safetensors").path)
    let json = try Data(contentsOf: Self.folder.appendingPathComponent("methods.json"))
    numbers = try JSONDecoder().decode([String: [Float]].self, from: json)
    image = try Image(height: 12, width: 16, channels: 3, samples: (numbers["image"] ?? []).map { UInt8($0) })
  }

  private func expect(_ found: [Float], _ name: String, within tolerance: Float = 1e-5) throws {
    let wanted = try #require(numbers[name])
    try #require(found.count == wanted.count)
    let limit = tolerance * (wanted.map { abs($0) }.max() ?? 0)
    #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= limit }, "\(name)")
  }

  @Test func methods() throws {
    let target = Target.logit(2)
    let input = try SwiftVis.Tensor(shape: [1, 12, 16, 3], values: image.samples.map { Float($0) })
    let saliency = try model.saliency(of: image, target: target)
    let gradient = try model.gradient(of: image, target: target)
    try expect(model.predict(image).values, "predict")
    try expect(gradient.samples, "gradient")
    try expect(model.gradient(of: input, target: .filter(2), at: "conv1").values, "gradient at conv1")
    try expect(saliency.samples, "saliency")
    try expect(model.saliency(of: image, target: target, rule: .guided).samples, "guided saliency")
    let deconvnet = try model.saliency(of: image, target: .filters([0, 1], of: "conv2"), rule: .rectified, reduction: .sum)
    try expect(deconvnet.samples, "rectified sum")
    try expect(model.cam(of: image, target: target).samples, "cam")
    try expect(model.cam(of: image, source: "conv1").samples, "cam of conv1")
    try expect(model.guidedGradCAM(of: image, target: target).samples, "guided grad cam")
  }

  /// To a grey level: a float's last bit may be a byte's.
  @Test func pictures() throws {
    let saliency = try model.saliency(of: image, target: .logit(2))
    let gradient = try model.gradient(of: image, target: .logit(2))
    func floats(_ picture: Image<UInt8>) -> [Float] { picture.samples.map { Float($0) } }
    try expect(floats(image.overlaid(with: saliency, sigma: 1, alpha: 0.6)), "overlay", within: 1.01 / 255)
    try expect(floats(gradient.picture()), "color", within: 1.01 / 255)
    try expect(floats(gradient.picture(of: .grayscale)), "grayscale", within: 1.01 / 255)
  }
}
