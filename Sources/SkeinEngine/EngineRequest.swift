internal import SkeinNN
internal import SkeinCore
public import SkeinDecoding
internal import SkeinTensor

/// A request as the engine sees it: a prompt and a way to decode from it.
public struct EngineRequest: Sendable {
    /// The tokens that the strategy starts from; the engine looks for them among what it remembers.
    public let prompt: [Int32]
    /// Smaller numbers go first; equal ones in order of arrival.
    public var priority = 0
    /// Requests share remembered prompts only within one salt.
    public var salt = ""
    /// Whether the request uses and leaves remembered prompts.
    public var usesMemory = true
    let requires: [Role: Requirements]
    let makeStrategy: @Sendable (_ remembered: Int) throws -> any DecodingStrategy

    /// Describes a request.
    ///
    /// - Parameters:
    ///   - prompt: The tokens that decoding starts from.
    ///   - makeStrategy: Makes the strategy, given how many leading rows of the prompt the main branch
    ///     holds already: always fewer than the prompt has.
    public init<Strategy: DecodingStrategy>(
        prompt: [Int32],
        makeStrategy: @escaping @Sendable (_ remembered: Int) throws -> Strategy
    ) {
        self.prompt = prompt
        self.makeStrategy = makeStrategy
        requires = Strategy.requires
    }
}

/// A request inside the engine: waiting for a slot, or in one.
struct EngineSlot {
    let number: Int32
    /// Counts requests in order of arrival.
    let arrival: Int
    let request: EngineRequest
    var strategy: any DecodingStrategy
    /// What the strategy wishes for, until it is answered.
    var wishes: [Wish] = []
    var branches: Set<Branch> = [.main]
    /// The tokens of the main branch's rows, as long as they can be run again as a prompt.
    var log: [Int32] = []
    var isPlain = true
    /// How many rows of the log must be there before the strategy goes on.
    var rowsToRebuild = 0
    var cachedTokens = 0
    var hasStarted = false
    var isPaused = false
    /// The last step it had rows in.
    var lastStep = 0
    /// How many later requests were given a slot before it.
    var overtaken = 0
    /// A running request whose prompt begins alike and is not there yet.
    var leader: Int32?

    var main: BranchKey { BranchKey(number, .main) }
    var keys: [BranchKey] { branches.map { BranchKey(number, $0) } }

    /// Whether rows of the prompt are still to be run.
    var isPrefilling: Bool { log.count < request.prompt.count && isPlain }
}
