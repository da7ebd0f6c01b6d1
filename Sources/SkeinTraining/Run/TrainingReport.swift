internal import Foundation
internal import SkeinCore
internal import SkeinEngine

extension TrainingRun {
    /// Draws loss, learning rate, gradient norm and speed over steps as an HTML page.
    func writeReport() throws {
        let lines = try folder.readMetrics(upTo: step, forgettingLater: false)
        func points(_ key: String) -> [(x: Double, y: Double)] {
            lines.compactMap { line in
                guard let x = line["step"]?.double, let y = line[key]?.double else { return nil }
                return (x, y)
            }
        }
        func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
            let stride = max(1, points.count / 600)
            return points.enumerated().filter { $0.offset % stride == 0 }.map(\.element)
        }
        let speeds = lines.compactMap { line -> (x: Double, y: Double)? in
            guard let x = line["step"]?.double, let tokens = line["tokens"]?.double,
                let seconds = line["seconds"]?.double, seconds > 0
            else { return nil }
            return (x, tokens / seconds)
        }
        let charts = [
            LineChart(
                title: "Loss",
                xTitle: "step",
                yTitle: "nats a token",
                lines: [
                    .init(name: "training", points: thinned(points("loss"))),
                    .init(name: "held out", points: points("validation_loss"), isMarked: true),
                ]
            ),
            LineChart(
                title: "Learning rate",
                xTitle: "step",
                yTitle: "rate",
                lines: [.init(name: "rate", points: thinned(points("learning_rate")))]
            ),
            LineChart(
                title: "Gradient norm",
                xTitle: "step",
                yTitle: "norm",
                lines: [.init(name: "norm", points: thinned(points("gradient_norm")))]
            ),
            LineChart(
                title: "Speed",
                xTitle: "step",
                yTitle: "tokens/s",
                lines: [.init(name: "speed", points: thinned(speeds))]
            ),
        ]
        var svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 680\">\n"
        for (index, chart) in charts.enumerated() {
            svg += chart.svg(
                x: Double(index % 2) * 480,
                y: Double(index / 2) * 330 + 10,
                width: 470,
                height: 310
            )
        }
        svg += LineChart.legend(["training", "held out"], x: 230, y: 60) + "</svg>\n"
        let last = lines.last { $0["validation_loss"] != nil }
        let facts: [(String, String)] = [
            ("Step", "\(step) of \(configuration.steps)"),
            ("Parameters", "\(parameterCount)"),
            ("Training tokens in the corpus", "\(source.file.tokens)"),
            ("Passes over the corpus", "\(place.epoch)"),
            ("Held-out loss", last?["validation_loss"]?.text() ?? "not measured"),
            ("Bits a byte", last?["bits_per_byte"]?.text() ?? "not measured"),
        ]
        let rows = facts.map { "<tr><th>\($0.0)</th><td>\($0.1)</td></tr>" }.joined()
        try RunFolder.write(
            """
            <!DOCTYPE html>
            <html lang="en"><meta charset="utf-8"><title>Training run</title>
            <style>body{font:15px system-ui;max-width:1000px;margin:2em auto}\
            th{text-align:left;padding-right:2em}pre{background:#f4f4f4;padding:1em}</style>
            <h1>Training run</h1>
            <table>\(rows)</table>
            \(svg)
            <h2>Configuration</h2>
            <pre>\(Self.escaped(configuration.source.text(.indented(2))))</pre>
            </html>
            """,
            to: folder.report
        )
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
