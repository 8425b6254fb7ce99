/// Sizes of a 2-D sliding-window operation over NHWC tensors. All sizes are positive and were validated by the caller;
/// the far padding follows from the output size.
public struct WindowGeometry: Hashable, Sendable {
  public var batch: Int
  public var inputHeight: Int, inputWidth: Int, inputChannels: Int
  public var outputHeight: Int, outputWidth: Int, outputChannels: Int
  public var kernelHeight: Int, kernelWidth: Int
  public var strideHeight: Int, strideWidth: Int
  public var dilationHeight: Int, dilationWidth: Int
  public var paddingTop: Int, paddingLeft: Int
  public var groups: Int

  public init(
    batch: Int, input: (height: Int, width: Int, channels: Int), output: (height: Int, width: Int, channels: Int),
    kernel: (height: Int, width: Int), strides: (height: Int, width: Int) = (1, 1),
    dilations: (height: Int, width: Int) = (1, 1), padding: (top: Int, left: Int) = (0, 0), groups: Int = 1
  ) {
    self.batch = batch
    (inputHeight, inputWidth, inputChannels) = input
    (outputHeight, outputWidth, outputChannels) = output
    (kernelHeight, kernelWidth) = kernel
    (strideHeight, strideWidth) = strides
    (dilationHeight, dilationWidth) = dilations
    (paddingTop, paddingLeft) = padding
    self.groups = groups
  }

  /// Of the definition, those on padding included.
  public var multiplyAdds: Int {
    batch * outputHeight * outputWidth * outputChannels * kernelHeight * kernelWidth * (inputChannels / groups)
  }
}

/// Which way a linear operation is applied: forward, or its transpose (the gradient with respect to its input).
public enum Direction: Hashable, Sendable { case forward, inputGradient }

/// Floats from one pixel to the next in each tensor of a run, where that is a slice of a wider tensor's channels; 0: its pixels
/// are adjacent.
public struct Pitches: Hashable, Sendable {
  public var source = 0, destination = 0, addend = 0, gate = 0
  public init() {}

  /// With the zeros resolved.
  func resolved(source channels: Int, destination width: Int) -> Pitches {
    var pitches = self
    if source == 0 { pitches.source = channels }
    if destination == 0 { pitches.destination = width }
    if addend == 0 { pitches.addend = width }
    if gate == 0 { pitches.gate = width }
    return pitches
  }

  /// Of a channel of a pixel, once resolved.
  @inline(always) func place(pixel: Int, channel: Int) -> EpiloguePlace {
    EpiloguePlace(
      destination: pixel * destination + channel, addend: pixel * addend + channel, gate: pixel * gate + channel)
  }
}

/// What is done to a result while it is in registers, in this order:
/// `v = sum + bias; v += addend; v = clamp(v); v = v > 0 ? v : 0 where positiveOnly; v = 0 where the gate is shut; v *= factor`.
/// `addend`, `gate` and `factor` have the shape of the destination, the last two one pitch. The gate is open where `0 < gate`
/// and `gate < gateLimit`. A NaN passes through the clamp.
///
/// Kernels that say so then apply an activation, and write its derivative where that is wanted.
public struct Epilogue {
  /// Those whose value and derivative have most of their arithmetic in common.
  public enum Activation: Sendable { case silu, gelu, geluTanh }

  public var bias: UnsafePointer<Float>?
  public var addend: UnsafePointer<Float>?
  /// The addend is added last instead, to what has passed the gate.
  public var addsLast = false
  public var lowerBound = -Float.infinity
  public var upperBound = Float.infinity
  public var positiveOnly = false
  public var gate: UnsafePointer<Float>?
  public var gateLimit = Float.infinity
  public var activation: Activation?
  public var derivative: UnsafeMutablePointer<Float>?
  public var factor: UnsafePointer<Float>?
  public init() {}
}
