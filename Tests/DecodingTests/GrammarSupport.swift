import Foundation
import SkeinCore
import SkeinDecoding
import SkeinTestSupport
import Testing

/// What the grammar tests share.
enum Grammars {
    /// All single bytes, then random runs of bytes that are frequent in JSON.
    static func vocabulary(seed: UInt64, count: Int = 900) -> TokenVocabulary {
        var random = SplitMix64(seed: seed)
        let pool = Array("{}[]\",:  \\ntruefalse01239.-eE+aabbcidkénameyxz日\nu00".utf8)
        var tokens = (0..<256).map { [UInt8($0)] }
        while tokens.count < count {
            let length = 2 + Int(random.next() % 5)
            tokens.append((0..<length).map { _ in pool[Int(random.next() % UInt64(pool.count))] })
        }
        tokens += ["\":", "\": \"", "\", \"", "{\"", "\"}", "},", "]}", "true", "null", "é"]
            .map { Array($0.utf8) }
        tokens.append([])
        return TokenVocabulary(tokens: tokens)
    }

    static func compile(_ grammar: Grammar) throws -> CompiledGrammar {
        try CompiledGrammar(grammar, vocabulary: vocabulary(seed: 1, count: 400))
    }

    static func accepts(_ grammar: CompiledGrammar, _ text: String) -> Bool {
        var state = GrammarState(grammar)
        for byte in text.utf8 where !state.advance(bytes: [byte]) { return false }
        return state.isComplete
    }

    static func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as SkeinError {
            return error.code == .invalidArgument ? error.message : nil
        } catch {
            return nil
        }
    }

    struct Record {
        var schema: JSON
        var cases: [(text: String, isValid: Bool)]
    }

    static func records() throws -> [Record] {
        let bytes = try Data(contentsOf: Files.golden("grammar/schemas.json"))
        let list = try #require(try JSON(parsing: Array(bytes)).array)
        return try list.map { entry in
            var cases: [(text: String, isValid: Bool)] = []
            for pair in entry["cases"]?.array ?? [] {
                let parts = pair.array ?? []
                let text: String = try #require(parts.first?.string)
                guard case .bool(let isValid)? = parts.last else { continue }
                cases.append((text, isValid))
            }
            return Record(schema: try #require(entry["schema"]), cases: cases)
        }
    }
}

/// A validator of the subset, written without looking at the grammar.
struct SchemaValidator {
    let document: JSON

    func accepts(_ value: JSON, _ schema: JSON) -> Bool {
        guard case .object(let object) = schema else { return schema == .bool(true) }
        if let pointer = object["$ref"]?.string {
            var at = document
            for part in pointer.dropFirst().split(separator: "/") {
                at = at[String(part)] ?? .bool(false)
            }
            guard accepts(value, at) else { return false }
        }
        if let list = object["enum"]?.array {
            guard list.contains(where: { Self.isEqual($0, value) }) else { return false }
        }
        if let constant = object["const"], !Self.isEqual(constant, value) { return false }
        if let parts = object["anyOf"]?.array {
            guard parts.contains(where: { accepts(value, $0) }) else { return false }
        }
        if let parts = object["allOf"]?.array {
            guard parts.allSatisfy({ accepts(value, $0) }) else { return false }
        }
        if let type = object["type"] {
            let names = type.array?.compactMap(\.string) ?? [type.string ?? ""]
            guard names.contains(where: { Self.isType(value, $0) }) else { return false }
        }
        return switch value {
        case .string(let text): accepts(text, object)
        case .int, .double: accepts(value.double ?? .nan, object)
        case .array(let list): accepts(list, object)
        case .object(let members): accepts(members, object)
        case .null, .bool: true
        }
    }

    static func isEqual(_ a: JSON, _ b: JSON) -> Bool {
        if let x = a.double, let y = b.double { return x == y }
        if case .object(let x) = a, case .object(let y) = b {
            return x.members.count == y.members.count
                && x.members.allSatisfy { pair in
                    y[pair.key].map { isEqual($0, pair.value) } ?? false
                }
        }
        return a == b
    }

    private static func isType(_ value: JSON, _ name: String) -> Bool {
        switch value {
        case .null: name == "null"
        case .bool: name == "boolean"
        case .int: name == "integer" || name == "number"
        case .double(let number):
            name == "number" || name == "integer" && number == number.rounded()
        case .string: name == "string"
        case .array: name == "array"
        case .object: name == "object"
        }
    }

    private func accepts(_ text: String, _ schema: JSONObject) -> Bool {
        let length = text.unicodeScalars.count
        if let least = schema["minLength"]?.int, length < least { return false }
        if let most = schema["maxLength"]?.int, length > most { return false }
        guard let pattern = schema["pattern"]?.string else { return true }
        return text.range(of: pattern, options: .regularExpression) != nil
    }

    private func accepts(_ number: Double, _ schema: JSONObject) -> Bool {
        if let bound = schema["minimum"]?.double, number < bound { return false }
        if let bound = schema["maximum"]?.double, number > bound { return false }
        if let bound = schema["exclusiveMinimum"]?.double, number <= bound { return false }
        if let bound = schema["exclusiveMaximum"]?.double, number >= bound { return false }
        return true
    }

    private func accepts(_ list: [JSON], _ schema: JSONObject) -> Bool {
        if let least = schema["minItems"]?.int, list.count < least { return false }
        if let most = schema["maxItems"]?.int, list.count > most { return false }
        let prefix = schema["prefixItems"]?.array ?? []
        let rest = schema["items"] ?? .bool(true)
        return list.enumerated().allSatisfy { place, element in
            accepts(element, place < prefix.count ? prefix[place] : rest)
        }
    }

    private func accepts(_ object: JSONObject, _ schema: JSONObject) -> Bool {
        for name in schema["required"]?.array ?? [] {
            guard let key = name.string, object[key] != nil else { return false }
        }
        let properties = schema["properties"]?.object
        let rest = schema["additionalProperties"] ?? .bool(true)
        return object.members.allSatisfy { accepts($0.value, properties?[$0.key] ?? rest) }
    }
}
