/// Plots about gardens, kitchens, snow, fairs and practice.
enum SeasonPlots {
    static func garden(_ t: inout Tale) {
        t.introduceHero()
        let crop = t.name("crop", ["sunflower", "pumpkin", "bean", "apple tree", "carrot", "rose"])
        t.say(
            "In spring {e} gave {h} a single seed. \"It will be {a crop},\" said {e}, \"if you can wait.\""
        )
        t.say(
            "{h} put it into the earth {at} and watered it. The next morning {h.he} ran out to look. There was nothing but earth."
        )
        t.say(
            "[\"It does not work,\" said {h}.|\"It is broken,\" said {h}.] \"It is working where you cannot see it,\" said {e}."
        )
        t.newParagraph()
        t.say(
            "A week went by. {h} wanted to dig it up, just to look. [{f} held {h.him} back.|{h} held {h.his} own {hand} back.]"
        )
        t.say(
            "Then there was a green point, no bigger than a [needle|tooth|drop]. {h} danced around it."
        )
        switch t.below(3) {
        case 0:
            t.say(
                "In summer it did not rain for [three|four|five] weeks. Every evening {h} carried water from far away, although it was hard work."
            )
        case 1:
            t.say(
                "In summer the snails came. {h} did not want to hurt them. Every evening {h.he} picked them off, one by one, and carried them to {other}."
            )
        default:
            t.say(
                "In summer there was a big storm. {h} ran out in the rain and tied the plant to a stick with {h.his} own {scarf}."
                    .replacing("{scarf}", with: "belt")
            )
        }
        t.newParagraph()
        switch crop {
        case 0:
            t.say(
                "In autumn the sunflower was taller than {e}. It had a hundred seeds, and each of them was like the first one."
            )
        case 1:
            t.say("In autumn the pumpkin was so big that {h} and {f} had to roll it home together.")
        case 2:
            t.say(
                "In autumn there were so many beans that they could not be counted. {h} tried, and stopped at two hundred."
            )
        case 3:
            t.say(
                "In autumn the apple tree was as high as {h.his} knee. \"When does it have apples?\" \"In five years,\" said {e}. And {h}, who had learnt to wait, said only, \"Good.\""
            )
        case 4:
            t.say(
                "In autumn {h} pulled and {f} pulled, and then {e} pulled as well, and out came the longest carrot that anybody had ever seen."
            )
        default:
            t.say("In autumn the rose opened. It was only one, but {somebody} came to smell it.")
        }
        t.say(
            "{h} [kept one seed|laid one seed aside] for {r}, {a r.kind} who had nothing. \"It will be something,\" said {h}, \"if you can wait.\""
        )
        t.learn("waiting is also a kind of work")
        t.close(isSameDay: false)
    }

    static func bake(_ t: inout Tale) {
        t.name(
            "food",
            ["honey cake", "apple pie", "nut bread", "berry tart", "oat cake", "plum cake"]
        )
        t.introduceHero()
        t.introduceFriend()
        t.setDay()
        t.say(
            "\"Tomorrow is the feast,\" said {e}. \"Who will make the {food}?\" \"We will!\" cried {h} and {f}, although they had never done it before."
        )
        t.say(
            "{e} told them how. But {h} [was looking out of the window|was thinking of the {toy}], and {f} thought that {h} was listening."
        )
        t.newParagraph()
        let slip = t.name(
            "slip",
            ["a cup of salt", "ten onions", "a whole pot of pepper", "the flour for a month"]
        )
        t.say(
            "\"How much of it do we need?\" asked {f}. \"[All of it, I think|A lot],\" said {h}. So in went {slip}."
        )
        t.say(
            "They stirred until [their arms hurt|the spoon stood up by itself]. Then they put it on the fire and went out to play, only for a moment."
        )
        t.say("It was the smell that called them back. Black smoke came out of the window.")
        t.newParagraph()
        if slip == 3 {
            t.say(
                "In the pot sat a dark, hard lump, as heavy as a stone. They tried to cut it with a knife, with a saw, and in the end with an axe."
            )
        } else {
            t.say("{h} took a small bite, grew pale, then red, and drank a whole jug of water.")
        }
        t.say("\"What shall we do?\" whispered {f}. It was late, and the feast was tomorrow.")
        if t.chance(50) {
            t.say(
                "They went to {e} and told everything. {e} did not scold. {e.he} tied on an apron. \"Once more from the start,\" {e.he} said, \"and this time with your ears.\""
            )
            t.say(
                "They worked until midnight. The second {food} was [golden|soft and sweet], and at the feast not a crumb was left."
            )
        } else {
            t.say(
                "They knocked at every door. One gave an egg, one gave butter, one gave {hands} that knew how it was done. In the end there were ten cooks around one pot."
            )
            t.say(
                "It did not taste like {e}'s {food}. It tasted like everybody's, and at the feast people asked for more."
            )
        }
        t.say(
            "And the black lump? It lies before the door, and it keeps the door open when the wind blows."
        )
        t.learn("listening is the first thing that goes into the pot")
        t.close()
    }

