internal import SkeinCore

/// How many dimensions each level gets.
public enum DimensionSplit {
    /// Divides dimensions between every level and all deeper ones in proportion to their nodes.
    ///
    /// Shares are multiples of four and never below `minimum` except zero; they sum to `dimensions`.
    ///
    /// - Parameters:
    ///   - dimensions: The dimensions of the result, a positive multiple of four.
    ///   - nodeCounts: The nodes of every level.
    ///   - minimum: The fewest dimensions worth having.
    /// - Returns: One share a level; deeper levels may get none.
    public static func proportional(
        dimensions: Int,
        nodeCounts: [Int],
        minimum: Int = 8
    ) -> [Int] {
        var shares = [Int](repeating: 0, count: nodeCounts.count)
        var left = dimensions
        for level in nodeCounts.indices {
            guard level + 1 < nodeCounts.count else {
                shares[level] = left
                break
            }
            let (here, next) = (nodeCounts[level], nodeCounts[level + 1])
            let ratio = Double(next) / Double(max(here + next, 1))
            var deeper = Int(ratio * Double(left)) / 4 * 4
            if deeper < minimum { deeper = 0 }
            if left - deeper < minimum { deeper = max(left - (minimum + 3) / 4 * 4, 0) }
            if deeper < minimum { deeper = 0 }
            shares[level] = left - deeper
            left = deeper
            if left == 0 { break }
        }
        return shares
    }

    /// Checks shares that a person gave.
    ///
    /// - Parameters:
    ///   - shares: One share a level; missing ones are zero.
    ///   - levels: How many levels there are.
    /// - Returns: One share a level.
    /// - Throws: `SkeinError.Code.invalidArgument`.
    public static func fixed(_ shares: [Int], levels: Int) throws -> [Int] {
        guard shares.count <= levels, shares.allSatisfy({ $0 >= 0 && $0 % 4 == 0 }),
            shares.contains(where: { $0 > 0 })
        else {
            throw SkeinError(
                .invalidArgument,
                "found dimensions \(shares), expected at most \(levels) multiples of 4, not all 0"
            )
        }
        return shares + .init(repeating: 0, count: levels - shares.count)
    }
}
