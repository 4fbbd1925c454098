// Two comforts; the page is whole without them.
"use strict";

// 1. The box narrows what is on this page while one types; Enter asks the server for the whole fleet.
const box = document.querySelector(".filter input[type=search]");
const rows = Array.from(document.querySelectorAll("#fleet > .printer"), (row) => [row, row.textContent.toLowerCase()]);
if (box) {
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

// 2. A screen on the wall stays fresh. Not while someone types, reads a narrowed list, or has the page in the background.
setInterval(() => {
  const isBusy = box && (document.activeElement === box || box.value !== box.defaultValue);
  if (document.visibilityState === "visible" && !isBusy) {
    location.reload();
  }
}, 30000);
