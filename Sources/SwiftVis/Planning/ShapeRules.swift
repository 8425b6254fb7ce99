extension ShapeRule {
  /// `leading` are the batch and axes that are treated like it.
  typealias Image = (leading: [Int?], height: Int?, width: Int?, channels: Int?)

  var shapeText: String { ShapeInference.text(input) }

  func image() throws -> Image {
    guard input.count >= 4 else {
      throw failure("expected an input (batch, ..., height, width, channels), got \(shapeText)")
    }
    let axis = input.count - 3
    return (Array(input[..<axis]), input[axis], input[axis + 1], input[axis + 2])
  }

  /// The last axis, which may not be the batch. Nil where it is open.
  func channels() throws -> Int? {
    guard input.count >= 2, let last = input.last else { throw failure("expected a batch and channels, got \(shapeText)") }
    return last
  }

  /// The shape of a weight; `layout` is what it should have been, for the message.
  func weight(_ role: String, _ layout: String, rank: Int) throws -> [Int] {
    guard let weight = weights[role] else { throw failure("its weight '\(role)' is missing") }
    guard weight.shape.count == rank, weight.shape.allSatisfy({ $0 >= 1 }) else {
      throw failure("\(role) should be \(layout), got \(ShapeInference.text(weight.shape))")
    }
    return weight.shape
  }

  func checkBias(_ count: Int) throws {
    guard let bias = weights["bias"], bias.shape != [count] else { return }
    throw failure("bias should be (\(count)), got \(ShapeInference.text(bias.shape))")
  }

  func checkInputChannels(_ expected: Int, _ channels: Int?) throws {
    guard let channels, channels != expected else { return }
    throw failure("expected \(expected) input channels, got \(channels)")
  }

  func windowed(_ image: Image, channels: Int?) throws -> [Int?] {
    let (rows, columns) = try windowAxes(height: image.height, width: image.width)
    return image.leading + [rows?.output, columns?.output, channels]
  }

  func convolution(groups: Int) throws -> [Int?] {
    let image = try image()
    let kernel = try weight("kernel", "(height, width, channels / groups, filters)", rank: 4)
    try checkInputChannels(kernel[2] * groups, image.channels)
    guard kernel[3] % groups == 0 else { throw failure("\(kernel[3]) filters do not divide into \(groups) groups") }
    try checkBias(kernel[3])
    return try windowed(image, channels: kernel[3])
  }

  func depthwiseConvolution() throws -> [Int?] {
    let image = try image()
    let kernel = try weight("kernel", "(height, width, channels, multiplier)", rank: 4)
    try checkInputChannels(kernel[2], image.channels)
    try checkBias(kernel[2] * kernel[3])
    return try windowed(image, channels: kernel[2] * kernel[3])
  }

  func transposedConvolution() throws -> [Int?] {
    let image = try image()
    let kernel = try weight("kernel", "(height, width, filters, channels)", rank: 4)
    try checkInputChannels(kernel[3], image.channels)
    try checkBias(kernel[2])
    return try windowed(image, channels: kernel[2])
  }

  func dense() throws -> [Int?] {
    let channels = try channels()
    let kernel = try weight("kernel", "(channels, units)", rank: 2)
    try checkInputChannels(kernel[0], channels)
    try checkBias(kernel[1])
    return input.dropLast() + [kernel[1]]
  }

  func matrixProduct(transposesLeft: Bool, transposesRight: Bool) throws -> [Int?] {
    guard input.count >= 3 else { throw failure("expected a batch and matrices, got \(shapeText)") }
    var left = inputs[0], right = inputs[1]
    try sameRanks()
    let last = left.count - 1
    if transposesLeft { left.swapAt(last - 1, last) }
    if transposesRight { right.swapAt(last - 1, last) }
    _ = try common([left[last], right[last - 1]])
    return try broadcast([Array(left.dropLast(2)), Array(right.dropLast(2))]) + [left[last - 1], right[last]]
  }

  /// Of `scale` and `offset`.
  func checkChannelWeights(mayBeScalar: Bool) throws {
    var channels = try channels()
    for role in ["scale", "offset"] where weights[role] != nil {
      let count = try weight(role, "(channels)", rank: 1)[0]
      if mayBeScalar && count == 1 { continue }
      guard count == channels ?? count else {
        throw failure("\(role) should be (\(ShapeInference.text([channels]).dropFirst().dropLast())), got (\(count))")
      }
      channels = count
    }
  }

  func checkAlpha() throws {
    let sizes = input.dropFirst()
    let alpha = try weight("alpha", "\(ShapeInference.text(Array(sizes))) with sizes equal or 1", rank: sizes.count)
    guard zip(alpha, sizes).allSatisfy({ $0 == 1 || $1 == nil || $0 == $1 }) else {
      throw failure(
        "alpha should be \(ShapeInference.text(Array(sizes))) with sizes equal or 1, got \(ShapeInference.text(alpha))")
    }
  }

  func reduce(_ axes: [Int], keepDims: Bool) throws -> [Int?] {
    guard axes.allSatisfy({ (1..<max(input.count, 1)).contains($0) }) else {
      throw failure("axes \(axes) are out of range for \(shapeText)")
    }
    return input.enumerated().compactMap { axis, size -> Int?? in
      guard axes.contains(axis) else { return .some(size) }
      return keepDims ? .some(1) : nil
    }
  }

  func pad(_ pairs: [EdgePair]) throws -> [Int?] {
    guard pairs.count + 1 == input.count else {
      throw failure("expected padding for \(input.count - 1) axes, all but the batch, got \(pairs.count)")
    }
    return try input.prefix(1)
      + zip(input.dropFirst(), pairs).map { size, pair in
        guard let size else { return nil }
        guard max(-pair.before, 0) + max(-pair.after, 0) < size else {
          throw failure("the image is too small: cropping (\(-pair.before), \(-pair.after)) leaves nothing of \(size)")
        }
        return size + pair.before + pair.after
      }
  }

  func resize(_ attributes: ResizeAttributes) throws -> [Int?] {
    let image = try image()
    switch attributes.target {
    case .size(let size): return image.leading + [size.height, size.width, image.channels]
    case .scale(let scale):
      return image.leading
        + [image.height.map { $0 * scale.height }, image.width.map { $0 * scale.width }, image.channels]
    }
  }

  func reshape(_ target: [Int]) throws -> [Int?] {
    var known: Int? = 1
    for size in target where size != -1 { known = known.flatMap { product($0, size) } }
    guard let known else { throw failure("a tensor of \(ShapeInference.text(target)) is too large", .outOfMemory) }
    var count: Int? = 1
    for size in input.dropFirst() { count = size.flatMap { size in count.flatMap { product($0, size) } } }
    let isOpen = target.contains(-1)
    if let count, isOpen ? count % known != 0 : count != known {
      throw failure("\(shapeText) does not fit \(ShapeInference.text([nil] + target))")
    }
    return input.prefix(1) + target.map { size in size == -1 ? count.map { $0 / known } : size }
  }

  private func product(_ a: Int, _ b: Int) -> Int? {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? nil : product
  }

  func concatenate(_ axis: Int) throws -> [Int?] {
    try sameRanks()
    guard (1..<max(input.count, 1)).contains(axis) else { throw failure("axis \(axis) is out of range for \(shapeText)") }
    return try input.indices.map { index in
      let sizes = inputs.map { $0[index] }
      guard index == axis else { return try common(sizes) }
      return sizes.reduce(0) { sum, size in sum.flatMap { sum in size.map { sum + $0 } } }
    }
  }

  func slice(_ ranges: [SliceRange]) throws -> [Int?] {
    guard ranges.count + 1 == input.count else {
      throw failure("expected ranges for \(input.count - 1) axes, all but the batch, got \(ranges.count)")
    }
    return try input.prefix(1)
      + input.indices.dropFirst().map { axis in
        let range = ranges[axis - 1]
        guard let length = input[axis] else { return range.size }
        guard let available = range.available(of: length) else {
          throw failure("axis \(axis): start \(range.start) is out of range for \(length)")
        }
        guard range.size ?? available <= available else {
          throw failure("axis \(axis): there are \(available) places from \(range.start) on, got size \(range.size ?? 0)")
        }
        return range.size ?? available
      }
  }

  func gather(_ axis: Int, _ indices: [Int]) throws -> [Int?] {
    guard (1..<max(input.count, 1)).contains(axis) else { throw failure("axis \(axis) is out of range for \(shapeText)") }
    if let length = input[axis], let index = indices.first(where: { $0 >= length }) {
      throw failure("index \(index) is out of range for the \(length) places of axis \(axis)")
    }
    var shape = input
    shape[axis] = indices.count
    return shape
  }

  func merge() throws -> [Int?] {
    try sameRanks()
    return try broadcast(inputs)
  }

  private func broadcast(_ shapes: [[Int?]]) throws -> [Int?] {
    try shapes[0].indices.map { index in
      let sizes = shapes.map { $0[index] }
      // Only axes after the batch broadcast; an open size may turn out to be 1.
      if index == 0 { return try common(sizes) }
      let wide = try common(sizes.filter { $0 != 1 && $0 != nil })
      return wide ?? (sizes.contains(nil) ? nil : 1)
    }
  }

  private func sameRanks() throws {
    guard inputs.allSatisfy({ $0.count == input.count }) else { throw disagreement() }
  }

  /// The one size that all known ones are.
  private func common(_ sizes: [Int?]) throws -> Int? {
    let known = sizes.compactMap { $0 }
    guard known.allSatisfy({ $0 == known.first }) else { throw disagreement() }
    return known.first
  }

  private func disagreement() -> VisError {
    let shapes = inputs.prefix(8).map { ShapeInference.text($0) }.joined(separator: ", ")
    return failure("its inputs do not fit each other: \(shapes)")
  }
}
