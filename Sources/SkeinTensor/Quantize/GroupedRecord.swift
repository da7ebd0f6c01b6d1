internal import SkeinCore

/// A matrix of grouped codes that lies in a file, as several tensors.
///
/// Beside `NAME.qweight`, a row's codes lowest bits first in whole bytes `[outputs, bytes]`, lie
/// `NAME.scale` `[outputs, groups]` and, of formats that have them, `NAME.minimum`, both binary16. Scales
/// of 8 bits are integers q instead, with `NAME.unit` `[outputs]` in binary16; they mean unit · q / 127,
/// rounded to binary16. For outliers, row by row in ascending columns, `NAME.outlier_ptr` `[outputs + 1]`,
/// `NAME.outlier_col` (unsigned, in 16 bits up to 65,536 inputs) and `NAME.outlier_val` in bfloat16.
public struct GroupedRecord: Sendable {
    /// The endings of the tensors' names.
    public enum Part: String, CaseIterable, Sendable {
        case codes = "qweight"
        case scales = "scale"
        case minimums = "minimum"
        case units = "unit"
        case starts = "outlier_ptr"
        case columns = "outlier_col"
        case values = "outlier_val"
    }

    /// The matrix's name, without an ending.
    public let name: String
    /// How the codes are stored.
    public let format: GroupedFormat
    /// N.
    public let outputs: Int
    /// K.
    public let inputs: Int
    /// The tensors.
    private let parts: [Part: TensorRecord]

    /// Joins and checks the tensors of a matrix.
    ///
    /// - Parameters:
    ///   - name: The matrix's name.
    ///   - format: How its codes are stored.
    ///   - outputs: N.
    ///   - inputs: K.
    ///   - find: Gives the tensor of a name.
    /// - Throws: `SkeinError.Code.missingTensor`, `.shapeMismatch`, or `.corruptFile` for outliers that
    ///   lie outside the matrix or out of order.
    public init(
        name: String,
        format: GroupedFormat,
        outputs: Int,
        inputs: Int,
        find: (String) -> TensorRecord?
    ) throws {
        self.name = name
        self.format = format
        self.outputs = outputs
        self.inputs = inputs
        var parts: [Part: TensorRecord] = [:]
        for part in Part.allCases { parts[part] = find("\(name).\(part.rawValue)") }
        let groups = format.groups(inputs: inputs)
        var wanted: [(Part, [DType], [Int])] = [
            (.codes, [.u8, .i8], [outputs, format.codeBytes(inputs: inputs)]),
            (.scales, [format.scaleBits == 8 ? .i8 : .f16], [outputs, groups]),
        ]
        if format.scaleBits == 8 { wanted.append((.units, [.f16], [outputs])) }
        if format.hasMinimum { wanted.append((.minimums, [.f16], [outputs, groups])) }
        let count = parts[.values]?.count ?? 0
        if parts[.starts] != nil || parts[.columns] != nil || parts[.values] != nil {
            wanted.append((.starts, [.i32], [outputs + 1]))
            wanted.append((.columns, [inputs <= 1 << 16 ? .i16 : .i32], [count]))
            wanted.append((.values, [.bf16], [count]))
        }
        for (part, types, shape) in wanted {
            guard let record = parts[part] else {
                throw SkeinError(
                    .missingTensor,
                    "tensor \(name).\(part.rawValue) \(shape) is missing"
                )
            }
            guard types.contains(record.dtype), record.shape == shape else {
                throw SkeinError(
                    .shapeMismatch,
                    "\(record.name) is \(record.dtype.name) \(record.shape), expected"
                        + " \(types[0].name) \(shape)"
                )
            }
        }
        self.parts = parts
        try checkOutliers()
    }

    /// The weights that are kept whole.
    public var outliers: Int { parts[.values]?.count ?? 0 }

    /// The bytes of all tensors.
    public var byteCount: Int { parts.values.reduce(0) { $0 + $1.byteRange.count } }

    /// Drops the tensors' resident pages.
    public func release() { for record in parts.values { record.release() } }

