internal import Foundation
internal import SkeinCore

/// What an n-gram model of tokens loses on held-out texts: the bar that a network must pass.
///
/// Interpolated by Witten and Bell's rule: p(w | h) = (c(hw) + T(h) · p(w | h′)) / (c(h) + T(h)), where
/// T(h) counts the different tokens seen after h, h′ is h without its first token, and below the
/// shortest context all tokens are as likely. Texts begin and end with the boundary.
///
/// - Paper: Witten and Bell 1991, IEEE Transactions on Information Theory 37(4), method C; interpolated
///   as in Chen and Goodman 1999, section 2.3.
public struct NGramBaseline {
    /// The sum of all tokens' losses, in nats.
    public let sum: Double
    /// Tokens judged, ends of texts included.
    public let tokens: Int
    /// Bits a byte of text.
    public let bitsPerByte: Double

    /// Judges texts.
    ///
    /// Only what occurs in the held-out texts is counted, so memory follows them and not the training
    /// texts.
    ///
    /// - Parameters:
    ///   - order: The n of n-grams.
    ///   - training: The texts learnt from.
    ///   - heldOut: The texts judged.
    ///   - vocabularySize: The number of tokens.
    ///   - boundary: The token before and after each text.
    ///   - limit: About how many tokens are judged.
    /// - Throws: `SkeinError.Code.invalidArgument` for an order below 1 or no text.
    public init(
        order: Int,
        training: TokenFile,
        heldOut: TokenFile,
        vocabularySize: Int,
        boundary: Int32,
        limit: Int = .max
    ) throws {
        guard order >= 1, order <= 16, heldOut.documents > 0, training.documents > 0 else {
            throw SkeinError(
                .invalidArgument,
                "an n-gram model of order \(order) over \(training.documents) texts judging"
                    + " \(heldOut.documents); expected an order from 1 to 16 and texts"
            )
        }
        var counts: [UInt64: Int] = [:]
        // Contexts by hash: how often they occur, and what came after them.
        var contexts: [UInt64: (count: Int, followers: Set<Int32>)] = [:]
        var (judged, bytes) = (0, 0.0)
        let bytesPerToken =
            Double(heldOut.textBytes) / Double(heldOut.tokens + heldOut.documents)
        var documents = 0
        while documents < heldOut.documents, judged < limit {
            Self.forEach(heldOut, documents, order, boundary) { context, token, _ in
                contexts[context] = (0, [])
                counts[Self.mix(context, token)] = 0
            }
            judged += heldOut.range(of: documents).count + 1
            documents += 1
        }
        for document in 0..<training.documents {
            let copies = training.copies(of: document)
            Self.forEach(training, document, order, boundary) { context, token, _ in
                guard let place = contexts.index(forKey: context) else { return }
                contexts.values[place].count += copies
                contexts.values[place].followers.insert(token)
                let gram = Self.mix(context, token)
                if let place = counts.index(forKey: gram) { counts.values[place] += copies }
            }
        }
        var (sum, tokens) = (0.0, 0)
        for document in 0..<documents {
            var probability = 1.0
            Self.forEach(heldOut, document, order, boundary) { context, token, length in
                if length == 0 { probability = 1 / Double(vocabularySize) }
                if let seen = contexts[context], seen.count > 0 {
                    let kinds = Double(seen.followers.count)
                    let count = Double(counts[Self.mix(context, token)] ?? 0)
                    probability = (count + kinds * probability) / (Double(seen.count) + kinds)
                }
                if length == order - 1 {
                    sum -= log(probability)
                    tokens += 1
                }
            }
        }
        bytes = bytesPerToken * Double(tokens)
        self.sum = sum
        self.tokens = tokens
        bitsPerByte = sum / log(2) / bytes
    }

    /// Calls `body` with each token's contexts from the empty one to the longest, as hashes.
    private static func forEach(
        _ file: TokenFile,
        _ document: Int,
        _ order: Int,
        _ boundary: Int32,
        _ body: (UInt64, Int32, Int) -> Void
    ) {
        let ids =
            [Int32](repeating: boundary, count: order - 1) + file.ids(file.range(of: document))
            + [boundary]
        for place in (order - 1)..<ids.count {
            var hash: UInt64 = 0x2545_f491_4f6c_dd1d
            body(hash, ids[place], 0)
            for length in 1..<max(order, 1) {
                hash = mix(hash, ids[place - length])
                body(hash, ids[place], length)
            }
        }
    }

    /// - Source: Steele, Lea and Flood 2014, SplitMix64's finisher.
    private static func mix(_ hash: UInt64, _ token: Int32) -> UInt64 {
        // The sum keeps zero from being its own mixture.
        var z = hash &+ (UInt64(UInt32(bitPattern: token)) &+ 1) &* 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
