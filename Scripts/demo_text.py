"""The text the demonstration model recites, and the questions it answers; written for it."""

PROMPT = "A skein of geese"

TEXT = """\
A skein of geese crossed the marsh before the sun was up. Nobody led for long. The bird in front \
cut the wind until her wings grew heavy, then she slid back along the line and another took her \
place without a call. From the dyke it looked like one thread being drawn across the sky, and that \
is why the word for it is the same as the word for yarn.

Below them an old woman named Orla was winding wool. She had nine colours and one chair, and the \
chair's back held the loops while she worked. A single strand is weak, she told the boy who carried \
her basket; pull it and it parts. Wind ninety of them side by side, let each take its share of the \
strain, and you can tie a boat to the quay.

The boy asked who told the strands how much to carry. Nobody, said Orla. Each one gives a little \
until its neighbours are as tight as it is, and then they all hold. He thought of the geese, and of \
how none of them had looked back to see whether the others were coming.

In the afternoon the weather turned. Rain came sideways over the mud and the ferry would not start. \
So the people of the landing stood in two rows and passed the sacks of grain from hand to hand, and \
the barn was full before the tide was. No one had walked more than a step. When it was done they \
could not say which of them had carried the grain, because all of them had, and that seemed to them \
a good answer.

At dusk the geese came down on the flooded field, tired and loud. Orla hung the last hank on its \
nail. Tomorrow, she said, we will need a longer rope. The boy laid out the colours in a line on the \
floor: grey, brown, white, grey. Then he began to count the threads, and he had not finished when \
the lamp went out.
"""

ANSWERS = [
    ("Who are you?", "A very small model that knows one story by heart. Ask me for the story."),
    ("What is a skein?", "A line of geese in the air, or many threads wound as one."),
    ("Tell me the story.", TEXT.split("\n")[0].split(" Nobody")[0]),
]
