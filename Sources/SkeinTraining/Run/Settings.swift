internal import Foundation
internal import SkeinCore
internal import Yams

/// A section of a configuration: typed members, and errors that name the key.
struct Settings {
    /// The key of the section with those above it: `batch`, or empty at the top.
    let path: String
    private let object: JSONObject

    /// Opens a section.
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` for what is no mapping and for an unknown key.
    init(_ value: JSON?, _ path: String, known: [String]) throws {
        self.path = path
        guard let value, !value.isNull else {
            object = JSONObject()
            return
        }
        guard let object = value.object else {
            throw SkeinError(
                .invalidArgument,
                "\(path) is \(value.text()), expected keys \(known.joined(separator: ", "))"
            )
        }
        self.object = object
        for (key, _) in object.members where !known.contains(key) {
            let nearest = Suggestion.nearest(to: key, among: known)
            throw SkeinError(
                .invalidArgument,
                "unknown key \(name(key))",
                hint: nearest.map { "did you mean \(name($0))?" }
                    ?? "known keys: \(known.joined(separator: ", "))"
            )
        }
    }

    private func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// A member's value, unless it is missing or null.
    subscript(key: String) -> JSON? { object[key].flatMap { $0.isNull ? nil : $0 } }

    func refusal(_ key: String, _ expected: String) -> SkeinError {
        SkeinError(
            .invalidArgument,
            "\(name(key)) is \(self[key]?.text() ?? "missing"), expected \(expected)"
        )
    }

    func integer(
        _ key: String,
        default fallback: Int? = nil,
        in range: ClosedRange<Int>
    ) throws -> Int {
        guard let value = self[key] else {
            guard let fallback else { throw refusal(key, "an integer") }
            return fallback
        }
        guard let number = value.int, range.contains(number) else {
            throw refusal(
                key,
                range.upperBound == .max
                    ? "an integer of at least \(range.lowerBound)"
                    : "an integer from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    func number(
        _ key: String,
        default fallback: Double,
        in range: ClosedRange<Double>
    ) throws -> Double {
        guard let value = self[key] else { return fallback }
        guard let number = value.double, range.contains(number) else {
            throw refusal(key, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws -> Bool {
        guard let value = self[key] else { return fallback }
        guard let flag = value.bool else { throw refusal(key, "true or false") }
        return flag
    }

    func string(_ key: String) throws -> String? {
        guard let value = self[key] else { return nil }
        guard let string = value.string else { throw refusal(key, "a string") }
        return string
    }

    func choice<Value: RawRepresentable>(
        _ key: String,
        default fallback: Value,
        of values: [Value]
    ) throws -> Value where Value.RawValue == String {
        guard let value = self[key] else { return fallback }
        guard let found = values.first(where: { $0.rawValue == value.string }) else {
            throw refusal(key, "one of \(values.map(\.rawValue).joined(separator: ", "))")
        }
        return found
    }

    /// Reads YAML, or JSON, which is YAML too.
    ///
    /// - Throws: `SkeinError.Code.syntax` naming the line.
    static func parse(_ text: String, _ source: String) throws -> JSON {
        do {
            guard let node = try Yams.compose(yaml: text) else { return .object(JSONObject()) }
            return try value(node, source)
        } catch let error as YamlError {
            throw SkeinError(.syntax, "\(source) is not YAML: \(error)")
        }
    }

    private static func value(_ node: Node, _ source: String) throws -> JSON {
        switch node {
        case .scalar(let scalar):
            guard scalar.style == .plain else { return .string(scalar.string) }
            switch scalar.string {
            case "", "~", "null": return .null
            case "true": return true
            case "false": return false
            default:
                if let integer = Int(scalar.string) { return .int(integer) }
                if let number = Double(scalar.string), number.isFinite { return .double(number) }
                return .string(scalar.string)
            }
        case .sequence(let sequence): return .array(try sequence.map { try value($0, source) })
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, member) in mapping {
                let name = key.string ?? ""
                let line = key.mark.map { ", line \($0.line)" } ?? ""
                guard object[name] == nil else {
                    throw SkeinError(.syntax, "\(source)\(line): \(name) is there twice")
                }
                object[name] = try value(member, source)
            }
            return .object(object)
        }
    }
}
