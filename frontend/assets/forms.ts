// Comfort only, on every page: they work without this file.

// A second click on "book" must not send the form again. (The server would recognise it by its request key; the wait is the point.)
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 10_000); // whoever stopped a slow answer may try again
});

// "Back" may bring the page out of the browser's memory, with the mark still on it.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

document.querySelector<HTMLElement>("[data-focus]")?.focus();

// The waiting room: the form is sent again by itself.
const again = document.querySelector<HTMLFormElement>("form[data-again]");
if (again) setTimeout(() => again.requestSubmit(), 1000 * Number(again.dataset.again));
