"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const CANDLES = 350; // more bars than this are drawn as a line with its range
  const MARKS = 400; // more trades than this in view: one in k is marked, drawn by a hash of its number
  const PAGE = 25;
  const drawn = new Map(); // chart element -> function that draws it again

  // ---- colour scheme -------------------------------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let colours = {};
  const stored = () => { try { return localStorage.getItem("tradewright-theme"); } catch { return null; } };
  const setTheme = (theme) => {
    root.dataset.theme = theme;
    byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
    const style = getComputedStyle(root);
    for (const role of ["page", "surface", "raised", "ink", "muted", "line", "accent", "benchmark", "second", "gain", "loss"]) {
      colours[role] = style.getPropertyValue("--" + role).trim();
    }
    for (const draw of drawn.values()) draw();
  };
  const colour = (text) => {
    const [role, opacity] = text.slice(1).split("/");
    const hex = colours[role] || colours.ink;
    if (!opacity) return hex;
    const part = (i) => parseInt(hex.slice(i, i + 2), 16);
    return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
  };
  const painted = (value) => {
    if (typeof value === "string") return value.startsWith("@") ? colour(value) : value;
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(painted);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, painted(v)]));
    return value;
  };

  // ---- charts --------------------------------------------------------------------------------------------------
  const settings = { displayModeBar: false, doubleClick: "reset", showTips: false, locale: "en-US" };
  const themed = (element, layout) => {
    const font = { family: getComputedStyle(document.body).fontFamily, size: 11.5, color: colours.muted };
    const axis = { gridcolor: colours.line, linecolor: colours.line, zerolinecolor: colours.benchmark, zerolinewidth: 1, zeroline: false, tickcolor: colours.line };
    const out = { width: element.clientWidth, height: element.clientHeight, font, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: "zoom", ...layout };
    out.hoverlabel = { bgcolor: colours.surface, bordercolor: colours.line, font: { ...font, color: colours.ink } };
    out.legend = { ...layout.legend, font: { ...font, color: colours.ink }, bgcolor: "rgba(0,0,0,0)" };
    for (const name of ["xaxis", "yaxis", "yaxis2"]) if (layout[name]?.title) layout[name].title.font = { size: 11.5 };
    for (const name of ["xaxis", "yaxis", "yaxis2"]) if (layout[name]) out[name] = { ...axis, ...layout[name] };
    if (out.xaxis) out.xaxis = { showgrid: false, ticks: "outside", ticklen: 4, ...out.xaxis };
    for (const name of ["yaxis", "yaxis2"]) if (out[name]) out[name] = { fixedrange: true, ...out[name] };
    if (layout.yaxis2) out.xaxis.anchor = "y2";
    return out;
  };
  const drawFigures = () => {
    for (const element of document.querySelectorAll("[data-figure]")) {
      const figure = report.figures[element.dataset.figure];
      const draw = () => {
        const layout = themed(element, painted(figure.layout));
        if (element.dataset.figure === "equity") layout.yaxis = { ...layout.yaxis, ...equityScale };
        return Plotly.react(element, painted(figure.data), layout, settings);
      };
      drawn.set(element, draw);
      draw();
    }
  };
  let equityScale = { type: "linear" };
  for (const button of document.querySelectorAll("[data-scale]")) {
    button.addEventListener("click", () => {
      for (const other of document.querySelectorAll("[data-scale]")) other.setAttribute("aria-pressed", String(other === button));
      equityScale = button.dataset.scale === "log" ? { type: "log", dtick: "D2", tickformat: "~s" } : { type: "linear" };
      drawn.get(byId("chart-equity"))();
    });
  }

  // ---- words ---------------------------------------------------------------------------------------------------
  const DASH = "\u2014";
  const minus = (text) => text.replace(/^-/, "\u2212");
  const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 8 });
  const whole = new Intl.NumberFormat("en-US");
  const known = (value) => value !== null && value !== undefined;
  const signed = (value, text) => (value > 0 ? "+" : "") + minus(text);
  const asMoney = (v) => (known(v) ? signed(v, money.format(v)) : DASH);
  const asShare = (v) => (known(v) ? signed(v, (100 * v).toFixed(2)) + "\u202f%" : DASH);
  const asNumber = (v) => (known(v) ? minus(short.format(v)) : DASH);
  const two = (n) => String(n).padStart(2, "0");
  const NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const HALF_DAY = report.daily ? 43200e3 : 0; // the end of a daily bar is written as the day it closes
  const asTime = (ms) => {
    if (!known(ms)) return DASH;
    const d = new Date(ms - HALF_DAY);
    const day = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
    return report.daily ? day : `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  };
  const asSpan = (seconds) => {
    if (!known(seconds)) return DASH;
    for (const [least, length, unit] of [[172800, 86400, "d"], [7200, 3600, "h"], [120, 60, "min"]]) {
      if (seconds >= least) return (seconds / length).toFixed(seconds / length < 10 ? 1 : 0) + "\u202f" + unit;
    }
    return Math.round(seconds) + "\u202fs";
  };

  // ---- trades --------------------------------------------------------------------------------------------------
  const trades = report.trades;
  const tradeTotal = trades.number ? trades.number.length : 0;
  const columns = [
    ["number", "#", whole.format, true], ["instrument", "Symbol", String, false], ["side", "Side", String, false],
    ["entry_time", "Entry", asTime, false], ["exit_time", "Exit", asTime, false], ["size", "Size", asNumber, true],
    ["entry", "Entry price", asNumber, true], ["exit", "Exit price", asNumber, true], ["result", "Result", asMoney, true],
    ["return", "Return", asShare, true], ["fees", "Commission", (v) => money.format(v), true], ["held", "Held", asSpan, true],
    ["exit_reason", "Closed by", String, false],
  ];
  const table = () => {
    const head = document.querySelector("#trade-table thead tr");
    const body = document.querySelector("#trade-table tbody");
    let order = { key: "number", direction: 1 };
    let page = 0;
    let rows = [];
    const cell = (tag, text, isNumber) => {
      const out = document.createElement(tag);
      out.textContent = text;
      if (isNumber) out.className = "num";
      return out;
    };
    const show = () => {
      const pages = Math.max(1, Math.ceil(rows.length / PAGE));
      page = Math.min(Math.max(page, 0), pages - 1);
      const part = rows.slice(page * PAGE, (page + 1) * PAGE);
      body.replaceChildren(...part.map((i) => {
        const line = document.createElement("tr");
        for (const [key, , format, isNumber] of columns) {
          const out = cell("td", format(trades[key][i]), isNumber);
          if (key === "result" || key === "return") out.classList.add(trades[key][i] < 0 ? "loss" : "gain");
          line.append(out);
        }
        line.title = "Show on the price chart";
        line.addEventListener("click", () => showTrade(i));
        return line;
      }));
      const first = rows.length ? page * PAGE + 1 : 0;
      const filtered = rows.length < tradeTotal ? ` (of ${whole.format(tradeTotal)})` : "";
      byId("trade-count").textContent = `${whole.format(first)}\u2013${whole.format(page * PAGE + part.length)} of ${whole.format(rows.length)} trades${filtered}`;
      byId("trade-back").disabled = page === 0;
      byId("trade-next").disabled = page >= pages - 1;
      for (const title of head.children) title.setAttribute("aria-sort", title.dataset.key !== order.key ? "none" : order.direction > 0 ? "ascending" : "descending");
    };
    const choose = () => {
      const words = byId("trade-search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const result = byId("trade-result").value;
      rows = [];
      for (let i = 0; i < tradeTotal; i++) {
        if (result === "won" && !(trades.result[i] > 0)) continue;
        if (result === "lost" && trades.result[i] > 0) continue;
        if (result === "open" && !trades.is_open[i]) continue;
        const text = `${trades.instrument[i]} ${trades.side[i]} ${trades.exit_reason[i]}`.toLowerCase();
        if (words.every((word) => text.includes(word))) rows.push(i);
      }
      const values = trades[order.key];
      rows.sort((a, b) => {
        const [x, y] = [values[a], values[b]];
        if (known(x) !== known(y)) return known(x) ? -1 : 1; // what is not known comes last either way
        return (x < y ? -1 : x > y ? 1 : 0) * order.direction || a - b;
      });
      show();
    };
    for (const [key, label, , isNumber] of columns) {
      const title = cell("th", "", isNumber);
      const button = cell("button", label, false);
      button.type = "button";
      title.scope = "col";
      title.dataset.key = key;
      button.addEventListener("click", () => {
        order = { key, direction: order.key === key ? -order.direction : isNumber && key !== "number" ? -1 : 1 };
        page = 0;
        choose();
      });
      title.append(button);
      head.append(title);
    }
    for (const id of ["trade-search", "trade-result"]) byId(id).addEventListener("input", () => { page = 0; choose(); });
    byId("trade-back").addEventListener("click", () => { page -= 1; show(); });
    byId("trade-next").addEventListener("click", () => { page += 1; show(); });
    byId("trade-csv").addEventListener("click", () => {
      const quote = (v) => (typeof v === "string" ? '"' + v.replace(/"/g, '""') + '"' : known(v) ? String(v) : "");
      const keys = columns.map((c) => c[0]);
      const lines = rows.map((i) => keys.map((k) => (k.endsWith("_time") && known(trades[k][i]) ? new Date(trades[k][i]).toISOString() : quote(trades[k][i]))).join(","));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([[keys.join(","), ...lines].join("\n") + "\n"], { type: "text/csv" }));
      link.download = `trades-${report.run.replace(/[^\w.-]+/g, "_")}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    choose();
  };

  // ---- price chart: bars stand side by side, so nights and weekends leave no gaps ------------------------------------
  const price = byId("chart-price");
  let current = 0;
  let view = [0, 0];
  const stamp = report.daily ? "e" : "t"; // a daily bar is named by its close, a shorter one by its start
  const cuts = [31557600e3 * 5, 31557600e3 * 2, "y", "q", "m", 604800e3, 86400e3, 21600e3, 3600e3, 900e3, 300e3, 60e3];
  const bucket = (cut, time) => {
    const ms = time - HALF_DAY;
    if (typeof cut === "number") return Math.floor(ms / cut);
    const d = new Date(ms);
    return cut === "y" ? d.getUTCFullYear() : d.getUTCFullYear() * 12 + (cut === "m" ? d.getUTCMonth() : 3 * Math.floor(d.getUTCMonth() / 3));
  };
  const tick = (cut, ms) => {
    const d = new Date(ms - HALF_DAY);
    if (typeof cut === "number" && cut < 86400e3) return `${d.getUTCDate()} ${NAMES[d.getUTCMonth()]}<br>${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
    if (typeof cut === "number" && cut < 31557600e3) return `${d.getUTCDate()} ${NAMES[d.getUTCMonth()]}<br>${d.getUTCFullYear()}`;
    return cut === "q" || cut === "m" ? `${NAMES[d.getUTCMonth()]}<br>${d.getUTCFullYear()}` : String(d.getUTCFullYear());
  };
  const ticks = (times, from, to) => {
    const most = Math.max(3, Math.min(9, Math.floor(price.clientWidth / 95)));
    let best = { tickvals: [from], ticktext: [tick(86400e3, times[from])] };
    for (const cut of cuts) {
      const at = [];
      for (let i = Math.max(from, 1); i <= to && at.length <= most; i++) if (bucket(cut, times[i]) !== bucket(cut, times[i - 1])) at.push(i);
      if (at.length > most) break;
      if (at.length) best = { tickvals: at, ticktext: at.map((i) => tick(cut, times[i])) };
    }
    return best;
  };
  // The bar a time belongs to: the one it ends, or the last one that had begun.
  const place = (points, ms) => {
    let [low, high] = [0, points.e.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points.e[middle] < ms) low = middle + 1; else high = middle;
    }
    if (points.per === 1 || points.e[low] <= points.t[low]) return low;
    return low - 0.5 + Math.min(1, Math.max(0, (ms - points.t[low]) / (points.e[low] - points.t[low]))); // inside a merged bar
  };
  const marks = (chart, from, to) => {
    let shown = chart.places.filter((p) => p.out >= from && p.into <= to);
    const inView = shown.length;
    const every = Math.ceil(inView / MARKS);
    if (every > 1) shown = shown.filter((p) => (Math.imul(p.i + 1, 2654435761) >>> 8) % every === 0);
    const layer = (name, symbol, role, list, where, what, word) => ({
      type: "scatter", mode: "markers", name, marker: { symbol, size: (where === "out" ? 2 : 0) + (every > 1 ? 5 : 9), color: role, line: { width: 1, color: "@surface" } },
      x: list.map((p) => p[where]), y: list.map((p) => trades[what][p.i]),
      text: list.map((p) => `#${trades.number[p.i]} ${word(p)}`), hovertemplate: "%{text}<extra></extra>",
    });
    const into = (p) => `${trades.side[p.i]} entry, ${asTime(trades.entry_time[p.i])}<br>${asNumber(trades.entry[p.i])}`;
    const out = (p) => `closed by ${trades.exit_reason[p.i]}, ${asTime(trades.exit_time[p.i])}<br>${asNumber(trades.exit[p.i])}, ${asShare(trades.return[p.i])}`;
    const closed = shown.filter((p) => known(trades.exit[p.i]) && !trades.is_open[p.i]);
    const kinds = { "stop loss": ["Stop", "x", "@loss"], trailing: ["Trailing stop", "x", "@second"], "take profit": ["Target", "star-diamond", "@gain"], liquidation: ["Liquidation", "cross", "@loss"] };
    const other = ["Exit", "circle", "@ink"];
    const links = (won) => {
      const part = closed.filter((p) => trades.result[p.i] > 0 === won);
      return { type: "scatter", mode: "lines", showlegend: false, hoverinfo: "skip", line: { color: won ? "@gain/0.6" : "@loss/0.6", width: 1.25, dash: "dot" },
        x: part.flatMap((p) => [p.into, p.out, null]), y: part.flatMap((p) => [trades.entry[p.i], trades.exit[p.i], null]) };
    };
    const layers = inView <= MARKS ? [links(true), links(false)] : [];
    for (const [reason, [name, symbol, role]] of [...Object.entries(kinds), ["", other]]) {
      layers.push(layer(name, symbol, role, closed.filter((p) => (kinds[trades.exit_reason[p.i]] ? trades.exit_reason[p.i] === reason : reason === "")), "out", "exit", out));
    }
    // Entries last: where a position is turned around, both stand at one place and the exit's larger mark shows behind.
    const entries = (side, ...look) => ({ ...layer(...look, shown.filter((p) => trades.side[p.i] === side), "into", "entry", into), legendrank: 1 });
    layers.push(entries("long", "Long entry", "triangle-up", "@accent"), entries("short", "Short entry", "triangle-down", "@second"));
    return { layers: layers.filter((l) => l.x.length), inView, every };
  };
  const drawPrice = () => {
    const chart = report.prices[current];
    const points = chart.points;
    const last = points.c.length - 1;
    const from = Math.max(0, Math.ceil(view[0]));
    const to = Math.min(last, Math.floor(view[1]));
    const isCandles = to - from + 1 <= CANDLES;
    const [start, end] = isCandles ? [Math.max(0, from - 5), Math.min(last, to + 5)] : [0, last];
    const x = Array.from({ length: end - start + 1 }, (_, i) => start + i);
    const cut = (key) => points[key].slice(start, end + 1);
    const text = x.map((i) => `${asTime(points[stamp][i])}<br>O ${asNumber(points.o[i])}  H ${asNumber(points.h[i])}  L ${asNumber(points.l[i])}  C ${asNumber(points.c[i])}`);
    const data = isCandles
      ? [{ type: "candlestick", name: "Price", showlegend: false, x, open: cut("o"), high: cut("h"), low: cut("l"), close: cut("c"), text, hoverinfo: "text",
          increasing: { line: { color: "@gain", width: 1 }, fillcolor: "@gain/0.25" }, decreasing: { line: { color: "@loss", width: 1 }, fillcolor: "@loss/0.8" } }]
      : [{ type: "scatter", mode: "lines", x, y: cut("h"), line: { width: 0 }, hoverinfo: "skip", showlegend: false },
         { type: "scatter", mode: "lines", x, y: cut("l"), line: { width: 0 }, fill: "tonexty", fillcolor: "@benchmark/0.25", hoverinfo: "skip", showlegend: false },
         { type: "scatter", mode: "lines", name: "Close", showlegend: false, x, y: cut("c"), line: { color: "@benchmark", width: 1.25 }, text, hovertemplate: "%{text}<extra></extra>" }];
    const trade = marks(chart, from, to);
    const span = (values, pick) => values.slice(from, to + 1).reduce((a, b) => (b === null ? a : pick(a, b)), pick === Math.max ? -Infinity : Infinity);
    const [low, high] = [span(points.l, Math.min), span(points.h, Math.max)];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    const layout = themed(price, {
      margin: { l: 8, r: 12, t: 28, b: 40 }, hovermode: "closest", legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal" },
      xaxis: { range: view, rangeslider: { visible: false }, tickmode: "array", ...ticks(points[stamp], from, to) },
      yaxis: { range: [low - room, high + room], automargin: true, tickformat: high - low > 5e4 ? "~s" : ",~r" },
    });
    const parts = [];
    if (points.per > 1) parts.push(`${whole.format(points.total)} bars merged into ${whole.format(last + 1)} of ${whole.format(points.per)} each; trades stand at their exact prices`);
    parts.push(isCandles ? `${whole.format(to - from + 1)} ${points.per > 1 ? "merged " : ""}bars in view` : `${whole.format(to - from + 1)} ${points.per > 1 ? "merged " : ""}bars in view, drawn as closes with their high-low range; zoom to ${CANDLES} or fewer for candles`);
    if (trade.every > 1) parts.push(`One in ${whole.format(trade.every)} of the ${whole.format(trade.inView)} trades in view is marked; zoom in for all`);
    byId("price-note").textContent = parts.join(". ") + ".";
    const done = Plotly.react(price, painted([...data, ...trade.layers]), layout, { ...settings, doubleClick: false });
    return done;
  };
  const lookAt = (from, to) => {
    const last = report.prices[current].points.c.length - 1;
    const width = Math.min(Math.max(to - from, 10), last + 1);
    const left = Math.min(Math.max(from, -0.5), last + 0.5 - width);
    view = [left, left + width];
    drawPrice();
  };
  const lookAtAll = () => lookAt(-0.5, report.prices[current].points.c.length - 0.5);
  const showTrade = (i) => {
    const index = report.prices.findIndex((chart) => chart.instrument === trades.instrument[i]);
    if (index < 0) return;
    current = index;
    byId("instrument").value = String(index);
    const spot = report.prices[index].places.find((p) => p.i === i);
    const room = Math.max(20, 1.5 * (spot.out - spot.into));
    lookAt(spot.into - room, spot.out + room);
    byId("price").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };
  const startPrice = () => {
    const select = byId("instrument");
    report.prices.forEach((chart, index) => {
      select.append(new Option(chart.instrument, String(index)));
      const last = chart.points.c.length - 1;
      chart.places = [];
      for (let i = 0; i < tradeTotal; i++) {
        if (trades.instrument[i] !== chart.instrument) continue;
        const out = known(trades.exit_time[i]) && !trades.is_open[i] ? place(chart.points, trades.exit_time[i]) : last;
        chart.places.push({ i, into: place(chart.points, trades.entry_time[i]), out });
      }
    });
    byId("instrument-label").hidden = report.prices.length < 2;
    select.addEventListener("input", () => { current = Number(select.value); lookAtAll(); });
    for (const button of document.querySelectorAll("[data-span]")) {
      button.addEventListener("click", () => (button.dataset.span === "0" ? lookAtAll() : lookAt(view[1] - Number(button.dataset.span), view[1])));
    }
    for (const button of document.querySelectorAll("[data-move]")) {
      button.addEventListener("click", () => { const step = (view[1] - view[0]) * 0.5 * Number(button.dataset.move); lookAt(view[0] + step, view[1] + step); });
    }
    drawn.set(price, drawPrice);
    lookAtAll();
    price.on("plotly_relayout", (change) => {
      if ("xaxis.range[0]" in change) lookAt(change["xaxis.range[0]"], change["xaxis.range[1]"]);
    });
    price.on("plotly_doubleclick", lookAtAll);
  };

  // ---- start ---------------------------------------------------------------------------------------------------
  setTheme(stored() || (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => { if (!stored()) setTheme(dark.matches ? "dark" : "light"); });
  byId("theme").addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("tradewright-theme", theme); } catch { /* a file may have no storage: the choice then lasts as long as the page */ }
    setTheme(theme);
  });
  drawFigures();
  if (tradeTotal) table();
  if (price && report.prices.length) startPrice();
  const widths = new Map([...drawn.keys()].map((element) => [element, element.clientWidth]));
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (widths.get(target) === target.clientWidth) continue;
      widths.set(target, target.clientWidth);
      drawn.get(target)();
    }
  });
  for (const element of drawn.keys()) observer.observe(element);
  let before = null; // the scheme to go back to after printing, which is always on white
  addEventListener("beforeprint", () => { before = before || root.dataset.theme; root.classList.add("printing"); setTheme("light"); });
  addEventListener("afterprint", () => { root.classList.remove("printing"); if (before) setTheme(before); before = null; });
})();
