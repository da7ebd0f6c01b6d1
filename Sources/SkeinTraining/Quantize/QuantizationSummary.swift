internal import Foundation
internal import SkeinCore
internal import SkeinTensor

/// What quantising a model came to.
public struct QuantizationSummary: Sendable {
    /// The tensors, in the order of the file.
    public let reports: [QuantizedTensorReport]
    /// Seconds of planning.
    public let planningSeconds: Double
    /// Seconds of all.
    public let seconds: Double

    /// Joins the parts of a summary.
    public init(reports: [QuantizedTensorReport], planningSeconds: Double, seconds: Double) {
        self.reports = reports
        self.planningSeconds = planningSeconds
        self.seconds = seconds
    }

    private var quantized: [QuantizedTensorReport] { reports.filter { $0.report != nil } }

    private func bits(_ reports: [QuantizedTensorReport]) -> Double {
        let weights = reports.reduce(0) { $0 + $1.count }
        return Double(reports.reduce(0) { $0 + $1.bytes }) * 8 / Double(max(weights, 1))
    }

    /// A table of the matrices and a line about the whole, for people.
    public var text: String {
        var text = "tensor | treatment | kurtosis | outliers | error nearest | error | bits\n"
        func percent(_ value: Double) -> String { String(format: "%.4f %%", value * 100) }
        for tensor in quantized {
            guard let report = tensor.report else { continue }
            text +=
                "\(tensor.name) | \(tensor.treatment.name)"
                + " | \(String(format: "%.2f", report.kurtosis))"
                + " | \(percent(Double(tensor.outliers) / Double(max(tensor.count, 1))))"
                + " | \(percent(report.relativeNearestError)) | \(percent(report.relativeError))"
                + " | \(String(format: "%.3f", tensor.bitsPerWeight))\n"
        }
        let bytes = reports.reduce(0) { $0 + $1.bytes }
        let weights = reports.reduce(0) { $0 + $1.count }
        text +=
            "\(weights) weights in \(bytes) bytes: \(String(format: "%.3f", bits(reports))) bits a"
            + " weight, the quantised matrices \(String(format: "%.3f", bits(quantized)));"
            + " \(String(format: "%.1f", seconds)) s, of them"
            + " \(String(format: "%.1f", planningSeconds)) planning\n"
        return text
    }

    /// The same as JSON.
    public var json: String {
        var object = JSONObject()
        object["seconds"] = .double(seconds)
        object["planning_seconds"] = .double(planningSeconds)
        object["bytes"] = .int(reports.reduce(0) { $0 + $1.bytes })
        object["bits_per_weight"] = .double(bits(reports))
        object["tensors"] = .array(
            reports.map { tensor in
                var entry = JSONObject()
                entry["name"] = .string(tensor.name)
                entry["shape"] = .array(tensor.shape.map { .int($0) })
                entry["treatment"] = .string(tensor.treatment.name)
                entry["bytes"] = .int(tensor.bytes)
                entry["bits_per_weight"] = .double(tensor.bitsPerWeight)
                entry["outliers"] = .int(tensor.outliers)
                if let report = tensor.report {
                    entry["mean"] = .double(report.mean)
                    entry["deviation"] = .double(report.deviation)
                    entry["kurtosis"] = .double(report.kurtosis)
                    entry["error_nearest"] = .double(report.relativeNearestError)
                    entry["error"] = .double(report.relativeError)
                    entry["most_outliers_of_a_row"] = .int(report.mostOutliers)
                    if !report.ranges.isEmpty {
                        entry["ranges"] = .array(report.ranges.map { .double($0) })
                        entry["errors"] = .array(report.errors.map { .double($0) })
                    }
                }
                return .object(entry)
            }
        )
        return JSON.object(object).text(.compact) + "\n"
    }
}
