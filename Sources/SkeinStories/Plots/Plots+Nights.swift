/// Plots about losing the way, keeping watch, echoes and borrowed things.
enum NightPlots {
    static func fog(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.say(
            "They had stayed {at} too long. When they wanted to go home, the fog had come up, and the path was gone."
        )
        t.say(
            "\"It is this way,\" said {h}. \"No, it is that way,\" said {f}. They went [left|straight on|downhill], and after an hour they stood at the same [bent tree|white stone|broken fence] again."
        )
        t.newParagraph()
        t.giveSmallThing()
        switch t.below(3) {
        case 0:
            t.say(
                "Then {h} had an idea. \"Water always runs down to where somebody lives,\" {h.he} said. They listened until they heard a small stream, and kept it on their left side, step by step."
            )
            t.say(
                "The stream grew wider. There was a bridge, and on the bridge stood {e} with a light."
            )
        case 1:
            t.say(
                "\"We should not walk any more,\" said {f}. \"If we stay here, we cannot get more lost.\" They sat down back to back and sang all the songs they knew."
            )
            t.say(
                "At the [seventh|ninth|twelfth] song somebody sang along in the fog. It was {e}, who had followed the wrong notes."
            )
        default:
            t.say(
                "\"Who is there?\" asked a voice. It was {r}, {a r.kind} who could not see at all, neither in fog nor in sunshine. \"For me it is always like this,\" said {r}. \"Hold on to my sleeve.\""
            )
            t.say(
                "{r} knew every stone by the sound of it. Soon they smelled smoke, and then they stood before their own door, where {e} was waiting."
            )
        }
        t.newParagraph(looks: false)
        t.say("\"Were you afraid?\" asked {e}. \"Only when we were quarrelling,\" said {f}.")
        t.learn("two who are lost together are only half as lost")
        t.close()
    }

    static func lantern(_ t: inout Tale) {
        t.introduceHero()
        t.say(
            "Every evening {e} lit the big lantern {at}, so that those who were still on the way could find home."
        )
        t.say(
            "But one evening {e} had [hurt a foot|a bad cold|gone to a sick friend]. \"You will have to do it,\" {e} said to {h}. \"Light it when the sun is gone, and do not let it go out before morning.\""
        )
        t.newParagraph()
        t.say(
            "{h} was {h.trait}, and {h.he} had never stayed awake for a whole night. Until midnight it was easy. {h.he} counted the [stars|bats|waves], and {f} kept {h.him} company until {f.he} had to go to bed."
        )
        t.say(
            "After midnight {h.his} eyes fell shut. {h} [pinched {h.his} arm|walked up and down|washed {h.his} face with cold water|told {h.self} a story]."
        )
        if t.chance(50) {
            t.say(
                "All at once a gust of wind came, and the flame was gone. It was as dark as in a sack. With shaking {hands} {h} felt for the matches. One broke, and the second one broke. There was only one left."
            )
            t.say(
                "{h} waited until the wind took a breath. Then {h.he} struck it, and the light was there again."
            )
        } else {
            t.say(
                "Then the oil ran low. {h} looked everywhere and found nothing. In the end {h.he} poured in the oil from {h.his} own supper, drop by drop, and it lasted."
            )
        }
        t.newParagraph()
        t.say(
            "In the grey of the morning somebody came along the path, tired and covered with dust. It was {r}. \"I had lost my way in the night,\" {r.he} said. \"Then I saw the light. For a moment it was gone, and I stood still and waited. I knew that somebody would light it again.\""
        )
        t.say("{h} could not say a word. {h.he} only held out the rest of the {food}.")
        t.learn("a small light is big for those who are far away")
        t.close()
    }

    static func echo(_ t: inout Tale) {
        t.introduceHero()
        t.setDay()
        t.say(
            "{h} was angry with [{f}|{r}|everybody] that day and ran out to {other}, to be alone."
        )
        t.say("\"You are stupid!\" {h.he} shouted. \"Stupid!\" somebody shouted back.")
        t.say(
            "{h} looked round. There was nobody. \"Come out!\" \"Out!\" \"Who are you?\" \"Are you?\" It went on like that until {h.his} voice was hoarse."
        )
        t.newParagraph()
        t.say(
            "\"There is somebody {otherAt} who hates me,\" {h} said to {e} in the evening. \"What did you call to them?\" asked {e}. {h} told it."
        )
        t.say(
            "\"Go back tomorrow,\" said {e}, \"and call something else. Then come and tell me whether they are still so bad.\""
        )
        t.say(
            "The next day {h} stood {otherAt} for a while and was a little ashamed. Then {h.he} called, not very loud, \"Good morning!\" \"Morning!\" came the answer, quite friendly."
        )
        t.say(
            "\"[Do you want to play?|Shall we be friends?|Are you alone?]\" called {h}. And the voice called it too, as if it had only been waiting for that."
        )
        t.newParagraph()
        t.say(
            "On the way home {h} met {f}. Yesterday they had [quarrelled|called each other names|walked past each other]. \"Good morning,\" said {h}, not very loud. {f} looked up. \"Good morning,\" said {f}."
        )
        t.learn("what you call into the world comes back to you")
        t.close(isSameDay: false)
    }

    static func borrowed(_ t: inout Tale) {
        t.introduceHero()
        t.introduceFriend()
        t.say(
            "{f} had {a toy} that {f.he} loved. \"May I borrow it?\" asked {h}. \"Only until tomorrow,\" said {f}, \"and you must take care of it.\" \"I will,\" said {h}."
        )
        t.setDay()
        t.say(
            "{h} took it along to {place}. {h.he} only wanted to show it to {r}. They [threw it high|ran with it|hid it from each other], and then it fell, and there was [a crack in it|a hole in it|a big scratch on it]."
        )
        t.newParagraph()
        t.say(
            "\"Put it back and say nothing,\" said {r}. \"{f} will not notice.\" \"{f} will,\" said {h}."
        )
        if t.chance(50) {
            t.say(
                "All night long {h} tried to mend it. In the morning it looked almost as before. Almost. \"Here it is,\" said {h}. And then: \"It fell down. I mended it as well as I could. You may have my own {gift} for it.\""
                    .replacing("{gift}", with: "blue cup")
            )
            t.say(
                "{f} turned the {toy} round and round and found the place. \"You have put a little {star} over it,\" {f.he} said. \"Now I can always find it in the dark.\""
                    .replacing("{star}", with: "patch")
            )
        } else {
            t.say(
                "{h} went to {f} at once, although it was late and the way was long. \"It is broken,\" {h.he} said, \"and it is my fault.\""
            )
            t.say(
                "{f} wept a little, and {h} wept a little too. Then they went to {e}, who could mend almost everything. \"This will take until Sunday,\" said {e}, \"and I need four {hands} to help me.\""
            )
            t.say(
                "By Sunday the {toy} was whole again, and {h} knew how to use a [file|needle|brush]."
            )
        }
        t.say(
            "\"Will you ever lend me something again?\" asked {h}. {f} thought about it. \"Yes,\" {f.he} said. \"Because you came back.\""
        )
        t.learn("a thing that is borrowed should be held with both {hands}")
        t.close()
    }
}
