internal import Foundation
public import SkeinTensor

extension GraphReport {
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
            rows += "<tr><td>\(index)</td><td>\(cost.nodeCount)</td><td>\(cost.edgeCount)</td>"
            rows += "<td>\(cost.sizes.count)</td><td>\(cost.cutEdges)</td>"
            rows += "<td>\(cost.borderNodes)</td><td>\(percent(cost.borderRatio))</td>"
            rows += "<td>\(shares[index])</td><td>\(bars(cost.sizes))</td></tr>\n"
        }
        let shown = stride(
            from: 0,
            to: loaded.graph.nodeCount,
            by: max(1, loaded.graph.nodeCount / 4000)
        ).map { Int32($0) }
        let what = labels == nil ? "part of the first level" : "first label"
        let sample =
            shown.count < loaded.graph.nodeCount ? ", \(shown.count) nodes as a sample" : ""
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title))</title>
            <style>
            body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;
            color:#223;background:#fff}
            .wide{overflow-x:auto}table{border-collapse:collapse}
            td,th{padding:.3em .7em;border-bottom:1px solid #ccd;text-align:right;white-space:nowrap}
            svg{background:#fafbfd;vertical-align:middle}.picture{width:100%;height:auto}
            .legend span{display:inline-block;margin-right:1.2em}
            .legend i{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em}
            </style></head><body>
            <h1>\(escaped(title))</h1>
            <p>\(loaded.graph.nodeCount) nodes, \(loaded.graph.edgeCount) edges,
            \(embedding.vectors.dimensions) dimensions.</p>
            <h2>Levels</h2>
            <div class="wide"><table><tr><th>level</th><th>nodes</th><th>edges</th><th>parts</th>
            <th>cut edges</th><th>border nodes</th><th>border</th><th>dimensions</th>
            <th>part sizes</th></tr>
            \(rows)</table></div>
            <h2>Vectors</h2>
            <p>Two principal directions, coloured by \(what)\(sample).</p>
            \(legend(colours, labels))
            \(picture(embedding.vectors, shown, colours, loaded.ids, processor))
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
        let marks = shown.enumerated().map { index, size in
            let height = max(24 * size / top, size > 0 ? 1 : 0)
            return "<rect x='\(6 * index)' y='\(24 - height)' width='5' height='\(height)'>"
                + "<title>part \(index): \(size) nodes</title></rect>"
        }
        let more = sizes.count > shown.count ? " …" : ""
        return
            "<svg width='\(6 * shown.count)' height='24' fill='#469'>\(marks.joined())</svg>\(more)"
    }

    private static let palette = [
        "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#44bb99",
        "#882255", "#999933",
    ]

    private static func fill(_ colour: Int) -> String {
        if colour < 0 { return "#bbbbbb" }
        guard colour >= palette.count else { return palette[colour] }
        return "hsl(\(colour * 137 % 360) \(45 + colour % 3 * 20)% \(35 + colour % 4 * 8)%)"
    }

    /// What the colours mean, the most frequent first.
    private static func legend(_ colours: [Int], _ labels: NodeLabels?) -> String {
        var counts: [Int: Int] = [:]
        for colour in colours { counts[colour, default: 0] += 1 }
        let order = counts.keys.sorted {
            (counts[$1] ?? 0, $0) < (counts[$0] ?? 0, $1)
        }
        var text = ""
        for colour in order.prefix(24) {
            let name =
                colour < 0 ? "no label" : labels.map { "\($0.names[colour])" } ?? "part \(colour)"
            text += "<span><i style='background:\(fill(colour))'></i>\(name) "
            text += "(\(counts[colour] ?? 0))</span>"
        }
        if order.count > 24 { text += "<span>and \(order.count - 24) more</span>" }
        return "<p class='legend'>\(text)</p>"
    }

    /// A scatter plot of some nodes.
    private static func picture(
        _ vectors: NodeMatrix,
        _ shown: [Int32],
        _ colours: [Int],
        _ ids: [Int64],
        _ processor: Processor
    ) -> String {
        let points = projected(vectors.rows(shown.map { Int($0) }), GraphCompute(processor))
        // The farthest hundredth lies on the frame, so that it does not squeeze the rest.
        let scale = SIMD2(spread(points.map(\.x)), spread(points.map(\.y)))
        var groups: [Int: String] = [:]
        for (point, node) in zip(points, shown) {
            let place = (point / scale).clamped(lowerBound: -SIMD2.one, upperBound: SIMD2.one)
            let (x, y) = (tenth(400 + 385 * place.x), tenth(300 - 285 * place.y))
            let mark =
                "<circle cx='\(x)' cy='\(y)' r='2.5'><title>\(ids[Int(node)])</title></circle>"
            groups[colours[Int(node)], default: ""] += mark
        }
        let marks = groups.keys.sorted().map { "<g fill='\(fill($0))'>\(groups[$0] ?? "")</g>\n" }
        return
            "<svg class='picture' viewBox='0 0 800 600' fill-opacity='0.75'>\n\(marks.joined())</svg>"
    }

    private static func tenth(_ value: Float) -> Float { (value * 10).rounded() / 10 }

    /// What all but the largest hundredth stay below.
    private static func spread(_ values: [Float]) -> Float {
        let sorted = values.map { abs($0) }.sorted()
        guard let last = sorted.last, last > 0 else { return 1 }
        let high = sorted[(sorted.count - 1) * 99 / 100]
        return high > 0 ? high : last
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
