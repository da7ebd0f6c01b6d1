/// The pronouns of a character.
struct Pronouns: Sendable, Hashable {
    var he: String, him: String, his: String, own: String

    static let he = Pronouns(he: "he", him: "him", his: "his", own: "himself")
    static let she = Pronouns(he: "she", him: "her", his: "her", own: "herself")
}

/// Somebody in a story.
struct Character: Sendable, Hashable {
    var name: String
    var pronouns: Pronouns
    /// `girl`, `boy` or an animal.
    var kind: String
    var trait: String
}

/// Where something happens.
struct Place: Sendable, Hashable {
    /// `the river`.
    var name: String
    /// `by the river`.
    var at: String
    /// A clause that says what it is like.
    var detail: String
    var isWater: Bool, isHigh: Bool, isDark: Bool, hasTrees: Bool

    init(
        _ name: String,
        _ at: String,
        _ detail: String,
        isWater: Bool = false,
        isHigh: Bool = false,
        isDark: Bool = false,
        hasTrees: Bool = false
    ) {
        (self.name, self.at, self.detail) = (name, at, detail)
        (self.isWater, self.isHigh, self.isDark, self.hasTrees) = (
            isWater, isHigh, isDark, hasTrees
        )
    }
}

/// What the sky does.
struct Weather: Sendable, Hashable {
    var adjective: String
    var clause: String
    var isWet: Bool, isWindy: Bool

    init(_ adjective: String, _ clause: String, isWet: Bool, isWindy: Bool) {
        (self.adjective, self.clause, self.isWet, self.isWindy) = (
            adjective, clause, isWet, isWindy
        )
    }
}

/// Something carried that solves one kind of trouble.
enum Item: String, Sendable, CaseIterable {
    case lamp, rope, bread, umbrella, whistle, scarf

    /// With what it is called.
    var phrase: String {
        switch self {
        case .lamp: "little lamp"
        case .rope: "strong rope"
        case .bread: "piece of bread"
        case .umbrella: "old umbrella"
        case .whistle: "loud whistle"
        case .scarf: "thick scarf"
        }
    }
}

/// Where, when and among whom a story happens, and what is true so far.
struct World: Sendable {
    /// Whether it happens among animals.
    var isWood: Bool
    var hero: Character
    var friend: Character
    var rival: Character
    var elder: Character
    var place: Place
    var otherPlace: Place
    var weather: Weather
    /// `morning`, `afternoon` or `evening`.
    var time: String
    var toy: String
    var food: String
    /// What the hero carries, if anything.
    var item: Item?

    /// Draws a world; the last names and things of each list are for held-out stories alone.
    init(_ random: inout StoryRandom, isHeldOut: Bool) {
        isWood = random.chance(45)
        let traits = random.pick(3, of: Words.traits)
        var cast: [Character] = []
        if isWood {
            let names = Self.names(Words.animals, .animals, &random, isHeldOut)
            let kinds = random.pick(3, of: Words.kinds)
            for index in 0..<3 {
                cast.append(
                    Character(
                        name: names[index],
                        pronouns: random.chance(50) ? .she : .he,
                        kind: kinds[index],
                        trait: traits[index]
                    )
                )
            }
        } else {
            let girls = Self.names(Words.girls, .girls, &random, isHeldOut)
            let boys = Self.names(Words.boys, .boys, &random, isHeldOut)
            for index in 0..<3 {
                let isGirl = random.chance(50)
                cast.append(
                    Character(
                        name: isGirl ? girls[index] : boys[index],
                        pronouns: isGirl ? .she : .he,
                        kind: isGirl ? "girl" : "boy",
                        trait: traits[index]
                    )
                )
            }
        }
        (hero, friend, rival) = (cast[0], cast[1], cast[2])
        let elders = isWood ? Words.woodElders : Words.villageElders
        let (name, pronouns) = elders[random.below(elders.count)]
        elder = Character(name: name, pronouns: pronouns, kind: "elder", trait: "wise")
        let places = random.pick(2, of: isWood ? Words.woodPlaces : Words.villagePlaces)
        (place, otherPlace) = (places[0], places[1])
        weather = Words.weathers[random.below(Words.weathers.count)]
        time = ["morning", "morning", "afternoon", "evening"][random.below(4)]
        let toys = isHeldOut ? Words.toys.suffix(Self.reserved) : Words.toys.dropLast(Self.reserved)
        toy = random.pick(Array(toys)) ?? ""
        food = Words.foods[random.below(Words.foods.count)]
        item = nil
    }

    /// How many of each list are for held-out stories.
    static let reserved = 4

    /// A hero's name and two others, which begin with other letters; most are invented.
    private static func names(
        _ known: [String],
        _ invented: InventedNames,
        _ random: inout StoryRandom,
        _ isHeldOut: Bool
    ) -> [String] {
        var names: [String] = []
        while names.count < 3 {
            let isReserved = isHeldOut && names.isEmpty
            let list = isReserved ? known.suffix(reserved) : known.dropLast(reserved)
            let name =
                random.chance(60)
                ? invented.name(&random, isReserved: isReserved)
                : random.pick(Array(list)) ?? ""
            if !names.contains(where: { $0.first == name.first }) { names.append(name) }
        }
        return names
    }

    /// Moves the story to a place of some kind.
    mutating func moveToPlace(_ random: inout StoryRandom, where fits: (Place) -> Bool) {
        let places = (isWood ? Words.woodPlaces : Words.villagePlaces).filter(fits)
        if let found = random.pick(places) { place = found }
    }

    /// Gives a teller the words of the world.
    func name(_ teller: inout Teller) {
        teller.name("h", hero)
        teller.name("f", friend)
        teller.name("r", rival)
        teller.name("e", elder)
        teller.name("place", place.name)
        teller.name("at", place.at)
        teller.name("detail", place.detail)
        teller.name("other", otherPlace.name)
        teller.name("otherAt", otherPlace.at)
        teller.name("weather", weather.adjective)
        teller.name("sky", weather.clause)
        teller.name("time", time)
        teller.name("toy", toy)
        teller.name("food", food)
        teller.name("child", isWood ? "little one" : "child")
        teller.name("children", isWood ? "young animals" : "children")
        teller.name("home", isWood ? "the den" : "the house")
        teller.name("hand", isWood ? "paw" : "hand")
        teller.name("hands", isWood ? "paws" : "hands")
        teller.name("somebody", isWood ? "every animal in the wood" : "everyone in the village")
    }
}
