/// A chart of lines in SVG: axes from zero, ticks, a title; nothing but text and polylines.
package struct LineChart {
    /// One line.
    package struct Line {
        var name: String
        var points: [(x: Double, y: Double)]
        /// Whether values hold until the next point.
        var isStepped: Bool
        /// Whether each point has a mark.
        var isMarked: Bool

        package init(
            name: String,
            points: [(x: Double, y: Double)],
            isStepped: Bool = false,
            isMarked: Bool = false
        ) {
            self.name = name
            self.points = points
            self.isStepped = isStepped
            self.isMarked = isMarked
        }
    }

    /// Eight colours that stay apart for colour-blind readers (Okabe and Ito's palette).
    static let colors = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c8c00",
    ]

    var title: String
    var xTitle: String
    var yTitle: String
    var lines: [Line]

    package init(title: String, xTitle: String, yTitle: String, lines: [Line]) {
        self.title = title
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.lines = lines
    }

    /// The chart inside a box.
    package func svg(x: Double, y: Double, width: Double, height: Double) -> String {
        let (left, top) = (x + 58, y + 26)
        let (right, bottom) = (x + width - 12, y + height - 40)
        let xMaximum = max(lines.flatMap(\.points).map(\.x).max() ?? 0, 1e-9)
        let yMaximum = max(lines.flatMap(\.points).map(\.y).max() ?? 0, 1e-9) * 1.05
        func across(_ value: Double) -> Double { left + value / xMaximum * (right - left) }
        func up(_ value: Double) -> Double { bottom - value / yMaximum * (bottom - top) }
        var text = Self.label(title, (left + right) / 2, y + 16, size: 13)
        for tick in Self.ticks(xMaximum) {
            text += Self.stroke(
                [(across(tick), top), (across(tick), bottom)],
                color: "#e4e4e4",
                width: 1
            )
            text += Self.label(Self.number(tick), across(tick), bottom + 15, size: 11)
        }
        for tick in Self.ticks(yMaximum) {
            text += Self.stroke([(left, up(tick)), (right, up(tick))], color: "#e4e4e4", width: 1)
            text += Self.label(Self.number(tick), left - 6, up(tick) + 4, size: 11, anchor: "end")
        }
        text += Self.stroke(
            [(left, top), (left, bottom), (right, bottom)],
            color: "#444",
            width: 1
        )
        text += Self.label(xTitle, (left + right) / 2, bottom + 32, size: 11)
        let (titleX, titleY) = (x + 12, (top + bottom) / 2)
        text +=
            "<g transform=\"rotate(-90 \(Self.place(titleX)) \(Self.place(titleY)))\">"
            + Self.label(yTitle, titleX, titleY, size: 11) + "</g>\n"
        for (index, line) in lines.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            var path: [(Double, Double)] = []
            for point in line.points {
                if line.isStepped, let last = path.last { path.append((across(point.x), last.1)) }
                path.append((across(point.x), up(point.y)))
            }
            text += Self.stroke(path, color: color, width: 1.8)
            for point in line.points where line.isMarked {
                text +=
                    "<circle cx=\"\(Self.place(across(point.x)))\" cy=\"\(Self.place(up(point.y)))\""
                    + " r=\"3\" fill=\"\(color)\"/>\n"
            }
        }
        return text
    }

    /// A row of line samples and names.
    package static func legend(_ names: [String], x: Double, y: Double) -> String {
        var text = ""
        var left = x
        for (index, name) in names.enumerated() {
            let color = colors[index % colors.count]
            text += stroke([(left, y), (left + 22, y)], color: color, width: 3)
            text += label(name, left + 28, y + 4, size: 12, anchor: "start")
            left += 46 + Double(name.count) * 7
        }
        return text
    }

    /// Some four to eight round numbers from zero.
    static func ticks(_ maximum: Double) -> [Double] {
        guard maximum > 0, maximum.isFinite else { return [0] }
        var step = 1.0
        while step * 8 < maximum { step *= 10 }
        while step * 0.8 > maximum { step /= 10 }
        if maximum / step < 2 { step /= 5 } else if maximum / step < 4 { step /= 2 }
        return (0...Int(maximum / step)).map { Double($0) * step }
    }

    private static func number(_ value: Double) -> String {
        let rounded = ServingReport.fixed(value, 4)
        guard rounded.contains(".") else { return rounded }
        let short = String(rounded.reversed().drop { $0 == "0" }.reversed())
        return short.hasSuffix(".") ? String(short.dropLast()) : short
    }

    static func label(
        _ text: String,
        _ x: Double,
        _ y: Double,
        size: Int,
        anchor: String = "middle"
    ) -> String {
        let escaped = text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(character)
            }
        }.joined()
        return "<text x=\"\(place(x))\" y=\"\(place(y))\" font-size=\"\(size)\""
            + " text-anchor=\"\(anchor)\">\(escaped)</text>\n"
    }

    private static func stroke(
        _ points: [(Double, Double)],
        color: String,
        width: Double
    ) -> String {
        let places = points.map { "\(place($0.0)),\(place($0.1))" }.joined(separator: " ")
        return "<polyline points=\"\(places)\" fill=\"none\" stroke=\"\(color)\""
            + " stroke-width=\"\(place(width))\"/>\n"
    }

    private static func place(_ value: Double) -> String { ServingReport.fixed(value, 1) }
}
