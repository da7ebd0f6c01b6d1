internal import Foundation
public import Logging
internal import SkeinCore

/// A log of one JSON object a line, on standard error.
public struct JSONLog: LogHandler {
    /// What every line carries.
    public var metadata: Logger.Metadata = [:]
    /// The least level that is written.
    public var logLevel: Logger.Level
    private let label: String

    /// Creates a log.
    public init(label: String, level: Logger.Level = .info) {
        self.label = label
        logLevel = level
    }

    /// A value that every line carries.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    public func log(event: LogEvent) {
        var object = JSONObject()
        object["time"] = .string(Date().formatted(.iso8601.time(includingFractionalSeconds: true)))
        object["level"] = .string(event.level.rawValue)
        object["source"] = .string(label)
        object["message"] = .string("\(event.message)")
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            let text = "\(value)"
            object[key] =
                Int(text).map(JSON.int) ?? Double(text).map(JSON.double) ?? .string(text)
        }
        FileHandle.standardError.write(Data((JSON.object(object).text() + "\n").utf8))
    }
}
