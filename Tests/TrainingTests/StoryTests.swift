import SkeinStories
import Testing

/// Stories that models learn from.
@Suite struct StoryTests {
    private static let stories = (0..<2500).map { StoryGenerator(seed: 3).story($0) }

    @Test func `a story is a function of seed, part and number`() {
        let generator = StoryGenerator(seed: 3)
        #expect(generator.story(17) == Self.stories[17])
        #expect(generator.story(18) != Self.stories[17])
        #expect(StoryGenerator(seed: 4).story(17) != Self.stories[17])
        #expect(Set(Self.stories.map(\.text)).count == Self.stories.count)
    }

    @Test func `every plot is told, and what is held out is told nowhere else`() {
        #expect(Set(Self.stories.map(\.plot)) == Set(StoryGenerator.plots))
        let heldOut = StoryGenerator(seed: 3, part: .heldOut)
        let others = (0..<1000).map { heldOut.story($0) }
        let known = Set(Self.stories.map(\.hero))
        #expect(known.count > 1000)
        #expect(known.isDisjoint(with: others.map(\.hero)))
        #expect(Set(Self.stories.map(\.thing)).isDisjoint(with: others.map(\.thing)))
        let heroes = Set(others.map(\.hero)).subtracting(["Will"])
        for story in Self.stories {
            let words = Set(story.text.split { !$0.isLetter }.map(String.init))
            #expect(heroes.isDisjoint(with: words), "\(heroes.intersection(words)): \(story.text)")
        }
    }

    @Test func `there are too many names to know them by heart, and no story confuses two`() {
        for story in Self.stories.prefix(500) {
            #expect(story.text.contains(story.hero), "\(story.text)")
        }
    }

    @Test func `sentences are whole`() throws {
        for story in Self.stories {
            let text = story.text
            #expect(!text.contains(where: { "{}[]|_".contains($0) }), "\(text)")
            #expect(text.count(where: { $0 == "\"" }) % 2 == 0, "\(text)")
            #expect(!text.contains("  ") && !text.contains(" ."), "\(text)")
            let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
            #expect((100...450).contains(words.count), "\(words.count) words: \(text)")
            for paragraph in text.split(separator: "\n\n") {
                let first = try #require(paragraph.first { $0.isLetter })
                #expect(first.isUppercase, "\(paragraph)")
                let last = try #require(paragraph.last)
                #expect(".!?\"".contains(last), "\(paragraph)")
            }
            for (word, next) in zip(words, words.dropFirst()) {
                let bare = next.filter { $0.isLetter }
                #expect(word != next || !word.allSatisfy(\.isLetter), "\(word) \(next): \(text)")
                if word.lowercased() == "a" {
                    #expect(!"aeiou".contains(bare.first?.lowercased() ?? "x"), "\(word) \(next)")
                }
                if word.lowercased() == "an" {
                    #expect("aeiouh".contains(bare.first?.lowercased() ?? "x"), "\(word) \(next)")
                }
                if ".!?".contains(word.last ?? "x"), let letter = next.first, letter.isLetter {
                    #expect(letter.isUppercase, "\(word) \(next): \(text)")
                }
            }
        }
    }
}
