/// Plots about journeys, riddles, rescues, storms and wishes.
enum RoadPlots {
    static func errand(_ t: inout Tale) {
        t.introduceHero()
        t.setDay()
        t.say(
            "\"{r} is waiting for this {food},\" said {e}. \"Will you take it to {r.him}? {r.he} lives behind {other}.\""
        )
        t.say(
            "{h} had never gone so far alone. [{h.his} heart beat fast|{h} felt very big], and {h.he} said yes."
        )
        t.giveItem()
        t.newParagraph()
        t.say("First the way went past {place}, where {detail}.")
        if t.chance(50) {
            t.say(
                "There {h} saw {f}. \"Come and play!\" called {f}. \"[Only for a moment|Later|Not today],\" said {h}. \"First I must bring this to {r}.\""
            )
            if t.chance(50) {
                t.say("\"Then I will come with you,\" said {f}, and they went on together.")
            } else {
                t.say("{f} was a little sad, but {f.he} waved until {h} was out of sight.")
            }
        } else {
            t.say(
                "The {food} smelled so good that {h} had to [hold {h.his} nose|look the other way]. [Just one bite|One small piece], {h.he} thought. But {h.he} did not do it."
            )
        }
        t.meetTrouble()
        t.newParagraph()
        t.say(
            "At last {h} stood at the door and knocked. {r} opened. \"You came all this way alone?\" {r.he} asked."
        )
        t.say(
            "\"[It was not so far|There was some trouble, but I am here],\" said {h}. They sat down and shared the {food}, every bit of it."
        )
        t.say(
            "When {h} came home, {e} was standing at the gate. {e} had stood there the whole time, but {h} never learnt that."
        )
        t.learn("a long way is made of short steps")
        t.close()
    }

    static func riddle(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        let riddles: [(String, String, String)] = [
            (
                "What has teeth and cannot bite?", "a comb",
                "That morning {h} had lost {h.his} comb in the grass and found it again"
            ),
            (
                "What grows smaller the longer it works?", "a candle",
                "The evening before, {h} had watched a candle burn down"
            ),
            (
                "What has a bed but never sleeps?", "a river",
                "Only yesterday {h} had thrown stones into the river"
            ),
            (
                "What goes up and never comes down?", "your age",
                "{e} had said at breakfast that {h} was growing older every day"
            ),
            (
                "What can you hear but never see?", "the wind",
                "All night long {h} had listened to the wind"
            ),
            (
                "What is full of holes and still holds water?", "a sponge",
                "That morning {h} had washed the window with a sponge"
            ),
            (
                "The more you take, the more you leave behind. What is it?", "steps",
                "{h} turned round and saw {h.his} own steps in the sand"
            ),
            (
                "What must be broken before you can use it?", "an egg",
                "At breakfast {h} had eaten an egg"
            ),
        ]
        let picked = t.teller.random.pick(2, of: riddles)
        for (index, riddle) in picked.enumerated() {
            t.teller.name("q\(index)", riddle.0)
            t.teller.name("s\(index)", riddle.1)
            t.teller.name("c\(index)", t.teller.fill(riddle.2))
        }
        t.setDay()
        t.say(
            "{h} and {f} wanted to go to {other}. But on the way there was a gate, and at the gate sat {a r.kind} called {r}."
                .resolved(&t)
        )
        t.say("\"Nobody goes through,\" said {r}, \"who cannot answer me. {q0}\"")
        t.newParagraph()
        t.say("{f} guessed first. \"[A stone|A cloud|A shoe]?\" \"Wrong,\" said {r}.")
        t.say("{h} shut {h.his} eyes and thought. {c0}. \"It is {s0}!\" {h.he} cried.")
        t.say("\"That was the easy one,\" said {r}. \"{q1}\"")
        if t.chance(60) {
            t.say("Now nobody said anything for a long time. {c1}. \"{s1},\" whispered {h}.")
            t.say(
                "The gate swung open. \"You two think well,\" said {r}. \"[It is dull to sit here with nobody who knows the answers.|Most of them only push.]\""
            )
            t.say(
                "\"Then come with us,\" said {f}. And {r} looked at the gate, and at the two of them, and came."
            )
            t.learn("an answer may lie in what you did this morning")
        } else {
            t.say(
                "They thought and thought and did not find it. The sun went lower. \"We do not know,\" said {h} in the end."
            )
            t.say(
                "{r} laughed. \"Good! Those who say that they do not know may go through as well. It is {s1}.\" And the gate swung open."
            )
            t.learn("it is no shame not to know")
        }
        t.newParagraph()
        t.say(
            "{otherAt} they stayed until the [stars|bats|fireflies] came out, and all the way home they made up riddles of their own."
        )
        t.close()
    }

