/// Who may be in a story.
enum Words {
    static let girls = [
        "Ada", "Alma", "Anna", "Bea", "Cleo", "Dora", "Edith", "Ella", "Etta", "Flora", "Greta",
        "Hazel", "Ida", "Iris", "Ivy", "Jane", "June", "Kit", "Lena", "Lily", "Lotte", "Mabel",
        "Maya",
        "Mina", "Nell", "Nora", "Olive", "Pearl", "Rosa", "Ruth", "Sara", "Tess", "Uma", "Vera",
        "Wren",
        "Yuki", "Zadie", "Zoe",
    ]
    static let boys = [
        "Abel", "Alfie", "Amir", "Ben", "Bruno", "Carl", "Dan", "Eli", "Emil", "Felix", "Finn",
        "Frank", "Gus", "Hal", "Henry", "Hugo", "Ivan", "Jack", "Jonas", "Karim", "Leo", "Luca",
        "Max",
        "Milo", "Nico", "Noah", "Omar", "Oscar", "Paul", "Ravi", "Sam", "Theo", "Tom", "Victor",
        "Will",
        "Yusuf", "Zack",
    ]
    static let animals = [
        "Acorn", "Basil", "Bramble", "Button", "Clover", "Copper", "Dapple", "Dusty", "Fern",
        "Fidget",
        "Hop", "Juniper", "Maple", "Minty", "Moss", "Nibble", "Nutmeg", "Pebble", "Pepper", "Pip",
        "Poppy", "Quill", "Russet", "Scamper", "Sorrel", "Sparrow", "Thistle", "Tuft", "Twig",
        "Willow",
    ]
    static let kinds = [
        "rabbit", "fox", "mouse", "hedgehog", "squirrel", "otter", "mole", "badger", "bear", "frog",
        "weasel", "beaver",
    ]
    static let villageElders: [(String, Pronouns)] = [
        ("Mum", .she), ("Dad", .he), ("Grandma", .she), ("Grandpa", .he), ("Aunt Ivy", .she),
        ("Uncle Ned", .he), ("Aunt Martha", .she), ("Uncle Bill", .he),
    ]
    static let woodElders: [(String, Pronouns)] = [
        ("Old Badger", .he), ("Grandmother Owl", .she), ("Father Hare", .he),
        ("Mother Otter", .she),
        ("Aunt Heron", .she), ("Uncle Toad", .he), ("Old Mother Mole", .she),
        ("Grandfather Stag", .he),
    ]
    static let traits = [
        "brave", "shy", "careful", "curious", "stubborn", "patient", "forgetful", "cheerful",
        "proud",
        "gentle", "quick", "dreamy",
    ]

    static let villagePlaces = [
        Place("the river", "by the river", "the water ran fast and brown", isWater: true),
        Place("the market", "at the market", "people called out the price of plums and fish"),
        Place(
            "the old mill",
            "at the old mill",
            "the great wheel turned and dripped",
            isWater: true
        ),
        Place(
            "the harbour",
            "at the harbour",
            "the boats knocked softly against the wall",
            isWater: true
        ),
        Place(
            "the beach",
            "on the beach",
            "the waves drew long white lines on the sand",
            isWater: true
        ),
        Place("the hill", "on the hill", "the wind never stopped", isHigh: true),
        Place("the orchard", "in the orchard", "the apples were turning red", hasTrees: true),
        Place("the park", "in the park", "the ducks slept beside the path", hasTrees: true),
        Place(
            "the lighthouse",
            "at the lighthouse",
            "the stairs went round and round",
            isHigh: true
        ),
        Place("the school garden", "in the school garden", "beans climbed up tall sticks"),
        Place(
            "the railway bridge",
            "on the railway bridge",
            "a train hummed far away",
            isHigh: true
        ),
        Place("the barn", "in the barn", "the hay smelled of summer", isDark: true),
        Place(
            "the forest",
            "in the forest",
            "the light fell green through the leaves",
            isDark: true,
            hasTrees: true
        ),
        Place("the lake", "by the lake", "the water lay as flat as a plate", isWater: true),
        Place(
            "the castle ruin",
            "in the castle ruin",
            "grass grew on the broken walls",
            isHigh: true,
            isDark: true
        ),
        Place("the cave", "in the cave", "every step made an echo", isDark: true),
    ]
    static let woodPlaces = [
        Place("the brook", "by the brook", "the water talked to the stones", isWater: true),
        Place("the big oak", "under the big oak", "acorns dropped now and then", hasTrees: true),
        Place("the mossy hollow", "in the mossy hollow", "it was cool and quiet", isDark: true),
        Place("the pond", "by the pond", "dragonflies stood in the air", isWater: true),
        Place(
            "the bramble hedge",
            "at the bramble hedge",
            "the thorns were long and the berries sweet"
        ),
        Place("the sunny clearing", "in the sunny clearing", "the grass was warm", hasTrees: true),
        Place(
            "the windy ridge",
            "on the windy ridge",
            "you could see the whole wood",
            isHigh: true
        ),
        Place(
            "the fern valley",
            "in the fern valley",
            "the ferns were taller than a bear",
            isDark: true
        ),
        Place("the old stone wall", "at the old stone wall", "lizards sat in the sun"),
        Place(
            "the beaver dam",
            "at the beaver dam",
            "sticks and mud held back the water",
            isWater: true
        ),
        Place(
            "the pine slope",
            "on the pine slope",
            "the needles made a soft floor",
            isHigh: true,
            hasTrees: true
        ),
        Place("the hollow log", "at the hollow log", "mushrooms grew in a row", isDark: true),
        Place("the waterfall", "by the waterfall", "the spray made a small rainbow", isWater: true),
        Place("the heather moor", "on the heather moor", "bees went from bell to bell"),
    ]

    static let toys = [
        "red kite", "blue marble", "wooden boat", "little drum", "yellow scarf", "silver whistle",
        "striped ball", "tin lantern", "paper crown", "glass button", "brass bell", "green hat",
        "painted top", "old compass", "long feather", "wooden flute", "orange cap", "small mirror",
        "clay bird", "woollen glove", "shiny key", "round stone", "tiny spoon", "walking stick",
    ]
    static let foods = [
        "honey cake", "apple pie", "pea soup", "warm bread", "plum jam", "carrot stew",
        "berry tart",
        "nut bread", "pumpkin soup", "oat cake", "cheese pie", "mushroom soup",
    ]
    static let weathers: [Weather] = [
        Weather("sunny", "the sun was shining", isWet: false, isWindy: false),
        Weather("windy", "the wind was blowing", isWet: false, isWindy: true),
        Weather("rainy", "the rain was falling", isWet: true, isWindy: false),
        Weather("foggy", "the fog lay over everything", isWet: false, isWindy: false),
        Weather("cold", "the air was cold and clear", isWet: false, isWindy: false),
        Weather("warm", "the air was soft and warm", isWet: false, isWindy: false),
        Weather("grey", "the sky was grey", isWet: false, isWindy: false),
        Weather("stormy", "dark clouds were rolling in", isWet: true, isWindy: true),
    ]
}
