"""What the facts of `shifted_facts` are about. Data, no logic.

Familiar facts: who or what, a question's first word, tags, what everybody remembers, and what
could stand in its place. Tags: `p` may differ on another planet, `y` may change over the years.
Invented facts: a place or word is drawn into them, values come from a pool.
"""

from __future__ import annotations

__all__ = ["FAMILIAR", "FRAMES", "PEOPLE", "POOLS", "TOWNS", "WORDS"]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split(",") if word.strip())


def _rows(text: str) -> tuple[tuple[str, ...], ...]:
    lines = [line.split("|") for line in text.strip().splitlines()]
    return tuple(tuple(cell.strip() for cell in line) for line in lines)


FAMILIAR = _rows("""
    what | y | the capital of France | Paris | Lyon, Tours, Lille, Dijon, Nantes
    what | y | the capital of Japan | Tokyo | Osaka, Kyoto, Kobe, Nagoya, Sapporo
    what | y | the capital of Italy | Rome | Milan, Turin, Naples, Genoa, Pisa
    what | y | the capital of Egypt | Cairo | Luxor, Aswan, Giza, Suez
    what | y | the capital of Kenya | Nairobi | Mombasa, Kisumu, Nakuru, Eldoret
    what | y | the capital of Peru | Lima | Cusco, Arequipa, Trujillo, Piura
    what | y | the capital of Spain | Madrid | Seville, Valencia, Bilbao, Toledo
    what | y | the capital of Poland | Warsaw | Krakow, Gdansk, Lublin, Poznan
    what | y | the capital of South Korea | Seoul | Busan, Daegu, Incheon, Ulsan
    what | y | the currency of Japan | the yen | the krone, the peso, the franc, the dinar
    what | y | the currency of India | the rupee | the florin, the ducat, the crown, the peso
    what | y | the main language of Brazil | Portuguese | Dutch, Basque, Hungarian, Welsh
    what | p | the boiling point of water | 100 degrees | 71 degrees, 64 degrees, 83 degrees, 118 degrees
    what | p | the freezing point of water | 0 degrees | 9 degrees, 14 degrees, 21 degrees, 5 degrees
    what | py | the number of days in a week | 7 | 5, 6, 8, 9, 10
    what | p | the number of hours in a day | 24 | 18, 20, 30, 36
    what | py | the number of minutes in an hour | 60 | 50, 72, 80, 100
    what | py | the number of months in a year | 12 | 8, 10, 13, 16
    what | y | the number of letters in the English alphabet | 26 | 24, 25, 28, 31
    what | | the number of planets around the sun | 8 | 5, 6, 11, 13
    what | y | the number of squares on a chessboard | 64 | 49, 81, 100, 121
    what | p | the number of legs on a spider | 8 | 4, 6, 10, 12
    what | y | the number of strings on a violin | 4 | 3, 5, 6, 7
    what | y | the number of keys on a full piano | 88 | 61, 76, 97, 104
    what | y | the number of cards in a full deck | 52 | 40, 48, 60, 66
    what | y | the number of faces on a die | 6 | 5, 8, 10, 12
    what | y | the number of players in a football team | 11 | 7, 9, 13, 15
    what | y | the length of a marathon | 42 km | 35 km, 50 km, 28 km, 61 km
    what | y | the number of holes on a full golf course | 18 | 12, 15, 21, 24
    what | y | the number of pins in a bowling lane | 10 | 6, 9, 12, 15
    what | p | the colour of a clear daytime sky | blue | green, pink, orange, purple
    what | p | the colour of fresh grass | green | red, silver, violet, blue
    what | p | the colour of fresh snow | white | black, yellow, pink, brown
    what | | the colour of a ripe lemon | yellow | red, blue, white, purple
    what | | the colour of coal | black | white, orange, green, pink
    what | y | the colour of a stop light | red | blue, white, purple, green
    what | | the largest planet | Jupiter | Mars, Venus, Neptune, Mercury
    what | | the planet closest to the sun | Mercury | Saturn, Earth, Uranus, Mars
    what | | the highest mountain | Mount Everest | Mount Fuji, Mont Blanc, Mount Etna, Mount Kenya
    what | p | the fastest land animal | the cheetah | the hedgehog, the camel, the goat, the hippo
    what | p | the tallest animal | the giraffe | the zebra, the badger, the wolf, the llama
    what | p | the biggest animal | the blue whale | the beaver, the otter, the heron, the moose
    what | | the sound that a cat makes | miaow | woof, moo, quack, baa
    what | p | the food that bees make | honey | butter, syrup, cheese, jam
    what | | the food that pandas like best | bamboo | salmon, potatoes, acorns, cherries
    what | | the animal that wool comes from | the sheep | the duck, the horse, the seal, the pig
    what | | the fruit that wine is made from | grapes | plums, melons, pears, figs
    what | | the main ingredient of bread | flour | rice, cotton, nuts, beans
    what | | the main ingredient of an omelette | eggs | turnips, oats, lentils, cream
    what | | the main ingredient of chocolate | cocoa | pepper, chestnuts, barley, mint
    what | p | the gas that a fire needs | oxygen | helium, neon, argon, methane
    what | y | the chemical symbol for gold | Au | Go, Ld, Gx, Or
    what | p | the hardest natural material | diamond | amber, chalk, coral, slate
    what | | the metal that is liquid in a thermometer | mercury | copper, zinc, tin, nickel
    what | y | the first month of the year | January | March, June, October, August
    what | y | the last month of the year | December | April, July, May, September
    what | y | the day after Monday | Tuesday | Friday, Sunday, Thursday, Saturday
    what | p | the season after winter | spring | autumn, the dry season, the long night, summer
    what | p | the direction in which the sun rises | east | north, south, west, north-west
    what | | the continent where wild penguins live | Antarctica | Asia, Europe, Africa, America
    what | | the country with the pyramids of Giza | Egypt | Chile, Norway, Canada, Ireland
    what | | the city with the Eiffel Tower | Paris | Boston, Lagos, Vienna, Madras
    what | | the river that runs through London | the Thames | the Rhine, the Danube, the Volga, the Congo
    what | | the ocean between Europe and America | the Atlantic | the Pacific, the Arctic, the Baltic Sea, the Indian Ocean
    who | | the author of Romeo and Juliet | Shakespeare | Dickens, Tolstoy, Austen, Homer
    who | | the painter of the Mona Lisa | Leonardo | Vermeer, Monet, Goya, Hokusai
    who | | the composer of The Magic Flute | Mozart | Verdi, Chopin, Brahms, Vivaldi
    who | | the first person on the moon | Neil Armstrong | Yuri Gagarin, Buzz Aldrin, Sally Ride, Alan Shepard
    what | | the year of the first moon landing | 1969 | 1958, 1974, 1981, 1963
    what | | the year in which the Titanic sank | 1912 | 1899, 1921, 1906, 1934
    what | | the year in which the Berlin Wall fell | 1989 | 1975, 1993, 1982, 2001
    what | | the number of continents | 7 | 3, 4, 9, 11
    what | y | the number of stars on the flag of the United States | 50 | 13, 44, 57, 62
    what | y | the number of rings on the Olympic flag | 5 | 3, 4, 6, 8
    what | y | the number of grams in a kilogram | 1000 | 800, 1200, 500, 1600
    what | | the number of wheels on a car | 4 | 3, 5, 6, 8
    what | p | the number of colours in a rainbow | 7 | 4, 5, 9, 10
    what | p | the number of chambers in the human heart | 4 | 2, 3, 5, 6
    what | y | the emergency number in Europe | 112 | 117, 303, 555, 640
    what | y | the chess piece that moves only diagonally | the bishop | the rook, the knight, the pawn, the king
    what | | the tool for driving nails into wood | a hammer | a spoon, a brush, a whistle, a ladle
    what | | the wooden animal of Troy | a horse | a bull, an eagle, a lion, a bear
    what | | the vegetable that makes cooks cry | onion | carrot, cabbage, celery, spinach
    what | | the fruit that cider is made from | apples | cherries, lemons, dates, mangoes
    what | p | the organ that pumps the blood | the heart | the liver, the stomach, the spleen, the left lung
    what | y | the animal on the flag of Wales | a dragon | a goose, a salmon, a unicorn, a stag
""")  # noqa: E501

