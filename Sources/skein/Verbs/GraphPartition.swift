internal import ArgumentParser
internal import SkeinCore
internal import SkeinGraph

/// `skein graph partition`: the part of every node at every level.
struct GraphPartition: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition",
        abstract: "Divide a graph, and the graph of its border nodes, and so on."
    )

    @OptionGroup var input: GraphInput
    @OptionGroup var division: DivisionFlags

    @Option(help: "Write the graph here in the form that is mapped instead of read.")
    var save: String?

    @Flag(help: "Print the part of every node: id, level, part.")
    var assignments = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let loaded = try input.load()
        if let save { try GraphStore.write(loaded, to: save) }
        let levels = try division.divide(loaded.graph, seed: input.seed)
        if json {
            Environment.out(JSON.object(GraphReport.levels(levels, shares: nil)).text() + "\n")
            return
        }
        guard assignments else {
            Environment.out(GraphTables.loading(loaded) + GraphTables.levels(levels))
            return
        }
        for (index, level) in levels.levels.enumerated() {
            var text = ""
            for (row, node) in level.nodes.enumerated() {
                text += "\(loaded.ids[Int(node)])\t\(index)\t\(level.partition.parts[row])\n"
            }
            Environment.out(text)
        }
    }
}

/// Tables for people.
enum GraphTables {
    static func loading(_ loaded: LoadedGraph) -> String {
        let graph = loaded.graph
        var text = "\(graph.nodeCount) nodes, \(graph.edgeCount) edges"
        if loaded.report.selfLoops > 0 {
            text += ", \(loaded.report.selfLoops) self loops left out"
        }
        if loaded.report.repeats > 0 { text += ", \(loaded.report.repeats) repeats summed" }
        return text + "\n"
    }

    static func levels(_ levels: GraphLevels) -> String {
        var text = "level  nodes  edges  parts  smallest  largest  cut  border  ratio\n"
        for (index, level) in levels.levels.enumerated() {
            let cost = level.statistics
            text += "\(index)  \(cost.nodeCount)  \(cost.edgeCount)  \(cost.sizes.count)  "
            text += "\(cost.sizes.min() ?? 0)  \(cost.sizes.max() ?? 0)  \(cost.cutEdges)  "
            text += "\(cost.borderNodes)  \(short(cost.borderRatio))\n"
        }
        if levels.dropsLastBorder { text += "edges between the last level's parts are not seen\n" }
        return text
    }

    /// A number with four digits after the point.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        return "\((value * 10_000).rounded() / 10_000)"
    }
}
