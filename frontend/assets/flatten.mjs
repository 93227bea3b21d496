// KERN's tokens are oklch(var(--lightness) var(--chroma) var(--hue)). Browsers before 2023 know no oklch(), and a colour they
// cannot read falls to "initial"; so every such colour becomes plain hex here, and tokens that nothing refers to go.

const PRIMITIVE = /(--kern-[a-z0-9-]+-(?:lightness|chroma|hue)):\s*([^;}]+)/g;

const number = (text) => (text.endsWith("%") ? parseFloat(text) / 100 : parseFloat(text) || 0);

function hex(lightness, chroma, hue, alpha) {
  const [L, C, H] = [number(lightness), number(chroma), (number(hue) * Math.PI) / 180];
  const [a, b] = [C * Math.cos(H), C * Math.sin(H)];
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
  const byte = (x) => Math.round(255 * Math.min(1, Math.max(0, x)));
  const gamma = (x) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055);
  const bytes = linear.map((x) => byte(gamma(x)));
  if (alpha !== undefined) bytes.push(byte(number(alpha)));
  return "#" + bytes.map((x) => x.toString(16).padStart(2, "0")).join("");
}

function withoutUnusedTokens(css) {
  for (;;) {
    const used = new Set([...css.matchAll(/var\((--kern-[a-z0-9-]+)/g)].map((match) => match[1]));
    const next = css.replace(/(^|[{;])\s*(--kern-[a-z0-9-]+):[^;{}]*;/gm, (whole, before, name) =>
      used.has(name) ? whole : before);
    if (next === css) return css;
    css = next;
  }
}

/** Rules of icons that no page shows: each carries two SVG images, together a third of the sheet. */
function withoutUnusedIcons(css, icons) {
  return css.replace(/^\.kern-icon--([a-z-]+) \{[^{}]*\}\n/gm, (rule, name) =>
    icons.has(name) || /^(small|default|large|x-large)$/.test(name) ? rule : "");
}

export function flatten(source, icons) {
  const primitives = new Map([...source.matchAll(PRIMITIVE)].map((match) => [match[1], match[2].trim()]));
  let css = source.replace(/var\((--kern-[a-z0-9-]+-(?:lightness|chroma|hue))\)/g, (whole, name) => primitives.get(name) ?? whole);
  css = css.replace(/oklch\(([^()]*)\)/g, (_, inner) => hex(...inner.replace("/", " ").trim().split(/\s+/)));
  // paper is white, whatever the screen is
  css = css.replace(/@media \(prefers-color-scheme: (dark|light)\)/g, (_, scheme) =>
    scheme === "dark" ? "@media screen and (prefers-color-scheme: dark)" : "@media print, (prefers-color-scheme: light)");
  css = withoutUnusedTokens(withoutUnusedIcons(css, icons));
  const left = css.match(/.*oklch\(.*/);
  if (left) throw new Error(`a colour stayed in oklch(), KERN has changed its tokens: ${left[0].trim()}`);
  return css;
}
