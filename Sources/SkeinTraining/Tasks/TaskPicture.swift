internal import SkeinEngine

/// Draws what synthetic tasks found.
public enum TaskPicture {
    /// Accuracy over steps, one line a model.
    ///
    /// - Parameters:
    ///   - title: Above the chart.
    ///   - curves: The models' names and points.
    /// - Returns: An SVG.
    public static func learning(
        _ title: String,
        _ curves: [(name: String, points: [TaskRun.Point])]
    ) -> String {
        page(
            LineChart(
                title: title,
                xTitle: "step",
                yTitle: "right answers",
                lines: curves.map { curve in
                    .init(
                        name: curve.name,
                        points: curve.points.map { (Double($0.step), $0.accuracy) }
                    )
                }
            ),
            names: curves.map(\.name)
        )
    }

    /// Accuracy over the logarithm of the length.
    ///
    /// - Parameters:
    ///   - title: Above the chart.
    ///   - name: The model's.
    ///   - points: Lengths as powers of two, and shares of right answers.
    /// - Returns: An SVG.
    public static func lengths(
        _ title: String,
        _ name: String,
        _ points: [(power: Int, accuracy: Double)]
    ) -> String {
        page(
            LineChart(
                title: title,
                xTitle: "log2 of the length",
                yTitle: "right answers",
                lines: [
                    .init(
                        name: name,
                        points: points.map { (Double($0.power), $0.accuracy) },
                        isMarked: true
                    )
                ]
            )
        )
    }

    private static func page(_ chart: LineChart, names: [String] = []) -> String {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 420\" font-family=\"sans-serif\">\n"
            + "<rect width=\"640\" height=\"420\" fill=\"#fff\"/>\n"
            + chart.svg(x: 0, y: 10, width: 630, height: 380)
            + LineChart.legend(names, x: 58, y: 406) + "</svg>\n"
    }
}
