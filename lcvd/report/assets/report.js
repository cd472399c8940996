"use strict";
(() => {
  const videos = [...document.querySelectorAll("video")];
  const play = document.getElementById("play");
  let playing = false;

  const show = () => { play.textContent = playing ? "Pause all" : "Play all"; };
  const start = () => {
    playing = true;
    show();
    for (const video of videos) video.play().catch(() => {});
  };
  const stop = () => {
    playing = false;
    show();
    for (const video of videos) video.pause();
  };

  play.addEventListener("click", () => (playing ? stop() : start()));
  document.getElementById("restart").addEventListener("click", () => {
    for (const video of videos) video.currentTime = 0;
    start();
  });

  // The browser's controls would cover small videos; with scripts on, a click or Enter plays a single video instead.
  for (const video of videos) {
    video.controls = false;
    video.tabIndex = 0;
    const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
    video.addEventListener("click", toggle);
    video.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(); });
  }

  // Videos of one clip have the same frames; when they drift apart, the others are synchronised to the first.
  for (const clip of document.querySelectorAll(".clip")) {
    const [leader, ...rest] = clip.querySelectorAll("video");
    if (!leader) continue;
    leader.addEventListener("timeupdate", () => {
      if (!playing || leader.seeking) return;
      for (const video of rest) {
        const gap = Math.abs(video.currentTime - leader.currentTime);
        if (Math.min(gap, Math.abs(leader.duration - gap)) > 0.12) video.currentTime = leader.currentTime;
      }
    });
  }
})();
