// swift-tools-version: 6.2
import PackageDescription

// The kernels are written for FMA: without it in the target, SIMD products become library calls.
#if arch(x86_64)
  let kernelFlags = ["-Xcc", "-march=x86-64-v3", "-Ounchecked", "-wmo"]
#else
  let kernelFlags = ["-Ounchecked", "-wmo"]
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
  products: [
    .library(name: "SwiftVis", targets: ["SwiftVis"]),
    .library(name: "swiftvis", type: .dynamic, targets: ["SwiftVisABI"]),
  ],
  targets: [
    .target(name: "CSwiftVis"),
    .target(name: "CPlatform"),
    .target(name: "SwiftVisKernels", dependencies: ["CPlatform"], swiftSettings: [.unsafeFlags(kernelFlags)]),
    .target(name: "SwiftVis", dependencies: ["SwiftVisKernels", "CPlatform"]),
    .target(
      name: "SwiftVisABI", dependencies: ["SwiftVis", "CSwiftVis", "CPlatform"], exclude: ["exports.map"],
      linkerSettings: exportFlags),
    .executableTarget(
      name: "StepProfile", dependencies: ["SwiftVis", "SwiftVisKernels"], path: "benchmarks/steps",
      swiftSettings: [.unsafeFlags(kernelFlags)]),
    .testTarget(name: "SwiftVisTests", dependencies: ["SwiftVis", "SwiftVisKernels"]),
    .testTarget(name: "SwiftVisABITests", dependencies: ["SwiftVisABI", "SwiftVis", "CSwiftVis"]),
  ],
  swiftLanguageModes: [.v6]
)
