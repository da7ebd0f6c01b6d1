/// Plots about fear, friendship, promises and care.
enum HeartPlots {
    static func fear(_ t: inout Tale) {
        let fear = t.name("fear", ["the dark", "deep water", "high places", "big dogs", "thunder"])
        t.world.moveToPlace(&t.teller.random) { place in
            [place.isDark, place.isWater, place.isHigh, true, true][fear]
        }
        t.world.name(&t.teller)
        t.introduceHero()
        t.introduceFriend()
        t.say("{h} was afraid of one thing only, and that was {fear}.")
        t.say(
            "[Nobody knew it but {e}.|{h} had never told anyone.|{f}, {h.his} friend, knew it and never laughed.]"
        )
        t.setDay()
        switch fear {
        case 0:
            t.say(
                "That {time} {f} crept into {place} to look for the {toy}, and did not come back. It was pitch dark in there."
            )
        case 1:
            t.say(
                "That {time} {f} was in a small boat {at}, and the rope came loose. The boat drifted out, and {f} could not swim."
            )
        case 2:
            t.say(
                "That {time} {f} had climbed up {at}, higher and higher, and now {f.he} could not get down."
            )
        case 3:
            t.say(
                "That {time} a big grey dog stood {at}, right before {f}, and did not let {f.him} pass."
            )
        default:
            t.say(
                "That {time} a storm came up. {f} was still {at}, all alone, while the thunder rolled."
            )
        }
        t.say("\"Help!\" called {f}.")
        t.newParagraph()
        t.say("{h} felt {h.his} knees grow soft. [Run away|Go home], said a voice inside {h.him}.")
        t.say("But another voice, a small one, said: [just one step|one step and then one more].")
        switch fear {
        case 0:
            t.say(
                "{h} put one {hand} on the wall and sang a song, so that {f} would hear {h.him}. \"I am here!\" called {f}, quite near. {h} took {f} by the {hand}, and they went back along the wall together."
            )
        case 1:
            t.say(
                "{h} took a long branch, held on to [a root|a post] with one {hand}, and went in, first to the knees and then to the belly. {f} caught the end of the branch, and {h} pulled."
            )
        case 2:
            t.say(
                "{h} did not look down. {h.he} climbed up to {f} and said, \"Put your foot where my {hand} is.\" Foot by foot they came down."
            )
        case 3:
            t.say(
                "{h} walked up slowly and did not look the dog in the eye. \"Good dog,\" {h.he} said, and saw that it had a thorn in its foot. When the thorn was out, the dog licked {h.his} face."
            )
        default:
            t.say(
                "{h} counted from the flash to the roll: one, two, three, four. \"It is [far|four fields] away,\" {h.he} said aloud, and ran between one roll and the next until {h.he} was with {f}."
            )
        }
        t.newParagraph()
        t.say("\"Were you not afraid?\" asked {f} afterwards.")
        t.say(
            "\"[I was|Very much|The whole time],\" said {h}. \"[But you were more afraid|But you were there|I was afraid and I went].\""
        )
        t.learn("being brave means being afraid and going all the same")
        t.close()
    }

    static func newcomer(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.say("One day somebody new came to live near {other}. It was {a r.kind} called {r}.")
        t.say(
            "{r} [did not say a word|never smiled|looked only at {r.his} feet]. \"{r} is proud,\" said {f}. \"{r} does not like us.\""
        )
        t.setDay()
        t.say("{h} saw {r} sitting alone {at}. {detail}.")
        t.newParagraph()
        if t.world.hero.trait == "shy" || t.chance(40) {
            t.say(
                "{h} did not know what to say, so {h.he} said nothing and sat down a little way off. {h.he} took out {a toy} and laid it between them."
                    .resolved(&t)
            )
            t.say(
                "After a while {r} pushed it a little. {h} pushed it back. They went on like that until both of them giggled."
            )
        } else {
            t.say("\"Why do you never talk to us?\" asked {h}.")
            t.say(
                "{r} turned red. \"Where I come from,\" {r.he} said very softly, \"the words are different. I am afraid that you will laugh at mine.\""
            )
            t.say(
                "\"Say one,\" said {h}. {r} said the word for [friend|bread|rain|stone], and it sounded like [a little bell|a bird|water]. \"That is a better word than ours,\" said {h}."
            )
        }
        t.newParagraph()
        t.say(
            "The next day {h} brought {f} along. At first {f} [kept {f.his} arms crossed|looked away]. But {r} knew a game that nobody here had ever played."
        )
        t.say(
            "You needed [three stones and a circle|a rope and a song|a hat and seven nuts], and above all you needed three players."
        )
        t.say("\"I thought that you were proud,\" said {f}. \"I thought that you were,\" said {r}.")
        t.learn("quiet is not the same as proud")
        t.close()
    }

