"""The demo in a real browser, by clicking through it: what is shown is what the encoder gives, and all can read it."""

import re
from collections.abc import Iterator
from itertools import pairwise as neighbours
from pathlib import Path
from typing import Any

import pytest
from browser_checks import SCHEMES, WIDTHS, Heard, beyond, faint, launched, levels, needs_browser, opened_page
from demo_inputs import Stub, served, upload
from report_inputs import HOSTILE, LONG

from terna.errors import ModelError
from terna.metrics.similarity import SIMILARITIES, pairwise
from terna.release.card.front import WIDGET
from terna.serving.demo.asked import BODY
from terna.serving.demo.files import parsed
from terna.serving.demo.held import FILES
from terna.serving.demo.refused import words
from terna.serving.demo.server import Server
from terna.systems import System, load_system

pytestmark = needs_browser
SPANISH = "es-ES"
VERDICT = {
    "benchmark": "sts-es",
    "use": "test",
    "outcome": "open",
    "baseline": "tfidf_chars",
    "score": "cosine_pearson",
    "figures": [0.71, 0.7, 0.01, -0.02, 0.04],
}
CAVEAT = {"proven": False, "verdicts": [VERDICT]}
# each text with the direction that it is known by
TRAIN, BREAD, RAIN = "Llega el tren.", "Hay pan.", "Va a llover."
WAYS = {
    TRAIN: [9.0, 1, 0],
    "Sale el tren.": [8.0, 0, 1],
    BREAD: [0, 7.0, 1],
    "No hay pan.": [1, 9.0, 0],
    RAIN: [0, 1, 8.0],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as started:
        yield started


@pytest.fixture(scope="module")
def system(encoder_folder: Path) -> System:
    return load_system(str(encoder_folder))


@pytest.fixture(scope="module")
def server(system: System) -> Iterator[Server]:
    with served(system, name=f"models/{LONG}", evaluated=CAVEAT) as server:
        yield server


def address(server: Server) -> str:
    return f"http://{server.hosts[0]}/"


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], ids=str)
def opened(request: pytest.FixtureRequest, browser: Any, server: Server) -> Iterator[tuple[Any, Heard]]:
    with opened_page(browser, address(server), *request.param, SPANISH) as (page, heard):
        yield page, heard


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    with opened_page(browser, address(server), 1440, "light", SPANISH) as (page, _):
        yield page


def press(page: Any, section: str) -> None:
    page.locator(f"#{section} form button").click()
    page.locator(f"#{section} form button:enabled").wait_for()


def fill(page: Any, section: str, **fields: str) -> None:
    for name, text in fields.items():
        page.locator(f"#{section} [name={name}]").fill(text)
    press(page, section)


def told(page: Any, section: str) -> str:
    return str(page.locator(f"#{section} .status").text_content())


def spanish(value: float) -> str:
    return f"{value:.3f}".replace(".", ",")


def test_the_cards_sentences_are_there_first_already_computed_in_spanish(page: Any, system: System) -> None:
    assert page.locator("html").get_attribute("lang") == "es"
    assert page.locator("main h2").first.text_content() == "Cuatro frases sobre una huelga"
    assert page.locator("#example .sentence").all_text_contents() == list(WIDGET)
    vectors = system.encode(WIDGET)
    for row in range(1, 4):
        found = pairwise(vectors[:1], vectors[row : row + 1])
        shown = page.locator("#example .card").nth(row - 1).locator("dd").all_text_contents()
        assert shown == [spanish(float(found[name][0])) for name in SIMILARITIES]


