// Number keys answer the focused question, or the first open one, and move to the next.
"use strict";
const form = document.getElementById("questions");
const video = document.getElementById("video");

if (form) {
  const groups = [...form.querySelectorAll("fieldset")];
  const answered = (group) => group.querySelector("input:checked");
  const goTo = (group) => (answered(group) || group.querySelector("input")).focus();

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-5]$/.test(event.key)) {
      const group = document.activeElement.closest("fieldset") || groups.find((each) => !answered(each)) || groups[0];
      const choice = group.querySelector(`input[value="${event.key}"]`);
      choice.checked = true;
      choice.focus();
      const next = groups.slice(groups.indexOf(group) + 1).find((each) => !answered(each)) ||
        groups.find((each) => !answered(each));
      if (next) goTo(next); else document.getElementById("next").focus();
      event.preventDefault();
    } else if (event.key.toLowerCase() === "p") {
      if (video.paused) video.play(); else video.pause();
      event.preventDefault();
    }
  });
  // Prevent a double click from submitting twice.
  form.addEventListener("submit", () => { document.getElementById("next").disabled = true; });
  window.addEventListener("pageshow", () => { document.getElementById("next").disabled = false; });
  goTo(groups.find((each) => !answered(each)) || groups[0]);
}
if (video && !matchMedia("(prefers-reduced-motion: reduce)").matches) video.play().catch(() => {});
