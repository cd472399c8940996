"use strict";
(() => {
  const videos = [...document.querySelectorAll("video")];
  const play = document.getElementById("play");
  let together = false;

  const show = () => { play.textContent = together ? "Pause all" : "Play all"; };
  const start = () => {
    together = true;
    show();
    for (const video of videos) video.play().catch(() => {});
  };
  const stop = () => {
    together = false;
    show();
    for (const video of videos) video.pause();
  };

  play.addEventListener("click", () => (together ? stop() : start()));
  document.getElementById("restart").addEventListener("click", () => {
    for (const video of videos) video.currentTime = 0;
    start();
  });

  // The browser's controls would cover small pictures: with scripts on, a click or Enter plays a single video instead.
  for (const video of videos) {
    video.controls = false;
    video.tabIndex = 0;
    const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
    video.addEventListener("click", toggle);
    video.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(); });
  }

  // Videos of one clip have the same frames; the first one of each clip leads, the others follow when they drift.
  for (const clip of document.querySelectorAll(".clip")) {
    const [leader, ...rest] = clip.querySelectorAll("video");
    if (!leader) continue;
    leader.addEventListener("timeupdate", () => {
      if (!together || leader.seeking) return;
      for (const video of rest) {
        const gap = Math.abs(video.currentTime - leader.currentTime);
        if (Math.min(gap, Math.abs(leader.duration - gap)) > 0.12) video.currentTime = leader.currentTime;
      }
    });
  }
})();
