"""The widget of `browse()` in JupyterLab, used by the keys that its help names."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import nbformat
import pytest
from lab import PICTURES, Lab
from PIL import Image, ImageDraw
from samples import EVIL
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_notebooks import LOOK, WIDTHS, requested

import synapse
from synapse.annotations import Annotation, Box, Keypoint, Label, Mask, Polygon, write_document
from synapse.emulator import Emulator

COUNT = 50
CLASSES = ["car", "truck", "bus", EVIL]
WRONG_BOX, WRONG_CLASS, WITHOUT_TAG, UNDONE = 13, 29, 37, 44
NAMES = {"Control": Keys.CONTROL, "Ctrl": Keys.CONTROL, "Shift": Keys.SHIFT}


Place = tuple[str, int, int]  # label, left and top of a box


@attrs.frozen
class Review:
    """A project with planted faults, and the truth."""

    session: synapse.Session
    connect: str
    project: synapse.Project
    boxes: dict[int, set[Place]]
    tags: dict[int, list[str]]


def find_places(annotations: Iterable[Annotation]) -> set[Place]:
    boxes = [each for each in annotations if isinstance(each, Box)]
    return {(str(each.label), round(each.x), round(each.y)) for each in boxes}


def make_picture(path: Path, boxes: list[Box], number: int) -> None:
    picture = Image.new("RGB", (480, 320), (150, 190, 230) if number % 5 else (30, 30, 60))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 160, 480, 320), fill=(100, 100, 105))
    for box in boxes:
        pen.rectangle(box.xyxy, fill=(box.x % 200 + 40, 90, 200 - box.x % 150))
    picture.save(path)


@pytest.fixture(scope="module")
def review(folder: Path) -> Iterator[Review]:
    with Emulator() as emulator, synapse.Session(emulator.url, emulator.api_token) as session:
        connect = f"synapse.Session({emulator.url!r}, {emulator.api_token!r})"
        yield add_review(session, connect, folder)


def add_review(session: synapse.Session, connect: str, folder: Path) -> Review:
    collection = session.data_collections.create(
        name="Review",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image_1", file_type="image")],
    )
    project = session.projects.create(
        title="Review",
        category="image",
        data_collection=collection,
        configuration={"classification": {"bounding_box": CLASSES}},
    )
    night = session.task_tags.create(project=project, name="night")
    session.task_tags.create(project=project, name=f"odd {EVIL}")
    truth: dict[int, set[Place]] = {}
    tags: dict[int, list[str]] = {}
    for number in range(1, COUNT + 1):
        boxes = [
            Box(40 * place + number, 180 + 10 * place, 70, 40, label=CLASSES[(number + place) % 3])
            for place in range(3)
        ]
        path = folder / f"review {number}.png"
        make_picture(path, boxes, number)
        drawn: list[Annotation] = list(boxes)
        if number == 1:
            drawn += [
                Polygon([(300, 200), (460, 200), (460, 310)], label="road"),
                Mask([(y * 480 + 300, 60) for y in range(30, 80)], size=(480, 320), label="cloud"),
                Keypoint(200, 60, label="sun", visibility="occluded"),
                Label(label="rainy"),
                Box(340, 60, 120, 80, label=EVIL),
            ]
        truth[number] = find_places(drawn)
        if number == WRONG_BOX:
            drawn.insert(1, Box(300, 20, 90, 60, label="bus"))
        if number == WRONG_CLASS:
            wrong = next(label for label in CLASSES[:3] if label != boxes[1].label)
            drawn[1] = attrs.evolve(boxes[1], label=wrong)
        file = session.data_files.upload(path)
        files = {"image_1": {"checksum": file.checksum, "path": path.name}}
        task = project.tasks.create(data_unit=collection.data_units.create(files=files))
        task.annotate(write_document(drawn, sizes={"image_1": (480, 320)}), "submit")
        tags[number] = [] if number % 5 else ["night"]
        if number == WITHOUT_TAG:
            tags[number] = ["night"]
        elif tags[number]:
            task.tag(night)
    return Review(session, connect, project, truth, tags)


class Page:
    """JupyterLab with a notebook that shows the widget."""

    def __init__(self, browser: webdriver.Chrome, lab: Lab) -> None:
        self.browser = browser
        self.lab = lab
        self.help: dict[str, list[str]] = {}

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], Any], message: str = "") -> Any:
        try:
            return WebDriverWait(self.browser, 60, 0.05).until(lambda _: condition())
        except TimeoutException:
            self.browser.save_screenshot(str(PICTURES / "browse-failure.png"))
            pytest.fail(message or "The page isn't as expected; see browse-failure.png.")

    def open(self, name: str) -> None:
        """Open a notebook, run it, and wait for the widget's picture."""
        self.browser.get(f"{self.lab.url}/doc/tree/{name}")
        self.wait(
            lambda: self.run(
                "return window.jupyterapp?.shell.currentWidget?.sessionContext"
                "?.session?.kernel?.status === 'idle'"
            )
        )
        self.browser.execute_async_script(
            "const done = arguments[0];"
            "window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => done())"
        )
        self.wait(lambda: self.state["position"], "The cell shows no widget; see the screenshot.")

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.run(
            """
            const root = document.querySelector('.synapse-browser');
            const shapes = [...(root?.querySelectorAll('[data-ref]') ?? [])];
            const paths = shapes.filter(each => each.tagName === 'path' && each.dataset.ref);
            const scale = 480 / 1600;
            return {
              object: root?.dataset.object ?? null,
              position: root?.dataset.position ?? null,
              answered: root?.dataset.answered ?? null,
              waiting: Number(root?.dataset.waiting ?? 0),
              selected: root?.dataset.selected ?? '',
              labels: shapes.map(each => each.dataset.label),
              boxes: paths.map(each => [each.dataset.label, Math.round(each.getBBox().x * scale),
                Math.round(each.getBBox().y * scale), each.dataset.ref]),
              refs: shapes.map(each => each.dataset.ref),
              tags: [...(root?.querySelectorAll('[data-tag]') ?? [])].map(e => e.textContent),
              note: root?.querySelector('.synapse-note').textContent,
              unsaved: root?.querySelector('.synapse-unsaved').textContent,
              pictures: [...(root?.querySelectorAll('.synapse-svg > g > image') ?? [])].length,
              zoom: root?.querySelector('.synapse-svg > g')?.getAttribute('transform'),
              numbers: Object.fromEntries([...(root?.querySelectorAll('[data-number]') ?? [])]
                .map(each => [each.dataset.name, each.dataset.number])),
            };
            """
        )
        return state

    def focus(self) -> None:
        self.browser.find_element("css selector", ".synapse-stage").click()
        self.wait(lambda: self.run("return document.activeElement.className") == "synapse-stage")

    def read_help(self) -> None:
        """Open the help by its button, and read the keys of the actions."""
        self.browser.find_element("xpath", "//button[text()='Keys']").click()
        rows = self.run(
            "return [...document.querySelectorAll('.synapse-browser tr')].map("
            "row => [row.dataset.action, [...row.querySelectorAll('kbd')].map(e => e.dataset.key)])"
        )
        self.help = dict(rows)
        self.press("help")

    def press(self, action: str, key: str | None = None) -> None:
        """Press a key of an action, as the help names it."""
        name = key or self.help[action][0]
        *modifiers, last = name.split("+") if name != "+" else ["+"]
        keys = [NAMES.get(part, part) for part in modifiers]
        special = {"Delete": Keys.DELETE, "Tab": Keys.TAB, "Escape": Keys.ESCAPE, "?": "?"}
        arrows = {"ArrowLeft": Keys.LEFT, "ArrowRight": Keys.RIGHT, "ArrowUp": Keys.UP}
        pressed = {**special, **arrows, "Home": Keys.HOME, "End": Keys.END}.get(last, last)
        chain = ActionChains(self.browser)
        for each in keys:
            chain.key_down(each)
        chain.send_keys(pressed)
        for each in keys:
            chain.key_up(each)
        chain.perform()

    def answer(self, action: str, key: str | None = None) -> dict[str, Any]:
        """Press a key, and return the state that answers."""
        before = self.state["answered"]
        self.press(action, key)
        return self.wait_for_answer(before)

    def wait_for_answer(self, before: str | None) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            state = self.state
            return state if state["answered"] != before and not state["waiting"] else None

        found: dict[str, Any] = self.wait(find, f"no answer: {self.state}")
        return found

    def select(self, ref: str) -> None:
        """Select an annotation by Tab."""
        for _ in self.state["refs"]:
            self.press("select_next")
            if self.state["selected"] == ref:
                return
        pytest.fail(f"Tab doesn't reach the annotation {ref}.")


