/// How the channels of a gradient become one value a pixel.
public enum ChannelReduction: Sendable {
  /// The largest of the absolute values (Simonyan et al. 2013).
  case maximumOfAbsolutes
  /// Their sum, which is smoother on colour images (Smilkov et al. 2017, arXiv:1706.03825).
  case sumOfAbsolutes
}

extension Tensor {
  /// The saliency map of a gradient (N, H, W, C): shape (N, H, W), each sample brought to 0...1 by its own smallest and largest value.
  /// A gradient without contrast gives zeros.
  public func saliencyMap(_ reduction: ChannelReduction = .maximumOfAbsolutes) throws -> Tensor {
    guard shape.count >= 2, let channels = shape.last, channels > 0, let samples = shape.first else {
      throw VisError(.invalidArgument, "a saliency map is made of a gradient (N, ..., C), got the shape \(shape)")
    }
    let pixelCount = values.count / channels
    var map = [Float](repeating: 0, count: pixelCount)
    for pixel in map.indices {
      for channel in pixel * channels..<(pixel + 1) * channels {
        let magnitude = abs(values[channel])
        switch reduction {
        case .maximumOfAbsolutes: map[pixel] = max(map[pixel], magnitude)
        case .sumOfAbsolutes: map[pixel] += magnitude
        }
      }
    }
    let size = samples > 0 ? pixelCount / samples : 0
    for start in stride(from: 0, to: pixelCount, by: max(size, 1)) {
      let sample = start..<start + size
      let low = map[sample].min() ?? 0, high = map[sample].max() ?? 0
      // The small term keeps a map without contrast at zero, as keras-vis does.
      for index in sample { map[index] = (map[index] - low) / (high - low + 1e-7) }
    }
    return try Tensor(shape: Array(shape.dropLast()), values: map)
  }
}
