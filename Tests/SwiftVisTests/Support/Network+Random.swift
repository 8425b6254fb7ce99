import SwiftVis

/// Small random networks: branches that split and meet, every kind of layer, demands in odd places.
extension Network {
  static func random(seed: Int, steps: Int = 9) -> Network {
    var network = Network(seed: seed)
    var images = [
      network.input([
        network.random.int(1...2), network.random.int(3...7), network.random.int(3...7), network.random.int(1...6),
      ])
    ]
    for _ in 0..<network.random.int(4...steps) {
      // Mostly from the newest, so that chains grow long enough to be fused.
      let x = network.random.chance(0.6) ? images[images.count - 1] : network.random.element(images)
      images.append(network.randomLayer(x, images))
    }
    let newest = images[images.count - 1]
    if network.random.chance(0.7) { network.addHead(newest) }
    network.outputs = [network.last]
    if network.random.chance(0.5) { network.outputs.append(network.random.element(images)) }
    network.outputs = network.outputs.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    return network
  }

  private mutating func addHead(_ x: String) {
    var row: String
    switch random.int(0...2) {
    case 0: row = globalAverage(x)
    case 1: row = add(.reshape([-1]), [x])
    default: row = add(.reduce(.max, axes: [1, 2], keepDims: false), [x])
    }
    if random.chance(0.5) { row = activation(dense(row, units: random.int(2...18)), randomActivation()) }
    row = dense(row, units: random.int(1...5))
    if random.chance(0.4) { add(.softmax, [row]) }
  }

  private mutating func randomActivation() -> Activation {
    random.element([
      .relu(maxValue: nil, negativeSlope: 0, threshold: 0), .relu(maxValue: nil, negativeSlope: 0, threshold: 0),
      .relu(maxValue: nil, negativeSlope: 0, threshold: 0), .relu(maxValue: 6, negativeSlope: 0, threshold: 0),
      .relu(maxValue: 1, negativeSlope: 0, threshold: 0), .relu(maxValue: nil, negativeSlope: 0.2, threshold: 0), .silu,
      .hardSwish, .sigmoid, .tanh, .elu(alpha: 1), .gelu(approximate: false), .linear,
    ])
  }

  private mutating func randomPadding() -> Padding {
    switch random.int(0...3) {
    case 0: .valid
    case 1:
      .explicit(
        vertical: EdgePair(random.int(0...1), random.int(0...2)), horizontal: EdgePair(random.int(0...2), random.int(0...1)))
    default: .same
    }
  }

  private mutating func randomLayer(_ x: String, _ images: [String]) -> String {
    let (height, width) = (shape(x)[1], shape(x)[2])
    let kernel = (random.int(1...min(3, height)), random.int(1...min(3, width)))
    let strides = random.chance(0.7) ? (1, 1) : (random.int(1...2), random.int(1...2))
    switch random.int(0...15) {
    case 0...3:
      return conv(
        x, filters: random.chance(0.5) ? channels(x) : random.int(1...9), kernel: kernel, strides: strides,
        padding: randomPadding(), bias: random.chance(0.5))
    case 4: return depthwise(x, multiplier: random.int(1...2), kernel: kernel, strides: strides, padding: randomPadding())
    case 5: return conv(x, filters: channels(x), padding: .same, groups: channels(x))
    case 6:
      guard height * width < 50 else { return affine(x) }
      return transposed(x, filters: random.int(1...6), kernel: kernel, strides: strides, padding: .same)
    case 7: return affine(x, scalar: random.chance(0.3))
    case 8...10: return activation(x, randomActivation())
    case 11: return pool(x, random.chance(0.5) ? .max : .average, size: kernel, strides: strides, padding: .same)
    case 12: return join(x, images)
    case 13:
      let same = images.filter { shape($0) == shape(x) }
      let kind = random.element([Merge.add, .add, .multiply, .average, .subtract, .maximum])
      return merge(kind, x, random.element(same))
    case 14: return random.chance(0.5) ? normalization(x) : prelu(x, sharing: [1, 2])
    default: return reshaped(x)
    }
  }

  /// With another image of the same size, or with a gate of one value a channel.
  private mutating func join(_ x: String, _ images: [String]) -> String {
    if random.chance(0.4) {
      let squeezed = add(.reduce(.mean, axes: [1, 2], keepDims: true), [x])
      return merge(.multiply, x, activation(conv(squeezed, filters: channels(x), kernel: (1, 1)), .sigmoid))
    }
    let sameSize = images.filter { shape($0).dropLast() == shape(x).dropLast() && channels($0) + channels(x) < 20 }
    guard !sameSize.isEmpty else { return relu(x) }
    return add(.concatenate(axis: 3), [x, random.element(sameSize)])
  }

  /// Halves of the channels in the other order, perhaps with something done to one, or every other place of an axis.
  private mutating func split(_ x: String) -> String {
    let whole = SliceRange(0), channels = channels(x)
    guard channels > 1, random.chance(0.7) else {
      return add(.slice([SliceRange(random.chance(0.5) ? 0 : -1, step: random.chance(0.5) ? 1 : -1), whole, whole]), [x])
    }
    let place = random.int(1...channels - 1)
    let left = add(.slice([whole, whole, SliceRange(0, place)]), [x])
    let right = add(.slice([whole, whole, SliceRange(place)]), [x])
    let changed = random.chance(0.5) ? conv(left, filters: place, kernel: (1, 1)) : relu(left)
    return add(.concatenate(axis: 3), [right, changed])
  }

  private mutating func reshaped(_ x: String) -> String {
    let (height, width) = (shape(x)[1], shape(x)[2])
    switch random.int(0...5) {
    case 5: return split(x)
    case 0 where height > 2 && width > 2:
      return add(.pad([EdgePair(-1, random.int(0...1)), EdgePair(random.int(0...2), -1), EdgePair(0, 0)]), [x])
    case 1 where height * width < 25:
      var attributes = ResizeAttributes(target: .scale(Extent2D(2, random.int(1...2))))
      attributes.interpolation = random.chance(0.5) ? .nearest : .bilinear
      return add(.resize(attributes), [x])
    case 2: return add(.permute([0, 2, 1, 3]), [x])
    case 3: return add(.reshape([width, height, -1]), [x])
    default: return add(.permute([0, 3, 1, 2]), [add(.permute([0, 2, 3, 1]), [x])])
    }
  }
}
