"""Emotion in words: varied English descriptions of a blend, with wordings held out for testing. E expert."""

from itertools import pairwise

import numpy as np
from torch import Tensor

from datamodules.batch import EMOTIONS

SPLITS = ("train", "test", "test_words")


def _list(text: str) -> list[str]:
    return [" ".join(entry.split()) for entry in text.split(";")]


# The last two entries of each of the next four tables never occur in training sentences.
ADJECTIVES = {
    "happy": _list("""happy; cheerful; joyful; delighted; glad; pleased; merry; overjoyed; elated; jolly;
        thrilled; jubilant"""),
    "sad": _list("""sad; unhappy; sorrowful; gloomy; downcast; miserable; mournful; dejected; tearful;
        heartbroken; melancholy; grieving"""),
    "angry": _list("""angry; furious; enraged; mad; irate; annoyed; hostile; infuriated; outraged;
        irritated; wrathful; livid"""),
    "disgust": _list("""disgusted; repulsed; revolted; nauseated; sickened; repelled; appalled; queasy;
        squeamish; full of disgust; grossed out; put off"""),
    "fear": _list("""afraid; fearful; scared; frightened; terrified; anxious; alarmed; panicked; nervous;
        worried; petrified; timorous"""),
    "surprise": _list("""surprised; astonished; amazed; startled; astounded; shocked; stunned; dumbfounded;
        taken aback; bewildered; flabbergasted; thunderstruck"""),
}
NOUNS = {
    "happy": _list("happiness; joy; delight; cheer; gladness; pleasure; glee; bliss"),
    "sad": _list("sadness; sorrow; grief; misery; gloom; unhappiness; melancholy; heartache"),
    "angry": _list("anger; rage; fury; annoyance; hostility; irritation; wrath; ire"),
    "disgust": _list("disgust; revulsion; repulsion; distaste; nausea; aversion; loathing; repugnance"),
    "fear": _list("fear; fright; terror; dread; panic; anxiety; horror; trepidation"),
    "surprise": _list("""surprise; astonishment; amazement; shock; disbelief; wonder; bewilderment;
        stupefaction"""),
}
VERBS = {
    "happy": _list("smiles; beams; grins; lights up; laughs; beams with joy; glows; chuckles"),
    "sad": _list("""frowns in sorrow; looks ready to cry; mourns; sighs; holds back tears; weeps; droops;
        sobs"""),
    "angry": _list("scowls; glares; snaps; fumes; seethes; rages; bristles; growls"),
    "disgust": _list("""wrinkles the nose; recoils from a foul smell; grimaces in disgust; sneers in
        revulsion; feels sick; curls the lip; gags; retches"""),
    "fear": _list("""trembles; shrinks back in fright; cowers; stares in terror; panics; shakes with fear;
        quakes; shudders"""),
    "surprise": _list("""gasps; stares in amazement; starts in surprise; gapes; does a double take; is
        caught off guard; marvels; goggles"""),
}
FACES = {
    "happy": _list("""raised cheeks and lifted lip corners; a broad smile; smiling eyes; lip corners pulled
        up; cheeks pushed up by a smile; a wide grin; a beaming smile; crinkled eyes"""),
    "sad": _list("""raised inner brows and lowered lip corners; a trembling chin; drooping mouth corners;
        sad slanted brows; lip corners pulled down; inner brows drawn up; a downturned mouth; a quivering
        pout"""),
    "angry": _list("""lowered brows and tight lips; a hard stare; narrowed eyes and tightened lips; knitted
        brows; tight lids under lowered brows; a tense mouth; a furrowed brow; a fierce glare"""),
    "disgust": _list("""a wrinkled nose; a raised upper lip; a wrinkled nose and a curled lip; a scrunched
        nose; a nose wrinkled as at a bad smell; an upper lip pulled up; a lip curled in distaste; flared
        nostrils"""),
    "fear": _list("""wide eyes and stretched lips; raised brows drawn together; tense lids and lips pulled
        back; wide frightened eyes; lips stretched sideways; brows up and together; a frozen stare; a look
        of dread"""),
    "surprise": _list("""raised brows and a dropped jaw; a wide open mouth; high arched brows; round eyes
        and a dropped jaw; brows raised high; jaw hanging open; eyebrows shot up; a slack jaw"""),
}
NEUTRAL_WORDS = _list("""neutral; calm; expressionless; relaxed; composed; impassive; emotionless; deadpan;
    placid""")
