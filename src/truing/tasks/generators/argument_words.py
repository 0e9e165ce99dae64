"""The words of `arguments`: what its classes, clauses and orders are about. Data, no logic.

Believed things are common knowledge; invented words mean nothing; the rest could be either way.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ACTS",
    "BELIEVED_CLASSES",
    "BELIEVED_CLAUSES",
    "BELIEVED_ORDERS",
    "DIMENSIONS",
    "INVENTED",
    "MIDDLES",
    "NAMES",
    "NEUTRAL_CLASSES",
    "NEUTRAL_CLAUSES",
    "Dimension",
]


def _listed(text: str, mark: str = ",") -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split(mark) if word.strip())


def _groups(text: str, mark: str = ",") -> tuple[tuple[str, ...], ...]:
    return tuple(_listed(group, mark) for group in text.split("*")[1:])


INVENTED = _listed("""
    bloop, snerd, wumpet, zorb, glonk, trib, feldo, quandle, mizzer, drabbit, yimmel, torvic,
    plonter, griffet, shandle, vorpet, nimbler, crundle, dax, blicket, fendle, hurvin, jorpet,
    kelvet, lorrin, mopple, narvin, oskel, prindle, quimby, rundel, sorvel, tarpel, ulmet, virdle,
    wendric, yarbel, zindle, brampet, chorvel, dremlin, flonker, gorvet, hibbet, jandric, klimmet,
    lurgle, murvel, nandic, ombrel, parvin, rimmet, skellin, thrimble, umpel, vandrel, wobbet,
    zelkin, borrin, cladder
""")
ACTS = _listed("""
    hums, glows, spins, leaks, shrinks, whistles, vibrates, melts, floats, blinks, rattles,
    swells, freezes, clicks, wobbles, smokes
""")

# Each line: classes of one place that can overlap in any way.
NEUTRAL_CLASSES = _groups("""
    * signed books, library books, books with maps, gifts from the mayor, books on the top
      shelf, novels
    * rowers, people with a red badge, people from Harrow Street, choir members, night
      workers, nurses
    * blue jars, cracked jars, jars from Lisbon, jars with a lid, jars on the window sill,
      tall jars
    * fishing boats, wooden boats, boats with two masts, boats built in Gdynia, boats for
      hire, yachts
    * maths students, students from Nairobi, chess players, students with a bicycle, early
      risers
    * spare keys, brass keys, keys in the drawer, keys with a tag, keys to the cellar, old
      keys
    * striped scarves, woollen scarves, scarves from the sale, scarves in the box, long
      scarves
    * red tractors, rented tractors, tractors in the east barn, tractors with a cab,
      repaired tractors
    * landscape paintings, paintings by Ito, framed paintings, paintings in room four, oil
      paintings
    * weekday trains, express trains, trains to Pune, trains with a dining car, green trains
    * trained dogs, dogs from the shelter, brown dogs, dogs with a collar, dogs in the show
    * lemon cakes, cakes for the fair, cakes with nuts, cakes baked on Friday, iced cakes
    * violinists, players under thirty, players from Oslo, soloists, players in the back
      row, teachers
    * paper lamps, lamps from the attic, lamps with a cord, lamps in the hall, lamps for
      sale
    * apple trees, trees in the north field, trees with white bark, trees planted in May,
      tall trees
    * waterproof coats, coats with a hood, coats on the rack, coats for children, coats with
      a zip
    * rye loaves, loaves from the new oven, round loaves, loaves for the school, sliced
      loaves
    * registered parcels, parcels for Quito, parcels with a blue label, heavy parcels,
      parcels in bay two
""")

# A class, a wider one that holds it, and one apart from both.
BELIEVED_CLASSES = _groups("""
    * roses, plants, animals
    * dogs, mammals, insects
    * sparrows, birds, fish
    * salmon, fish, birds
    * trumpets, musical instruments, vegetables
    * carrots, vegetables, vehicles
    * bicycles, vehicles, fruits
    * oaks, trees, reptiles
    * snakes, reptiles, mammals
    * hammers, tools, desserts
    * cupcakes, desserts, tools
    * sandals, shoes, buildings
    * castles, buildings, shoes
    * bees, insects, pieces of furniture
    * armchairs, pieces of furniture, birds
    * diamonds, stones, flowers
    * tulips, flowers, stones
    * violins, musical instruments, drinks
    * teas, drinks, musical instruments
    * surgeons, doctors, machines
    * tractors, machines, clothes
    * jackets, clothes, tools
    * bananas, fruits, vehicles
    * sharks, fish, plants
