import Foundation
import SkeinCore
import SkeinTestSupport
import Testing

/// `skein graph` as its users run it.
@Suite struct GraphCommandTests {
    /// The binary beside the tests; nil, with a word, where it was not built.
    private static func binary() -> URL? {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let found = [folder, Files.root.appending(path: ".build/release")]
            .map { $0.appending(path: "skein") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        if found == nil { print("skipped: no skein binary beside the tests; swift build makes it") }
        return found
    }

    private static func run(
        _ binary: URL,
        _ arguments: [String]
    ) throws -> (text: String, status: Int32) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = binary
        process.arguments = ["graph"] + arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }

    /// A graph of a dense core and a wide rim, as text.
    private static func write(nodes: Int, edges: Int, to path: String) throws {
        var random = SplitMix64(seed: 3)
        var text = ""
        for _ in 0..<edges {
            let a = Int.random(in: 0..<nodes, using: &random)
            let b = Int.random(in: 0...a, using: &random)
            text += "\(a) \(b)\n"
        }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test(arguments: [
        ["--method", "prone"], ["--walks", "1", "--walk-length", "5", "--parts", "4"],
    ])
    func `the forecast holds the peak and is not lavish`(flags: [String]) throws {
        guard let binary = Self.binary() else { return }
        let folder = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.write(nodes: 24_000, edges: 200_000, to: folder + "/g.txt")
        let common = [folder + "/g.txt", "--dim", "64", "--threads", "2"] + flags
        let plan = try Self.run(binary, ["plan", "--json"] + common)
        let forecast = try Array(plan.text.utf8).withUnsafeBytes { try JSON(parsing: $0) }
        let expected = Double(try #require(forecast["bytes"]?.int)) / 1_048_576
        #expect((forecast["seconds"]?.double ?? 0) > 0)
        let embed = try Self.run(binary, ["embed", "--quiet", "-o", folder + "/out"] + common)
        #expect(embed.status == 0, "\(embed.text)")
        let peak = try #require(
            embed.text.firstMatch(of: /peak (\d+) MiB/).flatMap { Double($0.1) }
        )
        #expect(peak < 1.2 * expected, "peak \(peak) MiB, forecast \(expected)")
        #expect(expected < 1.6 * peak, "peak \(peak) MiB, forecast \(expected)")
    }

    @Test func `an update embeds one part and an index is read again`() throws {
        guard let binary = Self.binary() else { return }
        let folder = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.write(nodes: 600, edges: 1500, to: folder + "/g.txt")
        let out = folder + "/out"
        let common = [
            folder + "/g.txt", "--method", "prone", "--dim", "32", "--parts", "3", "-o", out,
        ]
        let without = try Self.run(binary, ["embed", "--update", "--quiet"] + common)
        #expect(without.status != 0)
        #expect(without.text.contains("division.skd"), "\(without.text)")
        #expect(try Self.run(binary, ["embed", "--keep", "--quiet"] + common).status == 0)
        let before = try Data(contentsOf: URL(filePath: out + "/vectors.skv"))
        let again = try Self.run(binary, ["embed", "--update"] + common)
        #expect(again.status == 0)
        #expect(again.text.contains("kept from before"))
        #expect(try Data(contentsOf: URL(filePath: out + "/vectors.skv")) == before)
        let search = [
            "neighbors", out + "/vectors.skv", "5", "-k", "4", "--index", folder + "/i.skh",
        ]
        let first = try Self.run(binary, search)
        #expect(first.text.split(separator: "\n").count == 4)
        #expect(FileManager.default.fileExists(atPath: folder + "/i.skh"))
        #expect(try Self.run(binary, search).text == first.text)
    }

    @Test func `a compiled graph is embedded to the same bytes`() throws {
        guard let binary = Self.binary() else { return }
        let folder = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.write(nodes: 300, edges: 900, to: folder + "/g.txt")
        let compiled = try Self.run(
            binary,
            ["compile", folder + "/g.txt", "-o", folder + "/g.skg", "--memory", "1"]
        )
        #expect(compiled.status == 0)
        #expect(compiled.text.contains(" nodes, ") && compiled.text.contains("passes for rows"))
        for name in ["g.txt", "g.skg"] {
            let result = try Self.run(
                binary,
                [
                    "embed", "\(folder)/\(name)", "-o", "\(folder)/\(name).out", "--quiet", "--dim",
                    "16",
                ]
            )
            #expect(result.status == 0, "\(result.text)")
        }
        let files = try ["g.txt", "g.skg"].map {
            try Data(contentsOf: URL(filePath: "\(folder)/\($0).out/vectors.skv"))
        }
        #expect(files[0] == files[1])
    }
}
