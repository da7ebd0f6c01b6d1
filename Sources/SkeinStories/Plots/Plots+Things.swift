/// Plots about things: lost, broken, shared, made and exchanged.
enum ThingPlots {
    static func lost(_ t: inout Tale) {
        t.introduceHero()
        t.say(
            "{h.his} dearest thing was {a toy}, which {e} had [given {h.him}|made for {h.him}|brought from far away]."
        )
        t.setDay()
        t.say(
            "{h} wanted to play with the {toy}, but it was [gone|not in its place|nowhere to be seen]."
        )
        t.newParagraph()
        t.say("\"Where did you have it last?\" asked {e}.")
        t.say(
            "{h} thought hard. \"[I had it {at}|I think it was {at}|Yesterday I took it to {place}],\" {h.he} said."
        )
        t.say(
            "So {h} went back to {place}, where {detail}, and looked [under every leaf|behind every stone|in every corner]."
        )
        t.say("[There was no {toy}.|The {toy} was not there.]")
        t.newParagraph()
        switch t.below(4) {
        case 0:
            t.say(
                "On the way {h} met {f}, {a f.trait} {f.kind}. \"Are you looking for something?\" {f} asked."
            )
            t.say("\"My {toy},\" said {h}, and {h.his} voice shook.")
            t.say(
                "{f} [smiled|laughed] and opened {f.his} {hand}. There it was! \"I found it {otherAt},\" {f.he} said, \"and I was looking for the one who had lost it.\""
            )
            t.say("{h} was so glad that {h.he} let {f} play with the {toy} all {time}.")
            t.learn("a thing that is lost may be in good {hands}")
        case 1:
            t.say(
                "High up in a tree {h} saw something. A magpie had carried the {toy} to its nest."
            )
            t.say(
                "{h} did not shout. {h.he} [put a bright button on the ground|laid a shiny spoon on a stone] and waited."
            )
            t.say(
                "The magpie looked at it with one eye, then with the other. At last it let the {toy} fall and took the new treasure."
            )
            t.learn("a fair swap is better than a fight")
        case 2:
            t.say(
                "Tired and sad, {h} went home and sat down on the bed. Something hard was under the blanket."
            )
            t.say("It was the {toy}! It had been there all the time.")
            t.say("{h} laughed until {e} came to see what was so funny.")
            t.learn("it is good to look near before looking far")
        default:
            t.say("{h} looked {otherAt} too, until it grew dark, and did not find it.")
            t.say(
                "\"It is gone,\" said {h} and wept. {e} held {h.him} for a while. \"Some things go,\" {e} said, \"but what you did with them stays.\""
            )
            t.say(
                "The next day {h} and {e} began to make a new one out of [wood|cloth and string|things from the attic]. It was not the same, but {h} had made it with {h.his} own {hands}."
            )
            t.learn("a thing that you make yourself is dear in another way")
        }
        t.close()
    }

    static func broken(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.name(
            "pot",
            ["blue jug", "big bowl", "best cup", "flower pot", "old clock", "round mirror"]
        )
        t.say("On a shelf in {home} stood the {pot} that {e} loved.")
        t.setDay()
        t.say(
            "{h} was [running through the room|playing with the {toy}|chasing a fly], although {e} had said not to."
        )
        t.say("There was a crash. The {pot} lay on the floor in [three|five|a hundred] pieces.")
        t.newParagraph()
        if t.chance(50) {
            t.say(
                "{h} was frightened. Quickly {h.he} pushed the pieces under the rug and ran away to {place}."
            )
            t.say(
                "But {at} nothing was fun. {detail}, and {h} did not even look. The {pot} was in {h.his} head all the time."
            )
            t.say("\"What is the matter?\" asked {f}.")
            t.say(
                "When {h} had told everything, {f} said, \"[It will be worse tomorrow|Telling is hard only once]. I will come with you.\""
            )
            t.say("So they went to {e}, and {h} said, \"I broke it, and I hid it. I am sorry.\"")
        } else {
            t.say(
                "{h} stood still for a moment. It would have been easy to say that the [cat|wind] had done it."
            )
            t.say(
                "Then {h} went to {e} and said, \"I broke your {pot}. I was running. I am sorry.\""
            )
        }
        t.newParagraph()
        t.say(
            "{e} was quiet for a [little|long] while. \"I am sad about the {pot},\" {e} said, \"but I am glad that you told me.\""
        )
        if t.chance(60) {
            t.say(
                "Together they took glue and put the pieces back, one after another. The {pot} had lines all over it now, like a [map|spider's web]."
            )
            t.say("\"I like it better this way,\" said {e}. \"Every line is a brave word.\"")
        } else {
            t.say(
                "The {pot} could not be mended. So {h} [worked in the garden for a week|carried water for {e} every day] and bought {e.him} a new one {otherAt}."
            )
            t.say("It was smaller than the old one, but {e} put it in the best place.")
        }
        t.learn(
            "the truth is [heavy to lift but light to carry|lighter than a secret]".resolved(&t)
        )
        t.close()
    }

