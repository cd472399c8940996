// Plays two videos in step: the result leads, the other follows.
const at = (id) => document.getElementById(id);
const APART = 0.04;

export function makePlayer() {
  const lead = at("relit"), other = at("source"), seek = at("seek"), button = at("play");

  const together = () => { if (Math.abs(other.currentTime - lead.currentTime) > APART) other.currentTime = lead.currentTime; };

  function tick() {
    if (lead.paused) return;
    together();
    if (lead.duration) seek.value = lead.currentTime / lead.duration;
    requestAnimationFrame(tick);
  }

  function play() {
    if (lead.ended) lead.currentTime = 0;
    together();
    Promise.all([lead.play(), other.play()]).then(tick).catch(() => {});
  }

  button.addEventListener("click", () => { if (lead.paused) play(); else lead.pause(); });
  lead.addEventListener("play", () => { button.textContent = "Pause"; });
  lead.addEventListener("pause", () => { button.textContent = "Play"; other.pause(); together(); });
  lead.addEventListener("ended", () => { lead.currentTime = 0; play(); });
  seek.addEventListener("input", () => {
    if (!lead.duration) return;
    lead.currentTime = Number(seek.value) * lead.duration;
    together();
  });

  return {
    show(result) {
      lead.src = `/files/${result.video}`;
      other.src = `/files/${result.source}`;
      at("save-video").href = `/files/${result.video}?save`;
      at("save-side").href = `/files/${result.side_file}?save`;
      button.textContent = "Play";
      seek.value = 0;
    },
  };
}