def test_it_is_clicked_through_in_silence_within_the_window_and_can_be_read(
    opened: tuple[Any, Heard], server: Server
) -> None:
    page, heard = opened
    choose(page, "frases.csv", f"text\n{HOSTILE.replace(',', ' ')}\n{LONG}\n" + "\n".join("abcdefghijkl"))
    for language in ("es", "en"):
        page.locator(f"#language button[value={language}]").click()
        fill(page, "pair", first=f"{HOSTILE} {LONG}", second="Hola.")
        fill(page, "search", query=HOSTILE, sentences="\n".join([HOSTILE, LONG, *"abcdefghijkl"]))
        page.locator("#search .model details").evaluate("one => { one.open = true }")
        fill(page, "file", query=HOSTILE)
        fill(page, "groups", sentences="\n".join([HOSTILE, LONG, *"abcdefgh"]))
        page.locator("#groups svg[role=img]").wait_for()
        assert beyond(page) == []
        assert faint(page, least=80) == []
    assert (heard.console, heard.errors) == ([], [])
    assert {one.split("/")[2] for one in heard.requests} == {server.hosts[0]}


def test_headings_fields_and_pictures_have_names(opened: tuple[Any, Heard]) -> None:
    page, _ = opened
    press(page, "groups")
    found = levels(page)
    assert found[0] == 1
    assert found.count(1) == 1
    assert all(after <= before + 1 for before, after in neighbours(found))
    fields = page.locator("input, textarea, select").all()
    assert len(fields) == 11
    for one in fields:
        assert one.evaluate("one => [...one.labels].map((label) => label.innerText.trim()).join()")
    [picture] = page.get_by_role("img").all()
    assert re.search(r"Frases: 12\. Grupos: \d\.", picture.get_attribute("aria-label"))
    assert all(one.get_attribute("href")[1:] for one in page.locator("nav a").all())
    for one in page.locator("nav a").all():
        assert page.locator(f"section{one.get_attribute('href')} h2").text_content() == one.text_content()


def test_two_sentences_are_compared(page: Any, system: System) -> None:
    fill(page, "pair", first="Llueve mucho.", second="Hoy no hay pan.")
    first, second = system.encode(["Llueve mucho.", "Hoy no hay pan."])
    found = [spanish(float(values[0])) for values in pairwise(first[None], second[None]).values()]
    assert page.locator("#pair dd").all_text_contents() == found
    assert told(page, "pair") == f"Coseno: {found[0]}"


@pytest.fixture(scope="module")
def plain(browser: Any) -> Iterator[Any]:
    """The page over an encoder whose groups are plain to see."""
    with (
        served(Stub(lambda text: WAYS.get(text, [1.0, 1.0, 1.0]))) as server,
        opened_page(browser, address(server), 1440, "dark", SPANISH) as (page, _),
    ):
        yield page


def choose(page: Any, name: str, text: str) -> None:
    """Choose a file, and wait until all of it has vectors."""
    content = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    page.locator("#file input[type=file]").set_input_files(content)
    page.locator("#file .held p", has_text=name).wait_for()
    page.locator("#file form button:enabled").wait_for()


def test_a_file_is_searched_by_the_model_and_by_letters_side_by_side(plain: Any) -> None:
    assert plain.locator("#file form button").is_disabled()
    choose(plain, "frases.jsonl", "\n".join(f'{{"frase": "{one}"}}' for one in WAYS))
    assert plain.locator("#file .held p").text_content() == "frases.jsonl: 5 frases"
    assert plain.locator("#file progress").is_hidden()
    fill(plain, "file", query="El tren sale.")
    assert plain.locator("#file .model .found").count() == 5
    letters = plain.locator("#file .letters .found").all_text_contents()
    assert letters[0].startswith("Sale el tren. línea 2 · según el modelo: ")
    model, other = (plain.locator(f"#file .{one}").bounding_box() for one in ("model", "letters"))
    assert (model["y"], model["x"] + model["width"] <= other["x"]) == (other["y"], True)
    plain.set_viewport_size({"width": 375, "height": 800})
    model, other = (plain.locator(f"#file .{one}").bounding_box() for one in ("model", "letters"))
    assert (model["x"], model["y"] + model["height"] <= other["y"]) == (other["x"], True)
    plain.set_viewport_size({"width": 1440, "height": 800})


