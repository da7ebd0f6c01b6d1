/// A JSON value that keeps the order of its keys and the difference between `1` and `1.0`.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

/// The members of a JSON object in the order of the text; a repeated key keeps its last value.
public struct JSONObject: Sendable, Hashable {
    /// The members in order.
    public private(set) var members: [(key: String, value: JSON)] = []
    private var index: [ExactKey: Int] = [:]

    /// Creates an object without members.
    public init() {}

    /// The value of a key; setting `nil` removes the member (O(n)).
    public subscript(key: String) -> JSON? {
        get { index[ExactKey(key)].map { members[$0].value } }
        set {
            switch (index[ExactKey(key)], newValue) {
            case (let position?, let value?):
                members[position].value = value
            case (nil, let value?):
                index[ExactKey(key)] = members.count
                members.append((key, value))
            case (let position?, nil):
                members.remove(at: position)
                index.removeValue(forKey: ExactKey(key))
                for (other, place) in index where place > position { index[other] = place - 1 }
            case (nil, nil):
                break
            }
        }
    }

    /// Whether both hold the same members in the same order.
    public static func == (a: Self, b: Self) -> Bool {
        a.members.count == b.members.count
            && zip(a.members, b.members).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }

    /// Feeds keys and values, in order.
    public func hash(into hasher: inout Hasher) {
        for member in members {
            hasher.combine(member.key)
            hasher.combine(member.value)
        }
    }
}

extension JSON {
    /// The member of an object; `nil` for a missing key or another kind of value.
    public subscript(key: String) -> JSON? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// The text of a string value.
    public var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The value of an integer, or of a number whose fraction is zero.
    public var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The value of any number.
    public var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The value of a boolean.
    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The elements of an array.
    public var array: [JSON]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    /// The members of an object.
    public var object: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// Whether the value is `null`.
    public var isNull: Bool { self == .null }
}