""")
MIDDLES = _listed("""
    things that glow in the dark, things sold at the harbour, things made in Tallinn,
    things that float, things with a number on them, things older than the town,
    things that Mr Osei likes, things kept in crates, things that smell of mint,
    things in the museum, things that cost a shilling, things that sink, things with stripes,
    things in Farah's story, things on the island, things that need salt, things worth counting,
    things that come in pairs, things drawn by Tomas, things that the wind can move,
    things under the bridge, things with wheels, things that can sing, things in the catalogue
""")

# Each line: clauses of one situation, which may be true or false in any mix.
NEUTRAL_CLAUSES = _groups(
    """
    * the bell is ringing; the gate is open; the ferry is at the pier; the lamp is lit; the
      guard is awake
    * Amina is in the office; the blinds are down; the printer is on; the archive is locked;
      Joris is on leave
    * the kiln is hot; the clay is dry; the studio is closed; the glaze is green; Meiling is
      at the wheel
    * the road is wet; the bus is late; the market is busy; the bridge is closed; the tram
      is running
    * the cake is ready; the oven is on; the guests are here; the table is set; the candles
      are lit
    * the goat is in the garden; the fence is broken; the hens are loud; the barn is empty;
      Tariq is at home
    * the piano is in tune; the hall is booked; the choir is on tour; the tickets are sold;
      the heating is on
    * the file is saved; the screen is black; the cable is loose; the server is down; the
      backup is running
    * the red flag is up; the beach is open; the waves are high; the kiosk is shut; the
      boats are out
    * Lucia is chair; the minutes are signed; the motion is carried; the vote is secret; the
      room is full
    * the letter is stamped; the seal is broken; the envelope is blue; the courier is paid;
      the parcel is heavy
    * the well is full; the pump is working; the field is green; the ditch is dry; the mill
      is turning
    * the museum is free today; the east wing is open; the guide is ill; the lift is
      working; the cloakroom is full
    * the snow is deep; the pass is closed; the hut is occupied; the stove is warm; the
      guide is on the ridge
    * the scales are level; the tray is empty; the light is red; the lid is shut; the
      counter is at zero
    * the shop is open; the bread is fresh; Kofi is at the till; the awning is out; the
      street is quiet
    * the train is full; the quiet coach is cold; the doors are locked; the driver is new;
      the platform is crowded
    * the tent is dry; the fire is out; the river is low; the canoe is missing; the scouts
      are asleep
    """,
    mark=";",
)
# The same, of what everybody knows; a minus marks what is false.
BELIEVED_CLAUSES = _groups(
    """
    * whales are mammals; -whales are fish; whales are sea animals; -whales are smaller than
      cats; -whales are plants
    * the sun is hot; -the sun is a planet; the sun is bigger than the moon; -the sun is
      made of ice; -the sun is blue
    * -penguins are able to fly; penguins are birds; -penguins are mammals; penguins are
      good swimmers; -penguins are insects
    * -ice is warmer than steam; ice is frozen water; -ice is a metal; ice is cold; -ice is
      heavier than iron
    * lemons are sour; lemons are fruits; -lemons are blue; -lemons are animals; -lemons are
      heavier than melons
    * -Paris is in Asia; Paris is a city; Paris is in Europe; -Paris is a desert; -Paris is
      smaller than a village
    * gold is a metal; -gold is cheaper than sand; -gold is a gas; -gold is a kind of wood;
      gold is valuable
    * -spiders are six-legged; spiders are animals; -spiders are plants; -spiders are bigger
      than horses; spiders are eight-legged
    * snails are slow; -snails are faster than horses; -snails are birds; snails are
      animals; -snails are hotter than fire
    * -the moon is a star; the moon is smaller than the earth; -the moon is made of cheese;
      the moon is round; -the moon is a cloud
    * trees are plants; -trees are machines; -trees are made of glass; trees are living
      things; -trees are smaller than ants
    * -elephants are lighter than mice; elephants are big; -elephants are reptiles;
      elephants are mammals; -elephants are fish
    * Tokyo is in Japan; -Tokyo is a village; -Tokyo is in Africa; Tokyo is a capital;
      -Tokyo is a river
    * -winter is hotter than summer; winter is a season; -winter is a month; winter is cold
      in Norway; -winter is a country
    * diamonds are hard; -diamonds are softer than butter; -diamonds are vegetables;
      diamonds are stones; -diamonds are liquid
    * -chess is a card game; chess is a board game; -chess is a water sport; chess is a game
      for two; -chess is played with a ball
    * the Nile is a river; -the Nile is a mountain; -the Nile is in Canada; the Nile is in
      Africa; -the Nile is a lake in Spain
    * cats are animals; -cats are bigger than elephants; -cats are plants; cats are mammals;
      -cats are older than the pyramids
    """,
    mark=";",
)

NAMES = _listed("""
    Amara, Bogdan, Chidi, Dalia, Emeka, Farida, Goran, Hana, Ivo, Jamila, Kenji, Leila, Mateo,
    Nadia, Oren, Priya, Quentin, Rosa, Sefa, Tomas, Ulla, Viggo, Wen, Ximena, Yusuf, Zofia,
    Abena, Bruno, Carmen, Dmitri, Esra, Femi, Greta, Hugo, Ines, Jonas, Kavya, Luca, Mei, Noor
