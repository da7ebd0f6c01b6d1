internal import SkeinCore

/// Models made from one, side by side: size, speed and how much they still know.
public struct ModelComparison: Sendable {
    /// One model.
    public struct Entry: Sendable {
        /// What to call it.
        public var name: String
        /// Bytes of its packed weights.
        public var bytes: Int
        /// Generated tokens a second, of one sequence.
        public var speed: Double
        /// Its perplexity on the text.
        public var perplexity: Double
        /// KL divergence from the reference, in nats a token; 0 for the reference itself.
        public var divergence: Double
        /// The share of positions where it finds the same token most likely as the reference.
        public var topAgreement: Double

        /// Joins what was measured.
        public init(
            name: String,
            bytes: Int,
            speed: Double,
            perplexity: Double,
            divergence: Double,
            topAgreement: Double
        ) {
            self.name = name
            self.bytes = bytes
            self.speed = speed
            self.perplexity = perplexity
            self.divergence = divergence
            self.topAgreement = topAgreement
        }
    }

    /// The models, the reference first.
    public let entries: [Entry]

    /// Lists models.
    ///
    /// - Parameter entries: The reference, then the others.
    public init(_ entries: [Entry]) { self.entries = entries }

    private static let heads = [
        "model", "MiB", "tokens/s", "tokens/s x MiB", "perplexity", "KL divergence",
        "same first choice",
    ]

    private var rows: [[String]] {
        entries.map { entry in
            let size = Double(entry.bytes) / 1_048_576
            return [
                entry.name, ServingReport.fixed(size, 2), ServingReport.fixed(entry.speed, 1),
                ServingReport.fixed(entry.speed * size, 0),
                ServingReport.fixed(entry.perplexity, 4),
                ServingReport.fixed(entry.divergence, 6),
                ServingReport.fixed(entry.topAgreement * 100, 2) + " %",
            ]
        }
    }

    /// A table for people and for Markdown.
    public var markdown: String {
        let lines =
            [Self.heads, Self.heads.map { _ in "---" }] + rows.map { $0 }
        return lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }

    /// The same as JSON.
    public var json: String {
        let values = entries.map { entry in
            var object = JSONObject()
            object["name"] = .string(entry.name)
            object["bytes"] = .int(entry.bytes)
            object["tokens_per_second"] = .double(entry.speed)
            object["perplexity"] = .double(entry.perplexity)
            object["kl_divergence"] = .double(entry.divergence)
            object["top_agreement"] = .double(entry.topAgreement)
            return JSON.object(object)
        }
        return JSON.array(values).text(.indented(2)) + "\n"
    }

    /// A page with the table and pictures of divergence, perplexity and speed against size.
    ///
    /// - Parameter title: The page's title.
    /// - Returns: HTML that needs nothing else.
    public func html(title: String) -> String {
        func chart(_ name: String, _ value: (Entry) -> Double) -> LineChart {
            LineChart(
                title: name,
                xTitle: "MiB",
                yTitle: name,
                lines: entries.map { entry in
                    LineChart.Line(
                        name: entry.name,
                        points: [(Double(entry.bytes) / 1_048_576, value(entry))],
                        isMarked: true
                    )
                }
            )
        }
        let charts = [
            chart("KL divergence, nats") { $0.divergence }, chart("perplexity") { $0.perplexity },
            chart("tokens a second") { $0.speed },
        ]
        let pictures = charts.enumerated().map { index, chart in
            chart.svg(x: Double(index) * 360, y: 0, width: 350, height: 300)
        }.joined()
        let legends = entries.enumerated().map { index, entry in
            "<g transform=\"translate(0 \(index * 16))\" >"
                + LineChart.legend([entry.name], x: 20, y: 316)
                .replacing(LineChart.colors[0], with: LineChart.colors[index % 8]) + "</g>"
        }.joined()
        func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        }
        let body = rows.map { row in
            "<tr>" + row.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>\n"
        }.joined()
        let height = 330 + entries.count * 16
        return """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>\(escaped(title))</title>
            <style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:right}
            td:first-child,th:first-child{text-align:left}</style>
            <h1>\(escaped(title))</h1>
            <table><tr>\(Self.heads.map { "<th>\($0)</th>" }.joined())</tr>
            \(body)</table>
            <svg xmlns="http://www.w3.org/2000/svg" width="1080" height="\(height)"
            viewBox="0 0 1080 \(height)" font-family="sans-serif">\(pictures)\(legends)</svg></html>

            """
    }
}