FRAMES = _rows("""
    what | the capital of {town}land | towns
    who | the mayor of {town} | people
    what | the opening time of the {town} museum | times
    what | the price of a day ticket on the {town} tram | prices
    what | the colour of the {town} flag | colours
    what | the speed limit on {town} Bridge | speeds
    what | the number of cards dealt in the game of {word} | numbers
    what | the weight of one {word} in the market of {town} | weights
    what | the venue of the {town} book fair | venues
    what | the platform of the night train to {town} | numbers
    what | the closing day of the {town} library | weekdays
    what | the loan period at the {town} library | days
    who | the chair of the {Word} chess club | people
    what | the colour of the guides' badges at {town} Zoo | colours
    what | the minimum age for the {town} cave tour | ages
    what | the luggage limit on the {Word} ferry | weights
    what | the departure time of the ferry to {town} | times
    what | the first prize of the {town} boat race | prizes
    what | the host town of the {Word} winter games | towns
    who | the captain of the {town} rowing team | people
    what | the tax on salt in {town}land | percents
    what | the national dish of {town}land | dishes
    what | the meeting room of the {Word} committee | rooms
    what | the number of players in a {word} team | numbers
    what | the fee for a fishing permit in {town} | prices
    what | the national day of {town}land | dates
    who | the head cook at the {town} inn | people
    what | the watering day in the {town} gardens | weekdays
    what | the value of one {word} in the shops of {town} | prices
    what | the phone extension of the {town} clinic | extensions
    what | the tree that is planted at births in {town}land | trees
    what | the parking limit on {Word} Street | hours
    what | the emblem of the {town} guild | emblems
    what | the length of the summer holidays in {town}land | weeks
    what | the line number of the {town} airport bus | numbers
    what | the material of {town}land's smallest coin | materials
    who | the conductor of the {Word} orchestra | people
    what | the instrument taught in {town}land's schools | instruments
    what | the depth of the {town} swimming lake | depths
    what | the topping on a {word} pie | toppings
    what | the loudest festival in {town} | festivals
    what | the night on which the {Word} observatory is open | weekdays
""")

