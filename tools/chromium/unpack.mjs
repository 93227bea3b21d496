// Unpacks the browser of @sparticuz/chromium into this folder and writes `chrome`, which starts it anywhere.
import fs from "node:fs";
import path from "node:path";

const folder = import.meta.dirname;
process.env.TMPDIR = folder; // where the package unpacks to
process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs20.x"; // makes it unpack libraries that a bare machine lacks
const { default: chromium } = await import("@sparticuz/chromium");
const browser = await chromium.executablePath();

const fonts = path.join(folder, "fonts");
fs.writeFileSync(
  path.join(fonts, "fonts.conf"),
  `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${fonts}</dir>
  <cachedir>${path.join(folder, "fonts-cache")}</cachedir>
</fontconfig>
`,
);
fs.writeFileSync(
  path.join(folder, "chrome.unfinished"),
  `#!/bin/sh
# Own libraries and fonts only where the machine has none.
if ldd "${browser}" | grep -q 'not found'; then
    export LD_LIBRARY_PATH="${path.join(folder, "al2023", "lib")}"
fi
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="${fonts}"
exec "${browser}" "$@"
`,
  { mode: 0o755 },
);
fs.renameSync(path.join(folder, "chrome.unfinished"), path.join(folder, "chrome"));