    static func promise(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        let secret = t.name(
            "secret",
            [
                "had made a nest of grass for an injured bird", "could not read",
                "was still afraid of the night",
                "was building a present for {e}".resolved(&t),
                "had eaten the last {food}".resolved(&t),
            ]
        )
        t.setDay()
        t.say(
            "\"I will tell you a secret,\" whispered {f} {at}. \"But you must promise to keep it.\""
        )
        t.say("\"I promise,\" said {h}, and so {h.he} learnt that {f} {secret}.")
        t.newParagraph()
        t.say(
            "The secret was [like a frog in a pocket|like a bee in a jar]: it wanted to get out. When {r} asked, \"What were you two whispering about?\" {h} bit {h.his} lip."
        )
        t.say("\"I bet you do not know anything,\" said {r}. That was too much. {h} told.")
        t.say(
            "By the {evening} {somebody} knew that {f} {secret}.".replacing(
                "{evening}",
                with: "evening"
            )
        )
        t.newParagraph()
        t.say(
            "{f} did not shout. {f.he} only looked at {h} once and went home, and that was worse than shouting."
        )
        t.say(
            "{h} could not [eat|sit still]. \"What can I do?\" {h.he} asked {e}. \"You cannot call a word back,\" said {e}. \"But you can send another one after it.\""
        )
        if secret == 1 {
            t.say(
                "So {h} went to {f} and said, \"I am sorry. I broke my promise. If you like, I will read with you every day until you can do it.\""
            )
            t.say(
                "For a while there was no answer. Then {f} fetched a book. It took all [winter|summer], and in the end {f} read faster than {h}."
            )
        } else {
            t.say(
                "So {h} stood before {f.his} door and said, \"I am sorry. I broke my promise, and I have no excuse.\""
            )
            t.say(
                "For a while there was no answer. Then the door opened, just a little. \"Tell me a secret of yours,\" said {f}. {h} told {f.him} the one thing that nobody knew, and {f} kept it for ever."
            )
        }
        t.learn("a promise is small to give and big to keep")
        t.close(isSameDay: false)
    }

    static func sick(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.setDay()
        t.say(
            "{h} waited for {f} {at}, but {f} did not come. [An hour went by.|The sun moved on.|The shadows grew long.]"
        )
        t.say(
            "\"{f} is ill,\" said {e}. \"{f.he} has a [fever|bad cough|sore throat] and must stay in bed.\""
        )
        t.newParagraph()
        t.say(
            "{h} wanted to help at once. {h.he} [cooked|made] some {food}, and because {h.he} was in a hurry, {h.he} put in [far too much pepper|salt instead of sugar|a whole spoon of mustard]."
        )
        t.giveItem()
        t.meetTrouble()
        t.say("At last {h} stood beside the bed. {f} was pale and did not even lift {f.his} head.")
        t.newParagraph()
        t.say(
            "{f} took one spoonful. {f.his} eyes grew round, {f.he} coughed, {f.he} sneezed, and then {f.he} laughed for the first time that day."
        )
        t.say(
            "\"That is the [worst|strangest] {food} in the world,\" said {f}. \"Now I am wide awake. Tell me something.\""
        )
        t.say(
            "So {h} told {f} about everything that had happened on the way, and {f} listened until {f.he} fell asleep with a smile."
        )
        t.say(
            "{h} came every day. On the [third|fourth|fifth] day the bed was empty, because {f} was already outside, waiting."
        )
        t.learn("good company is half of the cure")
        t.close(isSameDay: false)
    }

    static func boast(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        let skill = t.name(
            "skill",
            [
                "swim across the lake", "climb the tallest tree", "talk to the owls",
                "run faster than the wind", "catch a fish with bare {hands}".resolved(&t),
            ]
        )
        t.setDay()
        t.say(
            "The {children} were sitting {at} and telling what they could do. {r} could [whistle three songs|jump over a fence]. {f} could [count to a thousand|walk on {f.his} {hands}]."
        )
        t.say("{h} could not think of anything. \"I can {skill},\" {h.he} heard {h.self} say.")
        t.say("\"Really?\" cried the others. \"Show us tomorrow!\"")
        t.newParagraph()
        t.say("That night {h} did not sleep. It was not true, and tomorrow everybody would see it.")
        if t.chance(50) {
            t.say(
                "In the morning {h} said that {h.his} foot hurt. So {h} had to limp all day, and limping was hard work. Twice {h.he} limped with the wrong foot."
            )
            t.say("\"Yesterday it was the other one,\" said {f} quietly.")
            t.say(
                "{h} turned as red as a berry. \"I cannot {skill},\" {h.he} said at last. \"I made it up, because you could all do something.\""
            )
        } else {
            t.say(
                "In the morning they all stood there and waited. {h} looked at them, one after another. Then {h.he} took a deep breath."
            )
            t.say(
                "\"I cannot {skill},\" {h.he} said. \"I never could. I wanted you to think that I was great.\""
            )
        }
        t.say("Nobody spoke. {detail}.")
        t.newParagraph()
        t.say(
            "Then {r} said, \"[I can whistle only two songs|The fence was very low].\" And {f} said, \"After a hundred I always get mixed up.\""
                .replacing(
                    "[I can whistle only two songs|The fence was very low]",
                    with: "To tell the truth, I am not so good at it either"
                )
        )
        t.say(
            "They laughed until their sides hurt. \"But you told a story that kept us all awake,\" said {f}. \"That is what you can do!\""
        )
        if skill == 4 {
            t.say(
                "And in the summer {h} did catch a fish. It was as long as a thumb, and {h.he} let it go."
            )
        }
        t.learn("the truth is easier to carry than a big word")
        t.close()
    }