def test_another_file_takes_the_place_of_the_first_and_what_is_none_is_told(plain: Any) -> None:
    choose(plain, "a.txt", "Uno.\nDos.")
    fill(plain, "file", query="Uno.")
    content = {"name": "b.csv", "mimeType": "text/csv", "buffer": b"id,titulo\n1,Hola.\n"}
    plain.locator("#file input[type=file]").set_input_files(content)
    plain.locator("#file .status.wrong").wait_for()
    assert "las columnas id, titulo" in told(plain, "file")
    assert plain.locator("#file .model .found").count() == 2, "the first file is still searched"
    choose(plain, "c.txt", "Tres.")
    assert plain.locator("#file .result > *").count() == 0
    fill(plain, "file", query="Uno.")
    assert plain.locator("#file .model .sentence").all_text_contents() == ["Tres."]


def test_a_file_that_the_server_no_longer_has_is_told(browser: Any) -> None:
    with (
        served(Stub(lambda text: [1.0, float(len(text))])) as server,
        opened_page(browser, address(server), 1440, "light", SPANISH) as (page, _),
    ):
        choose(page, "a.txt", "Uno.")
        for n in range(FILES):
            upload(server, f"{n}.txt", "Hola.")
        press(page, "file")
        assert told(page, "file") == "Ese archivo ya no está en memoria; elíjalo otra vez."


def test_the_file_of_the_command_line_is_there_at_once(browser: Any) -> None:
    with served(Stub(lambda text: [1.0, float(len(text))])) as server:
        server.answers.serve(parsed("frases.txt", "Llueve.\nHace sol."))
        with opened_page(browser, address(server), 375, "dark", SPANISH) as (page, _):
            page.locator("#file form button:enabled").wait_for()
            assert page.locator("#file .held p").text_content() == "frases.txt: 2 frases"
            fill(page, "file", query="Llueve.")
            assert page.locator("#file .model .sentence").first.text_content() == "Llueve."


def test_a_caveat_stands_above_all_unless_the_model_is_proven(browser: Any, page: Any) -> None:
    assert page.locator(".caveat").inner_text().splitlines()[0] == "Advertencia"
    said = page.locator(".caveat p").first.text_content()
    assert said == (
        "En sts-es (prueba), este modelo no se distingue de la mejor referencia léxica, TF-IDF de letras: "
        "cosine_pearson 0,710 frente a 0,700; diferencia 0,010, intervalo del 95\u00a0% de -0,020 a 0,040."
    )
    page.get_by_role("button", name="English").click()
    assert "is not distinguishable from the best lexical baseline" in page.locator(".caveat").inner_text()
    stub = Stub(lambda text: [1.0, float(len(text))])
    better = {"proven": True, "verdicts": [VERDICT | {"outcome": "better"}]}
    for evaluated, words_of_it in ((better, "is better than"), (None, "without an evaluation")):
        with (
            served(stub, evaluated=evaluated) as server,
            opened_page(browser, address(server), 375, "light") as (other, _),
        ):
            assert other.locator(".caveat").count() == 0
            assert words_of_it in other.locator("#evaluated").inner_text()


