#if canImport(CoreGraphics)
  import CoreGraphics

  extension Image where Sample == UInt8 {
    /// The pixels of a `CGImage` as RGB, in the sRGB color space and without transparency. Throws `outOfMemory` where CoreGraphics
    /// cannot draw it.
    public init(_ image: CGImage) throws(VisError) {
      let (height, width) = (image.height, image.width)
      var pixels = try Image(height: height, width: width, channels: 4, repeating: 0).samples
      let isDrawn = pixels.withUnsafeMutableBytes { memory in
        guard let space = CGColorSpace(name: CGColorSpace.sRGB),
          let context = CGContext(
            data: memory.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
            space: space,
            bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
        else { return false }
        context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
        return true
      }
      guard isDrawn else { throw VisError(.outOfMemory, "CoreGraphics cannot draw an image of \(width) x \(height)") }
      let samples = stride(from: 0, to: pixels.count, by: 4).flatMap { pixels[$0..<$0 + 3] }
      self.init(height, width, 3, samples)
    }

    /// The picture as a `CGImage` in the sRGB color space. Throws `invalidArgument` unless it is gray or RGB, `outOfMemory` where
    /// CoreGraphics cannot make it.
    public func cgImage() throws(VisError) -> CGImage {
      let picture = try rgb()
      let pixels = (0..<height * width).flatMap { picture.samples[3 * $0..<3 * $0 + 3] + [255] }
      var image: CGImage?
      var memory = pixels
      memory.withUnsafeMutableBytes { memory in
        guard let space = CGColorSpace(name: CGColorSpace.sRGB) else { return }
        let context = CGContext(
          data: memory.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width, space: space,
          bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
        image = context?.makeImage()
      }
      guard let image else { throw VisError(.outOfMemory, "CoreGraphics cannot make an image of \(width) x \(height)") }
      return image
    }
  }
#endif
