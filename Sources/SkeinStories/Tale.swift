/// A story while it is told: its world and its words.
struct Tale {
    var world: World
    var teller: Teller

    mutating func say(_ template: String) { teller.say(template) }
    mutating func sayOne(_ templates: [String]) { teller.sayOne(templates) }
    mutating func chance(_ percent: Int) -> Bool { teller.random.chance(percent) }
    mutating func below(_ bound: Int) -> Int { teller.random.below(bound) }

    /// Begins a paragraph, now and then with a look around.
    mutating func newParagraph(looks: Bool = true) {
        teller.newParagraph()
        if looks, chance(45) { lookAround() }
    }

    /// Something small that fits anywhere.
    private mutating func lookAround() {
        sayOne([
            "Somewhere a [crow|blackbird|robin|cuckoo|wood pigeon] [called|sang|was singing], and then it was still again.",
            "{h} [took a deep breath|scratched {h.his} ear|bit {h.his} lip|shook {h.his} head|blinked twice|rubbed {h.his} nose].",
            "It smelled of [grass|rain|smoke|wet earth|old leaves|bread].",
            "A [beetle|snail|spider|moth] [walked|crept] slowly [across the ground|along a crack|over a leaf], as if nothing had happened.",
            "For a moment {h} did not know what to [do|say|think].",
            "A [yellow|brown|red] leaf fell down and landed [on {h.his} head|beside {h.his} foot|at {h.his} feet].",
            "[Far away|Not far off] [a dog barked|a bell rang|somebody was chopping wood|an owl called].",
            "{h} was {h.trait}, but [this was new|this was different|that did not help now|that was not the whole of {h.him}].",
            "Time went by, [as slow as honey|slowly|and nobody counted it|drop by drop].",
            "{h} [felt that {h.his} heart was beating|could hear {h.his} own breath|swallowed hard].",
            "[A cool breeze came up|The air did not move|The light had changed].",
        ])
    }
    /// Names one of several words and returns which.
    @discardableResult
    mutating func name(_ slot: String, _ words: [String]) -> Int {
        let index = teller.random.below(words.count)
        teller.name(slot, words[index])
        return index
    }

    /// Who the story is about.
    mutating func introduceHero() {
        sayOne([
            "Once there was {a h.trait} {h.kind} called {h}.",
            "{h} was {a h.trait} {h.kind} who lived near {place}.",
            "Not far from {place} lived {a h.trait} {h.kind}, and {h.his} name was {h}.",
            "There was once {a h.kind} named {h}, who was very {h.trait}.",
            "This is the story of {h}, {a h.trait} {h.kind} [from {place}|who lived close to {place}].",
            "Of all the {children} near {place}, {h} was the [most {h.trait} one|one whom everybody called {h.trait}].",
            "{h} lived with {e} [near|not far from|behind] {place}, where {detail}. {h.he} was {a h.trait} {h.kind}.",
            "When {h} was [still small|very young], {h.he} was already known as {a h.trait} {h.kind}.",
            "{somebody} knew {h}, the {h.trait} {h.kind} [from {place}|who lived near {place}].",
            "Near {place} there lived {a h.kind} called {h}. {h} was {h.trait}, and {somebody} knew it.",
        ])
    }

    /// The friend, after the hero.
    mutating func introduceFriend() {
        sayOne([
            "{h.his} best friend was {a f.trait} {f.kind} called {f}.",
            "{h} had a friend, {a f.kind} called {f}, who was {f.trait}.",
            "Every day {h} played with {f}, {a f.kind} who was {f.trait}.",
            "{h} and {f} were friends, although {f} was {a f.kind} and {f.trait}.".replacing(
                "although {f} was {a f.kind} and {f.trait}",
                with: "and {f}, {a f.kind}, was the {f.trait} one of the two"
            ),
            "Wherever {h} went, {f} went too. {f} was {a f.trait} {f.kind}.",
            "Nobody knew {h} better than {f}, {a f.trait} {f.kind}.",
        ])
    }

    /// The day on which it happens.
    mutating func setDay() {
        sayOne([
            "One {time} {sky}, and [nobody wanted to stay at home|there was much to do|it was a day like any other].",
            "It was {a weather} {time}.",
            "It was {a weather} {time} in [spring|early summer|late summer|autumn].",
            "One {time} {h} [woke up and looked|went to the window and looked|put {h.his} head out of the door and looked] at the sky. {sky}.",
            "On {a weather} {time} {h} [was in a good mood|had nothing to do|felt that something would happen|was up before everybody else].",
            "That {time} {sky}. [{h} did not mind.|{h} liked it like that.|Nobody paid attention to it.]",
            "[Then came|There came] {a weather} {time} that {h} never forgot.",
        ])
    }

    /// Something to carry, which may help later.
    mutating func giveItem() {
        guard let item = teller.random.pick(Item.allCases) else { return }
        world.item = item
        teller.name("item", item.phrase)
        sayOne([
            "\"Take this {item} with you,\" said {e}. \"You never know.\"",
            "{e} gave {h.him} {a item}. \"It may help you,\" {e} said.",
            "Before {h} left, {h.he} put {a item} into {h.his} bag.",
        ])
        if world.hero.trait == "forgetful", chance(50) {
            world.item = nil
            say("But {h} was forgetful, and the {item} stayed on the table.")
        }
    }

