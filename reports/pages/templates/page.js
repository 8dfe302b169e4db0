// What the page can do with script: tell what is pointed at, choose baselines, filter, sort. Without it, all is readable.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function make(name, attributes = {}, ...inside) {
  const element = Object.assign(document.createElement(name), attributes);
  element.append(...inside);
  return element;
}

function choice(label, values, chosen) {
  const select = make("select", {}, ...values.map((value) => make("option", { value, textContent: value })));
  select.addEventListener("change", () => chosen(select.value));
  return make("label", {}, `${label} `, select);
}

// Pointing at a part of a drawing tells its samples; the title is kept for readers who do not point.
const told = make("div", { id: "told", hidden: true, role: "tooltip" });
document.body.append(told);
document.addEventListener("pointermove", (event) => {
  const title = event.target.closest?.("svg g, svg circle")?.querySelector(":scope > title");
  told.hidden = !title;
  if (!title) return;
  told.textContent = title.textContent;
  told.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - told.offsetWidth - 8))}px`;
  const above = event.clientY + 18 + told.offsetHeight > innerHeight;
  told.style.top = `${above ? event.clientY - told.offsetHeight - 12 : event.clientY + 18}px`;
});

// Another baseline: bars are drawn anew from the times that they carry.
const [LEFT, WIDE] = [{{ edge }}, {{ span }}];
const written = (ratio) => `${ratio >= 10 ? Math.round(ratio).toLocaleString("en") : Number(ratio.toPrecision(2))}x`;

function rebase(svg, name) {
  const bars = all("g.bar", svg).map((group) => ({ group, name: group.dataset.name, times: group.dataset.times.split(",").map(Number) }));
  const [base, baseLow, baseHigh] = bars.find((bar) => bar.name === name).times;
  for (const bar of bars) {
    const [time, low, high] = bar.times;
    Object.assign(bar, { ratio: base / time, low: baseLow / high, high: baseHigh / low });
  }
  const low = Math.log10(Math.min({{ least }}, ...bars.map((bar) => bar.low)));
  const high = Math.log10(Math.max({{ most }}, ...bars.map((bar) => bar.high)));
  const across = (value) => LEFT + (WIDE * (Math.log10(value) - low)) / (high - low);
  for (const { group, ratio, low, high } of bars) {
    const [start, end] = [across(1), across(ratio)].sort((a, b) => a - b);
    const box = group.querySelector("rect");
    box.setAttribute("x", start);
    box.setAttribute("width", Math.max(end - start, 1));
    const spread = group.querySelector(".spread");
    const y = spread.getAttribute("d").match(/^M\S+ (\S+)H/)[1] - 3;
    spread.setAttribute("d", `M${across(low)} ${y + 3}H${across(high)}M${across(low)} ${y}v6M${across(high)} ${y}v6`);
    const value = group.querySelector(".value");
    value.textContent = written(ratio);
    value.setAttribute("x", Math.max(end, across(high)) + 5);
    group.classList.toggle("loss", ratio < 1);
  }
  redraw(svg, low, high, across);
  const label = svg.querySelector(".label");
  label.textContent = `times as fast as ${name} (log)`;
}

function redraw(svg, low, high, across) {
  const [line, text] = [svg.querySelector("line.grid"), svg.querySelector("text.tick")].map((one) => one.cloneNode());
  all("line.grid, text.tick", svg).forEach((one) => one.remove());
  const powers = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, place) => Math.ceil(low) + place);
  const ticks = powers.length > 1 ? powers.map((power) => 10 ** power) : [0.1, 0.2, 0.5, 1, 2, 5, 10];
  for (const tick of ticks.filter((one) => Math.log10(one) >= low && Math.log10(one) <= high)) {
    const [grid, number] = [line.cloneNode(), text.cloneNode()];
    grid.setAttribute("class", tick === 1 ? "grid one" : "grid");
    for (const end of ["x1", "x2"]) grid.setAttribute(end, across(tick));
    number.setAttribute("x", across(tick));
    number.textContent = written(tick);
    svg.prepend(grid, number);
  }
}

function baselines(figure) {
  const svg = figure.querySelector("svg.ladder");
  const names = all("g.bar", svg).map((group) => group.dataset.name);
  const chosen = choice("baseline", names, (name) => rebase(svg, name));
  chosen.className = "baseline";
  figure.querySelector(".choices").append(chosen);
}

for (const figure of all("figure:has(svg.ladder)")) {
  figure.append(make("div", { className: "choices" }));
  baselines(figure);
}

// On the first screen a ladder can be exchanged for the one of another workload, which stands in a chapter.
for (const figure of all(".front figure")) {
  const { stage } = figure.dataset;
  const others = all(`.chapter figure[data-stage="${CSS.escape(stage)}"]:has(svg.ladder)`);
  const shown = new Map(others.map((one) => [one.dataset.workload, one.querySelector("svg").cloneNode(true)]));
  shown.set(figure.dataset.workload, figure.querySelector("svg").cloneNode(true));
  const show = (workload) => {
    figure.querySelector("svg").replaceWith(shown.get(workload).cloneNode(true));
    figure.querySelector("figcaption").textContent = `${stage}, ${workload}`;
    figure.querySelector(".baseline").remove();
    baselines(figure);
  };
  figure.querySelector(".choices").prepend(choice("text", [...shown.keys()], show));
  figure.querySelector(".choices select").value = figure.dataset.workload;
}

// Tables are sorted by their values; the table of all cases is filtered too, and the drawings with it.
const library = document.getElementById("tables-library").textContent;
const { default: DataTable } = await import(URL.createObjectURL(new Blob([library], { type: "text/javascript" })));
const plain = { paging: false, info: false, searching: false, order: [], autoWidth: false };
const section = document.getElementById("all-cases");
const cases = section?.querySelector("table");
for (const table of all(".chapter table")) {
  if (table !== cases && table.tBodies[0].rows.length > 2) new DataTable(table, plain);
}
if (cases) {
  const table = new DataTable(cases, { ...plain, searching: true, layout: { topStart: null, topEnd: null } });
  const filters = { stage: "", workload: "", implementation: "" };
  const show = () => {
    Object.values(filters).forEach((value, column) => table.column(column).search(value, { exact: true }));
    table.draw();
    for (const figure of all(".chapter figure[data-stage]")) {
      const { stage, workload } = figure.dataset;
      const hidden = (filters.stage && stage !== filters.stage) || (filters.workload && workload !== filters.workload);
      figure.closest("section").hidden = hidden;
    }
    for (const group of all("g[data-name]")) {
      group.classList.toggle("faint", Boolean(filters.implementation) && group.dataset.name !== filters.implementation);
    }
  };
  const bar = make("div", { className: "choices", id: "filters" });
  Object.keys(filters).forEach((name, column) => {
    const values = [...new Set(table.column(column).data().toArray())];
    const label = choice(name, ["all", ...values], (value) => {
      filters[name] = value === "all" ? "" : value;
      show();
    });
    label.dataset.filter = name;
    bar.append(label);
  });
  section.before(bar);
}

// What is folded is printed, and opened when a link leads there.
addEventListener("beforeprint", () => all("details").forEach((one) => (one.open = true)));
const reveal = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let place = target; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", reveal);
if (location.hash) reveal();
document.documentElement.dataset.ready = "yes";
