"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const find = byId("find"), count = byId("count"), nothing = byId("nothing");
  const words = () => find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (text, sought) => sought.every((word) => text.includes(word));

  function element(name, text, parent, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (parent) parent.append(made);
    return made;
  }

  function remember() {
    const sought = find.value.trim();
    const place = sought ? "#q=" + encodeURIComponent(sought) : location.pathname;
    try { history.replaceState(null, "", place); } catch { /* a page from a folder may not */ }
  }

  function recalled() {
    return location.hash.startsWith("#q=") ? decodeURIComponent(location.hash.slice(3)) : "";
  }

  if (find) {
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { event.preventDefault(); find.focus(); }
      if (event.key === "Escape" && event.target === find) { find.value = ""; find.dispatchEvent(new Event("input")); }
    });
    find.addEventListener("input", remember);
  }

  // Lists: every element of the class "item" is shown when it fits the search and all fields that filter.
  const items = [...document.querySelectorAll(".item")];
  const fields = [...document.querySelectorAll("[data-filter]")];

  function fits(item, field) {
    const wanted = field.value.trim().toLowerCase(), key = field.dataset.filter;
    if (!wanted) return true;
    if (key === "on") return item.dataset.from <= wanted && (!item.dataset.to || wanted <= item.dataset.to);
    if (key === "hs") {
      const digits = wanted.replace(/\D/g, "");
      return digits.startsWith(item.dataset.hs) || item.dataset.hs.startsWith(digits);
    }
    const given = item.dataset[key].split(" ");
    return given.includes(wanted) || given.includes("");
  }

  function list() {
    const sought = find ? words() : [];
    let shown = 0;
    for (const item of items) {
      item.hidden = !(holds(item.textContent.toLowerCase(), sought) && fields.every((field) => fits(item, field)));
      shown += !item.hidden;
    }
    if (count) count.textContent = shown === items.length ? `${shown} in all` : `${shown} of ${items.length}`;
    if (nothing) nothing.hidden = shown > 0;
  }

  if (items.length) {
    if (find) { find.value = recalled(); find.addEventListener("input", list); }
    fields.forEach((field) => field.addEventListener("input", list));
    list();
  }

  // Trees: a row is shown when its classes are unfolded; a search shows what fits, and the classes above it.
  const tree = byId("tree");
  if (!tree) return;
  const facts = JSON.parse(byId("facts").textContent), side = byId("side");
  const usage = byId("usage"), must = byId("must");
  const rows = [...tree.tBodies[0].rows].map((row, number) => ({
    row, number, depth: Number(row.dataset.d), usage: (row.dataset.u || "").split(" "), must: row.classList.contains("must"),
    link: row.querySelector(".name a, .name span"), folded: false, fact: facts.rows[number],
    text: (row.textContent + " " + (facts.rows[number].text || "")).toLowerCase(),
  }));
  rows.forEach((each, number) => {
    each.parent = null;
    for (let above = number - 1; above >= 0 && !each.parent; above--) if (rows[above].depth < each.depth) each.parent = rows[above];
  });

  function draw() {
    const sought = words(), use = usage ? usage.value : "";
    const filtered = sought.length > 0 || use || must.checked;
    const wanted = new Set();
    let found = 0;
    for (const each of rows) {
      if (!each.fact.path) continue;
      if (!holds(each.text, sought) || (use && !each.usage.includes(use)) || (must.checked && !each.must)) continue;
      found += 1;
      for (let up = each; up; up = up.parent) wanted.add(up);
    }
    for (const each of rows) {
      let open = true;
      if (!filtered) for (let up = each.parent; up; up = up.parent) open = open && !up.folded;
      each.row.hidden = filtered ? !wanted.has(each) : !open;
      each.row.classList.toggle("folded", each.folded && !filtered);
      mark(each.link, sought);
    }
    const all = rows.filter((each) => each.fact.path).length;
    count.textContent = filtered ? `${found} of ${all} positions` : `${all} positions`;
    nothing.hidden = found > 0;
    tree.hidden = found === 0;
  }

  function mark(link, sought) {
    const name = link.textContent, low = name.toLowerCase();
    const word = sought.find((each) => low.includes(each));
    link.textContent = "";
    if (!word) { link.textContent = name; return; }
    const at = low.indexOf(word);
    link.append(name.slice(0, at));
    element("mark", name.slice(at, at + word.length), link);
    link.append(name.slice(at + word.length));
  }

  function fold(depth) {
    for (const each of rows) each.folded = each.depth >= depth && Boolean(each.fact.path) && rows[each.number + 1]?.depth > each.depth;
    draw();
  }

  function choose(each) {
    for (const other of rows) other.row.classList.toggle("chosen", other === each);
    side.textContent = "";
    const fact = each.fact;
    element("h2", each.link.textContent, side);
    const rowsOf = element("dl", undefined, side);
    const line = (label, value) => {
      if (!value || !value.length) return;
      element("dt", label, rowsOf);
      const cell = element("dd", undefined, rowsOf);
      if (!Array.isArray(value)) { cell.textContent = value; return; }
      const listed = element("ul", undefined, cell);
      for (const part of value) {
        const item = element("li", undefined, listed);
        if (part.href) element("a", part.text, item, {href: part.href}); else item.append(part.text);
        if (part.note) element("span", " " + part.note, item, {class: "hint"});
      }
    };
    facts.labels.forEach((label, index) => line(label, fact.lines[index] === 0 ? "" : fact.lines[index]));
    line("XML attributes", fact.attributes === undefined ? "" : facts.attributes[fact.attributes]);
    line("Code lists", fact.lists);
    line("Rules", fact.rules);
  }

  tree.tBodies[0].addEventListener("click", (event) => {
    const each = rows[Number(event.target.closest("tr").dataset.n)];
    if (event.target.closest(".fold")) { each.folded = !each.folded; draw(); return; }
    if (event.target.closest(".again, .list")) return;
    if (each.fact.path) choose(each);
  });
  byId("open").addEventListener("click", () => fold(Infinity));
  byId("close").addEventListener("click", () => fold(facts.depth));
  [find, usage, must].forEach((field) => field && field.addEventListener("input", draw));

  function arrive() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const each = rows.find((row) => row.row.id && row.row.id === wanted);
    if (!each) return;
    find.value = "";
    must.checked = false;
    for (let up = each.parent; up; up = up.parent) up.folded = false;
    draw();
    choose(each);
    each.row.scrollIntoView({block: "center"});
  }

  addEventListener("hashchange", arrive);
  find.value = recalled();
  fold(facts.depth + 1);
  choose(rows[facts.start]);
  arrive();
})();
