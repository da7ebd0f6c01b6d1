/// Where in the network a hidden state is tapped.
public enum Tap: Hashable, Sendable {
    /// The residual stream after a layer, counted from zero.
    case layer(Int)
    /// The residual stream that enters the final norm.
    case beforeFinalNorm
    /// What enters the output head.
    case final
}

/// Rows of hidden state that an earlier wish left in the engine; `Effect.release` frees them.
public struct Features: Hashable, Sendable {
    /// The wish that left them.
    public var wish: WishID
    /// Which of its rows.
    public var rows: [Int32]
    /// Where they were tapped.
    public var tap: Tap

    /// Names hidden states of an earlier wish.
    public init(wish: WishID, rows: [Int32], tap: Tap) {
        self.wish = wish
        self.rows = rows
        self.tap = tap
    }
}

/// What enters a model: one entry a row.
public enum Inputs: Hashable, Sendable {
    /// Token ids.
    case tokens([Int32])
    /// Two ids a row, such as a noisy and a candidate token.
    case pairs([Int32], [Int32])
    /// Token ids beside hidden states of the target.
    case tokensWithFeatures([Int32], [Features])
    /// Vectors of a given width, end to end.
    case vectors([Float], width: Int)

    /// The number of rows.
    public var count: Int {
        switch self {
        case .tokens(let ids), .pairs(let ids, _), .tokensWithFeatures(let ids, _): ids.count
        case .vectors(let values, let width): width > 0 ? values.count / width : 0
        }
    }

    /// Token ids, where the rows are plain tokens.
    public var tokens: [Int32]? {
        guard case .tokens(let ids) = self else { return nil }
        return ids
    }
}

/// What is wanted of given rows; reduced in the engine, so that whole rows of logits seldom travel.
public enum Wanted: Hashable, Sendable {
    /// The logits themselves, `[V]` a row.
    case logits
    /// The most probable token.
    case best
    /// The k most probable tokens with their log-probabilities.
    case top(Int)
    /// The log-probability of one given token a row.
    case logProbability(of: [Int32])
    /// k independent draws a row with their log-probabilities.
    case draws(Int, NoiseKey, temperature: Float)
    /// Hidden states, kept in the engine for a later wish.
    case features(Tap)
    /// One vector for all rows.
    case pooled(Pooling)

    /// How rows become one vector.
    public enum Pooling: Hashable, Sendable { case mean, last, first, head }
}

/// One segment of rows that one branch would like to run through one model.
public struct Wish: Sendable {
    /// Outputs wanted of a range of the wish's rows.
    public struct Want: Hashable, Sendable {
        /// Which rows.
        public var rows: Range<Int>
        /// What of each.
        public var what: Wanted

        /// Asks for outputs of rows.
        public init(rows: Range<Int>, what: Wanted) {
            self.rows = rows
            self.what = what
        }
    }

    /// The wish's name within its slot.
    public var id: WishID
    /// The model that runs it.
    public var role: Role
    /// One entry a row.
    public var inputs: Inputs
    /// The explicit position of each row.
    public var positions: [Int32]
    /// What the rows may read of the past.
    public var reads: Reads
    /// Which of each other they see.
    public var visibility: Visibility
    /// The outputs wanted.
    public var wanted: [Want]
    /// The adapter to run under, if any.
    public var adapter: Adapter?
    /// Wishes of one group are answered together; groups may run in different rounds.
    public var group: Int32
    /// Whether load may trim trailing rows; it may always delay a wish, and split a divisible one.
    public var isTrimmable: Bool

    /// Creates a wish.
    public init(
        id: WishID,
        role: Role = .target,
        inputs: Inputs,
        positions: [Int32],
        reads: Reads,
        visibility: Visibility = .causal,
        wanted: [Want],
        adapter: Adapter? = nil,
        group: Int32 = 0,
        isTrimmable: Bool = false
    ) {
        self.id = id
        self.role = role
        self.inputs = inputs
        self.positions = positions
        self.reads = reads
        self.visibility = visibility
        self.wanted = wanted
        self.adapter = adapter
        self.group = group
        self.isTrimmable = isTrimmable
    }
}
