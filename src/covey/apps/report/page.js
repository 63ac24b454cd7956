"use strict";
(function () {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const options = { displayModeBar: false, responsive: true };
  const small = window.matchMedia("(max-width: 34rem)");

  // A figure names its colours by CSS variables, so that one figure serves both themes.
  function coloured(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--[a-z-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value === "inherit" ? style.fontFamily : value;
    }
    if (Array.isArray(value)) return value.map((entry) => coloured(entry, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, coloured(entry, style)]));
    }
    return value;
  }

  function draw(place) {
    const figure = coloured(figures[place.dataset.chart], getComputedStyle(document.body));
    if (small.matches) {
      figure.layout.margin = { ...figure.layout.margin, l: 36, r: 6 };
      figure.layout.font = { ...figure.layout.font, size: 11 };
    }
    Plotly.react(place, figure.data, figure.layout, options);
  }

  function drawAll() {
    document.querySelectorAll(".plot").forEach((place) => {
      if (!place.closest("[hidden]")) draw(place);
    });
  }

  document.querySelectorAll("button[data-show]").forEach((button) => {
    button.addEventListener("click", () => {
      button.parentElement.querySelectorAll("button[data-show]").forEach((other) => {
        other.setAttribute("aria-pressed", String(other === button));
        document.getElementById(other.dataset.show).hidden = other !== button;
      });
      document.querySelectorAll(`#${button.dataset.show} .plot`).forEach(draw);
    });
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  small.addEventListener("change", drawAll);
  drawAll();
})();
