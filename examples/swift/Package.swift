// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Explain",
  platforms: [.macOS(.v15)],
  // The name, since a clone's folder may have any.
  dependencies: [.package(name: "swiftvis", path: "../..")],
  targets: [
    .executableTarget(
      name: "Explain",
      dependencies: [
        .product(name: "SwiftVis", package: "swiftvis"),
        .target(name: "CPNG", condition: .when(platforms: [.linux])),
      ]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev", "pkg-config"]), .yum(["libpng-devel"])]),
  ]
)
