// Files and jobs. A session has at most one job at a time; its state is polled until it ends.
import { makeLight, say } from "./light.js";
import { makePlayer } from "./player.js";
import { request, upload } from "./server.js";

const at = (id) => document.getElementById(id);
const config = JSON.parse(document.querySelector("main").dataset.config);
const PHASES = { waiting: "Waiting", reading: "Reading and reconstructing", sampling: "Rendering", writing: "Writing the video" };
const PAUSE = 300;
let job = null, ready = false;

const light = makeLight(config, (error) => status(error.message, true));
const player = makePlayer();

function status(words, wrong = false) {
  if (at("status").textContent !== words) at("status").textContent = words;
  at("status").classList.toggle("error", wrong);
}

function enable() {
  const busy = job !== null;
  for (const id of ["render-frame", "render-clip", "render-hints"]) at(id).disabled = busy || !ready;
  for (const each of document.querySelectorAll(".picker input, .picker select, .picker button, #again")) each.disabled = busy;
  at("cancel").hidden = at("progress").hidden = at("share").hidden = !busy;
}

async function follow(state) {
  job = state.id;
  enable();
  try {
    while (state.state === "waiting" || state.state === "running") {
      const share = state.total ? state.done / state.total : 0;
      at("progress").value = share;
      if (state.stopping) status("Stopping …");
      else if (state.state === "waiting") status(`Waiting: ${state.ahead} ahead of you.`);
      else status(`${PHASES[state.phase] || state.phase} …`);
      // Outside the live region, so that screen readers do not read every percentage.
      at("share").textContent = state.state === "running" && share > 0 ? `${Math.round(100 * share)} %` : "";
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      state = await request(`/jobs/${job}`);
    }
  } finally {
    job = null;
    enable();
  }
  if (state.state === "failed") throw new Error(state.error);
  if (state.state === "cancelled") { status("Cancelled."); return null; }
  return state.result;
}

async function tried(work) {
  try {
    await work();
  } catch (error) {
    status(error.message, true);
    await restore();
  }
}

async function restore() {
  const state = await request("/state").catch(() => null);
  if (!state) return;
  for (const picker of document.querySelectorAll(".picker")) {
    const name = state.files[picker.dataset.role], remove = picker.querySelector("[data-forget]");
    picker.querySelector("[data-chosen]").textContent = name || "nothing chosen yet";
    if (remove) remove.hidden = !name;
  }
  ready = state.frames > 0;
  at("frame").max = Math.max(0, state.frames - 1);
  say(at("frame"));
  at("portrait").hidden = !ready;
  if (ready) at("portrait").src = `/portrait?${Date.now()}`;
  enable();
  light.changed();
  return state;
}

async function readFiles() {
  const result = await follow(await request("/read", { start: Number(at("start").value), seconds: Number(at("seconds").value) }));
  await restore();
  if (!result) return;
  const bridged = result.bridged ? ` No face was found in ${result.bridged} of them; their motion is interpolated.` : "";
  status(`Ready: ${result.frames} frames at ${result.fps} fps.${bridged} Drag the light, then render.`);
}

async function accepted(role, name) {
  const state = await restore();
  if (role === "map") { light.useBase("map"); status(`${name} lights the scene.`); return; }
  if (!state?.files.portrait) {
    status(`${name} is uploaded. Now choose a portrait.`);
    return;
  }
  await readFiles();
}

for (const picker of document.querySelectorAll(".picker")) {
  const role = picker.dataset.role, file = picker.querySelector("input[type=file]"), pick = picker.querySelector("select");
  file.addEventListener("change", () => tried(async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    file.value = "";
    if (chosen.size > config.limits[role]) throw new Error(`${chosen.name} has ${Math.ceil(chosen.size / 1e6)} MB; the limit is ${config.limits[role] / 1e6} MB. Choose a smaller file.`);
    status(`Uploading ${chosen.name} …`);
    const found = await upload(role, chosen);
    if (pick) pick.value = "";
    await accepted(role, found.name);
  }));
  pick?.addEventListener("change", () => tried(async () => {
    if (pick.value) await accepted(role, (await request(`/pick/${role}`, { name: pick.value })).name);
  }));
  picker.querySelector("[data-forget]")?.addEventListener("click", () => tried(async () => {
    await request(`/forget/${role}`, {});
    if (pick) pick.value = "";
    if (role === "map") light.useBase("none");
    const state = await restore();
    if (role === "driving" && state?.files.portrait) await readFiles(); else status("Removed.");
  }));
}

function wanted(whole, hints) {
  const number = (id) => at(id) && at(id).value !== "" ? { [id]: Number(at(id).value) } : {};
  return { light: light.light(), whole, hints, frame: Number(at("frame").value), ...number("guidance"), ...number("likeness"), ...number("seed"), ...number("steps") };
}

const render = (whole, hints = false) => tried(async () => {
  const result = await follow(await request("/render", wanted(whole, hints)));
  if (!result) return;
  const what = result.hints ? "Shading hint" : "Relit";
  at("result").hidden = false;
  at("one").hidden = whole;
  at("film").hidden = !whole;
  if (whole) {
    player.show(result);
    at("film-note").textContent = what;
    status(`Done: ${result.frames} frames.`);
  } else {
    at("picture").src = `/files/${result.picture}`;
    at("picture-note").textContent = `${what}, frame ${at("frame").value}`;
    status("Done: one frame.");
  }
  at("result").scrollIntoView({ block: "nearest" });
});

at("render-frame").addEventListener("click", () => render(false));
at("render-clip").addEventListener("click", () => render(true));
at("render-hints").addEventListener("click", () => render(true, true));
at("again").addEventListener("click", () => tried(readFiles));
at("cancel").addEventListener("click", () => { if (job) request(`/jobs/${job}/cancel`, {}).catch((error) => status(error.message, true)); });
document.addEventListener("input", (event) => { if (event.target.type === "range") say(event.target); });

tried(async () => {
  const state = await restore();
  if (state?.job) { await follow(await request(`/jobs/${state.job}`)); await restore(); status("Ready."); }
  else if (ready) status("Ready: drag the light, then render.");
});