    static func snow(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.say(
            "One morning the world was white. It had snowed all night, and {place} looked as if somebody had drawn it with chalk."
        )
        t.say(
            "{h} and {f} ran out. They made [a long slide|a thousand footprints|big snowballs], and then they made a snowman. He got [two coals for eyes|nuts for buttons] and the {toy} in his {hand}."
                .replacing("his {hand}", with: "his arm")
        )
        t.say(
            "\"What is his name?\" asked {f}. \"[Mister Cold|Sir Winter|Old White],\" said {h}. They told him everything, and he listened better than anyone."
        )
        t.newParagraph()
        t.say(
            "They came every day. But one day the wind was soft, and water dripped from the roofs. The snowman had become thin, and his head hung down."
        )
        t.say("\"We must save him!\" cried {h}.")
        switch t.below(3) {
        case 0:
            t.say(
                "They built a roof of branches over him. It helped for two days. Then there was only a hat on the grass."
            )
        case 1:
            t.say(
                "They rolled him into the shade behind the wall, bit by bit. There he lasted until the first flowers came, and he was the last snow in the land."
            )
        default:
            t.say(
                "They carried a part of him down into the cellar, in a bucket. In summer, when it was very hot, {h} opened the lid. It was only water. They drank it, and it tasted of winter."
            )
        }
        t.newParagraph()
        t.say(
            "{h} was sad. \"Where did he go?\" {h.he} asked. {e} took {h.him} to the window. \"Into the [brook|river] and into the sea,\" said {e}, \"and up into the clouds. And one night he will come down again.\""
        )
        t.say(
            "The next winter they made him again. [\"Do you think that he remembers us?\" asked {f}.|\"Is it the same one?\" asked {f}.] {h} put the {toy} in its place. \"Look,\" {h.he} said. \"He is smiling.\""
        )
        t.learn("some things go away in order to come back")
        t.close(isSameDay: false)
    }

    static func market(_ t: inout Tale) {
        t.introduceHero()
        t.say(
            "It was the day of the great fair {otherAt}. \"Stay close to me,\" said {e}. \"And if we lose each other, stand still [under the tallest flag|beside the fountain|at the big gate]. I will find you.\""
        )
        t.say(
            "There was so much to see! A bear that danced, a man with five hats, a table full of toys. {h} stopped for one moment to look at {a toy}."
        )
        t.say("When {h.he} turned round, {e} was gone.")
        t.newParagraph()
        t.say(
            "{h} ran to the left. There were only strange legs. {h.he} ran to the right. A tall stranger said, \"Come with me, little one, I know where they are.\""
        )
        t.say(
            "{h} felt a lump in {h.his} throat. Then {h.he} remembered what {e} had said. \"No, thank you,\" said {h}. \"I have to stand in my place.\""
        )
        t.say(
            "So {h} went there and stood still, although everything inside {h.him} wanted to run. {h.he} counted the people who went by: [sixty|eighty|a hundred and ten]."
        )
        t.newParagraph()
        t.say(
            "Beside {h.him} stood {r}, who was even smaller and was crying. \"I have lost my mother,\" {r} said. \"Then stand here with me,\" said {h}. \"People find you better when there are two of you.\""
        )
        t.say(
            "They told each other [jokes|the names of all animals they knew], and after a while {r} stopped crying."
        )
        t.say(
            "First came {r.his} mother, and then, out of breath and with {e.his} hat on crooked, came {e}. {e} did not say anything at first, only held {h} very tight."
        )
        t.say(
            "\"You stood still,\" {e} said at last. \"That was the hardest thing, and you did it.\""
        )
        t.learn("whoever wants to be found should stay in one place")
        t.close()
    }

