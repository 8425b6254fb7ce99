import SwiftVis

/// Small random networks whose axes change places: permutations and reshapings between what minds them and what does not.
extension Network {
  static func randomLayouts(seed: Int, steps: Int = 9) -> Network {
    var network = Network(seed: seed)
    let sizes = (0..<network.random.int(2...4)).map { _ in network.random.int(1...4) }
    var tensors = [network.input([network.random.int(1...2)] + sizes)]
    for _ in 0..<network.random.int(4...steps) {
      let x = network.random.chance(0.6) ? tensors[tensors.count - 1] : network.random.element(tensors)
      tensors.append(network.randomStep(x, tensors))
    }
    network.outputs = [network.last]
    if network.random.chance(0.5) { network.outputs.append(network.random.element(tensors)) }
    network.outputs = network.outputs.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    return network
  }

  private func count(_ x: String) -> Int { shape(x).reduce(1, *) }

  private mutating func randomStep(_ x: String, _ tensors: [String]) -> String {
    let rank = shape(x).count
    guard rank > 1 else { return add(.reshape([1, 1]), [x]) }
    switch random.int(0...22) {
    case 0...2 where rank > 2: return add(.permute([0] + Array(1..<rank).shuffled(using: &random)), [x])
    case 3...5: return regrouped(x)
    case 6...7 where rank == 4:
      return imageLayer(x)
    case 8: return activation(x, random.element([.silu, .tanh, .elu(alpha: 1), .linear]))
    case 9: return relu(x)
    case 10: return randomMerge(x, tensors)
    case 11:
      let other = random.element(tensors.filter { shape($0) == shape(x) })
      return count(x) < 200 ? add(.concatenate(axis: random.int(1...rank - 1)), [x, other, x].shuffled(using: &random)) : x
    case 12:
      let pads = shape(x).dropFirst().map { size in
        EdgePair(random.int(0...1) - (size > 1 ? random.int(0...1) : 0), random.chance(0.5) ? 0 : random.int(0...1))
      }
      return count(x) < 100 ? add(.pad(pads), [x]) : relu(x)
    case 13 where rank > 2:
      let first = random.int(1...rank - 1)
      let axes = Array(first...random.int(first...rank - 1))
      return add(.reduce(random.element([.mean, .sum]), axes: axes, keepDims: random.chance(0.5)), [x])
    case 14, 15:
      let ranges = shape(x).dropFirst().map { size in
        random.chance(0.5) ? SliceRange(0) : SliceRange(random.int(0...size - 1), step: random.element([-1, 1, 1, 2]))
      }
      return add(.slice(ranges), [x])
    case 16: return prelu(x, sharing: (1..<rank).filter { _ in random.chance(0.6) })
    case 17:
      let axis = random.int(1...rank - 1), size = shape(x)[axis]
      return add(.gather(axis: axis, indices: (0..<random.int(1...4)).map { _ in random.int(0...size - 1) }), [x])
    case 18 where rank > 2 && count(x) < 200:
      let turns = random.chance(0.5)
      return add(.matrixProduct(transposesLeft: turns, transposesRight: !turns), [x, x])
    case 19 where rank > 2:
      return add(.matrixProduct(transposesLeft: false, transposesRight: false), [x, constant(weightShape(x))])
    default: return overChannels(x)
    }
  }

  /// Of a constant matrix for the last axis.
  private mutating func weightShape(_ x: String) -> [Int] {
    shape(x).dropFirst().dropLast(2) + [channels(x), random.int(1...3)]
  }

  /// Other axes of the same memory: those of the factors of the sizes, in order or not.
  private mutating func regrouped(_ x: String) -> String {
    var factors = shape(x).dropFirst().flatMap { size in
      switch size {
      case 4: [2, 2]
      case 6: [2, 3]
      case 8: [2, 2, 2]
      default: [size]
      }
    }
    if random.chance(0.3) { factors.shuffle(using: &random) }
    var sizes: [Int] = []
    for factor in factors {
      if let last = sizes.last, sizes.count > 4 || random.chance(0.5) {
        sizes[sizes.count - 1] = last * factor
      } else {
        sizes.append(factor)
      }
      if sizes.count < 4 && random.chance(0.1) { sizes.append(1) }
    }
    return add(.reshape(sizes), [x])
  }

  /// As a channels-first source has it.
  private mutating func imageLayer(_ x: String) -> String {
    let image = add(.permute([0, 2, 3, 1]), [x])
    let y: String
    switch random.int(0...3) {
    case 0: y = conv(image, filters: random.int(1...5), padding: .same)
    case 1: y = pool(image, random.chance(0.5) ? .max : .average, size: (2, 2), strides: (1, 1), padding: .same)
    case 2: y = depthwise(image, padding: .same)
    default: y = affine(image)
    }
    return add(.permute([0, 3, 1, 2]), [y])
  }

  private mutating func overChannels(_ x: String) -> String {
    switch random.int(0...3) {
    case 0: dense(x, units: random.int(1...4))
    case 1: affine(x, scalar: random.chance(0.3))
    case 2: normalization(x, epsilon: 0.1)
    default: add(.softmax, [x])
    }
  }

  private mutating func randomMerge(_ x: String, _ tensors: [String]) -> String {
    let kind = random.element([Merge.add, .add, .multiply, .average, .subtract, .maximum])
    if random.chance(0.4) {
      let axis = random.int(1...shape(x).count - 1)
      let squeezed = add(.reduce(.mean, axes: [axis], keepDims: true), [x])
      return random.chance(0.5) ? merge(kind, x, squeezed) : merge(kind, squeezed, x)
    }
    if random.chance(0.3) {
      let row = constant(shape(x).dropFirst().map { random.chance(0.5) ? $0 : 1 })
      return random.chance(0.5) ? merge(kind, x, row) : merge(kind, row, x)
    }
    return merge(kind, x, random.element(tensors.filter { shape($0) == shape(x) }))
  }
}
