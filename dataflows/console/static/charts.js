// Series that can be looked at closer: the picture of the server stays where this does not run.
"use strict";
(() => {
  if (!window.uPlot) return;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw(place) {
    const points = JSON.parse(place.dataset.points);
    const names = JSON.parse(place.dataset.names);
    const ink = [colour("--accent"), colour("--good")];
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const options = {
      width: place.clientWidth, height: 260, cursor: { drag: { x: true, y: false } }, scales: { x: { time: true } }, axes: [axis, axis],
      series: [{}, ...names.map((label, at) => ({ label, stroke: ink[at], width: 2, dash: at ? [6, 3] : [], points: { show: false } }))],
    };
    const chart = new window.uPlot(options, points, place);
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = place.dataset.hint;
    place.append(hint);
    new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: 260 })).observe(place);
  }

  for (const button of document.querySelectorAll("[data-zoom]")) {
    const place = document.getElementById(button.dataset.zoom);
    const frame = button.closest("figure").querySelector(".frame");
    button.hidden = false;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const shown = place.hidden;
      place.hidden = !shown;
      frame.hidden = shown;
      button.setAttribute("aria-pressed", String(shown));
      if (shown && !place.childElementCount) draw(place);
    });
  }
})();
