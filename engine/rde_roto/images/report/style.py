"""The style sheet of the page, for light screens, dark screens and paper."""

STYLE = """
:root {
  --paper: #f6f6f4; --sheet: #fff; --ink: #1b1c1f; --soft: #62656c; --rule: #dddeda;
  --line: #1f6feb; --doubt: #d9480f; --key: #8a6d00; --good: #2b7a3d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16171a; --sheet: #1f2125; --ink: #e4e5e8; --soft: #9a9da6; --rule: #34373d;
    --line: #6cb2ff; --doubt: #ff8a4c; --key: #e8c547; --good: #6fca83;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  max-width: 1240px; margin: 0 auto; padding: 28px 24px 40px; overflow-wrap: anywhere;
}
h1 { font-size: 26px; line-height: 1.2; }
h2 { font-size: 17px; margin-bottom: 10px; }
header p, .track p, .legend, .verdict p { color: var(--soft); }
section {
  background: var(--sheet); border: 1px solid var(--rule); border-radius: 8px;
  margin-top: 18px; padding: 16px 18px;
}
.verdict { border-left: 6px solid var(--good); }
.verdict.bad { border-left-color: var(--doubt); }
.verdict h2 { font-size: 20px; }
.verdict ul { padding-left: 20px; margin-bottom: 8px; }
.verdict li::marker { color: var(--doubt); }
.verdict li.note::marker { color: var(--soft); }
.verdict p { font-size: 13px; }
a { color: var(--line); font-size: 13px; font-weight: normal; margin-left: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; margin-bottom: 6px; }
.mark { display: inline-block; width: 11px; height: 11px; margin-right: 7px; }
.mark.key { background: var(--key); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.mark.doubt { background: var(--doubt); opacity: .3; }
.mark.next { background: var(--doubt); clip-path: polygon(0 0, 100% 0, 50% 100%); }
.track { display: grid; grid-template-columns: 190px 1fr; gap: 14px; padding-top: 8px; }
.track p { font-size: 13px; }
.element { display: inline-flex; align-items: center; gap: 8px; margin-right: 14px; }
.element i {
  flex: none; width: 12px; height: 12px; border-radius: 3px; border: 1px solid var(--rule);
}
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font-size: 12px; }
svg path { fill: none; }
svg .grid, svg .tick { stroke: var(--rule); }
svg .line { stroke: var(--line); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .doubt { fill: var(--doubt); opacity: .2; }
svg .keyline { stroke: var(--key); stroke-dasharray: 3 3; }
svg .key { fill: var(--key); }
svg .nextline { stroke: var(--doubt); }
svg .next { fill: var(--doubt); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 14px; }
.gallery img { width: 100%; height: auto; display: block; border-radius: 4px; object-fit: fill; }
.gallery figure:target { outline: 3px solid var(--line); outline-offset: 3px; border-radius: 4px; }
.gallery figcaption {
  display: flex; flex-wrap: wrap; align-items: center; gap: 3px 8px; margin-top: 5px;
}
.tag { border: 1px solid; border-radius: 9px; padding: 0 8px; font-size: 12px; }
.tag.key { color: var(--key); }
.tag.doubt { color: var(--doubt); }
.tag.next { color: var(--sheet); background: var(--doubt); border-color: var(--doubt); }
dl { display: grid; grid-template-columns: 100px 1fr; gap: 4px 14px; }
dt { color: var(--soft); }
dd { margin: 0; }
@media (max-width: 720px) {
  .track { grid-template-columns: 1fr; gap: 2px; }
  svg text { font-size: 20px; }
}
@media print {
  :root {
    --paper: #fff; --sheet: #fff; --ink: #000; --soft: #555; --rule: #ccc;
    --line: #1f6feb; --doubt: #c2410c; --key: #8a6d00; --good: #2b7a3d;
  }
  body { padding: 0; font-size: 12px; }
  * { print-color-adjust: exact; }
  section { break-inside: auto; }
  figure, .verdict { break-inside: avoid; }
  h2 { break-after: avoid; }
  .track { grid-template-columns: 140px 1fr; }
  svg text { font-size: 17px; }
  .gallery { grid-template-columns: repeat(3, 1fr); }
  a { display: none; }
}
"""