    static func birthday(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.say("Tomorrow was {h.his} birthday, and {h} counted the hours.")
        t.say(
            "But when {h} woke up, nobody said a word about it. {e} only said, \"[Please fetch some water|Wash your {hands}|Shut the door, it is cold].\""
        )
        t.say(
            "{f} did not have time to play. \"I must help at home,\" {f.he} said and ran away, with something behind {f.his} back."
        )
        t.say("{r} did not even look up.")
        t.newParagraph()
        t.say("\"They have forgotten it,\" thought {h}, and walked to {place} all alone. {detail}.")
        t.say(
            "There {h} sat and talked to [a beetle|a snail|a small grey bird]. \"Today I am one year older,\" {h.he} told it. It [looked at {h.him}|stayed a while], and that was something."
        )
        t.newParagraph()
        t.say("When the sun was low, {h} went home. It was dark in {home}, and very still.")
        t.say(
            "{h} opened the door, and suddenly there were [twenty|a hundred|more] candles and a great shout: \"Happy birthday!\""
        )
        t.say(
            "{somebody} was there. {e} had made {food}. {f} had made {a toy}, and one could see that it had taken weeks. {r} had learnt a song."
        )
        t.say(
            "\"I thought that you had forgotten me,\" said {h}. \"We thought of nothing else,\" said {f}. \"Do you know how hard it is to keep quiet?\""
        )
        t.say(
            "{h} put a piece of cake into {h.his} pocket. \"For whom is that?\" asked {e}. \"For somebody who listened,\" said {h}."
        )
        t.learn("people who look away are sometimes hiding a surprise")
        t.close()
    }

    static func rivals(_ t: inout Tale) {
        t.introduceHero()
        t.say(
            "There was also {r}, {a r.trait} {r.kind}. Whatever {h} did, {r} did it too, and each wanted to be the first."
        )
        t.setDay()
        t.say(
            "There was to be a race from {place} to {other}. \"I will win,\" said {h}. \"You will see my back,\" said {r}."
        )
        t.say("{e} called out, \"One, two, three!\" and off they ran.")
        t.newParagraph(looks: false)
        t.say(
            "[At first {r} was in front, then {h}.|They ran side by side, breathing hard.] {detail}, but they saw nothing of it."
        )
        switch t.below(3) {
        case 0:
            t.say(
                "Just before the end {r} fell over a root and held {r.his} foot. {h} could see the finish. [Nobody would blame {h.him} for running on.|It was only twenty steps away.]"
            )
            t.say(
                "{h} stopped. {h.he} went back, put {r.his} arm around {h.his} neck, and they hopped to the end on three legs. They were the very last."
            )
            t.say(
                "\"You would have won,\" said {r}. \"I know,\" said {h}. \"But who would have been my rival tomorrow?\""
            )
            t.learn("winning alone is a lonely thing")
        case 1:
            t.say(
                "{h} knew a short way through the bushes, although it was not allowed. {h.he} took it and came in first. Everybody clapped."
            )
            t.say(
                "But the prize, {a toy}, felt [heavy|cold] in {h.his} {hands}. In the evening {h} brought it to {r}. \"I took the short way,\" {h.he} said. \"It is yours.\""
                    .resolved(&t)
            )
            t.say(
                "{r} turned it over and over. \"I took it too,\" {r.he} said at last. \"You were only faster.\" Then they took the prize to {f}, who had come in third and had run the whole way."
            )
            t.learn("a prize is only as good as the way to it")
        default:
            t.say(
                "They came in at the very same moment. {e} measured, and {e} could not find a difference."
            )
            t.say(
                "\"Then you must share the {toy},\" said {e}. {h} and {r} looked at each other. They had never shared anything but a quarrel."
            )
            t.say(
                "They began with the {toy}, and a week later they shared their [bread|jokes|secrets] as well."
            )
            t.learn("the one who runs beside you is not against you")
        }
        t.close()
    }
}
