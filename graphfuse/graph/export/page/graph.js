"use strict";
(() => {
  const graph = JSON.parse(document.getElementById("graph").textContent);
  const at = (id) => document.getElementById(id);
  const canvas = at("canvas"), pen = canvas.getContext("2d");
  const dark = matchMedia("(prefers-color-scheme: dark)"), calm = matchMedia("(prefers-reduced-motion: reduce)");
  const number = new Intl.NumberFormat("en");
  // Okabe and Ito's colours, told apart by all kinds of colour sight; with more classes, shapes differ as well
  const LIGHT = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#D9C400"];
  const DARK = ["#4FA8E0", "#F0B13C", "#2FC79A", "#E29BC0", "#93D3F7", "#F0793A", "#F5EC6E"];
  const RAMP = [[68, 57, 131], [49, 104, 142], [33, 145, 140], [53, 183, 121], [144, 215, 67], [253, 231, 37]];
  const SHAPES = 4;

  // ------------------------------------------------------------------------------------------------ state
  let mode = "patients", shown, layers, on, hue, alone, picked = -1, over = -1, near = new Map();
  let x, y, width = 0, height = 0, view = { x: 0, y: 0, k: 1 }, fitted = true, asked = 0, moving = 0;

  function show(next) {
    mode = next;
    shown = graph[mode];
    layers = mode === "patients" ? shown.layers : [{ name: "interacts", edges: 0, lines: shown.lines, places: null }];
    on = new Set(layers.map((_, i) => i));
    hue = 0; alone = new Set(); picked = over = -1; near = new Map();
    [x, y] = apart(shown.places);
    at("drawn").textContent = mode === "patients" ? graph.drawn + "." : shown.drawn + ".";
    at("search-label").textContent = mode === "patients" ? "Find a patient" : "Find a gene";
    at("search").value = "";
    at("layers-part").hidden = mode !== "patients" || !layers.length;
    for (const tab of at("tabs").children) tab.setAttribute("aria-pressed", tab.dataset.mode === mode);
    fill(at("hue"), shown.hues.map((h, i) => made("option", { value: i }, h.name)));
    fill(at("found"), []);
    listLayers(); listLegend(); tell(); fit();
  }

  function apart(places) {
    const n = places.length / 2, px = new Float64Array(n), py = new Float64Array(n);
    for (let i = 0; i < n; i++) { px[i] = places[2 * i]; py[i] = places[2 * i + 1]; }
    return [px, py];
  }

  // ---------------------------------------------------------------------------------------------- elements
  function made(tag, attributes = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes))
      key.startsWith("on") ? element.addEventListener(key.slice(2), value) : element.setAttribute(key, value);
    element.append(...inside);
    return element;
  }
  const fill = (element, inside) => element.replaceChildren(...inside);

  function marker(code, colour) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS(svg.namespaceURI, "path");
    svg.setAttribute("viewBox", "-8 -8 16 16");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ["M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0", "M-5-5H5V5H-5Z", "M0-6.5L6.2 5H-6.2Z", "M0-7L6 0L0 7L-6 0Z"][shape(code)]);
    path.setAttribute("fill", colour);
    svg.append(path);
    return svg;
  }

  // ----------------------------------------------------------------------------------------------- colours
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const shape = (code) => (code < 0 ? 0 : Math.floor(code / LIGHT.length) % SHAPES);
  const colours = () => (dark.matches ? DARK : LIGHT);

  function range(h) {
    const known = h.values.filter((v) => v !== null);
    return known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : [0, 1];
  }
  function ramp(share) {
    const step = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1), i = Math.min(Math.floor(step), RAMP.length - 2);
    return "rgb(" + RAMP[i].map((c, k) => Math.round(c + (RAMP[i + 1][k] - c) * (step - i))).join(" ") + ")";
  }
  function painter() {
    const h = shown.hues[hue], unknown = style("--unknown"), palette = colours();
    if (!h) return () => palette[0];
    if (h.kind === "names") return (i) => (h.codes[i] < 0 || h.codes[i] === h.quiet ? unknown : palette[h.codes[i] % palette.length]);
    const [low, high] = range(h);
    return (i) => (h.values[i] === null ? unknown : ramp((h.values[i] - low) / (high - low || 1)));
  }
  const code = (i) => (shown.hues[hue] && shown.hues[hue].kind === "names" ? shown.hues[hue].codes[i] : 0);
  const counted = (i) => !alone.size || alone.has(code(i));

  // ------------------------------------------------------------------------------------------------ drawing
  function ask() { if (!asked) asked = requestAnimationFrame(draw); }
  const sx = (i) => (x[i] - view.x) * view.k + width / 2, sy = (i) => (y[i] - view.y) * view.k + height / 2;
  let whole = 1;
  function radius() {
    const size = Math.min(Math.max(112 / Math.sqrt(x.length), 2.4), 7) * Math.min(Math.max(Math.min(width, height) / 760, 0.6), 1);
    return size * Math.min(Math.max(Math.pow(view.k / whole, 0.45), 0.7), 3.2);
  }
  const sized = (i, r) => (mode === "genes" ? r * (0.55 + 0.95 * Math.sqrt(shown.degree[i] / (Math.max(...shown.degree) || 1))) : r);

  function draw() {
    asked = 0;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const paint = painter(), r = radius();
    drawLines(paint);
    drawNodes(paint, r);
    drawNames(r);
  }

  function drawLines(paint) {
    const h = shown.hues[hue], plain = "rgb(" + style("--edge") + ")", paths = new Map();
    let count = 0;
    for (const l of on) count += layers[l].lines.length / 3;
    const alpha = Math.min(Math.max(0.42 * Math.pow(700 / Math.max(count, 1), 0.42), 0.1), 0.5) * (picked >= 0 ? 0.35 : 1);
    for (const l of on) {
      const lines = layers[l].lines;
      for (let e = 0; e < lines.length; e += 3) {
        const a = lines[e], b = lines[e + 1];
        if (!counted(a) || !counted(b)) continue;
        const alike = h && h.kind === "names" && h.codes[a] >= 0 && h.codes[a] === h.codes[b];
        const colour = alike ? paint(a) : plain;
        if (!paths.has(colour)) paths.set(colour, new Path2D());
        const path = paths.get(colour);
        path.moveTo(sx(a), sy(a));
        path.lineTo(sx(b), sy(b));
      }
    }
    pen.lineWidth = Math.min(0.9 * Math.pow(view.k / whole, 0.3), 2);
    for (const [colour, path] of paths) {
      pen.globalAlpha = colour === plain ? alpha * 0.36 : alpha;
      pen.strokeStyle = colour;
      pen.stroke(path);
    }
    pen.globalAlpha = 0.9;
    pen.strokeStyle = style("--ink");
    pen.lineWidth = 1.3;
    if (picked >= 0) {
      pen.beginPath();
      for (const j of near.keys()) { pen.moveTo(sx(picked), sy(picked)); pen.lineTo(sx(j), sy(j)); }
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  function outline(i, px, py, r) {
    pen.beginPath();
    const form = shape(code(i));
    if (form === 0) pen.arc(px, py, r, 0, 2 * Math.PI);
    else if (form === 1) pen.rect(px - r * 0.88, py - r * 0.88, r * 1.76, r * 1.76);
    else if (form === 2) { pen.moveTo(px, py - r * 1.15); pen.lineTo(px + r * 1.1, py + r * 0.85); pen.lineTo(px - r * 1.1, py + r * 0.85); pen.closePath(); }
    else { pen.moveTo(px, py - r * 1.25); pen.lineTo(px + r * 1.1, py); pen.lineTo(px, py + r * 1.25); pen.lineTo(px - r * 1.1, py); pen.closePath(); }
  }

  function drawNodes(paint, r) {
    const halo = style("--halo"), ink = style("--ink"), order = [...x.keys()], focus = (i) => i === picked || i === over || near.has(i);
    order.sort((a, b) => focus(a) - focus(b) || (code(a) < 0 ? 0 : 1) - (code(b) < 0 ? 0 : 1) || a - b);
    for (const i of order) {
      const px = sx(i), py = sy(i), size = sized(i, r) * (i === picked ? 1.5 : 1);
      if (px < -20 || py < -20 || px > width + 20 || py > height + 20) continue;
      const loose = mode === "patients" && !joined(i);
      pen.globalAlpha = !counted(i) ? 0.1 : picked >= 0 && !focus(i) ? 0.28 : 1;
      outline(i, px, py, loose ? size * 0.72 : size);
      pen.fillStyle = loose ? halo : paint(i);
      pen.fill();
      pen.lineWidth = loose ? 1.4 : Math.min(size / 4, 1.2);
      pen.strokeStyle = loose ? paint(i) : halo;
      pen.stroke();
      if (i === picked || i === over) {
        pen.globalAlpha = 1;
        outline(i, px, py, size + 2.5);
        pen.lineWidth = 2;
        pen.strokeStyle = ink;
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
  }
  const joined = (i) => { for (const l of on) if (layers[l].hears[i] || layers[l].heard[i]) return true; return false; };

  function drawNames(r) {
    const close = view.k / whole > (x.length > 600 ? 6 : 3.2), taken = [];
    const most = mode === "genes" ? 45 * Math.max(view.k / whole, 0.5) ** 2 : Infinity;
    let names = mode === "genes" || close ? [...x.keys()].filter(counted) : [];
    if (mode === "genes") names.sort((a, b) => shown.degree[b] - shown.degree[a] || a - b);
    if (picked >= 0) names = [picked, ...(near.size <= 40 ? near.keys() : []), ...(mode === "genes" ? [] : names)];
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "top";
    pen.lineJoin = "round";
    for (const i of names) {
      const px = sx(i), py = sy(i) + sized(i, r) + 3, half = pen.measureText(shown.ids[i]).width / 2 + 2;
      if (px < 0 || py < 0 || px > width || py > height) continue;
      if (taken.length >= most && !near.has(i)) break;
      if (i !== picked && taken.some((t) => Math.abs(t[0] - px) < t[2] + half && Math.abs(t[1] - py) < 14)) continue;
      taken.push([px, py, half]);
      pen.lineWidth = 3.5;
      pen.strokeStyle = style("--page");
      pen.strokeText(shown.ids[i], px, py);
      pen.fillStyle = style("--ink");
      pen.fillText(shown.ids[i], px, py);
    }
  }

  // ------------------------------------------------------------------------------------------- where one looks
  function fitting(px, py) {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < px.length; i++) {
      left = Math.min(left, px[i]); right = Math.max(right, px[i]); top = Math.min(top, py[i]); bottom = Math.max(bottom, py[i]);
    }
    const k = Math.min((width - 90) / (right - left || 1e4), (height - 90) / (bottom - top || 1e4), 0.4);
    return { x: (left + right) / 2, y: (top + bottom) / 2, k: Math.max(k, 1e-3) };
  }
  function fit() {
    view = fitting(x, y);
    whole = view.k;
    fitted = true;
    ask();
  }
  function zoom(by, px = width / 2, py = height / 2) {
    const k = Math.min(Math.max(view.k * by, whole / 3), whole * 60);
    view.x += (px - width / 2) * (1 / view.k - 1 / k);
    view.y += (py - height / 2) * (1 / view.k - 1 / k);
    view.k = k;
    fitted = false;
    ask();
  }
  function reveal(i) {
    const px = sx(i), py = sy(i);
    if (px < 30 || py < 30 || px > width - 30 || py > height - 30) { view.x = x[i]; view.y = y[i]; fitted = false; }
    ask();
  }
  function nodeAt(px, py) {
    let best = -1, least = Math.max(10, radius() + 4) ** 2;
    for (let i = 0; i < x.length; i++) {
      const d = (sx(i) - px) ** 2 + (sy(i) - py) ** 2;
      if (d < least && counted(i)) { least = d; best = i; }
    }
    return best;
  }
  function stand() {
    const one = on.size === 1 ? layers[[...on][0]].places : null;
    const [tx, ty] = apart(at("still").checked ? [...x].flatMap((v, i) => [v, y[i]]) : one || shown.places);
    const fx = x.slice(), fy = y.slice(), began = performance.now(), turn = ++moving;
    const from = { ...view }, to = fitting(tx, ty), follow = fitted;
    const step = (now) => {
      if (turn !== moving) return;
      const t = calm.matches ? 1 : Math.min((now - began) / 600, 1), ease = t * t * (3 - 2 * t);
      for (let i = 0; i < x.length; i++) { x[i] = fx[i] + (tx[i] - fx[i]) * ease; y[i] = fy[i] + (ty[i] - fy[i]) * ease; }
      if (follow && fitted) {
        for (const key of ["x", "y", "k"]) view[key] = from[key] + (to[key] - from[key]) * ease;
        whole = view.k;
      }
      if (t < 1) requestAnimationFrame(step);
      ask();
    };
    step(performance.now());
  }

  // --------------------------------------------------------------------------------------------- side panel
  function listLayers() {
    fill(at("layers"), mode !== "patients" ? [] : layers.map((layer, l) => {
      const box = made("input", { type: "checkbox", onchange: (e) => { e.target.checked ? on.add(l) : on.delete(l); changed(); } });
      box.checked = on.has(l);
      const only = made("button", { class: "only", "aria-label": "only " + layer.name, onclick: () => { on = new Set([l]); listLayers(); changed(); } }, "only");
      const drawn = layer.lines.length / 3, percent = (v) => (100 * v).toFixed(0) + " %";
      const said = number.format(layer.edges) + " edges, " + number.format(drawn) + " lines drawn"
        + (layer.alike ? "; " + percent(layer.alike[0]) + " join one class of " + graph.target + " (" + percent(layer.alike[1]) + " by chance)" : "");
      const row = made("label", { class: "check" }, box, made("span", {}, layer.name));
      if (layers.length > 1) row.append(only);
      return made("li", {}, row, made("small", {}, said));
    }));
  }
  function changed() { stand(); choose(picked, false); }

  function listLegend() {
    const h = shown.hues[hue], legend = at("legend");
    legend.classList.toggle("alone", alone.size > 0);
    if (!h) return fill(legend, []);
    if (h.kind === "number") {
      const [low, high] = range(h), bar = made("div", { class: "ramp" });
      bar.style.background = "linear-gradient(90deg, " + RAMP.map((c) => "rgb(" + c.join(" ") + ")").join(", ") + ")";
      return fill(legend, [made("li", {}, bar, made("div", { class: "ends" }, made("span", {}, number.format(low)), made("span", {}, number.format(high))))]);
    }
    const counts = new Map();
    for (const c of h.codes) counts.set(c, (counts.get(c) || 0) + 1);
    fill(legend, [...h.names.keys(), -1].filter((c) => counts.has(c)).map((c) => {
      const colour = c < 0 || c === h.quiet ? style("--unknown") : colours()[c % LIGHT.length];
      const press = () => { alone.has(c) ? alone.delete(c) : alone.add(c); listLegend(); ask(); };
      return made("li", {}, made("button", { "aria-pressed": alone.has(c), onclick: press }, marker(c, colour),
        made("span", {}, c < 0 ? "unknown" : h.names[c]), made("span", { class: "count" }, number.format(counts.get(c)))));
    }));
  }

  function known(i) {
    return shown.hues.map((h) => {
      const value = h.kind === "number" ? (h.values[i] === null ? "unknown" : number.format(h.values[i])) : h.codes[i] < 0 ? "unknown" : h.names[h.codes[i]];
      return [h.name, value];
    });
  }
  const WAYS = { incoming: "incoming edge", outgoing: "outgoing edge", both: "edges both ways" };
  function joinedTo(i) {
    const found = new Map();
    for (const l of on) {
      const lines = layers[l].lines;
      for (let e = 0; e < lines.length; e += 3) {
        if (lines[e] !== i && lines[e + 1] !== i) continue;
        const first = lines[e] === i, other = first ? lines[e + 1] : lines[e], way = lines[e + 2];
        const word = way === 3 ? WAYS.both : (way === 1) === first ? WAYS.incoming : WAYS.outgoing;
        if (!found.has(other)) found.set(other, []);
        found.get(other).push([l, word]);
      }
    }
    return found;
  }

  function choose(i, move = true) {
    picked = i;
    near = i < 0 ? new Map() : joinedTo(i);
    if (i >= 0 && move) reveal(i);
    tell();
    ask();
  }
  function tell() {
    const box = at("picked"), paint = painter(), i = picked;
    box.hidden = i < 0;
    if (i < 0) return;
    const away = made("button", { class: "away", "aria-label": "Let go", onclick: () => choose(-1) }, "✕");
    const facts = made("dl", {});
    for (const [name, value] of known(i)) facts.append(made("dt", {}, name), made("dd", {}, value));
    if (mode === "genes") facts.append(made("dt", {}, "edges"), made("dd", {}, number.format(shown.degree[i])));
    else for (const l of on) facts.append(made("dt", {}, layers[l].name), made("dd", {}, layers[l].hears[i] + " incoming, " + layers[l].heard[i] + " outgoing edges"));
    const rows = [...near].map(([j, ways]) => {
      const said = mode === "genes" ? "" : on.size > 1 ? ways.map(([l]) => layers[l].name).join(", ") : ways[0][1];
      return made("li", {}, made("button", { onclick: () => choose(j) }, marker(code(j), paint(j)), made("span", {}, shown.ids[j]), made("span", { class: "way" }, said)));
    });
    fill(box, [made("p", { class: "name" }, marker(code(i), paint(i)), made("span", {}, shown.ids[i]), away), facts,
      made("h3", {}, rows.length ? number.format(rows.length) + " joined to it in the picture" : "no lines in the picture"), made("ul", { class: "near" }, ...rows)]);
  }

  function find() {
    const word = at("search").value.trim().toLowerCase();
    if (!word) return fill(at("found"), []);
    const hits = [];
    for (let i = 0; i < shown.ids.length; i++) {
      const where = shown.ids[i].toLowerCase().indexOf(word);
      if (where >= 0) hits.push([where > 0, i]);
    }
    hits.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const paint = painter(), pick = (i) => () => { choose(i); canvas.focus({ preventScroll: true }); };
    fill(at("found"), hits.slice(0, 8).map(([, i]) => made("li", {}, made("button", { onclick: pick(i) }, marker(code(i), paint(i)), shown.ids[i]))));
    if (!hits.length) fill(at("found"), [made("li", { class: "none" }, "none of those drawn")]);
    else if (hits.length > 8) at("found").append(made("li", { class: "none" }, number.format(hits.length - 8) + " more"));
    return hits;
  }

  // -------------------------------------------------------------------------------------------------- hands
  function tip(i, px, py) {
    const box = at("tip");
    box.hidden = i < 0;
    if (i < 0) return;
    const [first] = known(i), total = mode === "genes" ? shown.degree[i] + " edges" : [...on].map((l) => layers[l].name + ": " + layers[l].hears[i] + " incoming").join(", ");
    const hueNow = shown.hues[hue] ? known(i)[hue] : null;
    fill(box, [made("b", {}, shown.ids[i]), ...(hueNow ? [made("span", {}, hueNow.join(": "))] : []),
      ...(first && hue > 0 ? [made("span", {}, first.join(": "))] : []), made("span", {}, total)]);
    box.style.left = Math.min(px + 14, width - box.offsetWidth - 8) + "px";
    box.style.top = Math.min(py + 14, height - box.offsetHeight - 8) + "px";
  }
  const pointers = new Map();
  let travelled = 0;
  canvas.addEventListener("pointerdown", (e) => {
    pointers.set(e.pointerId, [e.offsetX, e.offsetY]);
    canvas.setPointerCapture(e.pointerId);
    travelled = 0;
    canvas.classList.add("held");
  });
  canvas.addEventListener("pointermove", (e) => {
    const before = pointers.get(e.pointerId);
    if (!before) {
      const i = nodeAt(e.offsetX, e.offsetY);
      canvas.classList.toggle("over", i >= 0);
      tip(i, e.offsetX, e.offsetY);
      if (i !== over) { over = i; ask(); }
      return;
    }
    const others = [...pointers].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
    if (others.length) {
      const [ox, oy] = others[0], span = (p) => Math.hypot(p[0] - ox, p[1] - oy) || 1;
      zoom(span([e.offsetX, e.offsetY]) / span(before), ox, oy);
    } else {
      view.x -= (e.offsetX - before[0]) / view.k;
      view.y -= (e.offsetY - before[1]) / view.k;
      fitted = false;
    }
    travelled += Math.hypot(e.offsetX - before[0], e.offsetY - before[1]);
    pointers.set(e.pointerId, [e.offsetX, e.offsetY]);
    tip(-1);
    ask();
  });
  const up = (e) => {
    if (pointers.delete(e.pointerId) && travelled < 5 && e.type === "pointerup") choose(nodeAt(e.offsetX, e.offsetY), false);
    canvas.classList.remove("held");
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => { over = -1; tip(-1); ask(); });
  canvas.addEventListener("wheel", (e) => { e.preventDefault(); tip(-1); zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0016)), e.offsetX, e.offsetY); }, { passive: false });
  canvas.addEventListener("keydown", (e) => {
    const step = 60 / view.k, moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (moves[e.key]) { view.x += moves[e.key][0]; view.y += moves[e.key][1]; fitted = false; ask(); }
    else if (e.key === "+" || e.key === "=") zoom(1.3);
    else if (e.key === "-" || e.key === "−") zoom(1 / 1.3);
    else if (e.key === "0") fit();
    else return;
    e.preventDefault();
  });
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") { choose(-1); tip(-1); at("search").value = ""; find(); }
    if (e.key === "/" && e.target.tagName !== "INPUT") { at("search").focus(); e.preventDefault(); }
  });
  at("search").addEventListener("input", find);
  at("search").addEventListener("keydown", (e) => { if (e.key === "Enter") { const hits = find(); if (hits && hits.length) choose(hits[0][1]); } });
  at("hue").addEventListener("change", (e) => { hue = Number(e.target.value); alone = new Set(); listLegend(); tell(); ask(); });
  at("still").addEventListener("change", stand);
  at("in").addEventListener("click", () => zoom(1.4));
  at("out").addEventListener("click", () => zoom(1 / 1.4));
  at("all").addEventListener("click", fit);
  dark.addEventListener("change", () => { listLegend(); tell(); ask(); });

  if (graph.genes) fill(at("tabs"), ["patients", "genes"].map((name) => made("button", { "data-mode": name, onclick: () => show(name) }, name === "patients" ? "Patients" : "Genes")));
  new ResizeObserver(() => {
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    fitted ? fit() : ask();
  }).observe(canvas);
  show("patients");
})();
