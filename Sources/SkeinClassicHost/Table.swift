/// Samples as rows of 32-bit floats.
public struct Table: Sendable {
    /// `[rows, width]`, row by row.
    public var values: [Float]
    /// n: how many samples.
    public let rows: Int
    /// D: how many features.
    public let width: Int

    /// Wraps values.
    ///
    /// - Precondition: `values.count` is `rows * width`.
    public init(_ values: [Float], rows: Int, width: Int) {
        precondition(values.count == rows * width, "\(values.count) values for [\(rows), \(width)]")
        (self.values, self.rows, self.width) = (values, rows, width)
    }

    /// The samples at some places, in that order.
    public func taking(_ places: [Int]) -> Table {
        var taken: [Float] = []
        taken.reserveCapacity(places.count * width)
        for place in places { taken += values[place * width..<(place + 1) * width] }
        return Table(taken, rows: places.count, width: width)
    }
}

/// Samples with the class of each.
public struct Dataset: Sendable {
    /// The samples.
    public var table: Table
    /// The index of each sample's class in `classes`.
    public var labels: [Int32]
    /// The names of the classes.
    public var classes: [String]

    /// Joins samples and classes.
    ///
    /// - Precondition: There is one label a row, each within `classes`.
    public init(_ table: Table, labels: [Int32], classes: [String]) {
        precondition(labels.count == table.rows, "\(labels.count) labels for \(table.rows) rows")
        (self.table, self.labels, self.classes) = (table, labels, classes)
    }

    /// The samples at some places, in that order.
    public func taking(_ places: [Int]) -> Dataset {
        Dataset(table.taking(places), labels: places.map { labels[$0] }, classes: classes)
    }
}
