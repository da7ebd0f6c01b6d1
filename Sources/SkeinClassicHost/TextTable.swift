internal import SkeinCore
internal import SkeinTensor

/// What to do with cells that are empty, `?`, `NA` or `nan`.
public enum MissingCells: String, Sendable, CaseIterable {
    /// Refuse them, naming row and column.
    case refuse
    /// Leave their rows out.
    case drop
    /// Replace them by the mean of their column.
    case mean
    /// Replace them by zero.
    case zero
}

/// Reads comma-separated values and LIBSVM's sparse lines.
public struct TextTable: Sendable {
    /// What to do with missing cells.
    public var missing: MissingCells
    /// The column of the class, counted from the end when negative; `nil` means there is none.
    public var labelColumn: Int?
    /// How many leading columns to leave out.
    public var skippedColumns: Int

    /// Chooses how to read.
    public init(missing: MissingCells = .refuse, labelColumn: Int? = -1, skippedColumns: Int = 0) {
        (self.missing, self.labelColumn) = (missing, labelColumn)
        self.skippedColumns = skippedColumns
    }

    /// Reads a file: LIBSVM's form when it ends in `.libsvm` or `.svm`, else comma-separated values.
    public func read(path: String, classes known: [String]? = nil) throws -> Dataset {
        let bytes = try MappedFile(path: path).withUnsafeBytes { Array($0) }
        let text = String(decoding: bytes, as: UTF8.self)
        return path.hasSuffix(".libsvm") || path.hasSuffix(".svm")
            ? try sparse(text, classes: known) : try commas(text, classes: known)
    }

    /// Reads comma-separated values; `#` begins a comment line, a first line of words is a header.
    public func commas(_ text: String, classes known: [String]? = nil) throws -> Dataset {
        var rows: [[Float]] = []
        var names: [String] = []
        var columns: Int?
        for (number, line) in text.utf8.split(
            separator: UInt8(ascii: "\n"),
            omittingEmptySubsequences: false
        ).enumerated() {
            var line = line
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            let cells = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                .map { trimmed($0) }
            let label = try labelPlace(cells.count)
            let isHeader =
                columns == nil
                && cells.enumerated().allSatisfy {
                    $0.offset == label || (Float($0.element) == nil && !Self.isMissing($0.element))
                }
            if columns == nil { columns = cells.count }
            if isHeader && cells.count > (label == nil ? 0 : 1) { continue }
            guard cells.count == columns else {
                throw SkeinError(
                    .syntax,
                    "line \(number + 1) has \(cells.count) cells, but the first has \(columns ?? 0)"
                )
            }
            var row: [Float] = []
            for (column, cell) in cells.enumerated()
            where column != label && column >= skippedColumns {
                if let value = Float(cell), value.isFinite {
                    row.append(value)
                } else if Self.isMissing(cell), missing != .refuse {
                    row.append(.nan)
                } else {
                    let isMissing = Self.isMissing(cell)
                    throw SkeinError(
                        .syntax,
                        "line \(number + 1), column \(column + 1) holds \"\(cell)\", not a finite number",
                        hint: isMissing ? "--missing drop|mean|zero says what to do with it" : nil
                    )
                }
            }
            if missing == .drop, row.contains(where: \.isNaN) { continue }
            rows.append(row)
            if let label { names.append(cells[label]) }
        }
        return try assemble(rows, names: label(names), classes: known)
    }

