/// Tells short stories for language models to learn from: a small world, a plot, and what follows.
///
/// A story is a function of the seed and its number. Held-out stories have heroes and dear things that
/// no training story names.
public struct StoryGenerator: Sendable {
    /// Which stories are told.
    public enum Part: Sendable {
        /// Those to learn from.
        case training
        /// Those about heroes and things that no training story names.
        case heldOut
    }

    /// The seed of all stories.
    public let seed: UInt64
    /// Which stories are told.
    public let part: Part

    /// Creates a generator.
    public init(seed: UInt64, part: Part = .training) {
        self.seed = seed
        self.part = part
    }

    /// The names of the plots.
    public static var plots: [String] { table.map(\.name) }

    private static let table: [(name: String, tell: @Sendable (inout Tale) -> Void)] = [
        ("lost", ThingPlots.lost), ("broken", ThingPlots.broken), ("share", ThingPlots.share),
        ("build", ThingPlots.build), ("trade", ThingPlots.trade), ("message", ThingPlots.message),
        ("fear", HeartPlots.fear), ("newcomer", HeartPlots.newcomer),
        ("promise", HeartPlots.promise),
        ("sick", HeartPlots.sick), ("boast", HeartPlots.boast), ("birthday", HeartPlots.birthday),
        ("rivals", HeartPlots.rivals), ("errand", RoadPlots.errand), ("riddle", RoadPlots.riddle),
        ("rescue", RoadPlots.rescue), ("storm", RoadPlots.storm), ("garden", SeasonPlots.garden),
        ("bake", SeasonPlots.bake), ("thief", SeasonPlots.thief), ("wishes", RoadPlots.wishes),
        ("fog", NightPlots.fog), ("lantern", NightPlots.lantern), ("echo", NightPlots.echo),
        ("borrowed", NightPlots.borrowed), ("snow", SeasonPlots.snow),
        ("market", SeasonPlots.market),
        ("skill", SeasonPlots.skill),
    ]

    /// A story.
    public struct Story: Sendable, Hashable {
        /// The name of its plot.
        public var plot: String
        /// The hero's name.
        public var hero: String
        /// The thing that is dear to somebody.
        public var thing: String
        /// Paragraphs with an empty line between.
        public var text: String
    }

    /// Tells a story.
    ///
    /// - Parameter index: Its number.
    /// - Returns: The story; the same for the same seed, part and number.
    public func story(_ index: Int) -> Story {
        var random = StoryRandom(seed: seed, index: UInt64(bitPattern: Int64(index)))
        let plot = Self.table[random.below(Self.table.count)]
        let world = World(&random, isHeldOut: part == .heldOut)
        var tale = Tale(world: world, teller: Teller(random))
        world.name(&tale.teller)
        plot.tell(&tale)
        return Story(
            plot: plot.name,
            hero: world.hero.name,
            thing: world.toy,
            text: tale.teller.text
        )
    }
}
