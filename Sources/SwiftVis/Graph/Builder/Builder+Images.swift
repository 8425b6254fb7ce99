// Pooling, reductions and sizes.

extension Graph.Builder {
  /// The largest value of each window.
  ///
  /// - Parameters:
  ///   - input: (N, ..., H, W, C).
  ///   - size: of a window, (height, width).
  ///   - strides: nil for the window's size.
  ///   - padding: explicit padding is smaller than a window.
  ///   - dilations: from tap to tap of the kernel: (down, right).
  ///   - name: of the layer; one is made where it is nil.
  public mutating func maxPool(
    _ input: Value, size: (Int, Int) = (2, 2), strides: (Int, Int)? = nil, padding: Padding = .valid,
    dilations: (Int, Int) = (1, 1), name: String? = nil
  ) -> Value {
    var attributes = Pool2DAttributes(.max, size, strides, padding)
    attributes.dilations = Extent2D(dilations.0, dilations.1)
    return layer("MaxPooling2D", .pool(attributes), [input], name: name)
  }

  /// The mean of each window.
  ///
  /// - Parameters:
  ///   - input: (N, ..., H, W, C).
  ///   - size: of a window, (height, width).
  ///   - strides: nil for the window's size.
  ///   - padding: explicit padding is smaller than a window.
  ///   - countsPadding: whether padding counts as zeros in the mean.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func averagePool(
    _ input: Value, size: (Int, Int) = (2, 2), strides: (Int, Int)? = nil, padding: Padding = .valid,
    countsPadding: Bool = false, name: String? = nil
  ) -> Value {
    var attributes = Pool2DAttributes(.average, size, strides, padding)
    attributes.countIncludesPadding = countsPadding
    return layer("AveragePooling2D", .pool(attributes), [input], name: name)
  }

  /// The mean over the positions of an image: (N, H, W, C) becomes (N, C), or (N, 1, 1, C) with `keepsAxes`.
  public mutating func globalAveragePool(_ input: Value, keepsAxes: Bool = false, name: String? = nil) -> Value {
    layer("GlobalAveragePooling2D", .reduce(.mean, axes: [1, 2], keepDims: keepsAxes), [input], name: name)
  }

  /// The maximum over the positions of an image: (N, H, W, C) becomes (N, C), or (N, 1, 1, C) with `keepsAxes`.
  public mutating func globalMaxPool(_ input: Value, keepsAxes: Bool = false, name: String? = nil) -> Value {
    layer("GlobalMaxPooling2D", .reduce(.max, axes: [1, 2], keepDims: keepsAxes), [input], name: name)
  }

  /// The mean, maximum or sum over adjacent axes.
  ///
  /// - Parameters:
  ///   - input: of the layer.
  ///   - kind: which of these.
  ///   - axes: not the batch; negative ones are counted from the end.
  ///   - keepsAxes: whether they stay, with the size 1.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func reduce(
    _ input: Value, _ kind: Reduction = .mean, axes: [Int], keepsAxes: Bool = false, name: String? = nil
  ) -> Value {
    layer("Reduce", .reduce(kind, axes: axes, keepDims: keepsAxes), [input], name: name)
  }

  /// Puts zeros around a tensor, or crops it where a number is negative. `padding` has a pair for every axis but the batch.
  public mutating func pad(_ input: Value, _ padding: [EdgePair], name: String? = nil) -> Value {
    layer("ZeroPadding", .pad(padding), [input], name: name)
  }

  /// Enlarges images (N, ..., H, W, C) by whole factors.
  public mutating func resize(
    _ input: Value, scale: (Int, Int), interpolation: ResizeAttributes.Interpolation = .nearest,
    coordinates: ResizeAttributes.Coordinates = .halfPixel, name: String? = nil
  ) -> Value {
    resize(input, "UpSampling2D", .scale(Extent2D(scale.0, scale.1)), interpolation, coordinates, name)
  }

  /// Brings images (N, ..., H, W, C) to a size.
  public mutating func resize(
    _ input: Value, size: (Int, Int), interpolation: ResizeAttributes.Interpolation = .nearest,
    coordinates: ResizeAttributes.Coordinates = .halfPixel, name: String? = nil
  ) -> Value {
    resize(input, "Resizing", .size(Extent2D(size.0, size.1)), interpolation, coordinates, name)
  }

  private mutating func resize(
    _ input: Value, _ className: String, _ target: ResizeAttributes.Target, _ interpolation: ResizeAttributes.Interpolation,
    _ coordinates: ResizeAttributes.Coordinates, _ name: String?
  ) -> Value {
    var attributes = ResizeAttributes(target: target)
    (attributes.interpolation, attributes.coordinates) = (interpolation, coordinates)
    return layer(className, .resize(attributes), [input], name: name)
  }
}

extension Pool2DAttributes {
  fileprivate init(_ kind: Kind, _ size: (Int, Int), _ strides: (Int, Int)?, _ padding: Padding) {
    self.init(kind: kind)
    self.size = Extent2D(size.0, size.1)
    self.strides = strides.map { Extent2D($0.0, $0.1) } ?? self.size
    self.padding = padding
  }
}
