public import SkeinCore

/// The values of one column; what they are at a null is left open.
public indirect enum SparkValues: Sendable, Equatable {
    /// Truth values.
    case booleans([Bool])
    /// Whole numbers of any width.
    case integers([Int64])
    /// Single precision.
    case floats([Float])
    /// Double precision.
    case doubles([Double])
    /// Text.
    case strings([String])
    /// Bytes.
    case bytes([[UInt8]])
    /// Lists: where each ends among the elements of all.
    case lists(ends: [Int], elements: SparkColumn)
    /// Several columns side by side.
    case structs(count: Int, [SparkColumn])

    /// How many values there are.
    public var count: Int {
        switch self {
        case .booleans(let values): values.count
        case .integers(let values): values.count
        case .floats(let values): values.count
        case .doubles(let values): values.count
        case .strings(let values): values.count
        case .bytes(let values): values.count
        case .lists(let ends, _): ends.count
        case .structs(let count, _): count
        }
    }

    /// The kind, for messages.
    var kind: String {
        switch self {
        case .booleans: "boolean"
        case .integers: "integer"
        case .floats: "float"
        case .doubles: "double"
        case .strings: "text"
        case .bytes: "binary"
        case .lists: "list"
        case .structs: "struct"
        }
    }
}

/// A named column of a table.
public struct SparkColumn: Sendable, Equatable {
    /// The column's name.
    public var name: String
    /// Its values.
    public var values: SparkValues
    /// Which values are null; `nil` when none is.
    public var nulls: [Bool]?

    /// Names values.
    public init(_ name: String, _ values: SparkValues, nulls: [Bool]? = nil) {
        self.name = name
        self.values = values
        self.nulls = nulls
    }

    /// Whether a value is null.
    public func isNull(_ row: Int) -> Bool { nulls?[row] ?? false }
}

/// Columns of equal length.
public struct SparkTable: Sendable, Equatable {
    /// The columns, in the query's order.
    public var columns: [SparkColumn]

    /// Joins columns.
    public init(_ columns: [SparkColumn]) { self.columns = columns }

    /// How many rows there are.
    public var rowCount: Int { columns.first?.values.count ?? 0 }

    private func column(_ name: String, _ expected: String) throws -> SparkColumn {
        guard let column = columns.first(where: { $0.name == name }) else {
            throw SkeinError(
                .sparkResult,
                "found columns \(columns.map(\.name)), expected \(name)"
            )
        }
        if let row = column.nulls?.firstIndex(of: true) {
            throw SkeinError(
                .sparkResult,
                "column \(name), row \(row): found null, expected \(expected)"
            )
        }
        return column
    }

    /// A column of whole numbers without nulls.
    ///
    /// - Parameter name: The column.
    /// - Returns: Its values.
    /// - Throws: `SkeinError.Code.sparkResult` when it is absent, of another kind, or holds a null.
    public func integers(_ name: String) throws -> [Int64] {
        let column = try column(name, "a whole number")
        guard case .integers(let values) = column.values else {
            throw SkeinError(
                .sparkResult,
                "column \(name) holds \(column.values.kind), expected whole numbers"
            )
        }
        return values
    }

    /// A column of floats without nulls.
    ///
    /// - Parameter name: The column.
    /// - Returns: Its values.
    /// - Throws: `SkeinError.Code.sparkResult` when it is absent, of another kind, or holds a null.
    public func floats(_ name: String) throws -> [Float] {
        let column = try column(name, "a float")
        guard case .floats(let values) = column.values else {
            throw SkeinError(
                .sparkResult,
                "column \(name) holds \(column.values.kind), expected floats"
            )
        }
        return values
    }

    /// A column of texts without nulls.
    ///
    /// - Parameter name: The column.
    /// - Returns: Its values.
    /// - Throws: `SkeinError.Code.sparkResult` when it is absent, of another kind, or holds a null.
    public func strings(_ name: String) throws -> [String] {
        let column = try column(name, "a text")
        guard case .strings(let values) = column.values else {
            throw SkeinError(
                .sparkResult,
                "column \(name) holds \(column.values.kind), expected texts"
            )
        }
        return values
    }
}

extension SkeinError.Code {
    /// No server answers at the address.
    public static let sparkUnreachable = Self("spark_unreachable")
    /// The server speaks another version of the protocol.
    public static let sparkVersion = Self("spark_version")
    /// The server refused the token, or wants one.
    public static let sparkUnauthenticated = Self("spark_unauthenticated")
    /// A query could not be understood or failed.
    public static let sparkFailure = Self("spark_failure")
    /// A query was stopped.
    public static let sparkInterrupted = Self("spark_interrupted")
    /// The server's answer is not what was asked for.
    public static let sparkResult = Self("spark_result")
}

extension SkeinError {
    /// Bytes that are no Arrow stream, or none that this reader knows.
    static func arrow(_ found: String) -> SkeinError {
        SkeinError(.sparkResult, "the result is not a readable Arrow stream: found \(found)")
    }
}
