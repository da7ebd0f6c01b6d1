internal import SkeinCore

extension Processor {
    /// Rounds rows to a type of GGUF files, on all threads.
    ///
    /// - Parameters:
    ///   - values: Rows of `width` values.
    ///   - dtype: The type.
    ///   - width: K; whole blocks.
    /// - Returns: The bytes.
    /// - Throws: As `BlockEncoder.encode`.
    public func encode(_ values: [Float], as dtype: DType, width: Int) throws -> [UInt8] {
        guard width > 0, let rowBytes = dtype.bytes(for: width) else {
            throw SkeinError(
                .invalidArgument,
                "rows of \(width) values do not fill whole \(dtype.name) blocks of"
                    + " \(dtype.blockValues)",
                hint: "choose a type of shorter blocks, or skein's own codes, which fit any width"
            )
        }
        let rows = values.count / width
        let grain = max(1, 65_536 / width)
        let parts = (rows + grain - 1) / grain
        let results = Collected<[UInt8]>(count: parts)
        values.withUnsafeBufferPointer { buffer in
            nonisolated(unsafe) let source = buffer
            pool.run(tasks: parts) { part in
                let range = part * grain * width..<min((part + 1) * grain, rows) * width
                results[part] = Result {
                    try BlockEncoder.encode(UnsafeBufferPointer(rebasing: source[range]), as: dtype)
                }
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows * rowBytes)
        for part in 0..<parts { bytes += try results[part]?.get() ?? [] }
        return bytes
    }
}

/// Results of tasks, each of which writes its own place.
private final class Collected<Value: Sendable>: @unchecked Sendable {
    private let places: UnsafeMutablePointer<Result<Value, any Error>?>
    private let count: Int

    init(count: Int) {
        self.count = count
        places = .allocate(capacity: max(count, 1))
        places.initialize(repeating: nil, count: count)
    }

    deinit {
        places.deinitialize(count: count)
        places.deallocate()
    }

    subscript(index: Int) -> Result<Value, any Error>? {
        get { places[index] }
        set { places[index] = newValue }
    }
}
