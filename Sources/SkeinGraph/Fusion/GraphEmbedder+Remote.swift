internal import SkeinCore

/// A part to embed somewhere else.
package struct PartJob: Hashable, Sendable {
    /// What names its vectors.
    package var key: PartStore.Key
    /// How many nodes it has.
    package var nodeCount: Int
}

extension GraphEmbedder {
    /// Every part that `embed` asks for, those of Procrustes' deeper levels included.
    ///
    /// - Parameter levels: The levels.
    /// - Returns: The parts, largest first.
    /// - Throws: `SkeinError` when the parts need what only one machine has.
    package func jobs(of levels: GraphLevels) throws -> [PartJob] {
        guard options.alignment != .anchors else {
            throw SkeinError(
                .unsupported,
                "--align is anchors, expected none or procrustes",
                hint: "hubs that join every part need the whole graph in one place"
            )
        }
        var jobs = Set<PartJob>()
        for (start, dimensions) in try shares(of: levels).enumerated() where dimensions > 0 {
            for level in start..<levels.levels.count {
                let sizes = levels.levels[level].partition.sizes
                for (part, size) in sizes.enumerated() {
                    let key = PartStore.Key(level: level, part: part, dimensions: dimensions)
                    jobs.insert(PartJob(key: key, nodeCount: size))
                }
                guard options.alignment == .procrustes, sizes.count > 1 else { break }
            }
        }
        return jobs.sorted {
            ($1.nodeCount, $0.key.level, $0.key.part, $0.key.dimensions)
                < ($0.nodeCount, $1.key.level, $1.key.part, $1.key.dimensions)
        }
    }
}

/// Stands where a method would, when all vectors come from elsewhere; it makes none of its own.
package struct DeliveredVectors: SubgraphEmbedder {
    package let name: String
    private let store: PartStore

    /// Takes the name of the method that made the vectors, and where they are.
    package init(name: String, from store: PartStore) {
        self.name = name
        self.store = store
    }

    package func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix {
        let key = PartStore.Key(level: seed.level, part: seed.part, dimensions: dimensions)
        guard let matrix = store.load(key, rows: graph.nodeCount) else {
            throw SkeinError(
                .ioFailure,
                "level \(seed.level), part \(seed.part): its \(graph.nodeCount) vectors are not there",
                hint: "was a file in the output's parts directory removed?"
            )
        }
        return matrix
    }
}
