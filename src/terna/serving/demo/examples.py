"""What stands in the page's fields before anyone has typed."""

QUERY = "¿Cómo llego a la estación?"
LIST = (
    "El tren de las ocho viene con media hora de retraso.",
    "Hay huelga de autobuses y no sé cómo ir al trabajo.",
    "Para llegar a la estación, siga recto y gire a la derecha.",
    "Me dejé la maleta en el vagón del tren.",
    "La sopa de lentejas lleva zanahoria y laurel.",
    "Deje reposar la masa una hora antes de hornear el pan.",
    "Para la tortilla hacen falta huevos, patatas y paciencia.",
    "A este guiso le falta un poco de sal.",
    "Mañana lloverá en toda la costa.",
    "Anoche cayó la primera nevada del invierno.",
    "El viento del norte trae frío y cielos despejados.",
    "Se espera una tormenta por la tarde.",
)