    static func rescue(_ t: inout Tale) {
        t.introduceHero()
        let kind = t.name(
            "animal",
            ["kitten", "lamb", "duckling", "young crow", "puppy", "baby goat"]
        )
        t.setDay()
        t.name(
            "where",
            [
                "in a deep hole", "between two big stones", "in a thorn bush",
                "on a small island in the water",
            ]
        )
        t.say(
            "{h} was walking {at} when {h.he} heard a thin cry. {a animal} was stuck {where} and could not get out."
        )
        t.say("\"Do not be afraid,\" said {h}. \"I will get you out.\"")
        t.newParagraph()
        t.say("First {h} tried to reach it with {h.his} {hands}, but {h.his} arms were too short.")
        t.say(
            "Then {h.he} tried with a stick. The {animal} only [backed away|cried louder], because it thought that the stick was an enemy."
        )
        t.say("{h} sat down. {h} was {h.trait}, and this needed [something else|a plan].")
        if t.chance(50) {
            t.say(
                "So {h} ran to fetch {f}. {f} was {f.trait}, and together they carried a long board and laid it down like a bridge."
            )
            t.say(
                "For a long time nothing happened. \"We must go away a little,\" said {f}. They hid, and held their breath, and then there were small steps on the board."
            )
        } else {
            t.say(
                "{h} took [a piece of bread|some {food}] out of {h.his} bag, put it near, and began to sing very softly. The cry stopped. The {animal} listened."
            )
            t.say(
                "Bit by bit it came closer, until {h} could put {h.his} {hands} around it. Its heart was beating as fast as rain."
            )
        }
        t.newParagraph()
        switch t.below(3) {
        case 0:
            t.say(
                "Then its mother came running. She looked at {h} for a moment, and it was like a word of thanks. Then both of them were gone."
            )
        case 1:
            t.say(
                "The {animal} had nobody. It followed {h} home, one step behind, and {e} sighed and put down a bowl of milk. \"Only for tonight,\" said {e}. It stayed for [nine|ten|twelve] years."
            )
        default:
            t.say(
                "It was the {animal} of {r}, who had looked for it all day. {r} had never been friendly. But now {r.he} could not speak and only held {h.his} {hand}."
            )
        }
        if kind == 3 {
            t.say("And when {h} walked {at} after that, a crow called from the top of a tree.")
        }
        t.learn("those who are afraid need time more than they need strength")
        t.close()
    }