NEUTRAL_NOUNS = _list("""no emotion; a blank face; a neutral expression; a resting face; an even tone; a
    calm face; no particular feeling; a poker face; a face at rest""")

WHO = _list("she; he; the speaker; the woman; the man; the person; someone; the actor")
# Words of degree by intensity: below 0.55, up to 0.8, above.
DEGREES = (
    _list("slightly; a little; mildly; faintly; somewhat; only a bit"),
    _list("; ; quite; clearly; rather; noticeably"),
    _list("very; extremely; intensely; deeply; utterly; overwhelmingly"),
)
AMOUNTS = (
    _list("a hint of; a trace of; a little; mild; a touch of; a flicker of"),
    _list("; ; clear; plain; evident; visible"),
    _list("intense; great; strong; overwhelming; extreme; boundless"),
)
MANNERS = (
    _list("slightly; a little; gently; faintly; just a bit"),
    _list("; ; openly; visibly; plainly"),
    _list("strongly; with full force; intensely; wildly; very much"),
)
EXTENTS = (
    _list(", hardly visible; , only slightly; , very faint; , a mere hint of it"),
    _list("; ; , easy to see; , plain to see"),
    _list(", very pronounced; , extremely strong; , as strong as can be; , to the extreme"),
)
# The last two of each list are for testing only.
ADJECTIVE_TEMPLATES = _list("""{who} is {degree} {adjective}; {who} looks {degree} {adjective}; {who}
    sounds {degree} {adjective}; {degree} {adjective}; {who} feels {degree} {adjective}; {who} seems
    {degree} {adjective} while speaking; {who} is feeling {degree} {adjective} today; a person who is
    {degree} {adjective}; {who} appears to be {degree} {adjective}; one can tell that {who} must be
    {degree} {adjective}; {who} comes across as {degree} {adjective}""")
NOUN_TEMPLATES = _list("""{amount} {noun}; {who} shows {amount} {noun}; {who} speaks with {amount} {noun};
    a face of {amount} {noun}; a voice of {amount} {noun}; {who} feels {amount} {noun}; an air of {amount}
    {noun}; {who} talks in {amount} {noun}; there is {amount} {noun} on this face; what we see here is
    {amount} {noun}""")
VERB_TEMPLATES = _list("""{who} {verb} {manner}; {who} talks and {verb} {manner}; {who} {verb} {manner}
    while speaking; {who} speaks and {verb} {manner}; look how {who} {verb} {manner}; in this scene {who}
    {verb} {manner}""")
FACE_TEMPLATES = _list("""{face}{extent}; {who} has {face}{extent}; speaking with {face}{extent}; {who}
    talks with {face}{extent}; one notices {face}{extent}; the camera sees {face}{extent}""")
PAIR_TEMPLATES = _list("""{degree} {a} and {b}; {who} is {degree} {a} and {b} at once; {degree} {a} yet
    {b}; {who} looks both {a} and {b} {manner}; {who} seems {degree} {a}, but also {b}; {amount} {na} and
    {nb} together; a mixture of {amount} {na} and {nb}; {who} speaks with {amount} {na} and {nb}; {amount}
    {na} blended with {nb}; {who} is torn between {na} and {nb} {manner}; {who} feels {degree} {a} and at
    the same time {b}""")
MINOR_TEMPLATES = _list("""{degree} {a} with a hint of {nb}; {who} is {degree} {a} and a little {b};
    {degree} {a} and slightly {b}; {amount} {na} with a bit of {nb}; {who} is {degree} {a}, with {nb} mixed
    in; {degree} {a} with an undertone of {nb}""")
