// The ball: an image from the server, and a handle for each lamp, moved with the pointer or the arrow keys.
const RADIUS = 128 / 1.02;
const REACH = 24;

export function directionOf(lamp) {
  const a = lamp.azimuth * Math.PI / 180, e = lamp.elevation * Math.PI / 180;
  return [Math.cos(e) * Math.sin(a), Math.sin(e), Math.cos(e) * Math.cos(a)];
}

export function anglesOf([x, y, z]) {
  return { azimuth: Math.round(Math.atan2(x, z) * 180 / Math.PI), elevation: Math.round(Math.asin(Math.max(-1, Math.min(1, y))) * 180 / Math.PI) };
}

export function makeBall(canvas, lamps, moved) {
  const pen = canvas.getContext("2d");
  let shaded = null, held = false, active = 0;

  const place = (lamp) => {
    const [x, y] = directionOf(lamp);
    return [128 + x * RADIUS, 128 - y * RADIUS];
  };

  function draw() {
    pen.clearRect(0, 0, 256, 256);
    if (shaded) pen.drawImage(shaded, 0, 0, 256, 256, 0, 0, 256, 256);
    lamps.forEach((lamp, i) => {
      if (!lamp.on) return;
      const [x, y] = place(lamp), behind = directionOf(lamp)[2] < 0;
      pen.beginPath();
      pen.arc(x, y, i === active ? 11 : 8, 0, 2 * Math.PI);
      pen.setLineDash(behind ? [4, 3] : []);
      if (!behind) { pen.fillStyle = lamp.colour; pen.fill(); }
      pen.lineWidth = 5; pen.strokeStyle = "#000"; pen.stroke();
      pen.lineWidth = 2.5; pen.strokeStyle = i === active ? "#ffb454" : "#fff"; pen.stroke();
      pen.setLineDash([]);
      pen.font = "600 12px system-ui, sans-serif"; pen.textAlign = "center"; pen.textBaseline = "middle";
      pen.lineWidth = 3; pen.strokeStyle = "#fff"; pen.strokeText(i + 1, x, y); pen.fillStyle = "#000"; pen.fillText(i + 1, x, y);
    });
    const lamp = lamps[active], { azimuth, elevation } = lamp;
    canvas.setAttribute("aria-valuenow", azimuth);
    canvas.setAttribute("aria-valuetext", `Lamp ${active + 1}${lamp.on ? "" : ", off"}: ${Math.abs(azimuth)}° ${azimuth < 0 ? "left" : "right"}, ` +
      `${Math.abs(elevation)}° ${elevation < 0 ? "down" : "up"}${Math.abs(azimuth) > 90 ? ", behind the head" : ""}`);
  }

  function spot(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * 256, (event.clientY - box.top) / box.height * 256];
  }

  function follow(event) {
    const [px, py] = spot(event);
    let x = (px - 128) / RADIUS, y = (128 - py) / RADIUS;
    const far = Math.hypot(x, y);
    if (far > 1) { x /= far; y /= far; }
    Object.assign(lamps[active], anglesOf([x, y, Math.sqrt(Math.max(0, 1 - x * x - y * y))]));
    moved(active);
  }

  canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = spot(event);
    const away = lamps.map((lamp) => lamp.on ? Math.hypot(place(lamp)[0] - px, place(lamp)[1] - py) : Infinity);
    const nearest = away.indexOf(Math.min(...away));
    if (away[nearest] < REACH || !lamps[active].on) active = nearest;
    if (!lamps[active].on) return;
    held = true;
    canvas.classList.add("held");
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (held) follow(event); });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { held = false; canvas.classList.remove("held"); });
  }
  canvas.addEventListener("keydown", (event) => {
    const lamp = lamps[active], step = event.shiftKey ? 1 : 5;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    lamp.azimuth = (lamp.azimuth + by[0] + 540) % 360 - 180;
    lamp.elevation = Math.max(-90, Math.min(90, lamp.elevation + by[1]));
    moved(active);
  });
  return { draw, show(bitmap) { shaded = bitmap; draw(); }, choose(i) { active = i; draw(); } };
}
