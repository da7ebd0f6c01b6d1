internal import Foundation
public import SkeinCore
public import SkeinTensor

extension LoadedGraph {
    /// A hash of the ids, the edges and the weights.
    public var fingerprint: String {
        var hash: UInt64 = 0x5ce1_9a4d
        for id in ids { hash = GraphRandom.mixed(hash ^ UInt64(bitPattern: id)) }
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node) {
                let word =
                    UInt64(graph.targets[entry]) << 32 | UInt64(graph.weight(entry).bitPattern)
                hash = GraphRandom.mixed(hash ^ word &+ UInt64(node))
            }
        }
        return String(hash, radix: 16)
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

    /// A page with the levels, the parts and a picture of the vectors.
    ///
    /// - Parameters:
    ///   - title: What the graph is called.
    ///   - loaded: The graph.
    ///   - levels: Its levels.
    ///   - shares: Their dimensions.
    ///   - embedding: The vectors.
    ///   - labels: What colours the points; without it, the first level's parts do.
    ///   - processor: Where the projection runs.
    /// - Returns: One HTML file without links to others.
    public static func page(
        title: String,
        _ loaded: LoadedGraph,
        _ levels: GraphLevels,
        _ shares: [Int],
        _ embedding: GraphEmbedding,
        _ labels: NodeLabels?,
        _ processor: Processor
    ) -> String {
        let parts = levels.levels.first?.partition.parts ?? []
        let colours = (0..<loaded.graph.nodeCount).map { node -> Int in
            guard let labels else { return Int(parts[node]) }
            return labels.labels[node].first ?? -1
        }
        var rows = ""
        for (index, level) in levels.levels.enumerated() {
            let cost = level.statistics
            rows += "<tr><td>\(index)<td>\(cost.nodeCount)<td>\(cost.edgeCount)"
            rows += "<td>\(cost.sizes.count)<td>\(cost.cutEdges)<td>\(cost.borderNodes)"
            rows += "<td>\(percent(cost.borderRatio))<td>\(shares[index])"
            rows += "<td>\(bars(cost.sizes))</tr>\n"
        }
        let legend = labels == nil ? "parts of the first level" : "first labels"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(escaped(title))</title>
            <style>body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;color:#223}
            table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ccd;
            text-align:right}svg{background:#fafbfd}</style></head><body>
            <h1>\(escaped(title))</h1>
            <p>\(loaded.graph.nodeCount) nodes, \(loaded.graph.edgeCount) edges,
            \(embedding.vectors.dimensions) dimensions.</p>
            <table><tr><th>level<th>nodes<th>edges<th>parts<th>cut edges<th>border nodes<th>border
            <th>dimensions<th>part sizes</tr>
            \(rows)</table>
            <h2>Two principal directions, coloured by \(legend)</h2>
            \(picture(embedding.vectors, colours, processor))
            </body></html>

            """
    }

    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;")
            .replacingOccurrences(of: "<", with: "&lt;")
    }

    private static func bars(_ sizes: [Int]) -> String {
        let shown = sizes.prefix(60)
        let top = max(shown.max() ?? 1, 1)
        let width = 3 * shown.count
        let marks = shown.enumerated().map { index, size in
            let height = 24 * size / top
            return "<rect x='\(3 * index)' y='\(24 - height)' width='2' height='\(height)'/>"
        }
        return "<svg width='\(width)' height='24' fill='#469'>\(marks.joined())</svg>"
    }

    /// A scatter plot of at most a few thousand nodes.
    private static func picture(
        _ vectors: NodeMatrix,
        _ colours: [Int],
        _ processor: Processor
    ) -> String {
        let points = projected(vectors, GraphCompute(processor))
        let step = max(1, points.count / 4000)
        let shown = Swift.stride(from: 0, to: points.count, by: step).map { $0 }
        let scale = shown.reduce(1e-9) { max($0, abs(points[$1].x), abs(points[$1].y)) }
        var marks = ""
        for node in shown {
            let x = Int(400 + 380 * points[node].x / scale)
            let y = Int(300 - 280 * points[node].y / scale)
            let hue = colours[node] * 137 % 360
            let fill = colours[node] < 0 ? "#bbb" : "hsl(\(hue) 65% 45%)"
            marks += "<circle cx='\(x)' cy='\(y)' r='2' fill='\(fill)'/>"
        }
        return "<svg viewBox='0 0 800 600' width='800' height='600'>\(marks)</svg>"
    }

    /// The coordinates along the two directions of largest variance.
    package static func projected(_ vectors: NodeMatrix, _ compute: GraphCompute) -> [SIMD2<Float>]
    {
        let x = vectors.copy()
        for column in 0..<x.dimensions {
            var sum = 0.0
            for row in 0..<x.rows { sum += Double(x[row, column]) }
            let mean = Float(sum / Double(max(x.rows, 1)))
            for row in 0..<x.rows { x[row, column] -= mean }
        }
        let inner = RandomizedSVD.spectrum(compute.gram(x, x), x.dimensions, stride: x.stride)
        let count = min(2, x.dimensions)
        return (0..<x.rows).map { row in
            var point = SIMD2<Float>.zero
            for axis in 0..<count {
                for column in 0..<x.dimensions {
                    point[axis] += x[row, column] * Float(inner.v[axis * x.dimensions + column])
                }
            }
            return point
        }
    }
}
