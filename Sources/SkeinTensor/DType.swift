internal import CSkeinKernels

/// The type of a tensor's elements, block-quantised types included.
public enum DType: Int32, Sendable, Hashable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case bf16 = 30
    case i8 = 24
    case i16 = 25
    case i32 = 26
    case i64 = 27
    case f64 = 28
    /// Not a GGUF type; safetensors has it.
    case u8 = 1024
    /// One byte, zero or one; not a GGUF type, safetensors has it.
    case bool = 1025

    /// Bytes of one block.
    public var blockBytes: Int {
        switch self {
        case .i8, .u8, .bool: 1
        case .i16: 2
        case .i32: 4
        case .i64, .f64: 8
        default: sk_block_bytes(rawValue)
        }
    }

    /// Values in one block: 1, 32 or 256.
    public var blockValues: Int {
        switch self {
        case .i8, .i16, .i32, .i64, .f64, .u8, .bool: 1
        default: sk_block_values(rawValue)
        }
    }

    /// Whether values are stored in blocks with shared scales.
    public var isQuantized: Bool { blockValues > 1 }

    /// The name users of GGUF know: `F16`, `Q4_K`.
    public var name: String { "\(self)".uppercased() }

    /// The bytes that `count` values take, or `nil` when they do not fill whole blocks or overflow.
    public func bytes(for count: Int) -> Int? {
        guard count >= 0, count % blockValues == 0 else { return nil }
        let (bytes, overflow) = (count / blockValues).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }
}