    /// Gives a closure a part's bytes; none where the matrix lacks the part.
    func withBytes<Value>(
        _ part: Part,
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        guard let record = parts[part] else {
            return try body(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return try record.withUnsafeBytes(body)
    }

    private func checkOutliers() throws {
        guard parts[.starts] != nil else { return }
        func bad(_ what: String) -> SkeinError {
            SkeinError(
                .corruptFile,
                "\(name): \(what)",
                hint: "the file is damaged; quantise the model again"
            )
        }
        let starts = (0...outputs).map { start($0) }
        let columns = (0..<count(.columns)).map { column($0) }
        guard starts.first == 0, starts.last == columns.count else {
            throw bad("outlier rows end at \(starts.last ?? 0), expected \(columns.count)")
        }
        for row in 0..<outputs {
            guard starts[row] <= starts[row + 1], starts[row + 1] <= columns.count else {
                throw bad(
                    "outliers of row \(row) lie at \(starts[row]) to \(starts[row + 1]) of \(columns.count)"
                )
            }
            var last = -1
            for column in columns[starts[row]..<starts[row + 1]] {
                guard column > last, column < inputs else {
                    throw bad(
                        "an outlier of row \(row) is in column \(column) after \(last), of \(inputs)"
                    )
                }
                last = column
            }
        }
    }

    private func count(_ part: Part) -> Int { parts[part]?.count ?? 0 }

    /// Where a row's outliers start.
    private func start(_ row: Int) -> Int {
        withBytes(.starts) { bytes in
            Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: row * 4, as: Int32.self)))
        }
    }

    /// The column of an outlier.
    private func column(_ index: Int) -> Int {
        withBytes(.columns) { bytes in
            inputs <= 1 << 16
                ? Int(
                    UInt16(
                        littleEndian: bytes.loadUnaligned(
                            fromByteOffset: index * 2,
                            as: UInt16.self
                        )
                    )
                )
                : Int(
                    UInt32(
                        littleEndian: bytes.loadUnaligned(
                            fromByteOffset: index * 4,
                            as: UInt32.self
                        )
                    )
                )
        }
    }

    /// The outliers of a row, in ascending columns.
    private func forEachOutlier(ofRow row: Int, _ body: (_ column: Int, _ bfloat: UInt16) -> Void) {
        guard parts[.starts] != nil else { return }
        withBytes(.values) { values in
            for index in start(row)..<start(row + 1) {
                let bits = values.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                body(column(index), UInt16(littleEndian: bits))
            }
        }
    }

    /// All outliers, row by row.
    func forEachOutlier(_ body: (_ row: Int, _ column: Int, _ bfloat: UInt16) -> Void) {
        for row in 0..<outputs { forEachOutlier(ofRow: row) { body(row, $0, $1) } }
    }

    /// All scales in binary16, row by row, of formats that store them otherwise.
    func expandedScales() -> [UInt16] {
        guard format.scaleBits == 8 else { return [] }
        let groups = format.groups(inputs: inputs)
        return withBytes(.units) { units in
            withBytes(.scales) { shares in
                (0..<outputs * groups).map { index in
                    let unit = units.loadUnaligned(
                        fromByteOffset: index / groups * 2,
                        as: UInt16.self
                    )
                    return GroupedFormat.scale(
                        Int8(bitPattern: shares[index]),
                        of: UInt16(littleEndian: unit)
                    )
                }
            }
        }
    }

    /// Gives a closure the scales in binary16: those of the file, or the given ones where it has others.
    func withScales<Value>(
        _ expanded: [UInt16],
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        format.scaleBits == 8
            ? try expanded.withUnsafeBytes(body) : try withBytes(.scales, body)
    }

    /// Writes the `inputs` weights of a row.
    func read(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        let width = format.values(inputs: inputs)
        let first = row * format.groups(inputs: inputs)
        let start = row * format.codeBytes(inputs: inputs)
        let mask = UInt32(1 << format.bits) - 1
        func half(_ part: Part, _ index: Int) -> Float {
            withBytes(part) { bytes in
                guard bytes.count > 0 else { return 0 }
                let bits = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                return HalfFloat.float(UInt16(littleEndian: bits))
            }
        }
        func scale(of group: Int) -> Float {
            guard format.scaleBits == 8 else { return half(.scales, first + group) }
            let unit = HalfFloat.bits(half(.units, row))
            let share = withBytes(.scales) { Int8(bitPattern: $0[first + group]) }
            return HalfFloat.float(GroupedFormat.scale(share, of: unit))
        }
        withBytes(.codes) { codes in
            for group in 0..<format.groups(inputs: inputs) {
                let scale = scale(of: group)
                let minimum = format.hasMinimum ? half(.minimums, first + group) : 0
                for column in group * width..<min((group + 1) * width, inputs) {
                    let bit = column * format.bits
                    var pair = UInt32(codes[start + bit / 8])
                    if bit % 8 + format.bits > 8 { pair |= UInt32(codes[start + bit / 8 + 1]) << 8 }
                    let code = Int(pair >> UInt32(bit % 8) & mask) - format.zero
                    target[column] = scale * Float(code) + minimum
                }
            }
        }
        forEachOutlier(ofRow: row) { column, bits in
            target[column] += Float(bitPattern: UInt32(bits) << 16)
        }
    }

    /// All weights as floats, row by row.
    ///
    /// - Complexity: O(n).
    public func floats() -> [Float] {
        [Float](unsafeUninitializedCapacity: outputs * inputs) { out, initialized in
            guard let base = out.baseAddress else { return }
            base.initialize(repeating: 0, count: outputs * inputs)
            for row in 0..<outputs { read(row, into: base + row * inputs) }
            initialized = outputs * inputs
        }
    }
}

/// A matrix in its file whose rows are looked up.
public enum WeightTable: Sendable {
    /// In a type of files: `[rows, width]`.
    case plain(TensorRecord)
    /// As grouped codes.
    case grouped(GroupedRecord)

    /// The name in the checkpoint.
    public var name: String {
        switch self {
        case .plain(let record): record.name
        case .grouped(let record): record.name
        }
    }

    /// V.
    var rows: Int {
        switch self {
        case .plain(let record): record.count / max(record.rowCount, 1)
        case .grouped(let record): record.outputs
        }
    }

    /// C.
    var width: Int {
        switch self {
        case .plain(let record): record.rowCount
        case .grouped(let record): record.inputs
        }
    }
}
