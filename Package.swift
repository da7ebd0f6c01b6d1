// swift-tools-version: 6.2
import PackageDescription

/// One target of the house.
///
/// Its imports must stand on lower floors; a sideways or upward arrow fails `swift build`.
struct Room {
    var floor: Int
    var name: String
    var imports: [String]
    var products: [Target.Dependency] = []
    var settings: [SwiftSetting] = rules + [.strictMemorySafety()]
}

let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let rooms = [
    Room(floor: 0, name: "CSkeinKernels", imports: []),
    Room(floor: 0, name: "CPCRE2", imports: []),
    Room(floor: 0, name: "CSkeinStart", imports: []),
    Room(floor: 0, name: "CSkeinFirmware", imports: []),
    Room(floor: 0, name: "SkeinCore", imports: [], settings: rules),
    Room(floor: 1, name: "SkeinTensor", imports: ["CSkeinKernels", "SkeinCore"], settings: rules),
    Room(floor: 1, name: "SkeinText", imports: ["CPCRE2", "SkeinCore"], settings: rules),
    Room(floor: 1, name: "SkeinStories", imports: [], settings: rules),
    Room(
        floor: 1,
        name: "SkeinSpark",
        imports: ["SkeinCore"],
        products: [
            .product(name: "GRPCCore", package: "grpc-swift-2"),
            .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        ],
        settings: rules
    ),
    Room(floor: 1, name: "SkeinClassic", imports: [], settings: rules),
    Room(
        floor: 2,
        name: "SkeinClassicHost",
        imports: ["SkeinTensor", "SkeinClassic", "CSkeinFirmware", "SkeinCore"],
        settings: rules
    ),
    Room(floor: 2, name: "SkeinNN", imports: ["SkeinTensor", "SkeinCore"]),
    Room(
        floor: 2,
        name: "SkeinGraph",
        imports: ["CSkeinKernels", "SkeinTensor", "SkeinCore"],
        settings: rules
    ),
    Room(floor: 2, name: "SkeinDecoding", imports: ["SkeinTensor", "SkeinCore"]),
    Room(
        floor: 3,
        name: "SkeinGraphSpark",
        imports: ["SkeinGraph", "SkeinSpark", "SkeinTensor", "SkeinCore"],
        settings: rules
    ),
    Room(
        floor: 3,
        name: "SkeinModels",
        imports: ["SkeinNN", "SkeinTensor", "SkeinText", "SkeinCore"]
    ),
    Room(
        floor: 4,
        name: "SkeinEngine",
        imports: [
            "SkeinModels", "SkeinDecoding", "SkeinNN", "SkeinTensor", "SkeinText", "SkeinCore",
        ]
    ),
    Room(
        floor: 5,
        name: "SkeinTraining",
        imports: [
            "SkeinEngine", "SkeinModels", "SkeinNN", "SkeinTensor", "SkeinText", "SkeinCore",
        ],
        products: [.product(name: "Yams", package: "Yams")],
        settings: rules
    ),
    Room(
        floor: 5,
        name: "SkeinServer",
        imports: [
            "SkeinEngine", "SkeinModels", "SkeinDecoding", "SkeinTensor", "SkeinText", "SkeinCore",
        ],
        products: [
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HummingbirdTLS", package: "hummingbird"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ],
        settings: rules
    ),
    Room(
        floor: 6,
        name: "skein",
        imports: [
            "SkeinServer", "SkeinTraining", "SkeinEngine", "SkeinModels", "SkeinDecoding",
            "SkeinTensor", "SkeinText", "SkeinCore", "SkeinClassicHost", "SkeinClassic",
            "SkeinGraph", "SkeinGraphSpark", "SkeinSpark", "SkeinStories",
            "CSkeinStart",
        ],
        products: [
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
        ]
    ),
]

let floors = Dictionary(uniqueKeysWithValues: rooms.map { ($0.name, $0.floor) })
for room in rooms {
    for other in room.imports {
        precondition(
            (floors[other] ?? .max) < room.floor,
            "\(room.name) (floor \(room.floor)) may not import \(other)"
        )
    }
}

func target(_ room: Room) -> Target {
    let dependencies = room.imports.map { Target.Dependency.byName(name: $0) } + room.products
    return switch room.name {
    case "CPCRE2":
        .systemLibrary(
            name: room.name,
            pkgConfig: "libpcre2-8",
            providers: [.apt(["libpcre2-dev"])]
        )
    case "CSkeinFirmware":
        .target(
            name: room.name,
            exclude: ["folder"],
            cSettings: [.treatAllWarnings(as: .error)]
        )
    case "CSkeinKernels", "CSkeinStart":
        .target(name: room.name, cSettings: [.treatAllWarnings(as: .error)])
    case "SkeinSpark":
        .target(
            name: room.name,
            dependencies: dependencies,
            exclude: ["connect.proto"],
            swiftSettings: room.settings
        )
    case "skein":
        .executableTarget(name: room.name, dependencies: dependencies, swiftSettings: room.settings)
    default:
        .target(name: room.name, dependencies: dependencies, swiftSettings: room.settings)
    }
}

func tests(_ name: String, _ imports: [String]) -> Target {
    .testTarget(
        name: name,
        dependencies: (imports + ["SkeinTestSupport"]).map { .byName(name: $0) },
        swiftSettings: rules
    )
}

let package = Package(
    name: "skein",
    platforms: [.macOS(.v26)],
    products: [
        .executable(name: "skein", targets: ["skein"]),
        .library(name: "CSkeinKernels", targets: ["CSkeinKernels"]),
        .library(name: "SkeinTensor", targets: ["SkeinTensor"]),
        .library(name: "SkeinClassic", targets: ["SkeinClassic"]),
        .library(name: "SkeinClassicHost", targets: ["SkeinClassicHost"]),
        .library(name: "SkeinText", targets: ["SkeinText"]),
        .library(name: "SkeinNN", targets: ["SkeinNN"]),
        .library(name: "SkeinGraph", targets: ["SkeinGraph"]),
        .library(name: "SkeinDecoding", targets: ["SkeinDecoding"]),
        .library(name: "SkeinEngine", targets: ["SkeinEngine", "SkeinModels"]),
        .library(name: "SkeinServer", targets: ["SkeinServer"]),
        .library(name: "SkeinTraining", targets: ["SkeinTraining"]),
        .library(name: "SkeinStories", targets: ["SkeinStories"]),
        .library(name: "SkeinSpark", targets: ["SkeinSpark"]),
        .library(name: "SkeinGraphSpark", targets: ["SkeinGraphSpark"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "5.0.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.9.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            from: "2.28.1",
            traits: []
        ),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    ],
    targets: rooms.map(target) + [
        .target(
            name: "SkeinTestSupport",
            dependencies: ["SkeinCore"],
            path: "Tests/SkeinTestSupport",
            swiftSettings: rules
        ),
        tests("KernelTests", ["CSkeinKernels", "SkeinTensor", "SkeinCore"]),
        tests("TensorTests", ["SkeinTensor", "SkeinCore"]),
        tests("ClassicTests", ["SkeinClassicHost", "SkeinClassic", "SkeinTensor", "SkeinCore"]),
        tests("TapeTests", ["SkeinModels", "SkeinNN", "SkeinTensor", "SkeinCore"]),
        tests("TextTests", ["SkeinText", "SkeinCore"]),
        tests("GraphTests", ["SkeinGraph", "CSkeinKernels", "SkeinTensor", "SkeinCore"]),
        tests(
            "GraphSparkTests",
            ["SkeinGraphSpark", "SkeinGraph", "SkeinSpark", "SkeinTensor", "SkeinCore"]
        ),
        .testTarget(
            name: "SparkTests",
            dependencies: [
                "SkeinSpark", "SkeinCore", "SkeinTestSupport",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: rules
        ),
        tests("DecodingTests", ["SkeinDecoding", "SkeinTensor", "SkeinCore"]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "SkeinServer", "SkeinEngine", "SkeinModels", "SkeinDecoding", "SkeinTensor",
                "SkeinText", "SkeinCore", "SkeinTestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: rules
        ),
        tests(
            "TrainingTests",
            [
                "SkeinStories",
                "SkeinTraining", "SkeinEngine", "SkeinModels", "SkeinNN", "SkeinTensor",
                "SkeinText",
                "SkeinCore",
            ]
        ),
        tests(
            "EngineTests",
            [
                "SkeinModels", "SkeinNN", "SkeinEngine", "SkeinDecoding", "SkeinTensor",
                "SkeinText", "SkeinCore",
            ]
        ),
        tests(
            "ModelTests",
            [
                "SkeinModels", "SkeinNN", "SkeinEngine", "SkeinDecoding", "SkeinTensor",
                "SkeinText",
                "SkeinCore",
            ]
        ),
    ],
    cLanguageStandard: .c11
)
