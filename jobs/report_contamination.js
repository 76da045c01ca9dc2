"use strict";
// The list of a report's benchmark items, and an item's own page; reporting/contamination_page.py
// puts it there. Texts come from the page's data and become text nodes, never markup. What is shown
// is named by the fragment: #items?q=moon&how=quote&page=2, #item?benchmark=boolq&id=117.
(() => {
  const PAGE_SIZE = 50;
  const SNIPPET = 160; // characters of an item in the list
  const LOOK_BACK = 40; // of them, before what was found
  const TYPING_MS = 150;
  const HOW = {
    dirty: "found in any way", near_whole: "near whole", quote: "quote", template: "template",
    too_short: "too short", clean: "clean", all: "all",
  };
  const SORTS = {
    // The items stand in the data by this: how, then share of the words, then N-grams found.
    worst: [() => 0, "most contaminated first"],
    share: [(row) => -row.share, "share of the words found"],
    found: [(row) => -(row.found || 0), "N-grams found"],
    documents: [(row) => -(row.documents || 0), "documents that have it"],
    item: [null, "benchmark and id"],
  };
  const MARKS = ["", "found", "exempt"];
  const number = new Intl.NumberFormat("en").format;
  const byId = (id) => document.getElementById(id);

  // Elements --------------------------------------------------------------------------------

  /** An element with properties and children; a string becomes text. */
  function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  /** A text with its marks, apart from what stands around it whatever way it is written. */
  function marked(pieces, tag = "bdi") {
    return make(tag, { dir: "auto" }, ...pieces.map((piece) =>
      typeof piece === "string" ? piece : make("mark", { className: MARKS[piece[0]] }, piece[1])));
  }

  function plural(count, noun) {
    return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
  }

  function percent(share) {
    return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  }

  // Data ------------------------------------------------------------------------------------

  const data = JSON.parse(byId("data").textContent);
  const rows = data.items.map((item) => ({ ...item, share: item.covered / (item.words || 1) }));
  for (const [benchmark, ids] of data.clean) {
    for (const id of ids) rows.push({ benchmark, id, how: "clean", share: 0 });
  }
  rows.forEach((row, place) => { row.place = place; });
  const nameOf = (row) => data.benchmarks[row.benchmark];

  /** All that is searched of a row, in lower case, made once. */
  function haystack(row) {
    if (row.haystack === undefined) {
      const texts = (row.fields || []).map(([, text]) => plain(text));
      const urls = (row.passages || []).map((passage) => passage.url);
      row.haystack = [`${nameOf(row)}:${row.id}`, ...texts, ...urls].join("\n").toLowerCase();
    }
    return row.haystack;
  }

  function plain(pieces) {
    return pieces.map((piece) => (typeof piece === "string" ? piece : piece[1])).join("");
  }

  function isHow(row, how) {
    if (how === "all") return true;
    if (how === "dirty") return row.how !== "clean" && row.how !== "too_short";
    return row.how === how;
  }

  // State: what the fragment says --------------------------------------------------------------

  const DEFAULTS = { q: "", benchmark: "", how: "dirty", sort: "worst", page: "1" };

  function stateOf(query) {
    const given = new URLSearchParams(query);
    const state = {};
    for (const [name, usual] of Object.entries(DEFAULTS)) state[name] = given.get(name) ?? usual;
    if (!Object.hasOwn(HOW, state.how)) state.how = DEFAULTS.how;
    if (!Object.hasOwn(SORTS, state.sort)) state.sort = DEFAULTS.sort;
    return state;
  }

  function listAddress(state) {
    const said = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
    return "#items?" + new URLSearchParams(said);
  }

  function itemAddress(row) {
    return "#item?" + new URLSearchParams({ benchmark: nameOf(row), id: row.id });
  }

  function matching(state) {
    const terms = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter((row) =>
      (!state.benchmark || nameOf(row) === state.benchmark) && isHow(row, state.how) &&
      terms.every((term) => haystack(row).includes(term)));
    return sorted(found, state.sort);
  }

  function sorted(found, sort) {
    const key = SORTS[sort][0];
    if (key) {
      const keys = new Map(found.map((row) => [row, key(row)]));
      return found.sort((a, b) => keys.get(a) - keys.get(b) || a.place - b.place);
    }
    const order = new Intl.Collator("en", { numeric: true }).compare;
    return found.sort((a, b) => a.benchmark - b.benchmark || order(a.id, b.id));
  }

  // The list ----------------------------------------------------------------------------------

  let state = stateOf("");
  let chosen = [];
  let scrolled = null; // where the list was left for an item

  const search = make("input", {
    type: "search", id: "search", placeholder: "id, words of an item, address of a document",
  });
  const benchmark = choice("benchmark", [["", "all benchmarks"],
    ...data.benchmarks.map((name) => [name, name])]);
  const how = choice("how", Object.entries(HOW));
  const sort = choice("sort", Object.entries(SORTS).map(([name, [, said]]) => [name, said]));
  const count = make("p", { id: "count", className: "quiet", role: "status" });
  const table = make("tbody");
  const pages = make("nav", { className: "pages", ariaLabel: "Pages" });

  function choice(name, options) {
    return make("select", { id: name },
      ...options.map(([value, said]) => make("option", { value }, said)));
  }

  function labelled(text, control) {
    return make("label", {}, make("span", {}, text), control);
  }

  function buildList() {
    const head = ["item", "how", "N-grams found", "of its words", "documents"].map((title) =>
      make("th", { scope: "col" }, title));
    byId("list").append(
      make("form", { className: "controls", role: "search" }, labelled("Search", search),
        labelled("Benchmark", benchmark), labelled("Found", how), labelled("Order", sort)),
      count,
      make("table", { className: "items" }, make("thead", {}, make("tr", {}, ...head)), table),
      pages);
    byId("list").hidden = false;
    byId("static").hidden = true;
    let waiting = 0;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => change({ q: search.value }), TYPING_MS);
    });
    for (const control of [benchmark, how, sort]) {
      control.addEventListener("change", () => change({ [control.id]: control.value }));
    }
    search.form.addEventListener("submit", (event) => {
      event.preventDefault();
      change({ q: search.value });
    });
  }

  /** Show another list in the place of this one: typing leaves no trail to go back through. */
  function change(changes) {
    location.replace(listAddress({ ...state, page: "1", ...changes }));
  }

  function showList(asked) {
    state = asked;
    chosen = matching(state);
    const last = Math.max(1, Math.ceil(chosen.length / PAGE_SIZE));
    const page = Math.min(Math.max(1, Number.parseInt(state.page, 10) || 1), last);
    if (document.activeElement !== search) search.value = state.q;
    [benchmark.value, how.value, sort.value] = [state.benchmark, state.how, state.sort];
    const first = (page - 1) * PAGE_SIZE;
    const shown = chosen.slice(first, first + PAGE_SIZE);
    const range = last > 1 ? `${number(first + 1)} to ${number(first + shown.length)} of ` : "";
    count.textContent = `${range}${plural(chosen.length, "item")}, of ${number(rows.length)} listed`;
    table.replaceChildren(...shown.flatMap(listed));
    pages.replaceChildren(...turns(page, last));
    leaveItem();
  }

  function listed(row) {
    const found = row.found ? `${number(row.found)} of ${number(row.ngrams)}` : "-";
    const cells = [HOW[row.how], found, row.found ? percent(row.share) : "-",
      row.documents ? number(row.documents) : "-"].map((text) => make("td", {}, text));
    const name = make("a", { href: itemAddress(row) }, make("bdi", {}, `${nameOf(row)}:${row.id}`));
    const lines = [make("tr", {}, make("th", { scope: "row" }, name), ...cells)];
    const text = snippet(row);
    if (text) lines.push(make("tr", { className: "note" }, make("td", { colSpan: 5 }, text)));
    return lines;
  }

  /** The beginning of the field that was found, from just before its first mark. */
  function snippet(row) {
    if (!row.fields || !row.fields.length) return null;
    const isMarked = ([, text]) => text.some((piece) => typeof piece !== "string");
    const [, text] = row.fields.find(isMarked) || row.fields[0];
    const pieces = [];
    let room = SNIPPET;
    text.forEach((piece, place) => {
      const isPlain = typeof piece === "string";
      const letters = Array.from(isPlain ? piece : piece[1]);
      const skipped = isPlain && place === 0 && text.length > 1 && letters.length > LOOK_BACK;
      const cut = letters.slice(skipped ? letters.length - LOOK_BACK : 0).slice(0, room).join("");
      room -= Array.from(cut).length;
      if (skipped) pieces.push("… ");
      if (cut) pieces.push(isPlain ? cut : [piece[0], cut]);
    });
    if (room <= 0) pieces.push(" …");
    return marked(pieces);
  }

  function turns(page, last) {
    if (last === 1) return [];
    const turn = (to, said) => (to < 1 || to > last ? make("span", { className: "quiet" }, said)
      : make("a", { href: listAddress({ ...state, page: String(to) }) }, said));
    return [turn(page - 1, "‹ Previous"), ` page ${number(page)} of ${number(last)} `,
      turn(page + 1, "Next ›")];
  }

  // An item -----------------------------------------------------------------------------------

  function showItem(query) {
    const given = new URLSearchParams(query);
    const row = rows.find((one) =>
      one.id === given.get("id") && nameOf(one) === given.get("benchmark"));
    if (!document.body.classList.contains("item")) scrolled = scrollY;
    const title = make("h2", { tabIndex: -1 },
      make("bdi", {}, `${given.get("benchmark")}:${given.get("id")}`));
    byId("item").replaceChildren(trail(row), title, ...(row ? itemParts(row)
      : [make("p", {}, "No item of this name is listed here.")]));
    byId("item").hidden = false;
    document.body.classList.add("item");
    title.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  function leaveItem() {
    if (!document.body.classList.contains("item")) return;
    document.body.classList.remove("item");
    byId("item").hidden = true;
    byId("item").replaceChildren();
    if (scrolled !== null) scrollTo(0, scrolled);
    scrolled = null;
  }

  /** The way back to the list, and on to the neighbours in it. */
  function trail(row) {
    const at = chosen.indexOf(row);
    const step = (to, said) => (at < 0 || !chosen[to] ? null
      : make("a", { href: itemAddress(chosen[to]) }, said));
    return make("nav", { className: "trail" }, make("a", { href: listAddress(state) }, "‹ The list"),
      step(at - 1, "previous item"), step(at + 1, "next item ›"));
  }

  function itemParts(row) {
    if (row.how === "clean") {
      return [make("p", {}, "Clean: no N-gram of it is in any document. Its text is not on this "
        + "page; see ", command(row), ".")];
    }
    const parts = [make("p", { className: "lead" }, verdict(row))];
    if (!row.fields) {
      return [...parts, make("p", {}, "There was no room for its text here; see ",
        command(row), ".")];
    }
    parts.push(...row.fields.map((field) => fieldPart(row, field)));
    const rest = row.hits - row.passages.length;
    if (rest > 0) {
      parts.push(make("p", { className: "quiet" },
        `${plural(rest, "passage")} more of it; see `, command(row), "."));
    }
    if (row.frequent.length) parts.push(...frequentPart(row));
    return parts;
  }

  function command(row) {
    return make("code", {}, make("bdi", {}, `winnow contamination show ${nameOf(row)}:${row.id}`));
  }

  function verdict(row) {
    if (row.how === "too_short") {
      return `Too short to be found: ${plural(row.words, "word")}, where N is ${row.size}.`;
    }
    const few = row.exempt < row.found ? `${number(row.exempt)} of them ` : "";
    const exempt = row.exempt ? `, ${few}too frequent to be removed` : "";
    const where = row.hits ? `; in ${plural(row.documents, "document")}.`
      : "; documents that hold them are listed with the items named below.";
    return `${HOW[row.how]}: ${number(row.found)} of ${number(row.ngrams)} ${row.size}-grams found`
      + `${exempt}; they cover ${number(row.covered)} of its ${plural(row.words, "word")} `
      + `(${percent(row.share)})${where}`;
  }

  function fieldPart(row, [name, text]) {
    const own = row.passages.filter((passage) => passage.field === name);
    const left = make("div", { className: "text" }, make("h3", {}, name),
      marked(text, "blockquote"));
    if (!own.length) return make("div", { className: "field" }, left);
    return make("div", { className: "field beside" }, left,
      make("div", {}, make("h3", {}, "in documents"), ...own.map(passagePart)));
  }

  function passagePart(passage) {
    const frequency = `${plural(passage.ngrams, "N-gram")}, the first in `
      + plural(passage.frequency, "document");
    return make("div", { className: "passage" },
      make("p", { className: "url" }, make("bdi", {}, passage.source), " · ",
        make("bdi", {}, passage.url || passage.document)),
      marked(passage.text, "blockquote"),
      make("p", { className: "quiet" },
        `characters ${number(passage.start)} to ${number(passage.end)} · ${frequency} · `,
        passage.exempt ? "exempt, " : "", make("bdi", {}, fate(passage.fate))));
  }

  function fate(said) {
    if (said === "cut" || said === "stays") return said;
    return said ? `the document was dropped: ${said}` : "not judged";
  }

  function frequentPart(row) {
    const lines = row.frequent.map((ngram) => {
      const there = { benchmark: data.benchmarks.indexOf(ngram.benchmark), id: ngram.id };
      const isOwn = there.benchmark === row.benchmark && there.id === row.id;
      const name = `${ngram.benchmark}:${ngram.id}`;
      return make("tr", {}, make("td", {}, make("bdi", {}, ngram.words)),
        make("td", {}, number(ngram.documents)),
        make("td", {}, ngram.exempt ? "exempt" : ""),
        make("td", {}, isOwn ? "this item"
          : make("a", { href: itemAddress(there) }, make("bdi", {}, name))));
    });
    const head = ["N-gram", "documents", "", "listed with"].map((title) =>
      make("th", { scope: "col" }, title));
    return [make("h3", {}, "Its most frequent N-grams"),
      make("div", { className: "scroll" }, make("table", { className: "ngrams" },
        make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines)))];
  }

  // From a fragment to what it names ------------------------------------------------------------

  function route() {
    const [name, ...query] = location.hash.split("?");
    if (name === "#item") return showItem(query.join("?"));
    if (name === "#items" || name === "") showList(stateOf(query.join("?")));
    else leaveItem();
    if (query.length === 0 && name.length > 1) {
      scrolled = null;
      byId(name.slice(1))?.scrollIntoView();
    }
    return undefined;
  }

  buildList();
  showList(stateOf(""));
  addEventListener("hashchange", route);
  route();
})();