    static func skill(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        let skill = t.name(
            "skill",
            [
                "whistle", "swim", "tie a sailor's knot", "skip stones", "walk on stilts",
                "play the flute",
            ]
        )
        t.say(
            "{f} could {skill}, and {r} could {skill}, and even {r.his} little brother could do it. Only {h} could not."
        )
        t.setDay()
        t.say(
            "{h} went to {place}, where nobody would see it, and tried. It did not work. {h.he} tried again, ten times, twenty times."
        )
        switch skill {
        case 0: t.say("There was nothing but air and spit.")
        case 1: t.say("{h.he} swallowed so much water that {h.he} felt like a bucket.")
        case 2:
            t.say(
                "In the end both of {h.his} {hands} were tied together, and {f} had to set {h.him} free."
            )
        case 3: t.say("Every stone went plop and was gone.")
        case 4:
            t.say(
                "{h} fell to the left, {h.he} fell to the right, and once {h.he} fell in a direction that has no name."
            )
        default: t.say("It sounded like a cat that somebody has stepped on.")
        }
        t.newParagraph()
        t.say(
            "\"I shall never learn it,\" said {h}. {e} had been watching. \"How often did you fall before you could walk?\" {e} asked. \"I do not remember,\" said {h}. \"I do,\" said {e}. \"[Two hundred times|Every day for a year]. And you never once said never.\""
        )
        t.say(
            "So {h} practised a little every day. On most days it did not get better. On some days it got worse."
        )
        t.say(
            "And then, [one Tuesday|one morning before breakfast|when {h} was thinking of something else], it worked. {h} was so surprised that {h.he} forgot to be glad."
        )
        t.newParagraph()
        switch skill {
        case 0:
            t.say(
                "A week later {h} and {f} were lost in the fog. {h} whistled and whistled, until somebody heard it and came with a lamp."
            )
        case 1:
            t.say(
                "A week later {r.his} little brother fell into the water. {h} was in after him before anyone else had taken off a shoe."
            )
        case 2:
            t.say(
                "A week later the wind wanted to take the boat. Only one knot held, and it was the one that {h} had tied."
            )
        case 3:
            t.say(
                "A week later {h} threw a stone that jumped nine times, and the ninth time it hit the bell on the other side. It was the first time that anybody had rung it from here."
            )
        case 4:
            t.say(
                "A week later there was a flood, and {h} walked through the water on stilts and brought bread to those who sat on their roofs."
            )
        default:
            t.say(
                "A week later {r} could not sleep for sadness. {h} sat down under the window and played, and by and by it was quiet in there."
            )
        }
        t.learn("what does not work yet may work tomorrow")
        t.close(isSameDay: false)
    }

    static func thief(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.setDay()
        t.say("When {e} came into the kitchen, the {food} was gone. Only crumbs were left.")
        t.say(
            "\"It was {r},\" said {f} at once. \"{r} always looks so hungry.\" \"We do not know that,\" said {h}. \"Let us look.\""
        )
        t.newParagraph()
        t.say(
            "Under the window they found [a wet footprint|a grey hair|a trail of crumbs], and it was far too small for {r}."
        )
        t.say(
            "They followed the trail out of the garden, past {place}, where {detail}. There were more crumbs, one here, one there."
        )
        t.say(
            "Beside the path stood {r}. \"Everybody thinks that it was me,\" {r.he} said, and {r.his} eyes were wet. {f} looked at the ground. \"Come with us,\" said {h}. \"Six eyes see more than four.\""
        )
        t.newParagraph()
        t.say(
            "The trail ended {otherAt}. There, in a nest of leaves, lay a thin little cat with [three|four|five] kittens. Between her paws was the last piece of the {food}."
        )
        t.say(
            "The cat hissed. She was afraid, but she did not run away, because of the small ones."
        )
        t.say("\"So that is our thief,\" whispered {r}. \"She is only a mother,\" said {h}.")
        t.say(
            "That evening they carried a bowl of milk to the nest, and {e} made new {food}, a little more than usual."
        )
        t.say("And {f} went to {r} and said, \"I said something that I did not know. I am sorry.\"")
        t.learn("one must look first and speak afterwards")
        t.close()
    }
}
