"""axe-core in a page of Playwright, under our own CSP: `evaluate` is not bound by it, a <script> element would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

SCRIPT = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
_RUN = """async (tags) => {
  const found = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
  const say = (rule, node) => `${rule.id}: ${rule.help}: ${node.target.join(' ')}: ${node.html.slice(0, 160)}`;
  return found.violations.flatMap((rule) => rule.nodes.map((node) => say(rule, node)));
}"""


async def violations(page: Page) -> list[str]:
    """WCAG 2.0 to 2.2 A and AA, and best practice; one line per element that breaks a rule."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found: Any = await page.evaluate(_RUN, TAGS)
    return [str(line) for line in found]


async def overflow_px(page: Page) -> int:
    """How far the page can be scrolled sideways: must be 0 (WCAG 1.4.10)."""
    return int(await page.evaluate("Math.max(0, document.documentElement.scrollWidth - window.innerWidth)"))


async def small_targets(page: Page) -> list[str]:
    """Links and buttons below 44 px in height that are no part of a sentence; what is hidden does not count."""
    found: Any = await page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, summary, input:not([type=hidden]), textarea')]
          .filter((one) => one.checkVisibility() && !one.closest('.kern-body') && !one.matches('.skip'))
          .map((one) => {
            const area = one.matches('[type=checkbox], [type=radio]') ? one.closest('.choice, .kern-form-check') : one;
            const after = getComputedStyle(one, '::after');
            const height = Math.max(area.getBoundingClientRect().height, parseFloat(after.height) || 0);
            return [height, one.outerHTML.slice(0, 120)];
          })
          .filter(([height]) => height < 43.5).map(([height, html]) => `${height}px ${html}`)"""
    )
    return [str(line) for line in found]
