// The whole asset pipeline: SCSS -> plain colours -> a sheet for each writing direction -> minified, hashed, pre-compressed.
// Run by `npm run build`; the result is frontend/static/ with manifest.json (name in a template -> name on disk).
import { build } from "esbuild";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import rtlcss from "rtlcss";
import * as sass from "sass";

import { flatten } from "./flatten.mjs";

const assets = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(assets, "../..");
const out = path.join(root, "frontend/static");

function iconsOfTemplates() {
  const folder = path.join(root, "frontend/templates");
  const files = fs.readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".html"));
  const text = files.map((name) => fs.readFileSync(path.join(folder, name), "utf8")).join("\n");
  // a macro may join the class name, so every quoted word counts as the name of an icon
  const named = [...text.matchAll(/kern-icon--([a-z-]+)|["']([a-z-]+)["']/g)].map((match) => match[1] ?? match[2]);
  return new Set([...named, "success", "info", "warning", "danger"]);   // these come from view models
}

function sheet(name, icons) {
  const { css } = sass.compile(path.join(assets, `${name}.scss`), {
    loadPaths: [path.join(root, "node_modules")],
    quietDeps: true,
    charset: false,
  });
  return flatten(css, icons);
}

const icons = iconsOfTemplates();
const made = new Map();
for (const name of ["citizen", "staff"]) {
  const css = sheet(name, icons);
  made.set(`${name}.css`, css);
  made.set(`${name}.rtl.css`, rtlcss.process(css));
}

const fromMemory = {
  name: "from-memory",
  setup(setup) {
    setup.onResolve({ filter: /^made:/ }, (found) => ({ path: found.path.slice(5), namespace: "made" }));
    setup.onLoad({ filter: /.*/, namespace: "made" }, (found) => ({ contents: made.get(found.path), loader: "css", resolveDir: root }));
  },
};

const result = await build({
  entryPoints: [
    ...[...made.keys()].map((name) => ({ in: `made:${name}`, out: name.replace(/\.css$/, "") })),
    ...["citizen", "staff", "room", "proof"].map((name) => ({ in: path.join(assets, `${name}.ts`), out: name })),
  ],
  plugins: [fromMemory],
  absWorkingDir: root,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "iife",
  outdir: out,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".woff2": "file" },
  target: ["chrome87", "firefox78", "safari15"],
  logLevel: "warning",
});

const manifest = {};
const file = (name) => path.basename(name);
for (const name of Object.keys(result.metafile.outputs)) {
  manifest[file(name).replace(/-[A-Z0-9]{8}(?=\.[a-z0-9]+$)/, "")] = file(name);
}

fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out, { recursive: true });
for (const { path: name, contents } of result.outputFiles) {
  fs.writeFileSync(name, contents);
  if (!name.endsWith(".woff2")) fs.writeFileSync(`${name}.gz`, zlib.gzipSync(contents, { level: 9 }));   // woff2 is compressed inside
}
const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
fs.writeFileSync(path.join(out, "manifest.json"), JSON.stringify(sorted, null, 1) + "\n");
for (const [name, hashed] of Object.entries(sorted)) {
  const zipped = path.join(out, `${hashed}.gz`);
  const size = (at) => fs.statSync(at).size;
  console.log(name, size(path.join(out, hashed)), fs.existsSync(zipped) ? `(gzip ${size(zipped)})` : "");
}
