"""Forms of English verbs: `cry a river` to `cries a river` and `crying a river`."""

IRREGULAR = {"have": "has", "be": "is", "do": "does", "go": "goes", "not": "does not"}
DOUBLED = (
    *("drop", "gag", "get", "grin", "grit", "hit", "let", "put"),
    *("run", "shut", "sit", "snap", "sob", "spit", "stop"),
)
VOWELS = "aeiou"


def third_person(phrase: str) -> str:
    """What she does; the first word of the phrase is the verb in its base form."""
    verb, *rest = phrase.split(" ")
    if verb in IRREGULAR:
        form = IRREGULAR[verb]
    elif verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        form = f"{verb}es"
    elif verb.endswith("y") and verb[-2] not in VOWELS:
        form = f"{verb[:-1]}ies"
    else:
        form = f"{verb}s"
    return " ".join([form, *rest])


def gerund(phrase: str) -> str:
    """What she is doing."""
    verb, *rest = phrase.split(" ")
    if verb == "not":
        return f"not {gerund(' '.join(rest))}"
    if verb in DOUBLED:
        form = f"{verb}{verb[-1]}ing"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        form = f"{verb[:-1]}ing"
    else:
        form = f"{verb}ing"
    return " ".join([form, *rest])
