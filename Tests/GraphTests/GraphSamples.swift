import Foundation
import SkeinCore
import SkeinGraph
import SkeinTensor
import SkeinTestSupport

/// Graphs and references that several suites use.
enum GraphSamples {
    static func golden() throws -> JSON {
        let data = try Data(contentsOf: Files.golden("graph/golden.json"))
        return try data.withUnsafeBytes { try JSON(parsing: $0) }
    }

    static func graph(_ golden: JSON) -> Graph {
        let edges = golden["edges"]?.array ?? []
        return Graph(
            nodeCount: golden["nodes"]?.int ?? 0,
            sources: edges.map { Int32($0.array?[0].int ?? 0) },
            destinations: edges.map { Int32($0.array?[1].int ?? 0) },
            weights: edges.map { Float($0.array?[2].double ?? 0) }
        )
    }

    /// A graph of blocks: `inner` edges a node inside its block and `outer` to anywhere.
    static func blocks(nodes: Int, blocks: Int, inner: Int, outer: Int, seed: UInt64) -> Graph {
        var random = SplitMix64(seed: seed)
        var (sources, destinations): ([Int32], [Int32]) = ([], [])
        let size = nodes / blocks
        for node in 0..<nodes {
            for _ in 0..<inner {
                sources.append(Int32(node))
                let first = min(node / size, blocks - 1) * size
                destinations.append(Int32(first + Int.random(in: 0..<size, using: &random)))
            }
            for _ in 0..<outer {
                sources.append(Int32(node))
                destinations.append(Int32.random(in: 0..<Int32(nodes), using: &random))
            }
        }
        return Graph(nodeCount: nodes, sources: sources, destinations: destinations)
    }

    /// A small random graph, often disconnected.
    static func random(_ random: inout SplitMix64) -> Graph {
        let nodes = Int.random(in: 1...40, using: &random)
        let edges = Int.random(in: 0...80, using: &random)
        let ends = (0..<2 * edges).map { _ in Int32.random(in: 0..<Int32(nodes), using: &random) }
        return Graph(
            nodeCount: nodes,
            sources: Array(ends[..<edges]),
            destinations: Array(ends[edges...])
        )
    }

    static func read(
        _ text: String,
        format: GraphFormat = .edges,
        header: Int = 0
    ) throws -> LoadedGraph {
        try Array(text.utf8).withUnsafeBytes {
            try GraphFileReader.read($0, path: "sample", format: format, headerLines: header)
        }
    }

    static func processor(_ threads: Int = 1) throws -> Processor {
        try Processor(threads: threads)
    }
}
