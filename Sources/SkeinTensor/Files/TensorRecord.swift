internal import SkeinCore
internal import CSkeinKernels

/// A tensor that lies in a file: its name, type, shape and place.
public struct TensorRecord: Sendable {
    /// The name in the checkpoint.
    public let name: String
    /// The type of the elements.
    public let dtype: DType
    /// The sizes of the axes, outermost first; rows are contiguous.
    public let shape: [Int]
    /// The file that holds the bytes.
    public let file: MappedFile
    /// Where in the file the bytes lie.
    public let byteRange: Range<Int>

    /// Names a checked place in a file.
    ///
    /// - Precondition: The range lies inside the file and has the size that type and shape imply.
    package init(
        name: String,
        dtype: DType,
        shape: [Int],
        file: MappedFile,
        byteRange: Range<Int>
    ) {
        precondition(
            byteRange.lowerBound >= 0 && byteRange.upperBound <= file.count,
            "\(name): bytes \(byteRange) of \(file.count)"
        )
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.file = file
        self.byteRange = byteRange
    }

    /// How many values the tensor has.
    public var count: Int { shape.reduce(1, *) }

    /// How many values one row (the innermost axis) has; 1 for a scalar.
    public var rowCount: Int { shape.last ?? 1 }

    /// Gives a closure the tensor's bytes in their file layout; they may be unaligned.
    public func withUnsafeBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        try file.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[byteRange])) }
    }

    /// Drops the tensor's resident pages, once its values have been copied elsewhere.
    public func release() {
        file.release(range: byteRange)
    }

    /// All values as floats; block types are dequantised, wide numbers are rounded.
    ///
    /// - Throws: `SkeinError` with `.unsupported` if this build cannot decode the type.
    /// - Complexity: O(n).
    public func floats() throws -> [Float] {
        try withUnsafeBytes { bytes in
            switch dtype {
            case .f32: Self.numbers(bytes, UInt32.self) { Float(bitPattern: $0) }
            case .f64: Self.numbers(bytes, UInt64.self) { Float(Double(bitPattern: $0)) }
            case .bf16: Self.numbers(bytes, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
            case .f16: Self.numbers(bytes, UInt16.self) { HalfFloat.float($0) }
            case .i8: Self.numbers(bytes, Int8.self) { Float($0) }
            case .i16: Self.numbers(bytes, Int16.self) { Float($0) }
            case .i32: Self.numbers(bytes, Int32.self) { Float($0) }
            case .i64: Self.numbers(bytes, Int64.self) { Float($0) }
            case .u8: Self.numbers(bytes, UInt8.self) { Float($0) }
            case .bool: Self.numbers(bytes, UInt8.self) { $0 == 0 ? 0 : 1 }
            case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K: try dequantized(bytes)
            }
        }
    }

    private static func numbers<Value: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer,
        _ type: Value.Type,
        _ convert: (Value) -> Float
    ) -> [Float] {
        let width = MemoryLayout<Value>.size
        let count = bytes.count / width
        return [Float](unsafeUninitializedCapacity: count) { out, initialized in
            for index in 0..<count {
                let value = bytes.loadUnaligned(fromByteOffset: index * width, as: Value.self)
                out.initializeElement(at: index, to: convert(Value(littleEndian: value)))
            }
            initialized = count
        }
    }

    private func dequantized(_ bytes: UnsafeRawBufferPointer) throws -> [Float] {
        guard let table = sk_kernels_for(sk_best_isa()) else {
            throw SkeinError(.unsupported, "\(name): no kernels for this processor")
        }
        let count = bytes.count / dtype.blockBytes * dtype.blockValues
        guard count > 0, let source = bytes.baseAddress else { return [] }
        return [Float](unsafeUninitializedCapacity: count) { out, initialized in
            guard let target = out.baseAddress else { return }
            table.pointee.dequantize(dtype.rawValue, target, source, count)
            initialized = count
        }
    }
}