@pytest.mark.parametrize(
    ("browsers", "query", "spoken"),
    [
        ("en-GB", "", "en"),
        ("es-MX", "", "es"),
        ("de-DE", "", "es"),
        ("en-US", "?lang=es", "es"),
        ("es-ES", "?lang=en", "en"),
        ("en-US", "?lang=xx", "en"),
    ],
)
def test_the_page_speaks_the_language_of_its_address_or_of_the_browser(
    browser: Any, server: Server, browsers: str, query: str, spoken: str
) -> None:
    with opened_page(browser, address(server) + query, 1440, "light", browsers) as (page, _):
        assert page.locator("html").get_attribute("lang") == spoken
        assert page.locator("h1").text_content() == words()["title"][spoken]
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_a_list_is_ranked_and_the_rest_is_folded_away(plain: Any) -> None:
    lines = [BREAD, "", "No hay pan.", RAIN, "Sale el tren.", *"abcdefgh"]
    fill(plain, "search", query=TRAIN, sentences="\r\n".join(lines))
    rows = plain.locator("#search .model .found").all_text_contents()
    assert rows[0] == "Sale el tren. frase 4 · según las letras: 1"
    assert [row.split(" · ")[0] for row in rows[-3:]] == ["No hay pan. frase 2", "Hay pan. frase 1", f"{RAIN} frase 3"]
    assert plain.locator("#search .letters .found").first.text_content() == "Sale el tren. frase 4 · según el modelo: 1"
    assert [one.text_content() for one in plain.locator("#search h3").all()] == [
        "Según el modelo",
        "Según las letras en común",
    ]
    assert told(plain, "search") == "Frases ordenadas: 12. Medida: coseno."
    assert plain.locator("#search .model summary").text_content() == "Las demás: 2"
    assert plain.locator("#search .model details ol").get_attribute("start") == "11"
    plain.locator("#search [name=measure]").select_option("euclidean")
    press(plain, "search")
    assert told(plain, "search") == "Frases ordenadas: 12. Medida: euclídea."
    assert plain.locator("#search .model .score").first.text_content() == "-1,732"


def test_groups_are_seen_and_read_with_pointer_and_keyboard(plain: Any) -> None:
    fill(plain, "groups", sentences="\n".join(WAYS))
    assert told(plain, "groups") == "Frases: 5. Grupos: 3."
    grouped = [part.locator(".sentence").all_text_contents() for part in plain.locator(".listing section").all()]
    assert grouped == [[TRAIN, "Sale el tren."], [BREAD, "No hay pan."], [RAIN]]
    marks = plain.locator("#groups .canvas g")
    assert [one.text_content() for one in marks.all()] == list("12345")
    assert len({one.locator("path").get_attribute("d") for one in marks.all()}) == 3
    readout = plain.locator(".readout")
    marks.nth(4).locator("path").hover()
    assert readout.text_content() == f"5. {RAIN} (grupo 3)"
    plain.locator(".listing button").first.focus()
    assert readout.text_content() == f"1. {TRAIN} (grupo 1)"
    plain.keyboard.press("ArrowDown")
    plain.keyboard.press("ArrowDown")
    assert readout.text_content() == f"3. {BREAD} (grupo 2)"
    assert plain.locator("#groups .canvas .seen").text_content() == "3"
    assert plain.locator(".listing button[tabindex='0']").count() == 1
    plain.keyboard.press("End")
    assert readout.text_content() == f"5. {RAIN} (grupo 3)"


def test_points_lie_as_far_apart_as_the_server_says_at_any_width(plain: Any) -> None:
    with plain.expect_response("**/api/groups") as caught:
        fill(plain, "groups", sentences="\n".join(WAYS))
    points = caught.value.json()["points"]
    for width in (1440, 375):
        plain.set_viewport_size({"width": width, "height": 800})
        plain.wait_for_timeout(200)
        box = plain.locator("#groups .canvas svg").bounding_box()
        drawn = plain.locator("#groups .canvas g").evaluate_all(
            "all => all.map((one) => one.getAttribute('transform').match(/[-\\d.]+/g).map(Number))"
        )
        ratios = [
            ((drawn[a][0] - drawn[b][0]) ** 2 + (drawn[a][1] - drawn[b][1]) ** 2) ** 0.5
            / ((points[a][0] - points[b][0]) ** 2 + (points[a][1] - points[b][1]) ** 2) ** 0.5
            for a, b in [(0, 2), (1, 3), (2, 4), (0, 4)]
        ]
        assert max(ratios) == pytest.approx(min(ratios), rel=0.01)
        assert all(0 < x < box["width"] and 0 < y < box["height"] for x, y in drawn)
    plain.set_viewport_size({"width": 1440, "height": 800})


