// The widget of query.browse(). Data become text by textContent and attributes only, never HTML.
// Python keeps the state: each state message has everything that is shown. This side keeps the zoom,
// the selection, the hidden classes, and the messages that Python hasn't answered yet.

const SVG = "http://www.w3.org/2000/svg";
const PICTURES = /^image\/(png|jpeg|webp|gif)$/;
const LATE = 3000; // milliseconds until a message counts as unanswered
const MOST_LABELS = 60; // with more annotations, only the selected one has a label
const EDITS = ["delete", "relabel", "accept", "reject", "tag", "undo"];
const MOVES = ["open", "go", "file", "filter"];
let views = 0;

function make(tag, { text, on, data, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  for (const [name, value] of Object.entries(data ?? {})) element.dataset[name] = value;
  for (const [name, handler] of Object.entries(on ?? {})) element.addEventListener(name, handler);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function encode(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

// The name of a pressed key, as the table of keys has it.
function nameKey(event, bound) {
  const { key, code } = event;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code ?? "");
  if (digit && !control) {
    if (event.shiftKey && code.startsWith("Digit")) return `Shift+${digit[1]}`;
    return bound.has(key) ? key : digit[1];
  }
  if (event.shiftKey && (key.length > 1 || /^\p{L}$/u.test(key)))
    return `${control}Shift+${key.length > 1 ? key : key.toUpperCase()}`;
  return control + (key.length > 1 ? key : key.toLowerCase());
}

class Viewer {
  constructor(model, el) {
    this.model = model;
    this.state = null;
    this.picture = "";
    this.pictureNumber = null;
    this.prefix = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.serial = (views += 1);
    this.count = 0;
    this.waiting = new Map();
    this.hidden = new Set();
    this.selected = null;
    this.panel = null;
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.keys = model.get("key_table");
    this.bound = new Map(this.keys.flatMap((each) => each.keys.map((key) => [key, each.action])));
    this.build(el);
    this.receive = (content, buffers) => {
      if (content?.kind === "state") this.show(content, buffers ?? []);
    };
    model.on("msg:custom", this.receive);
    this.send("open", {}, "Open");
  }

  dispose() {
    this.model.off("msg:custom", this.receive);
    this.resizes?.disconnect();
    clearTimeout(this.timer);
  }

  // -- Messages ---------------------------------------------------------------------------------

  send(kind, parameters, text) {
    const id = `${this.prefix}-${(this.count += 1)}`;
    this.waiting.set(id, { message: { ...parameters, kind, id }, text, since: Date.now() });
    this.post(id);
  }

  post(id) {
    const waiting = this.waiting.get(id);
    waiting.since = Date.now();
    try {
      const sent = this.model.send(waiting.message);
      sent?.catch?.(() => this.markLate(id));
    } catch {
      waiting.since = 0; // the connection to the kernel is closed
    }
    this.showWaiting();
    setTimeout(() => this.showWaiting(), LATE + 50);
  }

  markLate(id) {
    if (this.waiting.has(id)) this.waiting.get(id).since = 0;
    this.showWaiting();
  }

  get late() {
    return [...this.waiting].filter(([, each]) => Date.now() - each.since > LATE);
  }

  isMoving() {
    return [...this.waiting.values()].some((each) => MOVES.includes(each.message.kind));
  }

  edit(kind, parameters, text) {
    if (!this.state || this.state.object === null) return this.say("Nothing is shown to change.");
    if (this.isMoving()) return this.say("Wait for the object, then press the key again.");
    this.send(kind, { ...parameters, object: this.state.object }, text);
  }

  say(text, isError = false) {
    this.note.textContent = text;
    this.note.classList.toggle("synapse-error", isError);
  }

  // -- The frame --------------------------------------------------------------------------------

  build(el) {
    const button = (text, title, action, data = {}) =>
      make("button", { type: "button", text, title, data, on: { click: () => this.act(action) } });
    this.number = make("input", {
      type: "text",
      inputmode: "numeric",
      size: 6,
      "aria-label": "Number of the object",
      on: { change: () => this.goToNumber() },
    });
    this.total = make("span");
    this.title = make("a", { target: "_blank", rel: "noopener noreferrer" });
    this.status = make("span", { class: "synapse-chip" });
    this.tags = make("span", { class: "synapse-row" });
    this.file = make("span", { class: "synapse-muted" });
    this.buttons = Object.fromEntries(
      [
        ["accept", "Accept"],
        ["reject", "Reject"],
        ["tags", "Tag"],
        ["filter", "Filter"],
        ["undo", "Undo"],
        ["help", "Keys"],
      ].map(([action, text]) => [action, button(text, this.describe(action), action)]),
    );
    this.classes = make("div", { class: "synapse-row", role: "group", "aria-label": "Classes" });
    this.world = draw("g");
    this.svg = draw("svg", { class: "synapse-svg", preserveAspectRatio: "xMidYMid meet" }, this.world);
    this.text = make("pre", { class: "synapse-text" });
    this.stage = make(
      "div",
      {
        class: "synapse-stage",
        tabindex: 0,
        role: "application",
        "aria-label": "Picture with annotations. Press ? for the keys.",
      },
      this.svg,
      this.text,
    );
    this.others = make("div", { class: "synapse-row", "aria-label": "Annotations without a place" });
    this.note = make("div", { class: "synapse-note", role: "status" });
    this.selection = make("div", { class: "synapse-selection", role: "status" });
    this.notes = make("div", { class: "synapse-muted" });
    this.unsaved = make("div", { class: "synapse-unsaved", role: "alert" });
    this.corner = make("div");
    this.root = make(
      "div",
      {
        class: "synapse-browser",
        tabindex: -1,
        // JupyterLab fires none of its shortcuts for keys that are pressed in here.
        "data-lm-suppress-shortcuts": "true",
      },
      make(
        "div",
        { class: "synapse-row" },
        button("‹", this.describe("previous"), "previous"),
        this.number,
        this.total,
        button("›", this.describe("next"), "next"),
        this.title,
        this.status,
        this.tags,
      ),
      make("div", { class: "synapse-row" }, ...Object.values(this.buttons), this.file),
      this.corner,
      this.unsaved,
      this.classes,
      this.stage,
      this.others,
      this.selection,
      this.note,
      this.notes,
    );
    for (const name of ["keydown", "keypress", "keyup"])
      this.root.addEventListener(name, (event) => {
        if (name === "keydown") this.press(event);
        event.stopPropagation();
      });
    this.stage.addEventListener("wheel", (event) => this.turnWheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.pointDown(event));
    this.stage.addEventListener("pointermove", (event) => this.pointMove(event));
    this.stage.addEventListener("pointerup", (event) => this.pointUp(event));
    this.stage.addEventListener("pointercancel", () => (this.drag = null));
    this.resizes = new ResizeObserver(() => this.arrange());
    this.resizes.observe(this.stage);
    el.append(this.root);
  }

  // A button's title: the effect and the keys.
  describe(action) {
    const each = this.keys.find((key) => key.action === action);
    return each ? `${each.text} (${each.shown.join(", ")})` : "";
  }

  // -- Keys -------------------------------------------------------------------------------------

  press(event) {
    const name = nameKey(event, this.bound);
    const action = this.bound.get(name);
    const isTyping = event.target.tagName === "INPUT";
    if (this.panel && this.panel.press(event, name)) return event.preventDefault();
    if (isTyping) {
      if (event.key === "Enter") this.goToNumber();
      if (event.key === "Enter" || event.key === "Escape") this.focus();
      return;
    }
    if (!action || event.isComposing || event.altKey) return;
    // Tab leaves the buttons and the picture as it does elsewhere.
    if (name.endsWith("Tab") && event.target !== this.stage) return;
    // A key that is held down neither overshoots nor repeats a change.
    const isRepeated = event.repeat && (this.isMoving() || EDITS.includes(action));
    if (isRepeated || this.act(action, name) !== false) event.preventDefault();
  }

  act(action, key = "") {
    const digit = Number(key.slice(-1));
    const actions = {
      next: () => this.send("go", { to: "next" }, "Go to the next object"),
      previous: () => this.send("go", { to: "previous" }, "Go to the previous object"),
      first: () => this.send("go", { to: "first" }, "Go to the first object"),
      last: () => this.send("go", { to: "last" }, "Go to the last object"),
      number: () => {
        this.number.focus();
        this.number.select();
      },
      file: () => this.send("file", {}, "Show the next file"),
      select_next: () => this.selectBy(1),
      select_previous: () => this.selectBy(-1),
      delete: () => this.change("delete", {}, "delete"),
      relabel: () => this.relabel(digit - 1),
      classes: () => this.chooseClass(),
      accept: () => this.edit("accept", {}, "accept"),
      reject: () => this.edit("reject", {}, "reject"),
      tags: () => this.chooseTag(),
      undo: () => this.send("undo", {}, "undo"),
      retry: () => this.retry(),
      filter: () => this.chooseStatus(),
      toggle: () => this.toggle(digit - 1),
      toggle_all: () => this.toggleAll(),
      zoom_in: () => this.zoomBy(1.3),
      zoom_out: () => this.zoomBy(1 / 1.3),
      fit: () => this.moveTo({ scale: 1, x: 0, y: 0 }),
      pan: () => this.pan(key),
      leave: () => this.leave(),
      help: () => this.help(),
    };
    return actions[action]?.();
  }

  focus() {
    this.stage.focus({ preventScroll: true });
  }

  leave() {
    if (this.panel) return this.close();
    if (this.selected !== null) return this.select(null);
    document.activeElement?.blur();
  }

  // -- The state --------------------------------------------------------------------------------

  show(state, buffers) {
    const before = this.state;
    const answered = this.waiting.get(state.answers);
    this.waiting.delete(state.answers);
    if (!state.shapes || state.classes === undefined) {
      this.say(state.error, true);
      return this.showWaiting();
    }
    this.state = state;
    if (buffers.length) {
      const bytes = buffers[0];
      const view = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
      this.picture = PICTURES.test(state.media_type)
        ? `data:${state.media_type};base64,${encode(view)}`
        : "";
      this.pictureNumber = state.picture;
    }
    const isOther = before?.object !== state.object || before?.picture !== state.picture;
    if (isOther) {
      this.selected = null;
      this.zoom = { scale: 1, x: 0, y: 0 };
    }
    if (!state.shapes.some((each) => each.ref === this.selected)) this.selected = null;
    this.say(state.error || state.note || "", Boolean(state.error));
    this.showHead();
    this.showClasses();
    this.drawShapes();
    this.showSelection();
    this.showWaiting();
    if (answered?.message.kind === "tags" && !state.error) this.openTags();
    this.root.dataset.object = String(state.object);
    this.root.dataset.position = String(state.position);
    this.root.dataset.answered = String(state.answers);
  }

  showHead() {
    const { state } = this;
    this.number.value = state.total ? String(state.position + 1) : "0";
    this.total.textContent = `/ ${state.total.toLocaleString("en")}`;
    this.title.textContent = state.title || (state.total ? "" : "No objects match.");
    if (/^https?:\/\//.test(state.link ?? "")) this.title.setAttribute("href", state.link);
    else this.title.removeAttribute("href");
    this.status.textContent = state.status ?? "";
    this.status.hidden = !state.status;
    this.tags.replaceChildren(
      ...(state.tags ?? []).map((tag) =>
        make("span", { class: "synapse-chip", text: tag.name, data: { tag: tag.id } }),
      ),
    );
    const more = state.files > 1 ? ` (file ${state.file_number + 1} of ${state.files})` : "";
    this.file.textContent = `${state.file}${more}`;
    this.buttons.accept.hidden = this.buttons.reject.hidden = !state.statuses.length;
    this.buttons.filter.hidden = !state.statuses.length;
    this.buttons.filter.textContent = state.filter ? `Filter: ${state.filter}` : "Filter";
    this.buttons.tags.hidden = state.tags === null;
    this.buttons.undo.disabled = !state.undo;
    this.buttons.undo.title = state.undo
      ? `${this.describe("undo")}: ${state.undo}`
      : this.describe("undo");
    this.notes.replaceChildren(...state.notes.map((text) => make("div", { text })));
    this.text.textContent = state.text;
    this.text.hidden = !state.text;
  }

  showClasses() {
    const counts = new Map();
    for (const each of this.state.shapes) counts.set(each.class, (counts.get(each.class) ?? 0) + 1);
    this.classes.replaceChildren(
      ...this.state.classes
        .map((each, at) => [each, at])
        .filter(([, at]) => at < 9 || counts.has(at))
        .map(([each, at]) => {
          const swatch = make("span", { class: "synapse-swatch" });
          swatch.style.backgroundColor = each.line;
          const number = at < 9 ? `${at + 1} ` : "";
          const count = counts.has(at) ? ` (${counts.get(at)})` : "";
          return make(
            "button",
            {
              type: "button",
              class: "synapse-class",
              title: `Hide or show ${each.name}`,
              "aria-pressed": String(!this.hidden.has(each.name)),
              data: { number: at < 9 ? at + 1 : "", name: each.name },
              on: { click: () => this.toggle(at) },
            },
            swatch,
            document.createTextNode(`${number}${each.name}${count}`),
          );
        }),
    );
  }

  // -- Drawing ----------------------------------------------------------------------------------

  drawShapes() {
    const { state } = this;
    const { width, height } = state;
    this.svg.style.display = width ? "" : "none";
    this.svg.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
    this.svg.style.aspectRatio = `${width || 1} / ${height || 1}`;
    const below =
      state.media_type && this.pictureNumber === state.picture && this.picture
        ? draw("image", { width, height, preserveAspectRatio: "none", href: this.picture })
        : draw("rect", { width, height, class: "synapse-empty" });
    const shown = state.shapes.filter((each) => !this.isHidden(each));
    const placed = shown.filter((each) => each.box);
    this.elements = new Map(placed.map((each) => [each.ref, this.drawShape(each)]));
    this.labels = draw("g", { class: "synapse-labels" });
    this.world.replaceChildren(below, ...this.elements.values(), this.labels);
    this.others.replaceChildren(
      ...shown
        .filter((each) => !each.box)
        .map((each) =>
          make("button", {
            type: "button",
            class: "synapse-other",
            text: each.title,
            "aria-pressed": String(each.ref === this.selected),
            data: { ref: each.ref, label: each.label ?? "" },
            on: { click: () => this.select(each.ref) },
          }),
        ),
    );
    this.drawLabels(placed);
    this.arrange();
  }

  drawShape(each) {
    const color = this.state.classes[each.class]?.line ?? "#9a9a9a";
    let shape;
    if (each.mask && each.mask.startsWith("data:image/png;base64,")) {
      const [width, height] = each.size;
      const id = `synapse-mask-${this.serial}-${each.ref}`;
      const size = { width, height };
      const image = draw("image", { ...size, preserveAspectRatio: "none", href: each.mask });
      const fill = draw("rect", { ...size, fill: color, "fill-opacity": 0.5, mask: `url(#${id})` });
      const place = { transform: `matrix(${each.matrix.join(" ")})` };
      const [left, top, right, bottom] = each.box;
      const frame = { x: left, y: top, width: right - left, height: bottom - top };
      shape = draw(
        "g",
        {},
        draw("g", place, draw("mask", { id }, image), fill),
        draw("rect", { ...frame, class: "synapse-frame", stroke: color, fill: "transparent" }),
      );
    } else if (each.point) {
      const [cx, cy] = each.point;
      const isOccluded = each.look === "occluded";
      shape = draw("circle", { cx, cy, class: "synapse-point" });
      shape.setAttribute("fill", isOccluded ? "#ffffffa0" : color);
      shape.setAttribute("stroke", isOccluded ? color : "#ffffff");
      if (each.look === "missing") shape.setAttribute("stroke-dasharray", "2 2");
    } else {
      const fill = each.closed ? { fill: color, "fill-opacity": 0.14 } : { fill: "none" };
      shape = draw("path", { d: each.path, stroke: color, ...fill });
      if (each.dash) shape.setAttribute("stroke-dasharray", "4 3");
    }
    shape.dataset.ref = each.ref;
    shape.dataset.label = each.label ?? "";
    shape.classList.add("synapse-shape");
    shape.classList.toggle("synapse-selected", each.ref === this.selected);
    return shape;
  }

  drawLabels(placed) {
    const all = placed.length <= MOST_LABELS;
    this.labels.replaceChildren(
      ...placed
        .filter((each) => each.label && (all || each.ref === this.selected))
        .map((each) => {
          const isFar = each.box[0] > 0.75 * this.state.width;
          const text = draw("text", { x: isFar ? each.box[2] : each.box[0], y: each.box[1] });
          if (isFar) text.setAttribute("text-anchor", "end");
          text.textContent = each.label.length > 24 ? `${each.label.slice(0, 23)}…` : each.label;
          return text;
        }),
    );
  }

  // Place the picture; lines and letters keep their size on the screen.
  arrange() {
    const { scale, x, y } = this.zoom;
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    const pixels = this.svg.getScreenCTM()?.a || 1;
    this.svg.style.setProperty("--unit", `${1 / (scale * pixels)}px`);
  }

  moveTo(zoom) {
    const { width, height } = this.state ?? {};
    const scale = Math.min(Math.max(zoom.scale, 1), 60);
    // A part of the picture stays in the frame.
    const limit = (value, side) => Math.min(Math.max(value, side * (0.2 - scale)), side * 0.8);
    this.zoom = { scale, x: limit(zoom.x, width ?? 1), y: limit(zoom.y, height ?? 1) };
    if (scale === 1 && zoom.scale <= 1) this.zoom = { scale: 1, x: 0, y: 0 };
    this.arrange();
  }

  zoomBy(factor, at) {
    const { scale, x, y } = this.zoom;
    const box = at ?? { x: (this.state?.width ?? 0) / 2, y: (this.state?.height ?? 0) / 2 };
    const next = Math.min(Math.max(scale * factor, 1), 60);
    const ratio = next / scale;
    this.moveTo({ scale: next, x: box.x - (box.x - x) * ratio, y: box.y - (box.y - y) * ratio });
  }

  pan(key) {
    const step = 0.15 * (this.state?.width ?? 0);
    const [x, y] = { Left: [1, 0], Right: [-1, 0], Up: [0, 1], Down: [0, -1] }[
      key.replace("Shift+Arrow", "")
    ] ?? [0, 0];
    this.moveTo({ ...this.zoom, x: this.zoom.x + x * step, y: this.zoom.y + y * step });
  }

  locate(event) {
    const matrix = this.svg.getScreenCTM();
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  }

  // The wheel scrolls the notebook until the picture has the focus.
  turnWheel(event) {
    if (!this.state?.width || document.activeElement !== this.stage) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 200), this.locate(event));
  }

  pointDown(event) {
    if (event.button !== 0 || !this.state?.width) return;
    this.focus();
    event.preventDefault();
    this.drag = { start: this.locate(event), zoom: this.zoom, target: event.target, moved: false };
    this.drag.x = event.clientX;
    this.drag.y = event.clientY;
  }

  pointMove(event) {
    const { drag } = this;
    if (!drag) return;
    if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 4) return;
    if (!drag.moved) this.stage.setPointerCapture(event.pointerId);
    drag.moved = true;
    const now = this.locate(event);
    const { scale, x, y } = drag.zoom;
    this.moveTo({ scale, x: x + now.x - drag.start.x, y: y + now.y - drag.start.y });
  }

  pointUp() {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.moved) return;
    const shape = drag.target.closest?.("[data-ref]");
    this.select(shape ? Number(shape.dataset.ref) : null);
  }

  // -- Selection and classes --------------------------------------------------------------------

  isHidden(each) {
    return this.hidden.has(this.state.classes[each.class]?.name ?? "");
  }

  find(ref) {
    return this.state?.shapes.find((each) => each.ref === ref);
  }

  select(ref) {
    this.selected = ref;
    this.drawShapes();
    this.showSelection();
  }

  // Return false at the end, so that Tab goes on to the next control.
  selectBy(step) {
    const shown = (this.state?.shapes ?? []).filter((each) => !this.isHidden(each));
    const now = shown.findIndex((each) => each.ref === this.selected);
    const next = now < 0 && step < 0 ? shown.length - 1 : now + step;
    if (next < 0 || next >= shown.length) {
      this.select(null);
      return false;
    }
    this.select(shown[next].ref);
  }

  showSelection() {
    const each = this.find(this.selected);
    this.selection.textContent = each ? `Selected: ${each.title}` : "";
    this.root.dataset.selected = each ? String(each.ref) : "";
  }

  change(kind, parameters, verb) {
    const each = this.find(this.selected);
    if (!each) return this.say("Select an annotation first: press Tab, or click.");
    const isSent = ({ message }) => message.kind === "delete" && message.ref === each.ref;
    if ([...this.waiting.values()].some(isSent)) return this.say("The annotation is being deleted.");
    this.edit(kind, { ...parameters, ref: each.ref }, `${verb} ${each.label ?? "(no class)"}`);
  }

  relabel(number) {
    const name = this.state?.classes[number]?.name;
    if (name === undefined) return this.say("No class has this number.");
    this.change("relabel", { class: number }, `make ${name} of`);
  }

  toggle(number) {
    const name = this.state?.classes[number]?.name;
    if (name === undefined) return this.say("No class has this number.");
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.showClasses();
    this.select(this.find(this.selected) && !this.isHidden(this.find(this.selected)) ? this.selected : null);
  }

  toggleAll() {
    const names = ["", ...(this.state?.classes ?? []).map((each) => each.name)];
    this.hidden = this.hidden.size ? new Set() : new Set(names);
    this.showClasses();
    this.select(null);
  }

  goToNumber() {
    const number = Number(this.number.value.replaceAll(",", ""));
    if (number - 1 === this.state?.position) return;
    if (!Number.isSafeInteger(number)) return this.say("Type a whole number from 1.", true);
    this.send("go", { position: number - 1 }, `Go to object ${number}`);
  }

  // -- Lists ------------------------------------------------------------------------------------

  open(panel) {
    this.panel = panel;
    this.corner.replaceChildren(panel.element);
    panel.focus();
  }

  close() {
    this.panel = null;
    this.corner.replaceChildren();
    this.focus();
  }

  choose(title, items) {
    this.open(new Choice(title, items, () => this.close()));
  }

  chooseClass() {
    const each = this.find(this.selected);
    if (!each) return this.say("Select an annotation first: press Tab, or click.");
    this.choose(
      "Class of the annotation",
      this.state.classes.map((one, at) => ({
        text: one.name,
        isChosen: at === each.class,
        run: () => this.relabel(at),
      })),
    );
  }

  chooseTag() {
    if (this.state?.tags === null) return this.say("Such objects have no tags.");
    this.edit("tags", {}, "Read the tags");
  }

  openTags() {
    const chosen = new Set((this.state.tags ?? []).map((tag) => tag.id));
    const choices = this.state.tag_choices ?? [];
    if (!choices.length)
      return this.say("The project has no tags. Make one: session.task_tags.create(...)");
    this.choose(
      "Tags of the object",
      choices.map((tag) => ({
        text: tag.name,
        isChosen: chosen.has(tag.id),
        run: () => this.edit("tag", { tag: tag.id }, `tag ${tag.name}`),
      })),
    );
  }

  chooseStatus() {
    if (!this.state?.statuses.length) return this.say("Such objects have no status.");
    this.choose(
      "Objects with the status",
      [null, ...this.state.statuses].map((status) => ({
        text: status ?? "any",
        isChosen: this.state.filter === status,
        run: () => this.send("filter", { status }, `Filter by ${status ?? "any status"}`),
      })),
    );
  }

  help() {
    if (this.panel?.isHelp) return this.close();
    this.open(new Help(this.keys));
  }

  // -- Changes that are not saved ---------------------------------------------------------------

  retry() {
    for (const [id] of this.late) this.post(id);
    if (this.state?.unsaved.length) this.send("retry", {}, "save again");
    else if (!this.late.length) this.say("Every change is saved.");
  }

  showWaiting() {
    const { late } = this;
    this.root.dataset.waiting = String(this.waiting.size);
    this.root.setAttribute("aria-busy", String(this.isMoving()));
    const row = (text, buttons) => make("div", { class: "synapse-row" }, make("span", { text }), ...buttons);
    const button = (text, title, click) =>
      make("button", { type: "button", text, title, on: { click } });
    const rows = (this.state?.unsaved ?? []).map((each) =>
      row(`Not saved: ${each.text}. ${each.error}`, [
        button("Save again", this.describe("retry"), () =>
          this.send("retry", { change: each.id }, "save again"),
        ),
        button("Give up", "Forget the change", () =>
          this.send("discard", { change: each.id }, "give up"),
        ),
      ]),
    );
    if (late.length) {
      const isEdit = late.some(([, each]) => EDITS.includes(each.message.kind));
      rows.push(
        row(
          `${isEdit ? "Not saved: the" : "The"} kernel is busy with a cell, or has stopped. ` +
            `Waiting: ${late.map(([, each]) => each.text).join("; ")}.`,
          [
            button("Send again", this.describe("retry"), () => this.retry()),
            button("Give up", "Forget what waits", () => {
              for (const [id] of late) this.waiting.delete(id);
              this.showWaiting();
            }),
          ],
        ),
      );
    }
    if (rows.length || this.unsaved.childElementCount) this.unsaved.replaceChildren(...rows);
    this.unsaved.hidden = !rows.length;
  }
}

