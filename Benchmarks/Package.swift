// swift-tools-version: 6.2
import PackageDescription

/// Measurements of the parts, apart from the package itself so that nobody who uses it resolves or
/// builds them.
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "skein", path: "..")],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "SkeinTensor", "SkeinText", "SkeinDecoding", "SkeinEngine", "CSkeinKernels",
            ].map { .product(name: $0, package: "skein") },
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]
        )
    ]
)
