internal import CSkeinKernels
internal import SkeinCore

/// How codes of few bits with shared scales are stored: `scale · code (+ minimum)` for each group.
public struct GroupedFormat: Sendable, Hashable {
    /// The values that share a scale.
    public enum Group: Sendable, Hashable {
        /// 32, 64 or 128 neighbouring inputs of one output.
        case values(Int)
        /// A whole row: one scale an output.
        case row
    }

    /// What configurations call checkpoints that hold such codes.
    public static let method = "skein"

    /// Bits of a code: 2 to 6, or 8.
    public let bits: Int
    /// The values that share a scale.
    public let group: Group
    /// Whether a group has a minimum beside its scale; never with 6 or 8 bits.
    public let hasMinimum: Bool
    /// Bits of a scale: 16 for a binary16 number of its own, 8 for a share of the row's largest.
    public let scaleBits: Int

    /// Checks and joins the parts of a format.
    ///
    /// - Parameters:
    ///   - bits: 2 to 6, or 8.
    ///   - group: The values that share a scale.
    ///   - hasMinimum: Whether groups have a minimum too.
    ///   - scaleBits: 16, or 8 where groups are shorter than rows and have no minimum.
    /// - Throws: `SkeinError.Code.invalidArgument` for what does not go together.
    public init(
        bits: Int,
        group: Group,
        hasMinimum: Bool = false,
        scaleBits: Int = 16
    ) throws {
        guard [2, 3, 4, 5, 6, 8].contains(bits) else {
            throw SkeinError(.invalidArgument, "codes of \(bits) bits; known are 2 to 6, and 8")
        }
        if case .values(let count) = group, ![32, 64, 128].contains(count) {
            throw SkeinError(
                .invalidArgument,
                "groups of \(count) values; known are 32, 64, 128 and whole rows"
            )
        }
        guard !hasMinimum || bits < 6 else {
            throw SkeinError(.invalidArgument, "groups of \(bits)-bit codes have no minimum")
        }
        guard scaleBits == 16 || (scaleBits == 8 && group != .row && !hasMinimum) else {
            throw SkeinError(
                .invalidArgument,
                "scales of \(scaleBits) bits; known are 16, and 8 for groups without a minimum"
            )
        }
        self.bits = bits
        self.group = group
        self.hasMinimum = hasMinimum
        self.scaleBits = scaleBits
    }

    /// The scales of a row of `inputs` values.
    public func groups(inputs: Int) -> Int {
        switch group {
        case .values(let count): (inputs + count - 1) / count
        case .row: min(inputs, 1)
        }
    }

    /// The values of a row's group.
    func values(inputs: Int) -> Int {
        switch group {
        case .values(let count): count
        case .row: max(inputs, 1)
        }
    }

    /// The bytes of a row's codes.
    public func codeBytes(inputs: Int) -> Int { (inputs * bits + 7) / 8 }

    /// The bytes of a row, without outliers.
    public func rowBytes(inputs: Int) -> Int {
        let groups = groups(inputs: inputs)
        let scales = scaleBits == 8 ? groups + 2 : groups * (hasMinimum ? 4 : 2)
        return codeBytes(inputs: inputs) + scales
    }

    /// The scale that a share of the row's largest stands for, as binary16.
    static func scale(_ share: Int8, of unit: UInt16) -> UInt16 {
        HalfFloat.bits(HalfFloat.float(unit) * Float(share) / 127)
    }

    /// The codes' zero: 2^(bits - 1).
    var zero: Int { 1 << (bits - 1) }

    var code: sk_type {
        let shift: Int32 =
            switch group {
            case .values(32): 0
            case .values(64): 1
            case .values: 2
            case .row: Int32(SK_GROUPED_ROW)
            }
        return sk_grouped_type(Int32(bits), shift, hasMinimum ? 1 : 0)
    }

    /// A short name: `G4_64`, `G3_ROW`, `G4_32_MIN`, `G5_32_S8`.
    public var name: String {
        let suffix =
            switch group {
            case .values(let count): "\(count)"
            case .row: "ROW"
            }
        return "G\(bits)_\(suffix)" + (hasMinimum ? "_MIN" : scaleBits == 8 ? "_S8" : "")
    }

    /// Reads a name that `name` wrote.
    ///
    /// - Parameter name: For instance `G4_64`.
    /// - Throws: `SkeinError.Code.invalidArgument`.
    public init(name: String) throws {
        let parts = name.split(separator: "_")
        let ending = parts.count == 3 ? parts[2] : nil
        guard parts.count == 2 || ending == "MIN" || ending == "S8",
            parts[0].first == "G", let bits = Int(parts[0].dropFirst())
        else {
            throw SkeinError(
                .invalidArgument,
                "\"\(name)\" is no grouped format; expected a name such as G4_64 or G3_ROW_MIN"
            )
        }
        let group: Group
        if parts[1] == "ROW" {
            group = .row
        } else if let count = Int(parts[1]) {
            group = .values(count)
        } else {
            throw SkeinError(.invalidArgument, "\"\(name)\" names no group of values")
        }
        try self.init(
            bits: bits,
            group: group,
            hasMinimum: ending == "MIN",
            scaleBits: ending == "S8" ? 8 : 16
        )
    }
}

/// How a packed matrix keeps its weights.
public enum WeightFormat: Sendable, Hashable {
    /// In a type of files.
    case plain(DType)
    /// As codes with shared scales.
    case grouped(GroupedFormat)

    /// The name users know: `F16`, `Q4_K`, `G4_64`.
    public var name: String {
        switch self {
        case .plain(let dtype): dtype.name
        case .grouped(let format): format.name
        }
    }

    var code: sk_type {
        switch self {
        case .plain(let dtype): dtype.rawValue
        case .grouped(let format): format.code
        }
    }

    /// Tiles that the fastest kernels take at once.
    func tilesTogether(rows: Int) -> Int {
        switch self {
        case .plain(.f32), .plain(.f16), .plain(.bf16): 4
        case .plain(.q8_0) where rows <= 4: 3
        case .grouped(let format) where format.bits == 8 && rows <= 4: 3
        default: 2
        }
    }

    /// The type that rows are prepared for: groups make no difference to them.
    var preparedCode: sk_type {
        switch self {
        case .plain(let dtype): dtype.rawValue
        case .grouped(let format):
            sk_grouped_type(Int32(format.bits), 0, format.hasMinimum ? 1 : 0)
        }
    }
}
