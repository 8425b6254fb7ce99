// Pictures as PNG files: Apple's platforms read and write them with ImageIO, others with libpng.

import SwiftVis

#if canImport(CoreGraphics)
  import Foundation
  import ImageIO
  import UniformTypeIdentifiers

  extension Image<UInt8> {
    init(png path: String) throws(VisError) {
      let url = URL(fileURLWithPath: path) as CFURL
      guard let source = CGImageSourceCreateWithURL(url, nil), let picture = CGImageSourceCreateImageAtIndex(source, 0, nil)
      else { throw VisError(.io, "\(path): cannot be read as a picture") }
      try self.init(picture)
    }

    func write(png path: String) throws(VisError) {
      let url = URL(fileURLWithPath: path) as CFURL
      guard let file = CGImageDestinationCreateWithURL(url, UTType.png.identifier as CFString, 1, nil) else {
        throw VisError(.io, "\(path): cannot be written")
      }
      CGImageDestinationAddImage(file, try cgImage(), nil)
      guard CGImageDestinationFinalize(file) else { throw VisError(.io, "\(path): cannot be written") }
    }
  }
#else
  import CPNG

  extension Image<UInt8> {
    /// Reads a PNG of any kind as RGB of 8 bits; what is transparent lies on white.
    init(png path: String) throws(VisError) {
      var header = png_image()
      header.version = UInt32(PNG_IMAGE_VERSION)
      defer { png_image_free(&header) }
      guard png_image_begin_read_from_file(&header, path) != 0 else { throw VisError(.io, "\(path): \(header.reason)") }
      let (height, width) = (Int(header.height), Int(header.width))
      guard height * width <= 100_000_000 else {
        throw VisError(.unsupported, "\(path): \(width) x \(height) pixels are more than this example takes")
      }
      header.format = PNG_FORMAT_RGB
      header.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
      var samples = [UInt8](repeating: 0, count: height * width * 3)
      var white = png_color(red: 255, green: 255, blue: 255)
      guard png_image_finish_read(&header, &white, &samples, 0, nil) != 0 else {
        throw VisError(.io, "\(path): \(header.reason)")
      }
      try self.init(height: height, width: width, channels: 3, samples: samples)
    }

    /// Writes a picture of one channel (gray) or three (RGB).
    func write(png path: String) throws(VisError) {
      var header = png_image()
      header.version = UInt32(PNG_IMAGE_VERSION)
      (header.height, header.width) = (UInt32(height), UInt32(width))
      header.format = channels == 1 ? UInt32(PNG_FORMAT_GRAY) : PNG_FORMAT_RGB
      guard png_image_write_to_file(&header, path, 0, samples, 0, nil) != 0 else {
        throw VisError(.io, "\(path): \(header.reason)")
      }
    }
  }

  extension png_image {
    /// What libpng says went wrong.
    fileprivate var reason: String {
      withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
  }
#endif