    static func share(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.setDay()
        t.say(
            "They were {at} when both of them saw {a toy} [in the grass|on a stone|beside the path]."
        )
        t.say("\"I saw it first!\" cried {h}. \"No, I did!\" cried {f}.")
        t.say("{h} pulled at one end and {f} at the other, and {detail}, and nobody cared.")
        t.newParagraph()
        switch t.below(3) {
        case 0:
            t.say(
                "Then [something cracked|something went rip]. Now each of them had one half, and a half was good for nothing."
            )
            t.say(
                "They sat down back to back and were angry. After a while {f} said, \"My half is useless.\" \"Mine too,\" said {h}."
            )
            t.say(
                "They looked at each other, and then they had to laugh. They [tied|glued|sewed] the two halves together, and it took all {time}."
            )
            t.learn("two halves make one whole only together")
        case 1:
            t.say(
                "An old {r.kind} came by and listened to the noise. \"Whose is it in the rain?\" the old {r.kind} asked. \"And whose is it in the sun?\""
            )
            t.say(
                "{h} thought about that. \"You take it today,\" {h.he} said to {f}, \"and I take it tomorrow.\""
            )
            t.say(
                "So they did. On the third day they forgot whose turn it was and played with it together, and that was the best day of all."
            )
            t.learn("turns are better than tears")
        default:
            t.say(
                "Then they heard somebody crying. It was {r}, {a r.kind} smaller than they were. \"I have lost my {toy},\" {r} said."
            )
            t.say("{h} and {f} looked at the ground. Neither of them had asked whose it was.")
            t.say(
                "{h} gave it back, and {r} stopped crying at once. \"Will you play with me?\" {r.he} asked. \"All three of us?\""
            )
            t.learn("finding is not the same as owning")
        }
        t.close()
    }

    static func build(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        let kind = t.name("thing", ["small house", "raft", "bridge", "tower", "swing", "boat"])
        let floats = kind == 1 || kind == 5
        t.setDay()
        t.say("\"Let us build {a thing},\" said {h}, \"{at}.\"")
        t.say(
            "{f} brought [sticks|boards|branches], and {h} brought [string|nails|moss]. They worked [until noon|for hours] and were in a great hurry."
        )
        t.say(
            "When it was done, they stood back and thought it was the finest {thing} in the world."
        )
        t.newParagraph()
        if floats {
            t.say(
                "They pushed it into the water and climbed on. For one moment it swam. Then it turned over, and both of them sat in the water up to the neck."
            )
        } else if t.world.weather.isWindy {
            t.say(
                "But the wind was strong. It pushed once, it pushed twice, and the whole {thing} fell down."
            )
        } else {
            t.say(
                "Then {h} [climbed on it|leaned on it|jumped on it], and with a loud crack the whole {thing} fell down."
            )
        }
        t.say(
            "\"It is your fault,\" said {f}. \"You did not tie the knots well.\" \"It is yours,\" said {h}. \"Your wood was [rotten|too thin].\""
        )
        t.say("They did not speak for a while. {detail}.")
        t.newParagraph()
        t.say("Then {e} came along and looked at the heap. \"What did it teach you?\" {e} asked.")
        t.say(
            "\"That the wood must be thicker,\" said {f} slowly. \"And that the knots must be double,\" said {h}."
        )
        t.say(
            "So they began again. This time they tested every piece before they used it. It took [two days|three days|the whole week]."
        )
        if floats {
            t.say(
                "The second {thing} carried them both to the other side and back, and their feet stayed dry."
            )
        } else {
            t.say(
                "The second {thing} stood in the wind and in the rain, and it is standing there still."
            )
        }
        t.learn("the first try shows how the second must be")
        t.close()
    }

