/// Names made of syllables: so many that a reader has to remember who a story is about.
///
/// - Note: What drives a network to copy from its context is classes too many to be known by heart
///   (Chan et al. 2022, arXiv:2205.05055).
struct InventedNames: Sendable {
    let beginnings: [String], middles: [String], endings: [String]

    static let girls = InventedNames(
        beginnings: [
            "Ba", "Bri", "Ca", "Co", "Da", "De", "Fe", "Fi", "Ga", "He", "Ja", "Jo", "Ke", "La",
            "Li", "Lo", "Ma", "Me", "Na", "Ne", "Ra", "Ro", "Sa", "Se", "Ta", "Te", "Ve", "Vi",
        ],
        middles: ["l", "ll", "r", "rr", "n", "v", "rv", "rl", "nd", "ss"],
        endings: ["a", "ina", "ella", "ette", "ia", "ine"]
    )
    static let boys = InventedNames(
        beginnings: [
            "Ba", "Be", "Bra", "Co", "Da", "De", "Fa", "Fe", "Ga", "Gre", "Ha", "He", "Jo", "Ka",
            "Ke", "La", "Lo", "Ma", "Me", "Mo", "Na", "Ne", "Ra", "Ro", "Ta", "Te", "Va", "Vi",
        ],
        middles: ["l", "ll", "r", "rr", "rl", "rn", "nd", "lv", "st", "rd"],
        endings: ["in", "o", "ian", "ek", "an", "ick"]
    )
    static let animals = InventedNames(
        beginnings: [
            "Bar", "Ber", "Bram", "Bur", "Cob", "Cor", "Dap", "Dew", "Fen", "Fern", "Fin", "Fur",
            "Gor", "Hal", "Haz", "Jen", "Kes", "Lar", "Lin", "Mal", "Mar", "Mil", "Nor",
            "Nut", "Oat", "Pad", "Pim", "Rus", "Sor", "Tam", "Tib", "Wil", "Win", "Yar",
        ],
        middles: ["", "er", "a", "i"],
        endings: [
            "kin", "wick", "berry", "tail", "bell", "foot", "leaf", "snap", "whisk", "dell", "nose",
        ]
    )

    /// How many there are.
    var count: Int { beginnings.count * middles.count * endings.count }

    /// One in eight is for held-out stories.
    static let share = 8

    /// A name; reserved ones are for held-out stories alone.
    func name(_ random: inout StoryRandom, isReserved: Bool) -> String {
        let group = random.below(count / Self.share)
        let place = isReserved ? 0 : 1 + random.below(Self.share - 1)
        let index = group * Self.share + place
        let (rest, beginning) = index.quotientAndRemainder(dividingBy: beginnings.count)
        let (ending, middle) = rest.quotientAndRemainder(dividingBy: middles.count)
        return beginnings[beginning] + middles[middle] + endings[ending]
    }
}