    /// Reads lines of `class index:value …` with indices from 1.
    public func sparse(_ text: String, classes known: [String]? = nil) throws -> Dataset {
        var entries: [[(Int, Float)]] = []
        var names: [String] = []
        var width = 0
        for (number, line) in text.utf8.split(separator: UInt8(ascii: "\n")).enumerated() {
            let cells = line.split(whereSeparator: { $0 == 32 || $0 == 9 || $0 == 13 })
            guard let first = cells.first, first.first != UInt8(ascii: "#") else { continue }
            names.append(String(decoding: first, as: UTF8.self))
            var row: [(Int, Float)] = []
            for cell in cells.dropFirst() {
                let parts = cell.split(separator: UInt8(ascii: ":"))
                guard parts.count == 2, let index = Int(String(decoding: parts[0], as: UTF8.self)),
                    (1...1 << 20).contains(index),
                    let value = Float(String(decoding: parts[1], as: UTF8.self)), value.isFinite
                else {
                    throw SkeinError(
                        .syntax,
                        "line \(number + 1) holds \"\(String(decoding: cell, as: UTF8.self))\", not"
                            + " index:value with an index from 1"
                    )
                }
                row.append((index - 1, value))
                width = max(width, index)
            }
            entries.append(row)
        }
        let rows = entries.map { entry in
            var row = [Float](repeating: 0, count: width)
            for (index, value) in entry { row[index] = value }
            return row
        }
        return try assemble(rows, names: names, classes: known)
    }

    private func label(_ names: [String]) -> [String] { labelColumn == nil ? [] : names }

    private func trimmed(_ cell: Substring.UTF8View.SubSequence) -> String {
        var cell = cell
        while let first = cell.first, first == 32 || first == 9 { cell = cell.dropFirst() }
        while let last = cell.last, last == 32 || last == 9 { cell = cell.dropLast() }
        return String(decoding: cell, as: UTF8.self)
    }

    private static func isMissing(_ cell: String) -> Bool {
        ["", "?", "NA", "nan", "NaN"].contains(cell)
    }

    private func labelPlace(_ count: Int) throws -> Int? {
        guard let labelColumn else { return nil }
        let place = labelColumn < 0 ? count + labelColumn : labelColumn
        guard (0..<count).contains(place) else {
            throw SkeinError(
                .invalidArgument,
                "the class is in column \(labelColumn), but rows have \(count) cells"
            )
        }
        return place
    }

    private func assemble(
        _ rows: [[Float]],
        names: [String],
        classes known: [String]?
    ) throws -> Dataset {
        guard let width = rows.first?.count, width > 0 else {
            throw SkeinError(.syntax, "the file holds no samples")
        }
        var values = rows.flatMap { $0 }
        if missing == .mean || missing == .zero { fill(&values, width) }
        let table = Table(values, rows: rows.count, width: width)
        guard !names.isEmpty else {
            return Dataset(
                table,
                labels: [Int32](repeating: 0, count: rows.count),
                classes: known ?? [""]
            )
        }
        let classes = known ?? ordered(Set(names.map(ExactKey.init)))
        var places: [ExactKey: Int32] = [:]
        for (index, name) in classes.enumerated() { places[ExactKey(name)] = Int32(index) }
        let labels = try names.enumerated().map { row, name in
            guard let place = places[ExactKey(name)] else {
                throw SkeinError(
                    .invalidArgument,
                    "sample \(row + 1) is of class \"\(name)\", which the model does not know"
                )
            }
            return place
        }
        return Dataset(table, labels: labels, classes: classes)
    }

    /// Numbers by value, then words by their bytes.
    private func ordered(_ names: Set<ExactKey>) -> [String] {
        names.map(\.string).sorted { a, b in
            switch (Double(a), Double(b)) {
            case (let a?, let b?): a < b
            case (nil, nil): a.utf8.lexicographicallyPrecedes(b.utf8)
            case (let a, _): a != nil
            }
        }
    }

    private func fill(_ values: inout [Float], _ width: Int) {
        let rows = values.count / width
        for column in 0..<width {
            var (sum, count) = (0.0, 0.0)
            for row in 0..<rows where !values[row * width + column].isNaN {
                sum += Double(values[row * width + column])
                count += 1
            }
            let value = missing == .mean && count > 0 ? Float(sum / count) : 0
            for row in 0..<rows where values[row * width + column].isNaN {
                values[row * width + column] = value
            }
        }
    }
}
