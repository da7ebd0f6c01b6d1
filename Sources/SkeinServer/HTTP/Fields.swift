internal import HTTPTypes
internal import SkeinCore

/// The members of a request's JSON object, read with errors that name the field.
///
/// `null` is as good as absent; members that nobody asks for are passed over.
struct Fields {
    private let object: JSONObject
    private let path: String

    init(_ object: JSONObject, path: String = "") {
        self.object = object
        self.path = path
    }

    init(_ value: JSON, path: String) throws {
        guard let object = value.object else {
            throw APIError.invalid(path, "\(path) is \(value.kind), expected an object")
        }
        self.init(object, path: path)
    }

    /// The name of a field from the request's top.
    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    subscript(key: String) -> JSON? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    private func wrong(_ key: String, _ value: JSON, _ expected: String) -> APIError {
        .invalid(name(key), "\(name(key)) is \(value.kind), expected \(expected)")
    }

    func string(_ key: String) throws -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.string else { throw wrong(key, value, "a string") }
        return text
    }

    func requiredString(_ key: String) throws -> String {
        guard let text = try string(key) else { throw missing(key) }
        return text
    }

    func missing(_ key: String) -> APIError {
        APIError(
            .badRequest,
            "\(name(key)) is missing",
            parameter: name(key),
            code: "missing_required_parameter"
        )
    }

    func bool(_ key: String) throws -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.bool else { throw wrong(key, value, "true or false") }
        return flag
    }

    func int(_ key: String, in range: ClosedRange<Int>? = nil) throws -> Int? {
        guard let value = self[key] else { return nil }
        guard let number = value.int, value.bool == nil else {
            throw wrong(key, value, "an integer")
        }
        if let range, !range.contains(number) {
            throw APIError.invalid(
                name(key),
                "\(name(key)) is \(number), expected \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    func double(_ key: String, in range: ClosedRange<Double>? = nil) throws -> Double? {
        guard let value = self[key] else { return nil }
        guard let number = value.double else { throw wrong(key, value, "a number") }
        if let range, !range.contains(number) {
            throw APIError.invalid(
                name(key),
                "\(name(key)) is \(number), expected \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    func array(_ key: String) throws -> [JSON]? {
        guard let value = self[key] else { return nil }
        guard let elements = value.array else { throw wrong(key, value, "an array") }
        return elements
    }

    func fields(_ key: String) throws -> Fields? {
        guard let value = self[key] else { return nil }
        return try Fields(value, path: name(key))
    }

    /// One string or several.
    func strings(_ key: String) throws -> [String]? {
        guard let value = self[key] else { return nil }
        if let text = value.string { return [text] }
        guard let elements = value.array else {
            throw wrong(key, value, "a string or an array of strings")
        }
        return try elements.map { element in
            guard let text = element.string else {
                throw wrong(key, element, "an array of strings")
            }
            return text
        }
    }
}

extension JSON {
    /// The value's kind in words, for errors.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The token ids of an array of integers.
    var tokenIDs: [Int32]? {
        guard let array else { return nil }
        var ids: [Int32] = []
        ids.reserveCapacity(array.count)
        for element in array {
            guard case .int(let value) = element, let id = Int32(exactly: value) else { return nil }
            ids.append(id)
        }
        return ids
    }
}