@pytest.fixture
def page(browser: webdriver.Chrome, lab: Lab, review: Review, folder: Path) -> Iterator[Page]:
    lab.choose_theme("light")
    source = (
        f"import synapse\nsession = {review.connect}\n"
        "session.projects.get(1).tasks.order_by('id').browse()"
    )
    cells = [source, "'the last cell'"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / "files" / "browse.ipynb")
    browser.set_window_size(WIDTHS["wide"], 1000)
    page = Page(browser, lab)
    page.open("browse.ipynb")
    page.focus()
    page.read_help()
    yield page
    # Leave no changed notebook behind, which would ask before the page may be left.
    page.run("window.onbeforeunload = null")
    for kernel in call(lab, "GET", "/api/sessions"):
        call(lab, "DELETE", f"/api/sessions/{kernel['id']}")


def call(lab: Lab, method: str, path: str) -> Any:
    request = urllib.request.Request(f"{lab.url}{path}", method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        content = response.read()
    return json.loads(content) if content else None


def test_project_is_reviewed_by_keys(page: Page, review: Review) -> None:
    state = page.state
    seen = []
    for step in range(COUNT):
        number = int(state["object"])
        seen.append(number)
        assert state["pictures"] == 1
        truth = review.boxes[number]
        wrong = {(x, y): (label, ref) for label, x, y, ref in find_wrong(state, truth)}
        for place, (_, ref) in wrong.items():
            page.select(ref)
            right = {(x, y): label for label, x, y in truth}.get(place)
            if right is None:
                state = page.answer("delete")
            else:
                state = page.answer("relabel", state["numbers"][right])
            assert "Saved" in state["note"]
        if number == UNDONE:
            page.press("select_next")
            assert len(page.answer("delete")["boxes"]) == len(truth) - 1
            state = page.answer("undo")
            assert "Undone" in state["note"]
        if set(review.tags[number]) - set(state["tags"]):
            before = state["answered"]
            page.press("tags")
            page.wait_for_answer(before)
            page.wait(lambda: page.run("return document.activeElement.tagName") == "INPUT")
            ActionChains(page.browser).send_keys("nig").perform()
            before = page.state["answered"]
            ActionChains(page.browser).send_keys(Keys.ENTER).perform()
            state = page.wait_for_answer(before)
        assert find_wrong(state, truth) == []
        assert state["tags"] == review.tags[number]
        if step < COUNT - 1:
            state = page.answer("next")
    assert seen == list(range(1, COUNT + 1))
    assert page.answer("next")["note"] == "This is the last object."

    with eval(review.connect) as other:
        tasks = list(other.projects.get(1).tasks.order_by("id").expand("tags"))
        assert {task.id: find_places(task.annotations) for task in tasks} == review.boxes
        assert {task.id: [tag.name for tag in task.tags] for task in tasks} == review.tags
        assert {task.status for task in tasks} == {"completed"}


def find_wrong(state: dict[str, Any], truth: set[Place]) -> list[Any]:
    """Return the shown boxes that aren't true; all true places must be shown."""
    boxes = [each for each in state["boxes"] if each[0] != "road"]
    assert {(x, y) for _, x, y in truth} <= {(x, y) for _, x, y, _ in boxes}
    return [each for each in boxes if (each[0], each[1], each[2]) not in truth]


def test_help_names_every_key_once(page: Page) -> None:
    names = [key for keys in page.help.values() for key in keys]

    assert len(names) == len(set(names)) > 20
    assert page.help["accept"] == ["a"]
    assert page.help["relabel"] == ["1", "9"]


def test_picture_is_zoomed_and_classes_are_hidden_by_keys(page: Page) -> None:
    first = page.state
    page.press("zoom_in")
    zoomed = page.state["zoom"]
    page.press("pan", "Shift+ArrowLeft")
    panned = page.state["zoom"]
    page.press("fit")
    assert len({first["zoom"], zoomed, panned}) == 3
    assert page.state["zoom"] == first["zoom"]

    stage = page.browser.find_element("css selector", ".synapse-stage")
    origin = ScrollOrigin.from_element(stage)
    ActionChains(page.browser).scroll_from_origin(origin, 0, -120).perform()
    page.wait(lambda: page.state["zoom"] != first["zoom"])
    ActionChains(page.browser).drag_and_drop_by_offset(stage, 40, 20).perform()
    assert page.state["zoom"] not in (first["zoom"], zoomed)

    car = first["numbers"]["car"]
    page.press("toggle", f"Shift+{car}")
    assert "car" in first["labels"]
    assert "car" not in page.state["labels"]
    page.press("toggle", f"Shift+{car}")
    page.press("toggle_all")
    assert page.state["labels"] == []
    page.press("toggle_all")
    assert page.state["labels"] == first["labels"]


def test_keys_belong_to_the_widget_or_to_the_notebook(page: Page) -> None:
    count = "return window.jupyterapp.shell.currentWidget.content.widgets.length"
    cells = page.run(count)
    before = page.state
    for key in ("d", "d", "x", "b", "a", "Shift+M"):
        page.press("", key)
    state = page.wait_for_answer(before["answered"])  # of the key to accept
    assert page.run(count) == cells
    assert state["note"] == "The status is completed already."

    page.press("select_next")
    page.press("leave")
    assert page.run("return document.activeElement.className") == "synapse-stage"
    page.press("leave")
    page.run("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    page.run("window.jupyterapp.commands.execute('notebook:enter-command-mode')")
    page.run("window.jupyterapp.shell.currentWidget.content.node.focus()")
    for key in ("ArrowUp", "b"):
        page.press("", key)
    page.wait(lambda: page.run(count) == cells + 1)
    assert page.state["position"] == before["position"]
    assert page.state["answered"] == state["answered"]


def test_refused_change_stays_until_saved_or_given_up(page: Page, review: Review) -> None:
    session = review.session
    page.answer("last")
    doomed = session.task_tags.create(project=review.project, name="doomed")
    before = page.state["answered"]
    page.press("tags")
    page.wait_for_answer(before)
    page.wait(lambda: page.run("return document.activeElement.tagName") == "INPUT")
    doomed.delete()
    before = page.state["answered"]
    ActionChains(page.browser).send_keys("doomed", Keys.ENTER).perform()
    state = page.wait_for_answer(before)
    assert state["unsaved"].startswith("Not saved: Task 50: tag doomed.")

    state = page.answer("previous")
    assert "Not saved: Task 50" in state["unsaved"]
    assert "Not saved: Task 50" in page.answer("retry")["unsaved"]
    before = page.state["answered"]
    page.browser.find_element("xpath", "//button[text()='Give up']").click()
    assert page.wait_for_answer(before)["unsaved"] == ""


def test_change_waits_visibly_for_a_kernel_that_is_gone(
    page: Page, lab: Lab, review: Review
) -> None:
    for each in call(lab, "GET", "/api/kernels"):
        call(lab, "DELETE", f"/api/kernels/{each['id']}")
    page.focus()
    page.press("select_next")
    page.press("delete")

    page.wait(lambda: "Not saved" in page.state["unsaved"])
    assert "delete" in page.state["unsaved"]
    assert page.state["waiting"] == 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.browser.save_screenshot(str(PICTURES / "browse-without-kernel.png"))
    task = review.session.tasks.get(1, refresh=True)
    assert find_places(task.annotations) == review.boxes[1]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_widget_fits_and_is_legible(
    browser: webdriver.Chrome, lab: Lab, page: Page, theme: str, width: str
) -> None:
    lab.choose_theme(theme)
    list(requested(browser))
    browser.set_window_size(WIDTHS[width], 1400)
    page.open("browse.ipynb")
    page.wait(
        lambda: (
            page.run("return document.body.dataset.jpThemeLight") == str(theme == "light").lower()
        )
    )
    page.focus()
    page.press("select_next")
    for name, key in (("", None), ("-classes", "classes"), ("-help", "help")):
        if key:
            page.press(key)
            page.wait(lambda: page.run("return document.querySelector('.synapse-panel')"))
        look = page.run(LOOK, ".synapse-browser")
        browser.save_screenshot(str(PICTURES / f"browse{name}-{theme}-{width}.png"))
        assert max(look["overflows"]) <= 0
        assert (
            page.run(
                "return document.querySelector('.jp-OutputArea').scrollWidth"
                " - document.querySelector('.jp-OutputArea').clientWidth"
            )
            <= 1
        )
        assert [each for each in look["contrasts"] if each[0] < 4.5] == []
        assert len(look["contrasts"]) > 15
        assert not look["pwned"]
        assert look["scripts"] == 0
        if key:
            page.press("leave", "Escape")
    urls = list(requested(browser))
    assert [url for url in urls if not url.startswith((lab.url, "data:", "blob:"))] == []