    /// Something small that was in a pocket all along, and comforts.
    mutating func giveSmallThing() {
        sayOne([
            "[In {h.his} bag|In {h.his} pocket] {h} found [a dry crust|two nuts|half an apple], and they shared it.",
            "\"Are you cold?\" asked {h}. \"Only my {hands},\" said {f}. They [rubbed them|blew on them] until they were warm.",
            "They held on to each other, so that at least nobody would get lost alone.",
        ])
    }

    /// Trouble on the way, solved by what is carried, by a friend, or by waiting.
    mutating func meetTrouble() {
        if world.weather.isWet {
            say("On the way the rain came down [harder and harder|in big cold drops].")
            switch world.item {
            case .umbrella:
                say("{h} opened the old umbrella and stayed dry.")
            case nil where world.hero.trait == "forgetful":
                say("{h} thought of the things that {h.he} had left at home, and got very wet.")
            default:
                say(
                    "{h} [waited under a thick bush|ran from tree to tree] until it grew lighter, and only {h.his} feet got wet."
                )
            }
        } else if world.otherPlace.isDark {
            say(
                "The way led past {other}, and {otherAt} it was so dark that {h} could not see {h.his} own {hands}."
            )
            if world.item == .lamp {
                say(
                    "Then {h} remembered the little lamp. Its small light showed the path, and the dark was only dark."
                )
            } else {
                say(
                    "{h} held on to [the wall|a root|a branch] and counted {h.his} steps aloud, and at a hundred there was light again."
                )
            }
        } else if world.otherPlace.isWater {
            say("The way led past {other}, where the bridge was broken.")
            if world.item == .rope {
                say(
                    "{h} tied the strong rope to a post, held it tight, and walked across on the stones."
                )
            } else {
                say(
                    "{h} looked for a long time until {h.he} found a place where the water was shallow, and went across with wet feet."
                )
            }
        } else if world.otherPlace.isHigh {
            say("The way led over {other}, and it was steep.")
            if world.item == .rope {
                say("With the strong rope {h} pulled {h.self} up, bit by bit.")
            } else {
                say("{h} had to rest three times, but {h.he} did not turn back.")
            }
        } else {
            say("At {other} a big goose stood in the path and hissed.")
            switch world.item {
            case .bread:
                say("{h} threw it the piece of bread, and while the goose ate, {h} walked by.")
            case .whistle: say("{h} blew the loud whistle, and the goose ran off with a flap.")
            default:
                say("{h} stood still and waited, and at last the goose grew bored and went away.")
            }
        }
    }

    /// How it felt in the end.
    mutating func close(isSameDay: Bool = true) {
        let hasFriend = teller.text.contains(world.friend.name)
        let hasElder = teller.text.contains(world.elder.name)
        var endings = [
            "That night {h} slept [well|deeply|like a stone|without a dream|until late in the morning].",
            "{h} went home with [a warm feeling inside|a light step|a song in {h.his} head].",
            "When the stars came out, {h} was still thinking about it.",
            "After that day, {h} [often|sometimes] went back to {place} and remembered.",
            "[Years later|When {h} was old|Much later] {h.he} still told the story to the {children}.",
            "And if you [go to|come to|pass] {place}, [you may hear of it|somebody may tell you about it].",
            "{h} [never told anyone|told nobody|told only the moon], but {h.he} smiled [for a whole week|in {h.his} sleep].",
        ]
        if !isSameDay { endings.removeFirst(2) }
        if hasFriend, isSameDay {
            endings += [
                "And from then on {h} and {f} were better friends than ever.",
                "\"[See you tomorrow|Until tomorrow|Good night],\" said {f}. \"[See you tomorrow|Until tomorrow|Good night],\" said {h}.",
                "{h} and {f} walked home [arm in arm|side by side|in the last light], and [it was a good silence|they did not need to talk].",
            ]
        }
        if hasElder, isSameDay {
            endings += [
                "In the evening {e} [made|cooked|warmed] {food} for everyone, and nobody was hungry any more.",
                "\"What a day,\" said {e}[ and shut the door| and lit the lamp|]. \"What a day,\" said {h}.",
            ]
        }
        sayOne(endings)
    }

    /// What was learnt, in words of the story.
    mutating func learn(_ lesson: String) {
        teller.name("lesson", teller.fill(lesson))
        sayOne([
            "\"Now I know,\" said {h}, \"that {lesson}.\"",
            "{h} had learnt that {lesson}.",
            "\"{lesson},\" said {e}, and {h} nodded.",
            "Since that day {h} knew that {lesson}.",
            "{h} thought about it [for a long time|that night|on the way home]: {lesson}.",
            "\"What have you learnt?\" asked {e}. \"That {lesson},\" said {h}.",
            "It may be true that {lesson}. {h} [thought so|was sure of it|found it out {h.self}].",
        ])
    }
}