def test_the_language_changes_all_that_is_shown_and_is_kept(page: Any) -> None:
    for section in ("pair", "search", "groups"):
        press(page, section)
    before = page.locator("#pair dd").all_text_contents()
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("#language button[aria-pressed=true]").all_text_contents() == ["English"]
    assert page.locator("#pair dd").all_text_contents() == [text.replace(",", ".") for text in before]
    seen = page.locator("body").inner_text()
    chrome = [one for one in words().values() if "{" not in one["es"] and one["es"] != one["en"]]
    assert len(chrome) >= 40
    assert not [one["es"] for one in chrome if re.search(rf"(?m)^{re.escape(one['es'])}$", seen)]
    assert page.url.endswith("?lang=en")
    page.reload()
    page.wait_for_load_state("networkidle")
    assert page.locator("h1").text_content() == page.title() == "terna: try it"


def test_what_is_typed_is_never_markup(page: Any) -> None:
    attack = "<img src=x onerror=\"document.title='ay'\"><b>negrita</b>"
    fill(page, "search", query=attack, sentences=f"{attack}\nHola.")
    fill(page, "groups", sentences=f"{attack}\nHola.\nAdiós.")
    page.locator(".listing button").first.focus()
    assert any(attack in text for text in page.locator("#search .model .found").all_text_contents())
    assert attack in page.locator(".readout").text_content()
    assert page.locator("main img, main b").count() == 0
    assert page.title() == "terna: pruébalo"


def test_what_is_refused_is_told_in_the_chosen_language(page: Any) -> None:
    fill(page, "groups", sentences="Hola.\nHola.\nAdiós.")
    page.locator("#groups [name=k]").select_option("5")
    press(page, "groups")
    assert told(page, "groups") == "Se piden 5 grupos, pero solo hay 2 frases distintas. Pida menos."
    assert page.locator("#groups .result > *").count() == 0
    page.get_by_role("button", name="English").click()
    press(page, "groups")
    assert told(page, "groups") == "5 groups are asked for, but only 2 sentences differ. Ask for fewer."
    assert faint(page, least=40) == []


def test_a_file_is_read_into_the_field_and_what_is_no_text_is_refused(page: Any, tmp_path: Path) -> None:
    name = tmp_path / "frases.txt"
    field = page.locator("#search input[type=file]")
    name.write_bytes("\ufeffLlueve.\r\n\r\nHace sol.\r\n".encode())
    field.set_input_files(name)
    page.locator("#search .status", has_text="Archivo").wait_for()
    assert page.locator("#search textarea").input_value() == "Llueve.\n\nHace sol.\n"
    assert told(page, "search") == "Archivo leído. Frases: 2."
    press(page, "search")
    assert len(page.locator("#search .model .found").all()) == 2
    size = f"{BODY + 1:,}".replace(",", ".")
    for content, reason in ((b"\xff\xfe\x00", "no es texto en UTF-8"), (b"a" * (BODY + 1), f"ocupa {size} bytes")):
        name.write_bytes(content)
        field.set_input_files(name)
        page.locator("#search .status.wrong").wait_for()
        assert reason in told(page, "search")
        press(page, "search")
        assert len(page.locator("#search .model .found").all()) == 2


def test_a_model_that_fails_and_a_server_that_has_ended_are_told(browser: Any) -> None:
    def vector(text: str) -> list[float]:
        if text == "malo":
            raise ModelError("models/x: spoilt; train it again")
        return [1.0, 2.0]

    with served(Stub(vector)) as server, opened_page(browser, address(server), 375, "light", SPANISH) as (page, _):
        fill(page, "pair", first="malo")
        assert "models/x: spoilt" in told(page, "pair")
        server.shutdown()
        server.server_close()
        press(page, "pair")
        assert told(page, "pair").startswith("El programa no responde")
