internal import Foundation
internal import SkeinClassic

extension ChipExperiment {
    /// How a plan is called in tables.
    static func planName(_ number: Int) -> String {
        ["batch", "rows", "features", "grid:2", "grid:4", "turns"][min(max(number, 0), 5)]
    }

    private func ratio(_ a: Int?, _ b: Int?) -> Double? {
        guard let a, let b, b > 0 else { return nil }
        return Double(a) / Double(b)
    }

    private func text(_ value: Double?) -> String {
        value.map { String(format: "%.2f", $0) } ?? "–"
    }

    private func mean(_ values: [Double?]) -> Double? {
        let known = values.compactMap { $0 }
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    /// The kernels that means are taken over.
    var counted: [String] { kernels.filter { $0 != Self.serial } }

    /// How many times fewer instructions our routines need than libgcc's.
    public func oursAgainstLibgcc(_ kernel: String) -> Double? {
        ratio(entry(kernel, .f32, .libgcc)?.alone, entry(kernel, .f32, .ours)?.alone)
    }

    /// How many times fewer the unit needs than libgcc.
    public func unitAgainstLibgcc(_ kernel: String) -> Double? {
        ratio(entry(kernel, .f32, .libgcc)?.alone, entry(kernel, .f32, .unit)?.alone)
    }

    /// The mean speed-ups with eight workers: under each kernel's best plan, and for one sample alone.
    public func meanSpeedups(_ build: Emulator.Build) -> (best: Double, single: Double) {
        var (best, single): ([Double?], [Double?]) = ([], [])
        for kernel in counted {
            guard let entry = entry(kernel, .f32, build) else { continue }
            let alone = entry.bestSingle?.speedup
            let batch = entry.speedup(plan: 0, workers: 8)
            best.append([alone, batch].compactMap { $0 }.max())
            single.append(alone)
        }
        return (mean(best) ?? 0, mean(single) ?? 0)
    }

    /// Tables in Markdown.
    public var markdown: String {
        var out = """
            Retired instructions on QEMU's `virt` machine, one hart, `-icount shift=0`. Not cycles: neither memory
            stalls nor banks nor a shared unit nor energy are modelled.

            ## Floats: libgcc, our routines, the F extension

            Instructions of one worker for one sample; of the tree for 16, of the K-means iteration for 128.

            | kernel | libgcc | ours | F | libgcc / ours | libgcc / F |
            |---|---|---|---|---|---|

            """
        for kernel in kernels {
            let counts = [Emulator.Build.libgcc, .ours, .unit].map {
                entry(kernel, .f32, $0)?.alone
            }
            out +=
                "| \(kernel) | "
                + counts.map { $0.map(String.init) ?? "–" }.joined(separator: " | ")
                + " | \(text(oursAgainstLibgcc(kernel))) | \(text(unitAgainstLibgcc(kernel))) |\n"
        }
        out +=
            "\nMeans: libgcc / ours \(text(mean(counted.map(oursAgainstLibgcc)))), libgcc / F"
            + " \(text(mean(counted.map(unitAgainstLibgcc)))).\n\n## Eight shares\n\n"
        for build in [Emulator.Build.ours, .unit] {
            out += "\(build.rawValue), model speed-up with 2, 4 and 8 workers:\n\n"
            out += "| kernel | " + (0..<6).map(Self.planName).joined(separator: " | ")
            out += " | cost model's choice |\n|---|---|---|---|---|---|---|---|\n"
            for kernel in kernels {
                guard let entry = entry(kernel, .f32, build) else { continue }
                let cells = (0..<6).map { plan in
                    let speedups = [2, 4, 8].compactMap { entry.speedup(plan: plan, workers: $0) }
                    return speedups.isEmpty ? "–" : speedups.map(text).joined(separator: ", ")
                }
                out += "| \(kernel) | \(cells.joined(separator: " | ")) | \(choice(entry)) |\n"
            }
            let means = meanSpeedups(build)
            out +=
                "\nMeans at 8: \(text(means.best)) under the best plan, \(text(means.single)) for one sample.\n\n"
        }
        out += "## Numbers\n\nInstructions as above; fixed point on rv32imac.\n\n"
        out += "| kernel | f32 ours | f32 F | q15 | q31 | i8 |\n|---|---|---|---|---|---|\n"
        for kernel in counted {
            let counts = [
                entry(kernel, .f32, .ours), entry(kernel, .f32, .unit),
                entry(kernel, .q15, .ours), entry(kernel, .q31, .ours), entry(kernel, .i8, .ours),
            ]
            out +=
                "| \(kernel) | "
                + counts.map { $0.map { "\($0.alone)" } ?? "–" }.joined(separator: " | ") + " |\n"
        }
        return out
    }

    /// The plan that the cost model would take for one sample, against the best by count.
    private func choice(_ entry: Entry) -> String {
        guard let shape = shapes[entry.kernel], let best = entry.bestSingle else { return "–" }
        let plan = CostModel().choose(
            samples: 1,
            rows: shape.rows,
            width: shape.width,
            workers: 8
        )
        let number =
            switch plan {
            case .batch: 0
            case .rows: 1
            case .features: 2
            case .grid(let rows): rows == 2 ? 3 : 4
            case .turns: 5
            }
        let name = Self.planName(number)
        guard number != best.plan else { return "\(name), the best" }
        return "\(name), \(text(entry.speedup(plan: number, workers: 8))) of \(text(best.speedup))"
    }

    /// Bars of each kernel's speed-up with eight workers.
    public var speedupPicture: String {
        BarChart(
            title:
                "Model speed-up on 8 shares, retired instructions, rv32imac with our float routines",
            groups: kernels,
            series: [
                ("one sample", kernels.map { entry($0, .f32, .ours)?.bestSingle?.speedup }),
                ("batch", kernels.map { entry($0, .f32, .ours)?.speedup(plan: 0, workers: 8) }),
            ]
        ).svg
    }

    /// Bars of what floats cost.
    public var emulationPicture: String {
        BarChart(
            title:
                "libgcc's retired instructions over those of our routines and of the F extension",
            groups: kernels,
            series: [
                ("ours", kernels.map(oursAgainstLibgcc)),
                ("F extension", kernels.map(unitAgainstLibgcc)),
            ]
        ).svg
    }
}
