/// Something to measure, named `area/operation/shape`.
struct Benchmark {
    /// What a figure counts.
    enum Unit: String {
        case bytes = "GB/s"
        case text = "MB/s"
        case operations = "Gop/s"
        case tokens = "tokens/s"

        /// How many of the counted things make one of the printed unit.
        var size: Double {
            switch self {
            case .bytes, .operations: 1e9
            case .text: 1e6
            case .tokens: 1
            }
        }
    }

    var name: String
    var unit: Unit
    /// Bytes, operations or tokens of one call.
    var work: Double
    /// Makes what is called again and again; memory is taken only while it is measured.
    var prepare: () throws -> () throws -> Void
}

/// The times of one benchmark's samples.
struct Measurement {
    var benchmark: Benchmark
    /// Seconds of one call, ascending.
    var seconds: [Double]

    /// Warms up, then takes samples of at least 50 µs for `limit` seconds.
    init(_ benchmark: Benchmark, limit: Double) throws {
        self.benchmark = benchmark
        let call = try benchmark.prepare()
        let warmUp = limit / 4
        var calls = 0
        var spent = 0.0
        while calls < 2 || spent < warmUp {
            spent += try Self.seconds(of: call)
            calls += 1
        }
        let together = max(1, Int(50e-6 / (spent / Double(calls))))
        seconds = []
        var total = 0.0
        while seconds.count < 5 || total < limit {
            let sample = try Self.seconds(of: { for _ in 0..<together { try call() } })
            total += sample
            seconds.append(sample / Double(together))
        }
        seconds.sort()
    }

    private static func seconds(of work: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let spent = try clock.measure(work).components
        return Double(spent.seconds) + Double(spent.attoseconds) * 1e-18
    }

    /// The time that a share of the samples stays within.
    func time(within share: Double) -> Double {
        seconds[min(seconds.count - 1, Int(share * Double(seconds.count)))]
    }

    /// Work per second at a time of one call.
    func rate(_ time: Double) -> Double { benchmark.work / time / benchmark.unit.size }
}
