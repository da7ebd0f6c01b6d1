import SkeinCore

/// A JSON value with the path that leads to it, so that every complaint names its field.
struct Field {
    let value: JSON
    let path: String

    /// A complaint about this field.
    func wrong(_ expected: String) -> SkeinError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "a boolean"
            case .int(let number): "\(number)"
            case .double(let number): "\(number)"
            case .string(let text): "\"\(text.prefix(40))\""
            case .array(let items): "an array of \(items.count)"
            case .object(let object): "an object of \(object.members.count)"
            }
        return SkeinError(.corruptFile, "\(path): expected \(expected), found \(found)")
    }

    /// A member that may be missing or null.
    func optional(_ key: String) -> Field? {
        guard let member = value[key], !member.isNull else { return nil }
        return Field(value: member, path: "\(path).\(key)")
    }

    /// A member that must be there.
    func required(_ key: String) throws -> Field {
        guard value.object != nil else { throw wrong("an object") }
        guard let member = value[key] else {
            throw SkeinError(.corruptFile, "\(path).\(key): missing")
        }
        return Field(value: member, path: "\(path).\(key)")
    }

    /// The elements of an array.
    func items() throws -> [Field] {
        guard let array = value.array else { throw wrong("an array") }
        return array.enumerated().map { Field(value: $1, path: "\(path)[\($0)]") }
    }

    /// The text of a string.
    func text() throws -> String {
        guard let text = value.string else { throw wrong("a string") }
        return text
    }

    /// The bytes of a string.
    func bytes() throws -> [UInt8] { Array(try text().utf8) }

    /// The only scalar of a string.
    func scalar() throws -> UInt32 {
        let scalars = try text().unicodeScalars
        guard scalars.count == 1, let scalar = scalars.first else { throw wrong("one character") }
        return scalar.value
    }

    /// A boolean.
    func flag() throws -> Bool {
        guard let flag = value.bool else { throw wrong("a boolean") }
        return flag
    }

    /// A boolean member, or what it is by default.
    func flag(_ key: String, default fallback: Bool) throws -> Bool {
        try optional(key)?.flag() ?? fallback
    }

    /// A token id.
    func id() throws -> Int32 {
        guard let number = value.int, number >= 0, number <= Field.largestID else {
            throw wrong("a token id from 0 to \(Field.largestID)")
        }
        return Int32(number)
    }

    /// A count that is not negative.
    func count() throws -> Int {
        guard let number = value.int, number >= 0 else { throw wrong("a count") }
        return number
    }

    /// No vocabulary is larger; a bound on what a few corrupt bytes can make us allocate.
    static let largestID = 4_000_000
}
