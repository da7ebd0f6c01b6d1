/// Turns templates into sentences.
///
/// A template holds alternatives `[one|two|]`, which may nest, and slots: `{name}` is a word of the
/// story, `{a name}` that with its article, `{h.he}` a form of a character. The first letter of every
/// sentence becomes a capital.
struct Teller {
    /// The draws of this story.
    var random: StoryRandom
    /// The words of this story by slot.
    private(set) var words: [String: String] = [:]
    private var paragraphs: [[String]] = [[]]

    init(_ random: StoryRandom) { self.random = random }

    /// The story so far.
    var text: String {
        paragraphs.filter { !$0.isEmpty }.map { $0.joined(separator: " ") }.joined(
            separator: "\n\n"
        )
    }

    /// Names a word.
    mutating func name(_ slot: String, _ word: String) { words[slot] = word }

    /// Names a character's forms: `h`, `h.he`, `h.him`, `h.his`, `h.self`, `h.kind`.
    mutating func name(_ slot: String, _ character: Character) {
        words[slot] = character.name
        words[slot + ".he"] = character.pronouns.he
        words[slot + ".him"] = character.pronouns.him
        words[slot + ".his"] = character.pronouns.his
        words[slot + ".self"] = character.pronouns.own
        words[slot + ".kind"] = character.kind
        words[slot + ".trait"] = character.trait
    }

    /// Begins a paragraph.
    mutating func newParagraph() { paragraphs.append([]) }

    /// Adds sentences.
    mutating func say(_ template: String) {
        let sentence = Self.capitalized(fill(template))
        guard !sentence.isEmpty else { return }
        paragraphs[paragraphs.count - 1].append(sentence)
    }

    /// Adds one of several, each as likely.
    mutating func sayOne(_ templates: [String]) {
        if let template = random.pick(templates) { say(template) }
    }

    /// A template's text, before capitals.
    mutating func fill(_ template: String) -> String {
        var scanner = Array(template)[...]
        return expand(&scanner, isInside: false, isLive: true)
    }

    /// Reads up to the end, or inside alternatives up to `|` or `]`.
    private mutating func expand(
        _ rest: inout ArraySlice<Swift.Character>,
        isInside: Bool,
        isLive: Bool
    ) -> String {
        var result = ""
        while let next = rest.first {
            switch next {
            case "[":
                rest.removeFirst()
                result += alternatives(&rest, isLive: isLive)
            case "|" where isInside, "]" where isInside:
                return result
            case "{":
                rest.removeFirst()
                let slot = String(rest.prefix { $0 != "}" })
                rest = rest.dropFirst(slot.count + 1)
                if isLive { result += word(slot) }
            default:
                rest.removeFirst()
                result.append(next)
            }
        }
        return result
    }

    private mutating func alternatives(
        _ rest: inout ArraySlice<Swift.Character>,
        isLive: Bool
    ) -> String {
        // The choice comes before the parts are read, from their number.
        let count = Self.count(rest)
        let chosen = isLive ? random.below(count) : -1
        var (result, index) = ("", 0)
        while true {
            let part = expand(&rest, isInside: true, isLive: isLive && index == chosen)
            if index == chosen { result = part }
            index += 1
            guard let mark = rest.popFirst(), mark == "|" else { return result }
        }
    }

    private static func count(_ rest: ArraySlice<Swift.Character>) -> Int {
        var (depth, count) = (0, 1)
        for letter in rest {
            switch letter {
            case "[": depth += 1
            case "]" where depth == 0: return count
            case "]": depth -= 1
            case "|" where depth == 0: count += 1
            default: break
            }
        }
        return count
    }

    private func word(_ slot: String) -> String {
        if slot.hasPrefix("a ") {
            let word = words[String(slot.dropFirst(2))] ?? "{\(slot)}"
            return Self.article(word) + " " + word
        }
        return words[slot] ?? "{\(slot)}"
    }

    /// `a` or `an`, by sound.
    static func article(_ word: String) -> String {
        let lower = word.lowercased()
        if ["hour", "honest"].contains(where: lower.hasPrefix) { return "an" }
        if ["uni", "use", "one", "eu"].contains(where: lower.hasPrefix) { return "a" }
        return "aeiou".contains(lower.first ?? "x") ? "an" : "a"
    }

    /// Gives every sentence its capital.
    static func capitalized(_ text: String) -> String {
        var result = ""
        var begins = true
        var last: Swift.Character = " "
        for letter in text {
            if begins, letter.isLetter {
                result += letter.uppercased()
                begins = false
            } else {
                result.append(letter)
            }
            if letter == " ", ".!?".contains(last) { begins = true }
            // A quotation that ends in a mark of its own goes on in the middle of a sentence.
            if letter != "\"" || !".!?".contains(last) { last = letter } else { last = "\"" }
        }
        return result
    }
}

/// The draws of one story: a function of seed and number.
struct StoryRandom {
    private var state: UInt64

    init(seed: UInt64, index: UInt64) {
        // Neighbouring numbers must not share a stretch of one stream.
        state = index &+ 0x2545_f491_4f6c_dd1d
        let place = next()
        state = seed ^ place
        _ = next()
    }

    /// - Source: Steele, Lea and Flood 2014, SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number below a bound above zero.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }

    /// Whether something happens.
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    /// One of several.
    mutating func pick<Element>(_ items: [Element]) -> Element? {
        items.isEmpty ? nil : items[below(items.count)]
    }

    /// Some of several, in a random order.
    mutating func pick<Element>(_ count: Int, of items: [Element]) -> [Element] {
        var rest = items
        return (0..<min(count, items.count)).map { _ in rest.remove(at: below(rest.count)) }
    }
}