    static func trade(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.say("{h} wanted one thing above all: the {toy} that {r} had.")
        t.setDay()
        let wants = t.teller.random.pick(
            3,
            of: [
                "a pot of honey", "a ball of wool", "a basket of pears", "a jar of jam",
                "a sack of nuts",
                "a bundle of wood", "a bunch of flowers", "a warm blanket", "a bag of flour",
            ]
        )
        let people = t.teller.random.pick(
            2,
            of: t.world.isWood
                ? ["the mole", "the stork", "the old toad", "the dormouse"]
                : ["the baker", "the shepherd", "the fisherman", "the gardener"]
        )
        for (slot, word) in zip(["w0", "w1", "w2"], wants) { t.teller.name(slot, word) }
        for (slot, word) in zip(["p0", "p1"], people) { t.teller.name(slot, word) }
        t.say("\"I will give it to you for {w2},\" said {r}. But {h} had only {w0}.")
        t.newParagraph()
        t.say(
            "{h} went to {p0}. \"Have you got {w2}?\" \"No,\" said {p0}, \"but I have {w1}, and I need {w0}.\""
        )
        t.say("They swapped. Now {h} had {w1}.")
        t.say(
            "{h} went on to {place}, where {p1} was sitting. \"Have you got {w2}?\" \"I have,\" said {p1}, \"and what I need is {w1}.\""
        )
        t.say("They swapped again, and {h} ran all the way back with {w2}.")
        t.newParagraph()
        switch t.below(3) {
        case 0:
            t.say(
                "{r} kept {r.his} word. {h} got the {toy} at last, and {p0}, {p1} and {r} each had what they needed."
            )
            t.learn("everybody has something that somebody else needs")
        case 1:
            t.say(
                "But on the way {h} met {f}, who was [hungry and cold|ill and alone|sad and tired]. {f} needed {w2} more than anybody."
            )
            t.say("{h} looked at it for a long time, and then {h.he} gave it away for nothing.")
            t.say(
                "When {r} heard of this, {r.he} was silent. In the evening {r} stood at the door with the {toy}. \"For you,\" {r.he} said. \"For nothing.\""
            )
            t.learn("a gift goes further than a swap")
        default:
            t.say(
                "When {h} held the {toy} at last, it was smaller than {h.he} had thought. But the walk, and {p0}, and {p1}, those had been fun."
            )
            t.say("\"Tomorrow,\" said {h}, \"I will see what I can get for {a toy}.\"")
            t.learn("wanting can be better than having")
        }
        t.close()
    }

    static func message(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.setDay()
        t.name(
            "paper",
            [
                "a bottle with a letter in it", "a letter without a name", "a map on old paper",
                "a note in a nutshell",
            ]
        )
        t.say("{at} {h} found {paper}.")
        t.say(
            "[It said: |There stood: ]\"Whoever finds this, come to {other} when the sun goes down.\""
        )
        t.say(
            "{h} showed it to {f}. \"It may be a trap,\" said {f}, who was {f.trait}. \"It may be a treasure,\" said {h}, who was {h.trait}."
        )
        t.say("In the end they went together, because two can run faster than one can shout.")
        t.newParagraph()
        t.giveItem()
        t.meetTrouble()
        t.say("When they came to {other}, the sun was just going down.")
        switch t.below(3) {
        case 0:
            t.say(
                "There sat {r}, {a r.kind} whom they hardly knew. \"You came!\" {r} said. \"I have nobody to play with, so I wrote a letter to somebody.\""
            )
            t.say("\"You could have knocked at the door,\" said {h}. \"I did not dare,\" said {r}.")
            t.say(
                "They played until the moon was high, and {r} never had to write to somebody again. {r.he} wrote to {h} and {f}."
            )
            t.learn("a friend may be only a letter away")
        case 1:
            t.say(
                "Nobody was there. But under a flat stone lay a box, and in the box lay {a toy} and another letter."
            )
            t.say(
                "\"Take this, and put in something of your own,\" said the letter. \"Then write to the next one.\""
            )
            t.say(
                "{h} took the {toy} and put in [a button|a song, written down|a drawing of {f}]. Then they wrote a letter and let it go {at}."
                    .resolved(&t)
            )
            t.learn("a treasure grows when it is passed on")
        default:
            t.say(
                "There stood {e} with a basket. \"I wrote that letter [fifty|forty|sixty] years ago,\" {e} said, \"when I was as small as you. Every evening I have looked whether someone would come.\""
            )
            t.say(
                "Then {e} told them what the place had been like in the old days, and they ate {food} until it was dark."
            )
            t.learn("it is never too late for an answer")
        }
        t.close()
    }
}

extension String {
    /// A template filled at once, for use inside another.
    func resolved(_ tale: inout Tale) -> String { tale.teller.fill(self) }
}