""")


class Dimension(NamedTuple):
    """How an order is told: x `verb` `more` than y."""

    verb: str
    verb_not: str
    more: str
    less: str
    top: str
    bottom: str
    between: str
    apart: str


def _by(more: str, less: str, apart: str, between: str) -> Dimension:
    def most(word: str) -> str:
        return f"is the {word.removesuffix('r than')}st"

    return Dimension(
        "is",
        "is not",
        more,
        less,
        most(more),
        most(less),
        f"is between {{}} and {{}} in {between}",
        f"No two of them are {apart}.",
    )


DIMENSIONS = {
    "height": _by("taller than", "shorter than", "equally tall", "height"),
    "age": _by("older than", "younger than", "equally old", "age"),
    "weight": _by("heavier than", "lighter than", "equally heavy", "weight"),
    "size": _by("bigger than", "smaller than", "equally big", "size"),
    "speed": _by("faster than", "slower than", "equally fast", "speed"),
    "length": _by("longer than", "shorter than", "equally long", "length"),
    "wealth": _by("richer than", "poorer than", "equally rich", "wealth"),
    "warmth": _by("warmer than", "colder than", "equally warm", "temperature"),
    "loudness": _by("louder than", "quieter than", "equally loud", "loudness"),
    "hardness": _by("harder than", "softer than", "equally hard", "hardness"),
    "brightness": _by("brighter than", "dimmer than", "equally bright", "brightness"),
    "price": Dimension(
        "is", "is not", "more expensive than", "cheaper than", "is the most expensive",
        "is the cheapest", "is between {} and {} in price", "No two of them cost the same.",
    ),
    "row": Dimension(
        "stands", "does not stand", "further left than", "further right than",
        "stands furthest left", "stands furthest right", "stands somewhere between {} and {}",
        "They stand side by side in one row.",
    ),
    "arrival": Dimension(
        "arrived", "did not arrive", "earlier than", "later than", "arrived first",
        "arrived last", "arrived between {} and {}", "No two of them arrived together.",
    ),
    "floor": Dimension(
        "lives", "does not live", "higher up than", "lower down than", "lives highest up",
        "lives lowest down", "lives on a floor between {} and {}",
        "They live in one house, each on another floor.",
    ),
    "queue": Dimension(
        "waits", "does not wait", "nearer the door than", "further from the door than",
        "waits nearest the door", "waits furthest from the door",
        "waits somewhere between {} and {}", "They wait in a single queue at a door.",
    ),
}  # fmt: skip

# Things whose order everybody knows, the least first.
BELIEVED_ORDERS = tuple(
    (name, _listed(line))
    for name, line in (
        ("weight", "the mouse, the cat, the horse, the elephant, the blue whale"),
        ("speed", "the snail, the tortoise, the horse, the racing car, the jet"),
        ("size", "the pea, the apple, the melon, the armchair, the church"),
        ("length", "a minute, an hour, a day, a month, a year"),
        ("age", "the smartphone, the telephone, the printing press, the Great Pyramid"),
        ("size", "the moon, the earth, Jupiter, the sun"),
        ("price", "the pencil, the umbrella, the bicycle, the car, the castle"),
        ("hardness", "the butter, the cork, the brick, the steel, the diamond"),
        ("loudness", "the whisper, the doorbell, the chainsaw, the rocket launch"),
        ("warmth", "the glacier, the fresh milk, the hot bath, the boiling kettle, the sun"),
        ("height", "the daisy, the garden fence, the lamp post, the skyscraper, Mount Everest"),
        ("brightness", "the glow-worm, the candle, the floodlight, the sun"),
        ("size", "the ant, the rabbit, the sheep, the whale"),
        ("length", "the ant, the pencil, the bus, the river Nile"),
        ("weight", "the feather, the coin, the bucket of water, the piano, the locomotive"),
        ("age", "the newborn baby, the schoolboy, the father, the great-grandmother"),
    )
)
