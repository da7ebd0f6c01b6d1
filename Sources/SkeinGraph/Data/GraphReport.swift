internal import Foundation
public import SkeinCore

extension LoadedGraph {
    /// A hash of the ids, the edges and the weights.
    public var fingerprint: String {
        var hash = graph.contentHash
        for id in ids { hash = GraphRandom.mixed(hash ^ UInt64(bitPattern: id)) }
        return String(hash, radix: 16)
    }
}

extension Graph {
    /// A hash of the edges and the weights.
    var contentHash: UInt64 {
        var hash = GraphRandom.mixed(UInt64(nodeCount))
        for node in 0..<nodeCount {
            for entry in entries(of: node) {
                let word = UInt64(targets[entry]) << 32 | UInt64(weight(entry).bitPattern)
                hash = GraphRandom.mixed(hash ^ word &+ UInt64(node))
            }
        }
        return hash
    }
}

/// What a run says about itself.
public enum GraphReport {
    /// The levels as JSON: dimensions, parts, border counts.
    ///
    /// - Parameters:
    ///   - levels: The levels.
    ///   - shares: The dimensions of each, if known.
    /// - Returns: An object for `levels.json`.
    public static func levels(_ levels: GraphLevels, shares: [Int]?) -> JSONObject {
        var object = JSONObject()
        object["levels"] = .array(
            levels.levels.enumerated().map { index, level in
                let cost = level.statistics
                var entry = JSONObject()
                entry["nodes"] = .int(cost.nodeCount)
                entry["edges"] = .int(cost.edgeCount)
                entry["parts"] = .array(cost.sizes.map { .int($0) })
                entry["cut_edges"] = .int(cost.cutEdges)
                entry["border_nodes"] = .int(cost.borderNodes)
                entry["border_ratio"] = .double(cost.borderRatio)
                if let shares { entry["dimensions"] = .int(shares[index]) }
                return .object(entry)
            }
        )
        object["drops_last_border"] = .bool(levels.dropsLastBorder)
        return object
    }
}
