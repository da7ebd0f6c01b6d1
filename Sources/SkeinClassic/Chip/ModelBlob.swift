/// A model as a chip keeps it in flash: a header of 32-bit words and tables, little-endian.
///
/// Words 0 to 5 are a magic number, the version, the kind, the numbers, the bytes in all, and the checksum of
/// everything behind the header; then the sizes, and from word 12 the places of the tables, each a multiple of
/// 64 bytes from the start.
@frozen
public struct ModelBlob: @unchecked Sendable {
    // The memory is lent and only read.
    /// The first byte, at a multiple of 64.
    public let start: UnsafeRawPointer

    /// Lends a blob.
    @inlinable
    public init(_ start: UnsafeRawPointer) { self.start = start }

    /// "SKNC", read as a number.
    public static var magic: UInt32 { 0x434e_4b53 }
    /// The version that this reader understands.
    public static var version: UInt32 { 1 }
    /// The bytes of the header.
    public static var headerBytes: Int { 128 }

    /// What the words of the header say.
    public enum Word: Int, Sendable {
        /// The magic number.
        case magic
        /// The version.
        case version
        /// A `BlobKind`.
        case kind
        /// A `BlobNumbers`.
        case numbers
        /// The bytes in all.
        case bytes
        /// The checksum.
        case checksum
        /// n: the samples for the self-test.
        case samples
        /// D: the features.
        case width
        /// C: classes, centroids or components; of a linear model, rows.
        case rows
        /// N: the stored samples of neighbours, or the trees of a forest.
        case count
        /// k of neighbours.
        case k
        /// How many results the self-test compares.
        case outcomes
        /// The samples, `[n, D]`.
        case x
        /// What the host predicts for them, `[n]`.
        case expectedLabels
        /// The results that the host gets for them.
        case expectedOutcomes
        /// The first table of the model; see each kind.
        case table0
        /// The second.
        case table1
        /// The third.
        case table2
        /// The fourth.
        case table3
        /// The fifth.
        case table4
        /// The sixth.
        case table5
    }

    /// A word of the header.
    @inlinable
    public func word(_ word: Word) -> Int {
        Int(truncatingIfNeeded: start.load(fromByteOffset: word.rawValue &* 4, as: UInt32.self))
    }

    /// A table, by the word that holds its place.
    @inlinable
    public func table<Element: BitwiseCopyable>(
        _ place: Word,
        of type: Element.Type = Element.self
    ) -> UnsafePointer<Element> {
        (start + word(place)).assumingMemoryBound(to: type)
    }

    /// Whether magic number, version and checksum are right.
    public var isIntact: Bool {
        guard word(.magic) == Int(truncatingIfNeeded: Self.magic),
            word(.version) == Int(truncatingIfNeeded: Self.version),
            word(.bytes) >= Self.headerBytes
        else { return false }
        let sum = Self.checksum(start + Self.headerBytes, word(.bytes) - Self.headerBytes)
        return word(.checksum) == Int(truncatingIfNeeded: sum)
    }

    /// The CRC-32 of ISO 3309.
    public static func checksum(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt32 {
        var sum: UInt32 = 0xffff_ffff
        for index in 0..<count {
            sum ^= UInt32(truncatingIfNeeded: bytes.load(fromByteOffset: index, as: UInt8.self))
            for _ in 0..<8 { sum = (sum &>> 1) ^ (sum & 1 == 0 ? 0 : 0xedb8_8320) }
        }
        return ~sum
    }
}

/// What a blob holds.
public enum BlobKind: UInt32, Sendable {
    /// `LinearTerms`: weights, biases.
    case linear
    /// `GaussianTerms`: means, precisions, constants.
    case gaussian
    /// `CentreTerms`: centroids.
    case centre
    /// `CholeskyTerms`: means, factors, constants.
    case cholesky
    /// `NearestKernel`: samples, classes.
    case nearest
    /// `ForestKernel`: roots, features, thresholds, rights, leaves, costs.
    case forest
    /// `CentroidKernel`: the centroids to begin with.
    case iteration
}

/// The numbers of a blob.
public enum BlobNumbers: UInt32, Sendable {
    /// 32-bit floats.
    case f32
    /// `Q15`.
    case q15
    /// `Q31`.
    case q31
    /// `I8`.
    case i8
}