// A list to choose from: type to narrow, arrows and Enter to choose.
class Choice {
  constructor(title, items, close) {
    this.items = items;
    this.close = close;
    this.at = 0;
    this.input = make("input", {
      type: "text",
      placeholder: "Type to narrow the list",
      "aria-label": title,
      role: "combobox",
      "aria-expanded": "true",
      on: { input: () => this.narrow() },
    });
    this.list = make("div", { class: "synapse-list", role: "listbox", "aria-label": title });
    this.element = make("div", { class: "synapse-panel" }, make("b", { text: title }), this.input, this.list);
    this.narrow();
  }

  focus() {
    this.input.focus({ preventScroll: true });
  }

  narrow() {
    const wanted = this.input.value.trim().toLowerCase();
    this.shown = this.items.filter((each) => each.text.toLowerCase().includes(wanted));
    this.at = Math.max(0, wanted ? 0 : this.shown.findIndex((each) => each.isChosen));
    this.render();
  }

  render() {
    this.list.replaceChildren(
      ...this.shown.map((each, at) =>
        make("div", {
          role: "option",
          text: `${each.isChosen ? "✓ " : ""}${each.text}`,
          "aria-selected": String(at === this.at),
          data: { text: each.text },
          on: { click: () => this.run(each) },
        }),
      ),
    );
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  run(each) {
    this.close();
    each.run();
  }

  // Return whether the key was the list's.
  press(event, name) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[name];
    if (step) {
      this.at = Math.min(Math.max(this.at + step, 0), this.shown.length - 1);
      this.render();
    } else if (name === "Enter") {
      if (this.shown[this.at]) this.run(this.shown[this.at]);
    } else if (name === "Escape") {
      this.close();
    } else {
      return false;
    }
    return true;
  }
}

// The table of keys.
class Help {
  constructor(keys) {
    this.isHelp = true;
    const rows = keys.map((each) => {
      const shown = each.range ? [each.shown[0], each.shown.at(-1)] : each.shown;
      const names = each.range ? [each.keys[0], each.keys.at(-1)] : each.keys;
      const parts = shown.flatMap((text, at) => [
        ...(at ? [document.createTextNode(each.range ? " to " : ", ")] : []),
        make("kbd", { text, data: { key: names[at] } }),
      ]);
      return make(
        "tr",
        { data: { action: each.action } },
        make("td", {}, ...parts),
        make("td", { text: each.text }),
      );
    });
    this.element = make("div", { class: "synapse-panel", tabindex: -1 }, make("table", {}, make("tbody", {}, ...rows)));
    this.element.setAttribute("aria-label", "Keys");
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  press() {
    return false;
  }
}

export default {
  render({ model, el }) {
    const viewer = new Viewer(model, el);
    return () => viewer.dispose();
  },
};
