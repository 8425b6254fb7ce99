// swift-tools-version: 6.2
import PackageDescription

// The kernels are written for FMA: without it in the target, SIMD products become library calls. SwiftPM takes such flags from
// a tagged package since 6.2. No -wmo: release has it anyway, and debug builds expect outputs file by file.
#if arch(x86_64)
  let kernelSettings: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3", "-Ounchecked"])]
#else
  let kernelSettings: [SwiftSetting] = [.unsafeFlags(["-Ounchecked"])]
#endif

#if os(Linux)
  // Only the sv_ symbols leave the library: a host process may hold another Swift runtime. Gold would export Swift's
  // protected symbols in spite of the version script. Worker threads outlive a dlclose, so the library stays loaded.
  let exportFlags: [LinkerSetting] = [
    .unsafeFlags([
      "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "nodelete",
      "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/SwiftVisABI/exports.map",
    ])
  ]
#else
  let exportFlags: [LinkerSetting] = []
#endif

let package = Package(
  name: "swiftvis",
  platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],  // of the Synchronization module
  products: [
    .library(name: "SwiftVis", targets: ["SwiftVis"]),
    .library(name: "swiftvis", type: .dynamic, targets: ["SwiftVisABI"]),
  ],
  targets: [
    .target(name: "CSwiftVis"),
    .target(name: "CPlatform"),
    .target(name: "CCompatibility"),
    .target(name: "SwiftVisKernels", dependencies: ["CPlatform"], swiftSettings: kernelSettings),
    .target(name: "SwiftVis", dependencies: ["SwiftVisKernels", "CSwiftVis", "CPlatform"]),
    .target(
      name: "SwiftVisABI", dependencies: ["SwiftVis", "CSwiftVis", "CPlatform", "CCompatibility"], exclude: ["exports.map"],
      linkerSettings: exportFlags),
    .executableTarget(
      name: "StepProfile", dependencies: ["SwiftVis", "SwiftVisKernels"], path: "benchmarks/steps",
      swiftSettings: kernelSettings),
    .testTarget(name: "SwiftVisTests", dependencies: ["SwiftVis", "SwiftVisKernels"]),
    .testTarget(name: "SwiftVisABITests", dependencies: ["SwiftVisABI", "SwiftVis", "CSwiftVis"]),
  ],
  swiftLanguageModes: [.v6]
)
