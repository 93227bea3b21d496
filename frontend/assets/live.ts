// Parts of a page that change by themselves: an element with data-live names a stream of events, and each event the id of the
// element that it fills. Without this file the page shows the state of its loading.

const say = (root: ParentNode): string =>
  [...root.querySelectorAll<HTMLElement>("[data-say]")].map((one) => `${one.dataset.say}`).join(" ").trim();
const call = (root: ParentNode): string => root.querySelector<HTMLElement>("[data-call]")?.dataset.call ?? "";

function fill(part: HTMLElement, html: string): void {
  const focused = part.contains(document.activeElement) ? document.activeElement?.id : "";
  const opened = [...part.querySelectorAll<HTMLDetailsElement>("details[open]")].map((one) => one.id);
  const typed = [...part.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input[id], select[id]")].map((one) => [one.id, one.value]);
  const before = say(part) + call(part);
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  if (fresh.innerHTML.trim() === part.innerHTML.trim()) return;   // the first event mostly says what the page shows already
  part.innerHTML = html;
  endMoment();
  for (const [id, value] of typed) {
    const one = document.getElementById(`${id}`);
    if (value && (one instanceof HTMLInputElement || one instanceof HTMLSelectElement)) one.value = value;
  }
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  if (focused) (document.getElementById(focused) ?? document.getElementById("main"))?.focus();
  const news = document.getElementById("news");
  if (news && say(part) + call(part) !== before) {
    news.textContent = "";   // the same sentence again, for a recall, is spoken again
    requestAnimationFrame(() => { news.textContent = say(part); });
  }
}

// What is said of the step before holds until something changes; whoever loads the page anew is not told again.
const READ_MS = 5_000;
const moment = document.querySelector<HTMLElement>("[data-moment]");
if (moment) history.replaceState(history.state, "", location.pathname);

function endMoment(): void {
  if (!moment?.isConnected) return;
  setTimeout(() => {
    if (moment.contains(document.activeElement)) document.getElementById("main")?.focus();
    moment.remove();
  }, Math.max(0, READ_MS - performance.now()));
}

const live = document.querySelector<HTMLElement>("[data-live]");
if (live?.dataset.live) {
  const source = new EventSource(live.dataset.live);
  const offline = document.getElementById("offline");
  for (const part of live.querySelectorAll<HTMLElement>("[id]")) {
    source.addEventListener(part.id, (event) => fill(part, (event as MessageEvent<string>).data));
  }
  source.onopen = () => { if (offline) offline.hidden = true; };
  source.onerror = () => {
    if (offline) offline.hidden = false;
    // The server ended it for good: signed out, or the role was taken away. The page itself says what to do.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
  };
}
