import Foundation
import SkeinCore
import SkeinGraph
import SkeinTestSupport
import Testing

/// Texts in several pieces, in bands, and disks that are full.
@Suite struct GraphCompileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    /// Random lines with repeats, loops, comments, wide ids and, if asked, weights.
    private static func text(lines: Int, isWeighted: Bool, seed: UInt64) -> String {
        var random = SplitMix64(seed: seed)
        var text = "# sample\n"
        for line in 0..<lines {
            let a = Int.random(in: -3...300, using: &random)
            let b = Int.random(in: 0...300, using: &random)
            text += line % 97 == 5 ? "\(a) \(b + 9_000_000_000)" : "\(a)\t\(b)"
            if isWeighted, line % 3 == 0 { text += " \(Float.random(in: 0.1...2, using: &random))" }
            text += line % 50 == 0 ? "\n\n" : "\n"
        }
        return text
    }

    @Test(arguments: [false, true], [1, 1000, 1 << 20])
    func `compiling in bands gives the graph that reading gives`(
        isWeighted: Bool,
        memory: Int
    ) throws {
        try withFolder { folder in
            let text = Self.text(lines: 3000, isWeighted: isWeighted, seed: 4)
            try text.write(toFile: folder + "/g.txt", atomically: true, encoding: .utf8)
            let read = try GraphFileReader.read(folder + "/g.txt")
            let threaded = try GraphFileReader.read(
                folder + "/g.txt",
                compute: GraphCompute(GraphSamples.processor(3))
            )
            #expect(threaded.fingerprint == read.fingerprint)
            let result = try GraphStore.compile(
                folder + "/g.txt",
                to: folder + "/g.skg",
                memory: memory,
                compute: GraphCompute(GraphSamples.processor(2))
            )
            #expect(result.report == read.report)
            #expect(result.bands > 100 || memory > 1)
            #expect(result.edges == read.graph.edgeCount)
            let mapped = try GraphStore.map(folder + "/g.skg")
            #expect(mapped.fingerprint == read.fingerprint)
            #expect(mapped.ids == read.ids)
            // The same file, byte for byte, as the one that is written from memory.
            try GraphStore.write(read, to: folder + "/h.skg")
            let bytes = try ["g", "h"].map {
                try Data(contentsOf: URL(filePath: "\(folder)/\($0).skg"))
            }
            #expect(bytes[0] == bytes[1])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
        }
    }

    @Test func `lines are counted across pieces`() throws {
        var lines = [String](repeating: "1000001 1000002", count: 200_000)
        lines[0] = "header"
        lines[7] = ""
        lines[150_000] = "5 six"
        lines[180_000] = "seven 8"
        let text = lines.joined(separator: "\n")
        let error = #expect(throws: SkeinError.self) {
            try Array(text.utf8).withUnsafeBytes {
                try GraphFileReader.read(
                    $0,
                    path: "sample",
                    headerLines: 1,
                    compute: GraphCompute(GraphSamples.processor(2))
                )
            }
        }
        #expect(error?.message.contains("line 150001: found \"six\"") == true, "\(error as Any)")
    }

    @Test func `empty files and files of comments are refused`() throws {
        for text in ["", "\n\n", "# only\n% comments\n"] {
            let error = #expect(throws: SkeinError.self) { try GraphSamples.read(text) }
            #expect(error?.message.contains("has no edges in") == true)
        }
        try withFolder { folder in
            for verb in ["g.txt", "missing.txt"] {
                if verb == "g.txt" { try Data().write(to: URL(filePath: folder + "/g.txt")) }
                #expect(throws: SkeinError.self) {
                    try GraphStore.compile("\(folder)/\(verb)", to: folder + "/g.skg")
                }
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/g.skg"))
        }
    }

    #if os(Linux)
    @Test func `a full disk is an error and leaves the old file`() throws {
        try withFolder { folder in
            let text = Self.text(lines: 400, isWeighted: true, seed: 4)
            try text.write(toFile: folder + "/g.txt", atomically: true, encoding: .utf8)
            let loaded = try GraphFileReader.read(folder + "/g.txt")
            let vectors = NodeMatrix(rows: loaded.ids.count, dimensions: 8)
            let file = VectorFile(ids: loaded.ids, vectors: vectors)
            let writers: [(String) throws -> Void] = [
                { try GraphStore.write(loaded, to: $0) },
                { try GraphStore.compile(folder + "/g.txt", to: $0) },
                { try file.writeText(to: $0, compute: GraphCompute()) },
                { try file.writeBinary(to: $0) },
                { try NeighborIndex(vectors).write(to: $0) },
            ]
            for (index, write) in writers.enumerated() {
                let path = "\(folder)/out\(index)"
                try "old".write(toFile: path, atomically: true, encoding: .utf8)
                // What is written beside the place goes to a device without room.
                try FileManager.default.createSymbolicLink(
                    atPath: path + ".part",
                    withDestinationPath: "/dev/full"
                )
                let error = #expect(throws: SkeinError.self) { try write(path) }
                #expect(error?.code == .ioFailure)
                #expect(error?.message.contains("cannot write \(path)") == true)
                #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
                #expect(!FileManager.default.fileExists(atPath: path + ".part"))
            }
        }
    }
    #endif
}
