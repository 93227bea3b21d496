// The check before a time of a guarded service is reserved: ALTCHA's second protocol with PBKDF2, in at most one KiB.
const form = document.querySelector<HTMLFormElement>("form[data-challenge]")!;
const challenge = JSON.parse(form.dataset.challenge!);
const given = challenge.parameters;
const { subtle } = crypto;
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));

async function solve() {
  const password = new Uint8Array(20);
  password.set(bytes(given.nonce));
  for (let counter = 0; ; counter++) {
    new DataView(password.buffer).setUint32(16, counter);
    const key = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(given.salt), iterations: given.cost };
    const bits = new Uint8Array(await subtle.deriveBits(how, key, given.keyLength * 8));
    const derivedKey = Array.from(bits, (byte) => (byte + 256).toString(16).slice(1)).join("");
    if (!derivedKey.startsWith(given.keyPrefix)) continue;
    form.altcha.value = btoa(JSON.stringify({ challenge, solution: { counter, derivedKey } }));
    form.querySelector("button")!.disabled = false;
    if (!document.querySelector(":focus")?.closest("form")) form.submit(); // whoever types a contact is not torn away
    return;
  }
}

// Without https there is no `subtle`; then a code is sent, as without a script.
if (subtle) {
  form.hidden = false;
  solve();
}
