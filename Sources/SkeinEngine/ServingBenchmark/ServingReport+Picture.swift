extension ServingReport {
    /// The most points of a curve; a longer one is thinned.
    private static let pointLimit = 400

    /// The sweep as one picture: at the top how many times faster the last server is than each other one
    /// against the interval, below tokens and finished requests against time for each interval.
    public var svg: String {
        let names = points.first?.recordings.map(\.server) ?? []
        let (width, height, top) = (960.0, 270.0, 64.0)
        let rows = Double(points.count + 1)
        var text =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width))"
            + " \(Int(top + rows * height))\" font-family=\"sans-serif\" fill=\"#222\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        text += LineChart.label("Serving, one curve a server", width / 2, 22, size: 16)
        text += LineChart.legend(names, x: 24, y: 46)
        text += speedUps(names).svg(x: 0, y: top, width: width / 2, height: height)
        text += latencies(names).svg(x: width / 2, y: top, width: width / 2, height: height)
        for (index, point) in points.enumerated() {
            let y = top + Double(index + 1) * height
            text += tokens(point).svg(x: 0, y: y, width: width / 2, height: height)
            text += finished(point).svg(x: width / 2, y: y, width: width / 2, height: height)
        }
        return text + "</svg>\n"
    }

    /// Intervals as multiples of a lone request's time.
    private func share(_ interval: Double) -> Double { loneTime > 0 ? interval / loneTime : 0 }

    private func speedUps(_ names: [String]) -> LineChart {
        LineChart(
            title: "Total time over that of \(names.last ?? "the last server")",
            xTitle: "mean interval / time of a request alone",
            yTitle: "times",
            lines: names.enumerated().map { index, name in
                LineChart.Line(
                    name: name,
                    points: points.compactMap { point in
                        guard point.recordings.indices.contains(index),
                            let last = point.recordings.last?.totalTime, last > 0
                        else { return nil }
                        return (share(point.interval), point.recordings[index].totalTime / last)
                    },
                    isMarked: true
                )
            }
        )
    }

    private func latencies(_ names: [String]) -> LineChart {
        LineChart(
            title: "Median time from arrival to last token",
            xTitle: "mean interval / time of a request alone",
            yTitle: "seconds",
            lines: names.enumerated().map { index, name in
                LineChart.Line(
                    name: name,
                    points: points.compactMap { point in
                        guard point.recordings.indices.contains(index) else { return nil }
                        return (share(point.interval), point.recordings[index].endToEnd.p50)
                    },
                    isMarked: true
                )
            }
        )
    }

    private func tokens(_ point: Point) -> LineChart {
        LineChart(
            title: "Tokens, an arrival every \(Self.fixed(point.interval, 3)) s",
            xTitle: "seconds",
            yTitle: "tokens so far",
            lines: point.recordings.map { recording in
                let times = recording.answers.flatMap(\.times).sorted()
                return LineChart.Line(name: recording.server, points: Self.cumulative(times))
            }
        )
    }

    private func finished(_ point: Point) -> LineChart {
        LineChart(
            title: "Finished requests, an arrival every \(Self.fixed(point.interval, 3)) s",
            xTitle: "seconds",
            yTitle: "requests so far",
            lines: point.recordings.map { recording in
                let times = recording.answers.map(\.finish).sorted()
                return LineChart.Line(
                    name: recording.server,
                    points: Self.cumulative(times),
                    isStepped: true
                )
            }
        )
    }

    /// How many of sorted times have passed, at a limited number of them.
    private static func cumulative(_ times: [Double]) -> [(x: Double, y: Double)] {
        let stride = max(times.count / pointLimit, 1)
        var points: [(x: Double, y: Double)] = [(0, 0)]
        for (index, time) in times.enumerated()
        where (index + 1) % stride == 0 || index + 1 == times.count {
            points.append((time, Double(index + 1)))
        }
        return points
    }
}
