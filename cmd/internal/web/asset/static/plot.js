// Draws the plot of a time series, which can be zoomed, in the place of the one that the server drew.
// Its numbers and colours are those of the table and the legend beside it.
(() => {
  "use strict";
  const dollars = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", maximumFractionDigits: 6 });
  const high = 240;

  const numbersOf = (table) => {
    const rows = [...table.tBodies[0].rows];
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const values = names.map((_, i) => rows.map((row) => Number(row.cells[i + 1].dataset.usd)));
    return { at: rows.map((row) => Number(row.dataset.at)), named: rows.map((row) => row.cells[0].textContent), names, values };
  };

  // stacked returns each name's sums with those before it: drawn from the last to the first, all are seen.
  const stacked = ({ at, values }) => {
    const sums = [];
    for (const row of values) sums.push(at.map((_, i) => row[i] + (sums.length ? sums.at(-1)[i] : 0)));
    return sums.reverse();
  };

  const draw = (figure) => {
    const [place, told, table] = ["[data-draw]", "[data-told]", "table"].map((part) => figure.querySelector(part));
    const numbers = numbersOf(table);
    const colours = [...figure.querySelectorAll(".swatch")].map((swatch) => getComputedStyle(swatch).backgroundColor);
    const ink = getComputedStyle(told).color;
    const axis = { stroke: ink, grid: { stroke: ink, width: 0.2 }, ticks: { stroke: ink, width: 0.2 } };
    const half = Number(table.dataset.step) / 2;
    const hint = told.textContent;
    const tell = (plot) => {
      const i = plot.cursor.idx;
      if (i == null) { told.textContent = hint; return; }
      const parts = numbers.names.map((name, n) => [name, numbers.values[n][i]]).filter(([, usd]) => usd > 0);
      told.textContent = numbers.named[i] + ": " + (parts.map(([name, usd]) => name + " " + dollars.format(usd)).join(", ") || "$0");
    };
    const series = [...colours].reverse().map((colour) => ({ fill: colour, stroke: colour, width: 0, points: { show: false },
      paths: uPlot.paths.bars({ size: [0.8, 60] }) }));
    place.hidden = false;
    figure.querySelector("svg").parentElement.hidden = true;
    return new uPlot({
      width: place.clientWidth, height: high, legend: { show: false }, hooks: { setCursor: [tell] },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), table.dataset.zone),
      scales: { x: { range: (_, first, last) => [first - half, last + half] }, y: { range: (_, low, most) => [0, (most || 1) * 1.05] } },
      axes: [axis, { ...axis, size: 70, values: (_, ticks) => ticks.map((usd) => dollars.format(usd)) }],
      series: [{}, ...series],
    }, [numbers.at, ...stacked(numbers)], place);
  };

  for (const figure of document.querySelectorAll("[data-plot]")) {
    let plot = draw(figure);
    new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: high })).observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { plot.destroy(); plot = draw(figure); });
  }
})();

/* uplot.js and uplot.css are uPlot 1.6.32, under this license:

The MIT License (MIT)

Copyright (c) 2022 Leon Sorokin

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.*/