    static func storm(_ t: inout Tale) {
        t.introduceHero()
        t.name("shelter", t.world.isWood ? ["den", "roof", "nest"] : ["roof", "hut", "house"])
        t.say(
            "All day the air had been heavy. In the evening the first wind came, and the sky over {place} turned [black|yellow|dark green]."
        )
        t.say("\"Come in!\" called {e}. \"Shut the windows and bring the wood!\"")
        t.say(
            "Then the light went out. The storm [shook the walls|howled in the chimney|threw leaves against the door], and {h} moved close to {e}."
        )
        t.newParagraph()
        t.say(
            "\"Listen,\" said {h}. \"Somebody is knocking.\" \"That is only a branch,\" said {e}. But there it was again: three knocks, very weak."
        )
        t.say(
            "{h} [took the lamp and|took a deep breath and] opened the door. Outside stood {r}, {a r.kind}, wet from head to foot. \"My {shelter} is gone,\" {r.he} said. \"May I come in?\""
        )
        if t.chance(50) {
            t.say(
                "Now {r} and {h} had quarrelled that very morning about {a toy}. For a moment nobody moved. Then {h} stepped aside. \"Come in,\" {h.he} said. \"You are letting the rain in.\""
                    .resolved(&t)
            )
        } else {
            t.say(
                "{h} did not know {r} at all. But it was raining, and {r} was shaking. \"Come in,\" said {h}."
            )
        }
        t.newParagraph()
        t.say(
            "They gave {r.him} a dry blanket and {food}. Then came {f}, and then a whole family from {other}. In the end there were [nine|eleven|thirteen] of them around one candle."
        )
        t.say(
            "{e} began to tell a story, and when {e} stopped, the next one went on with it, and so it went round the circle. Nobody noticed that the storm had ended."
        )
        t.say(
            "In the morning the world was [washed and new|full of broken branches]. All of them went together to {other} and mended the {shelter}, and it took one day, because there were so many {hands}."
                .resolved(&t)
        )
        t.learn("a small house is big when the door is open")
        t.close()
    }

    static func wishes(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.setDay()
        t.say(
            "{at} {h} found {a toy} that [shone a little|was warm, although it lay in the shade]. When {h.he} rubbed it, a tiny voice said, \"Two wishes. Not more. Think well.\""
        )
        t.say("{h} did not think at all.")
        let wish = t.name(
            "wish",
            [
                "that it were always summer", "that I never had to sleep",
                "that everything tasted of honey", "that nobody could tell me what to do",
                "that I were as big as a tower",
            ]
        )
        t.say("\"I wish {wish}!\" {h.he} said.")
        t.newParagraph()
        switch wish {
        case 0:
            t.say(
                "At first it was wonderful. But the grass turned brown, the {place} grew dry, and {e} looked at the empty fields every day."
                    .replacing("the {place}", with: "{place}")
            )
        case 1:
            t.say(
                "At first it was wonderful. But at night {h} was alone. {f} slept, {e} slept, even the owls were busy. The nights were very, very long."
            )
        case 2:
            t.say(
                "At first it was wonderful. But on the third day soup tasted of honey, bread tasted of honey, and water tasted of honey, and {h} would have given anything for a pickle."
            )
        case 3:
            t.say(
                "At first it was wonderful. But when {h} asked, \"Which way is home?\" nobody could tell {h.him}. And when {h} asked, \"Is it good?\" nobody could tell {h.him} either."
            )
        default:
            t.say(
                "At first it was wonderful. But {h} could not go into {home} any more, and {f} was so small that {h} was afraid to take a step."
            )
        }
        t.say(
            "\"I want it to be as it was,\" said {h}. But then the second wish would be gone as well."
        )
        t.newParagraph()
        if t.chance(60) {
            t.say(
                "{h} sat down and thought, this time for a whole day. Then {h.he} said, \"I wish that everything were as it was.\""
            )
            t.say(
                "And so it was. The {toy} was cold and dull, like any other. {h} had nothing left of it, and yet {h.he} was happier than before."
            )
        } else {
            t.say(
                "Then {f} came and said, \"[I am so sad.|I do not know you any more.] Give the wish to me.\" {h} gave it to {f.him}, and that was the hardest thing of all."
            )
            t.say(
                "{f} did not think for long. \"I wish to have my friend back, just as {h.he} was,\" said {f}. And so it was."
            )
        }
        t.say("{h} buried the {toy} {otherAt}, very deep. If you find it, think well.")
        t.learn("a wish should be turned over twice, like a stone")
        t.close()
    }
}