NEUTRAL_TEMPLATES = _list("""{who} is {word}; {word}; {who} looks {word}; {who} sounds {word}; {who} stays
    {word}; {noun}; {who} speaks with {noun}; {who} shows {noun}; calm and {word}; {word} with {noun};
    {who} remains {word} throughout; this person talks with {noun}""")
_FAMILIES = (ADJECTIVE_TEMPLATES, NOUN_TEMPLATES, VERB_TEMPLATES, FACE_TEMPLATES)
_FAMILY_SHARES = (0.45, 0.28, 0.14, 0.13)


def describe(blend: Tensor, rng: np.random.Generator, split: str = "train") -> str:
    """A phrase or sentence that names the emotions of a blend (E,) and how strong they are.

    A second emotion is named as an equal above 0.6 of the first one's weight, as a minor one above 0.2.

    Args:
        blend: what to describe; a sum below 0.1 is neutral.
        rng: where the wording is drawn from.
        split: `train`; `test`: sentence patterns that `train` never uses, with its vocabulary; `test_words`:
            any pattern with emotion words that `train` never uses, which only pretrained language knows.

    Raises:
        ValueError: if `split` is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r} of the texts: allowed are {', '.join(SPLITS)}")
    intensity = float(blend.sum())
    if intensity < 0.1:
        words = {"word": _word(rng, NEUTRAL_WORDS, split), "noun": _word(rng, NEUTRAL_NOUNS, split)}
        return _fill(_template(rng, NEUTRAL_TEMPLATES, split), words | {"who": _pick(rng, WHO)})
    first, second = blend.argsort(descending=True)[:2].tolist()
    ratio = float(blend[second] / blend[first])
    level = 0 if intensity < 0.55 else 1 if intensity < 0.8 else 2
    words = _words(EMOTIONS[first], EMOTIONS[second], level, rng, split)
    if ratio >= 0.6:
        templates = PAIR_TEMPLATES
    elif ratio >= 0.2:
        templates = MINOR_TEMPLATES
    else:
        templates = _FAMILIES[int(rng.choice(len(_FAMILIES), p=_FAMILY_SHARES))]
    return _fill(_template(rng, templates, split), words)


def _words(first: str, second: str, level: int, rng: np.random.Generator, split: str) -> dict[str, str]:
    return {
        "who": _pick(rng, WHO),
        "degree": _pick(rng, DEGREES[level]),
        "amount": _pick(rng, AMOUNTS[level]),
        "manner": _pick(rng, MANNERS[level]),
        "extent": _pick(rng, EXTENTS[level]),
        "adjective": _word(rng, ADJECTIVES[first], split),
        "noun": _word(rng, NOUNS[first], split),
        "verb": _word(rng, VERBS[first], split),
        "face": _word(rng, FACES[first], split),
        "a": _word(rng, ADJECTIVES[first], split),
        "b": _word(rng, ADJECTIVES[second], split),
        "na": _word(rng, NOUNS[first], split),
        "nb": _word(rng, NOUNS[second], split),
    }


def _pick(rng: np.random.Generator, entries: list[str]) -> str:
    return entries[int(rng.integers(len(entries)))]


def _word(rng: np.random.Generator, entries: list[str], split: str) -> str:
    return _pick(rng, entries[-2:] if split == "test_words" else entries[:-2])


def _template(rng: np.random.Generator, entries: list[str], split: str) -> str:
    return _pick(rng, {"train": entries[:-2], "test": entries[-2:], "test_words": entries}[split])


def _fill(template: str, words: dict[str, str]) -> str:
    """Fill in, tidy spaces, and turn `a` before a vowel into `an`."""
    parts = template.format(**words).replace(" ,", ",").split()
    for index, (article, after) in enumerate(pairwise(parts)):
        if article in ("a", "an"):
            parts[index] = "an" if after[0] in "aeiou" else "a"
    return " ".join(parts)
