// Requests to the server. Error messages come from the server.
export async function request(path, values) {
  const sent = values === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values) };
  return (await answered(fetch(path, sent))).json();
}

export async function requestImage(path, values) {
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values) };
  return createImageBitmap(await (await answered(fetch(path, sent))).blob());
}

export async function upload(role, file) {
  return (await answered(fetch(`/upload/${role}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }))).json();
}

async function answered(pending) {
  let answer;
  try {
    answer = await pending;
  } catch {
    throw new Error("The server doesn't answer; is lcvd app still running?");
  }
  if (answer.ok) return answer;
  let words = `the server answered ${answer.status}`;
  try {
    words = (await answer.json()).error || words;
  } catch { /* not JSON: report only the status */ }
  throw new Error(words);
}
