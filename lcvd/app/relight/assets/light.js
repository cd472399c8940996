// The light's controls. Each change requests ball and hint from the server: one request at a time, always the newest light.
import { anglesOf, directionOf, makeBall } from "./ball.js";
import { requestImage } from "./server.js";

const at = (id) => document.getElementById(id);

export function makeLight(config, failed) {
  const fields = [...document.querySelectorAll("fieldset.lamp")];
  const lamps = fields.map((field) => {
    const lamp = { on: field.querySelector("input[type=checkbox]").checked };
    for (const input of field.querySelectorAll("[data-name]")) lamp[input.dataset.name] = input.type === "color" ? input.value : Number(input.value);
    return lamp;
  });
  const hint = at("hint").getContext("2d");
  let waiting = false, busy = false, shown = 0;

  const ball = makeBall(at("ball"), lamps, (i) => { toControls(i); byHand(); changed(); });

  function light() {
    return {
      lamps: lamps.filter((lamp) => lamp.on).map((lamp) => ({ direction: directionOf(lamp), colour: lamp.colour, strength: lamp.strength, softness: lamp.softness })),
      fill: Number(at("fill").value), base: at("base").value, base_strength: Number(at("base-strength").value), yaw: Number(at("yaw").value),
    };
  }

  async function changed() {
    ball.draw();
    at("base-strength").disabled = at("base").value === "none";
    at("yaw").disabled = at("base").value !== "map";
    waiting = true;
    if (busy) return;
    busy = true;
    document.documentElement.dataset.shading = "busy";
    while (waiting) {
      waiting = false;
      try {
        const bitmap = await requestImage("/shade", { light: light(), frame: Number(at("frame").value) });
        hint.drawImage(bitmap, 256, 0, 256, 256, 0, 0, 256, 256);
        ball.show(bitmap);
        shown += 1;
      } catch (error) {
        failed(error);
      }
    }
    busy = false;
    Object.assign(document.documentElement.dataset, { shaded: shown, shading: "idle" });
  }

  function byHand() { at("preset").value = ""; }

  function toControls(i) {
    fields[i].querySelector("input[type=checkbox]").checked = lamps[i].on;
    for (const input of fields[i].querySelectorAll("[data-name]")) {
      input.value = lamps[i][input.dataset.name];
      say(input);
    }
  }

  function choosePreset() {
    const chosen = config.presets[at("preset").value];
    if (!chosen) return;
    Object.assign(lamps[0], { on: true, colour: chosen.colour, strength: chosen.strength, softness: 0, ...anglesOf(chosen.direction) });
    lamps[1].on = false;
    at("fill").value = chosen.fill;
    at("base").value = "none";
    lamps.forEach((_, i) => toControls(i));
    say(at("fill"));
    ball.choose(0);
    changed();
  }

  fields.forEach((field, i) => field.addEventListener("input", (event) => {
    if (event.target.type === "checkbox") lamps[i].on = event.target.checked;
    else lamps[i][event.target.dataset.name] = event.target.type === "color" ? event.target.value : Number(event.target.value);
    ball.choose(lamps[i].on ? i : Math.max(0, lamps.findIndex((lamp) => lamp.on)));
    byHand();
    changed();
  }));
  for (const id of ["fill", "base-strength", "yaw", "base"]) at(id).addEventListener("input", () => { byHand(); changed(); });
  at("frame").addEventListener("input", changed);
  at("preset").addEventListener("input", choosePreset);
  return { light, changed, useBase(name) { at("base").value = name; byHand(); changed(); } };
}

export function say(input) {
  const output = input.parentElement.querySelector("output");
  if (output) output.value = `${input.value}${input.dataset.unit || ""}`;
}
