import Foundation
import SkeinCore
import SkeinGraph
import SkeinTestSupport
import Testing

@Suite struct GraphFileTests {
    @Test func `reads separators comments repeats and ids beyond 32 bits`() throws {
        let text = "# header\r\n9000000000 1\n1\t9000000000\n% other\n\n-5,1,2.5\n7 7\n"
        let loaded = try GraphSamples.read(text)
        #expect(loaded.ids == [-5, 1, 7, 9_000_000_000])
        #expect(loaded.graph.edgeCount == 2)
        #expect(loaded.report.selfLoops == 1)
        #expect(loaded.report.repeats == 1)
        #expect(loaded.node(id: 9_000_000_000) == 3)
        #expect(loaded.node(id: 8) == nil)
        #expect(loaded.graph.strength(of: 1) == 4.5)
        #expect(loaded.graph.degree(of: 2) == 0)
    }

    @Test func `reads adjacency lists and skips headers`() throws {
        let loaded = try GraphSamples.read("3 99\n0 1 2\n2 1\n5\n", format: .adjacency, header: 1)
        #expect(loaded.ids == [0, 1, 2, 5])
        #expect(loaded.graph.edgeCount == 3)
    }

    @Test(arguments: [
        ("1 2\n3\n", "line 2: found 1 column"), ("1 2\nx 3\n", "line 2: found \"x\""),
        ("1 2 nan\n", "line 1: found \"nan\", expected a positive finite weight"),
        ("1 2 -1\n", "line 1: found \"-1\""), ("1 2 0\n", "line 1: found \"0\""),
        ("# a\n1 99999999999999999999\n", "line 2: found \"99999999999999999999\""),
        ("1 2 3 4\n", "line 1: found more than 3 columns"), ("", "has no edges"),
        ("1 2\n1 - \n", "line 2: found \"-\""),
    ])
    func `names the line of bad input`(text: String, message: String) throws {
        let error = #expect(throws: SkeinError.self) { try GraphSamples.read(text) }
        #expect(error?.code == .syntax)
        #expect(error?.message.contains(message) == true)
    }

    @Test func `a mapped graph is the graph that was written`() throws {
        let loaded = try GraphSamples.read("1 2 0.5\n2 3 2\n9 1\n")
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID()).skg"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try GraphStore.write(loaded, to: path)
        #expect(GraphStore.isStore(path))
        let mapped = try GraphStore.map(path)
        #expect(mapped.fingerprint == loaded.fingerprint)
        #expect(mapped.ids == loaded.ids)
    }

    @Test func `damaged files are refused or read and never trap`() throws {
        let loaded = try GraphSamples.read("1 2 0.5\n2 3 2\n9 1\n4 2 7\n")
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID()).skg"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try GraphStore.write(loaded, to: path)
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let text = Array("1 2 0.5\n2 3 2\n# c\n9 1\n4 2 7e3\n".utf8)
        var random = SplitMix64(seed: 11)
        var refused = 0
        for _ in 0..<3000 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &random)] =
                UInt8.random(in: 0...255, using: &random)
            if Bool.random(using: &random) {
                damaged.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            try Data(damaged).write(to: URL(filePath: path))
            if let graph = try? GraphStore.map(path).graph {
                #expect((0..<graph.nodeCount).allSatisfy { graph.neighbors(of: $0).count >= 0 })
            } else {
                refused += 1
            }
            var line = text
            for _ in 0..<3 {
                line[Int.random(in: 0..<line.count, using: &random)] =
                    UInt8.random(in: 0...255, using: &random)
            }
            do {
                let graph = try line.withUnsafeBytes { try GraphFileReader.read($0) }.graph
                #expect(graph.entryCount % 2 == 0)
            } catch let error as SkeinError {
                #expect(error.code == .syntax)
            }
        }
        #expect(refused > 1500)
    }

    @Test func `vectors survive both files`() throws {
        let matrix = NodeMatrix(rows: 3, dimensions: 5)
        for row in 0..<3 { matrix[row] = (0..<5).map { Float(row) - 0.1 * Float($0) } }
        let file = VectorFile(ids: [-4, 8, 1 << 40], vectors: matrix)
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writers: [(String) throws -> Void] = [
            { try file.writeText(to: $0) }, file.writeBinary,
        ]
        for write in writers {
            try write(path)
            let read = try VectorFile(path: path)
            #expect(read.ids == file.ids)
            #expect(read.vectors.hasSameBits(as: matrix))
        }
        try Data("2 3\n1 0 0 0\n2 1 x 1\n".utf8).write(to: URL(filePath: path))
        let error = #expect(throws: SkeinError.self) { try VectorFile(path: path) }
        #expect(error?.message.contains("line 3: found \"x\"") == true)
    }
}
