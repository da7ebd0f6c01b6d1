internal import ArgumentParser
internal import SkeinCore
internal import SkeinGraph

/// `skein graph neighbors`: the nodes nearest to some nodes.
struct GraphNeighbors: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "neighbors",
        abstract: "Find the nodes whose vectors are nearest to a node's."
    )

    @Argument(help: "Vectors, as `graph embed` writes them: text or binary.")
    var vectors: String

    @Argument(help: "Ids of nodes.")
    var nodes: [Int64]

    @Option(name: .short, help: "How many neighbours.")
    var k = 10

    @Flag(help: "Look at every node instead of building an index.")
    var exact = false

    @Option(help: "How many candidates a search holds; more is slower and surer.")
    var breadth = 100

    @Option(
        help: "Where the index is kept: read when it is there and of these vectors, else written."
    )
    var index: String?

    func run() throws {
        guard k > 0, breadth > 0 else {
            throw SkeinError(
                .invalidArgument,
                "-k is \(k) and --breadth \(breadth), expected more than 0"
            )
        }
        let file = try VectorFile(path: vectors)
        var rows: [Int64: Int] = [:]
        for (row, id) in file.ids.enumerated() { rows[id] = row }
        let index = exact ? nil : try makeIndex(file.vectors)
        for id in nodes {
            guard let row = rows[id] else {
                throw SkeinError(
                    .invalidArgument,
                    "found no node \(id) among \(file.ids.count) in \(vectors)"
                )
            }
            let query = file.vectors[row]
            let found =
                index?.search(query, count: k + 1, breadth: breadth)
                ?? NeighborIndex.exact(file.vectors, query, count: k + 1)
            for neighbor in found.filter({ $0.node != row }).prefix(k) {
                Environment.out("\(id)\t\(file.ids[neighbor.node])\t\(neighbor.cosine)\n")
            }
        }
    }

    private func makeIndex(_ vectors: NodeMatrix) throws -> NeighborIndex {
        guard let index else { return NeighborIndex(vectors) }
        if NeighborIndex.isIndex(index, of: vectors) { return try NeighborIndex(path: index) }
        let fresh = NeighborIndex(vectors)
        try fresh.write(to: index)
        return fresh
    }
}