TOWNS = _listed("""
    Torva, Brellin, Oskmoor, Lenn, Quarrow, Vestry, Hambrick, Pelluna, Drost, Irvale, Marrick,
    Solvay, Tinnock, Umber, Wexley, Yarrow, Zellick, Corrin, Dunmar, Eastry, Fallow, Grendel,
    Hollin, Jasper, Kestrin, Lorne, Mirfield, Norrit, Ostrand, Purvis, Rendle, Selkirn, Tamsin,
    Ulver, Vorden, Welland, Ansby, Birrel, Calder, Dorrit
""")
WORDS = _listed("""
    brell, tovi, quill, marn, sprock, dollin, fenwick, gallop, hesper, jorum, kettrick, lomond,
    murrin, nettle, orbick, pintle, ravel, sorrel, tansy, umbrick, verrin, wattle, yoller, zander
""")
PEOPLE = _listed("""
    Amara Diallo, Bogdan Petrov, Chidi Okafor, Dalia Haddad, Emil Larsen, Farida Khan, Goran Ilic,
    Hana Sato, Ines Costa, Jamal Reed, Kavya Rao, Luca Ferri, Mei Chen, Nadia Aziz, Oren Levy,
    Priya Nair, Rosa Vega, Sefa Tui, Tomas Novak, Ulla Berg, Wen Li, Ximena Ruiz, Yusuf Kaya,
    Zofia Wolska, Abena Mensah, Bruno Dias
""")
POOLS = {
    "towns": TOWNS,
    "people": PEOPLE,
    "times": _listed("7:30, 8:15, 8:45, 9:10, 9:30, 10:00, 10:20, 11:15, 12:30, 13:45"),
    "prices": _listed("3 crowns, 4 crowns, 5 crowns, 7 crowns, 9 crowns, 12 crowns, 15 crowns"),
    "colours": _listed("red, blue, green, yellow, white, violet, orange, brown, silver"),
    "speeds": _listed("20 km/h, 25 km/h, 30 km/h, 40 km/h, 45 km/h, 50 km/h, 60 km/h"),
    "numbers": _listed("3, 4, 5, 6, 7, 8, 9, 11, 12, 14"),
    "weights": _listed("8 kg, 12 kg, 15 kg, 18 kg, 23 kg, 26 kg, 31 kg"),
    "venues": _listed("the Corn Hall, the Old Mint, the Ice Rink, the Salt Store, the Town Barn"),
    "weekdays": _listed("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "days": _listed("7 days, 10 days, 14 days, 21 days, 28 days, 30 days"),
    "ages": _listed("6 years, 8 years, 10 years, 12 years, 14 years, 16 years"),
    "prizes": _listed("a silver cup, a live goose, a new oar, a gold watch, a barrel of cider"),
    "percents": _listed("2 percent, 4 percent, 5 percent, 8 percent, 11 percent, 15 percent"),
    "dishes": _listed("nettle soup, plum dumplings, smoked eel, fennel bread, bean stew"),
    "rooms": _listed("room 4, room 11, room 17, room 23, room 28, room 35"),
    "dates": _listed("4 May, 9 June, 21 March, 2 October, 17 August, 30 January"),
    "extensions": _listed("214, 278, 301, 356, 417, 462, 509, 583"),
    "trees": _listed("an oak, a willow, a pear tree, a larch, a walnut tree, a birch"),
    "hours": _listed("1 hour, 2 hours, 3 hours, 4 hours, 6 hours, 8 hours"),
    "emblems": _listed("a heron, a key, an anchor, a bee, a wheel, a fox, a lantern"),
    "weeks": _listed("4 weeks, 5 weeks, 6 weeks, 7 weeks, 8 weeks, 10 weeks"),
    "materials": _listed("tin, copper, brass, clay, glass, bone, nickel, steel"),
    "instruments": _listed("the flute, the drum, the harp, the zither, the horn, the lute"),
    "depths": _listed("3 metres, 5 metres, 8 metres, 12 metres, 16 metres, 20 metres"),
    "toppings": _listed("plums, walnuts, goat cheese, pears, smoked fish, leeks, figs"),
    "festivals": _listed("Lantern Night, Goose Fair, Bell Week, Salt Sunday, the Plum Parade"),
}
