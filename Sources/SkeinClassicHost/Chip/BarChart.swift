internal import Foundation

/// Groups of bars as an SVG picture.
struct BarChart {
    let title: String
    let groups: [String]
    let series: [(name: String, values: [Double?])]

    private static let colours = ["#3b6ea5", "#d98032", "#4d9a55", "#8a5aa3"]

    var svg: String {
        let (left, top, height, bar) = (50, 50, 260, 22)
        let group = bar * series.count + 26
        // The last label hangs beyond its group.
        let width = left + group * groups.count + max(20, 6 * (groups.last ?? "").count - group)
        let most = series.flatMap { $0.values.compactMap { $0 } }.max() ?? 1
        var out =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(top + height + 130)\""
            + " font-family=\"sans-serif\" font-size=\"11\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
            + "<text x=\"\(left)\" y=\"18\" font-size=\"14\">\(title)</text>\n"
        for (place, one) in series.enumerated() {
            let x = left + place * 130
            out +=
                "<rect x=\"\(x)\" y=\"27\" width=\"12\" height=\"12\" fill=\"\(Self.colours[place % 4])\"/>"
                + "<text x=\"\(x + 17)\" y=\"37\">\(one.name)</text>\n"
        }
        for (place, name) in groups.enumerated() {
            let x = left + place * group
            for (index, one) in series.enumerated() {
                guard place < one.values.count, let value = one.values[place] else { continue }
                let size = Int(Double(height) * value / most)
                let (corner, y) = (x + index * bar, top + height - size)
                out +=
                    "<rect x=\"\(corner)\" y=\"\(y)\" width=\"\(bar - 2)\" height=\"\(size)\""
                    + " fill=\"\(Self.colours[index % 4])\"/>"
                    + "<text x=\"\(corner + bar / 2)\" y=\"\(y - 3)\" text-anchor=\"middle\""
                    + " font-size=\"9\">\(String(format: "%.1f", value))</text>\n"
            }
            out +=
                "<text transform=\"translate(\(x + 8) \(top + height + 14)) rotate(35)\">\(name)</text>\n"
        }
        return out + "</svg>\n"
    }
}
