"""What stands in the page's fields before anyone has typed: the same question in other words, and its words elsewhere.

The lexical baseline is drawn to the decoys, which share the query's words and not its meaning; a model of meaning
should put the paraphrases first. The rest are of the same three subjects, so that the list also has groups to find.
"""

QUERY = "¿Cómo llego a la estación?"
# share no word with the query but articles and prepositions
PARAPHRASES = (
    "¿Por dónde se va hasta los andenes?",
    "Para ir a tomar el tren, siga recto y gire a la derecha.",
)
# share words with the query and mean something else
DECOYS = (
    "Ya llega la estación de las lluvias.",
    "¿Cómo llego a dar con el punto de la sopa?",
)
LIST = (
    "El tren de las ocho viene con media hora de retraso.",
    DECOYS[0],
    "La sopa de lentejas lleva zanahoria y laurel.",
    PARAPHRASES[0],
    "Anoche cayó la primera nevada del invierno.",
    "Deje reposar la masa una hora antes de hornear el pan.",
    DECOYS[1],
    "Me dejé la maleta en el vagón.",
    "El viento del norte trae frío y cielos despejados.",
    PARAPHRASES[1],
    "A este guiso le falta un poco de sal.",
    "Se espera una tormenta por la tarde.",
)
