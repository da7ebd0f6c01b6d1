extension GraphEmbedder {
    /// The nodes of highest degree, ascending.
    static func hubs(_ graph: Graph, _ count: Int) -> [Int32] {
        (0..<graph.nodeCount)
            .sorted { (graph.degree(of: $1), $0) < (graph.degree(of: $0), $1) }
            .prefix(count).map { Int32($0) }.sorted()
    }

    /// Turns every part onto the deeper level's vectors of its border nodes.
    static func alignedOnBorder(
        _ parts: [NodeMatrix],
        _ members: [[Int32]],
        _ deeper: NodeMatrix,
        _ border: [Int32],
        _ level: GraphLevel,
        _ compute: GraphCompute
    ) -> [NodeMatrix] {
        var places = [Int32](repeating: -1, count: level.graph.nodeCount)
        for (row, node) in border.enumerated() { places[Int(node)] = Int32(row) }
        return zip(parts, members).map { part, nodes in
            let pairs = nodes.enumerated().compactMap { row, node -> (own: Int, deep: Int)? in
                places[Int(node)] < 0 ? nil : (row, Int(places[Int(node)]))
            }
            let x = part.rows(pairs.map(\.own))
            let y = deeper.rows(pairs.map(\.deep))
            return Procrustes.turned(part, Procrustes.rotation(x, to: y, compute), compute)
        }
    }

    /// Turns every part so that the anchors' vectors agree with the mean over all parts.
    static func alignedOnAnchors(
        _ parts: [NodeMatrix],
        _ members: [[Int32]],
        _ anchors: [Int32],
        _ compute: GraphCompute
    ) -> [NodeMatrix] {
        guard let first = parts.first else { return parts }
        let anchorRows = members.map { own -> [Int] in
            let rows = Dictionary(uniqueKeysWithValues: own.enumerated().map { ($1, $0) })
            var next = own.count
            return anchors.map { anchor in
                if let row = rows[anchor] { return row }
                next += 1
                return next - 1
            }
        }
        var turned = parts
        let mean = NodeMatrix(rows: anchors.count, dimensions: first.dimensions)
        for round in 0..<3 {
            let sources = round == 0 ? 0..<1 : 0..<parts.count
            for index in 0..<mean.rows * mean.stride { mean.base[index] = 0 }
            for part in sources {
                let rows = turned[part].rows(anchorRows[part])
                rows.normalizeRows()
                for index in 0..<mean.rows * mean.stride { mean.base[index] += rows.base[index] }
            }
            for part in parts.indices {
                let rows = parts[part].rows(anchorRows[part])
                rows.normalizeRows()
                let rotation = Procrustes.rotation(rows, to: mean, compute)
                turned[part] = Procrustes.turned(parts[part], rotation, compute)
            }
        }
        return turned
    }
}

extension NodeMatrix {
    /// Some rows, in the given order.
    func rows(_ list: [Int]) -> NodeMatrix {
        let result = NodeMatrix(rows: list.count, dimensions: dimensions)
        for (row, source) in list.enumerated() {
            (result.base + row * stride).update(from: base + source * stride, count: stride)
        }
        return result
    }
}
