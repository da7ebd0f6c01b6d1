/// Finds the name that was probably meant.
public enum Suggestion {
    /// The known name nearest to another, if it is near: at most a third of its letters differ.
    ///
    /// - Parameters:
    ///   - name: What was written.
    ///   - known: What could have been meant.
    /// - Returns: The nearest, the first of equals.
    public static func nearest(to name: String, among known: [String]) -> String? {
        known.map { (name: $0, distance: distance(Array(name.utf8), Array($0.utf8))) }
            .filter { $0.distance <= max(2, $0.name.utf8.count / 3) }
            .min { $0.distance < $1.distance }?.name
    }

    /// Levenshtein's distance.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let changed = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
