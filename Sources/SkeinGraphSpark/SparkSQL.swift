/// Pieces of SQL that compute what the embedded engine computes, bit for bit.
///
/// Whole numbers wrap and doubles are rounded after every operation in both languages, so a formula of
/// sums, products, shifts and divisions has one value; sums of doubles and logarithms are not used.
enum SparkSQL {
    /// A name in backquotes, or a path.
    static func quoted(_ name: String) -> String {
        "`" + name.replacing("`", with: "``") + "`"
    }

    /// A text literal.
    static func literal(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    /// A literal of any 64 bits.
    static func literal(_ word: UInt64) -> String {
        let value = Int64(bitPattern: word)
        // The least number has no literal of its own.
        return value == .min ? "(-9223372036854775807L - 1L)" : "(\(value)L)"
    }

    /// A double literal; its text reads back as the same double.
    static func literal(_ value: Double) -> String { "CAST('\(value)' AS DOUBLE)" }

    /// The last step of the embedded engine's hash, for a column that holds a node.
    static func hash(_ node: String, key: UInt64) -> String {
        var word = "(\(node) ^ \(literal(key)))"
        for (shift, factor) in [(30, UInt64(0xbf58_476d_1ce4_e5b9)), (27, 0x94d0_49bb_1331_11eb)] {
            word = "((\(word) ^ shiftrightunsigned(\(word), \(shift))) * \(literal(factor)))"
        }
        return "(\(word) ^ shiftrightunsigned(\(word), 31))"
    }

    /// A hash whose signed order is the unsigned order of the hash.
    static func ordered(_ node: String, key: UInt64) -> String {
        "(\(hash(node, key: key)) ^ \(literal(1 << 63)))"
    }

    /// The ticks of a weight.
    static func ticks(_ weight: String, scale: Double?) -> String {
        guard let scale else { return "1L" }
        return
            "greatest(1L, CAST(floor(CAST(\(weight) AS DOUBLE) * \(literal(scale)) + 0.5D) AS BIGINT))"
    }

    /// Rows of whole numbers as a table expression.
    static func rows(_ rows: [[String]], _ columns: String...) -> String {
        let values = rows.map { "(" + $0.joined(separator: ", ") + ")" }.joined(separator: ", ")
        return "(SELECT * FROM VALUES \(values) AS t(\(columns.joined(separator: ", "))))"
    }
}
