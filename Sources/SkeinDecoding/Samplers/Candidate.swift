/// A token and its logit in one word, ordered from the largest logit down and then by id.
///
/// The order is total, because only finite logits become candidates and −0 counts as 0; so every
/// sampler that sorts is deterministic.
package struct Candidate: Comparable, Sendable {
    /// The logit's bits, mapped so that larger logits come first, above the token's id.
    private let key: UInt64

    /// Packs a token with its finite logit.
    package init(token: Int32, logit: Float) {
        let bits = (logit + 0).bitPattern
        let ascending = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
        key = UInt64(~ascending) << 32 | UInt64(UInt32(bitPattern: token))
    }

    /// The token's id.
    package var token: Int32 { Int32(truncatingIfNeeded: key) }

    /// The token's logit.
    package var logit: Float {
        let ascending = ~UInt32(truncatingIfNeeded: key >> 32)
        return Float(bitPattern: ascending >> 31 == 1 ? ascending & 0x7fff_ffff : ~ascending)
    }

    /// Whether a candidate is more probable, or as probable with a smaller id.
    package static func < (a: Self, b: Self) -> Bool { a.key < b.key }
}
