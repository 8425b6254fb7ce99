internal import CSwiftVis

/// The version of this package, "major.minor.patch". The C header `swiftvis.h` has it for C, Swift, Python and the wheel.
public let swiftVisVersion = "\(SV_VERSION_MAJOR).\(SV_VERSION_MINOR).\(SV_VERSION_PATCH)"
