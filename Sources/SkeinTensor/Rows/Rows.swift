public struct Role: Hashable, Sendable { public let index: UInt8 }  // target, draft, draftStep, scorer, expert(i)
public struct Branch: Hashable, Sendable { public let id: Int32 }  // one memory inside a slot, per role
public struct WishID: Hashable, Sendable { public let id: Int32 }
public struct Adapter: Hashable, Sendable { public let id: Int32 }  // LoRA, or a BTM expert as a delta

/// Committed rows `range` (in reading order) of one branch; keys carry their own positions.
public struct Slice: Hashable, Sendable {
    public var branch: Branch
    public var range: Range<Int>
}

/// What the new rows may read of the past. Order is the reduction order, so it is part of the result's bits.
public enum Reads: Sendable {
    case nothing
    case all(Branch)  // the only form a recurrent state accepts
    case slices([Slice])  // dual cache [prefix, suffix], draft ancestors, merged branches
}

/// Which of a segment's own rows each row sees. All but `.parents` lower to short lists of row ranges.
public enum Visibility: Sendable {
    case causal
    case bidirectional
    case blockCausal(size: Int, firstBlock: Int)  // SDAR; firstBlock: rows of the open prompt block
    case parents([Int32])  // tree; -1 = root; recurrent mixers fork their state along it
    case ranges([[Range<Int32>]])  // noisy/clean halves, Multiverse paths, packed documents
    public var isDivisible: Bool {
        switch self {
        case .causal, .blockCausal: true
        case .bidirectional, .parents, .ranges: false
        }
    }
}

public enum Tap: Hashable, Sendable { case layer(Int), beforeFinalNorm, final }

/// Rows of hidden state that an earlier wish of this slot left in the engine; freed by `Effect.release`.
public struct Features: Sendable {
    public var wish: WishID
    public var rows: [Int32]
    public var tap: Tap
}

public enum Inputs: Sendable {
    case tokens([Int32])
    case pairs([Int32], [Int32])  // EDLM-NCE: x_t with x_0
    case tokensWithFeatures([Int32], [Features])  // Clover, EAGLE(-3: several taps), Medusa
    case vectors([Float], width: Int)  // Aaren streams, in-context regression, positional attention
}

public struct NoiseKey: Hashable, Sendable { public var seed: UInt64, stream: UInt32 }  // + absolute position = one draw

/// What is wanted of given rows. Reduced on the engine's threads, so [rows, V] seldom crosses to a strategy.
public enum Wanted: Sendable {
    case logits
    case best  // (token, probability): diffusion confidence, greedy
    case top(Int)  // k tokens with log-probabilities and log-sum-exp
    case logProbability(of: [Int32])  // echo, lm-eval, AR energy, BTM posterior
    case draws(Int, NoiseKey, temperature: Float)  // k candidates a row (EDLM), with log-probabilities
    case features(Tap)  // kept in the engine for a later `Features`
    case pooled(Pooling)  // embeddings requests; scalar energies
    public enum Pooling: Sendable { case mean, last, first, head }
}

/// One segment's worth of rows that one branch would like to run through one model.
public struct Wish: Sendable {
    public var id: WishID
    public var role: Role
    public var inputs: Inputs
    public var positions: [Int32]
    public var reads: Reads
    public var visibility: Visibility
    public var wanted: [(rows: Range<Int>, what: Wanted)]
    public var adapter: Adapter?
    /// Wishes of one group are answered together; different groups (Multiverse branches) may run in different rounds.
    public var group: Int32
    /// Load may delay it, split it (if divisible) or, only if true, trim its trailing rows (draft trees).
    public var isTrimmable: Bool
}

/// What becomes of rows and memories. Rows are provisional until `.commit` names them; unnamed rows vanish.
public enum Effect: Sendable {
    case commit(WishID, rows: [Int32], to: Branch)  // a chain: accepted path, clean block, all, …
    case fork(Branch, at: Int, into: [Branch])
    case truncate(Branch, to: Int)
    case join([Slice], into: Branch)  // ordered slices, shared not copied
    case snapshot(Branch)  // recurrent: a point `truncate` may return to
    case drop(Branch)
    case release(WishID)  // frees its features
    case emit([Int32], at: Int, on: Branch)  // final tokens; `at` lets diffusion emit out of order
    case trace(Trace)  // drafted / accepted / denoised / forked, for metrics and the live page
    case finish(FinishReason)
}
public enum FinishReason: Sendable { case stop, length, failed }
public struct Trace: Sendable { public var drafted: Int, accepted: Int, forwards: Int }
