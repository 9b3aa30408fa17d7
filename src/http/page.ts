export interface PageParts {
  readonly title: string;
  readonly body: string;
  /** The way from the page's own address to the root, so that a path in PUBLIC_URL does no harm: `''`, `'../'` or more. */
  readonly root?: string;
  /** Files below `/docs/assets/`. */
  readonly styleSheets?: readonly string[];
  readonly scripts?: readonly string[];
}

/** The style of our own pages, served as a file: the content security policy allows no inline style. */
export const pageStyle = `:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
main { max-width: 44rem; margin: 3rem auto; padding: 0 1.5rem }
h1 { line-height: 1.2 } code { font-size: 1em }
.card { max-width: 32rem; margin: 12vh auto 0; padding: 2.5rem; border-radius: 1rem; background: light-dark(#fff, #1c2129);
  border: 1px solid light-dark(#e2e6ec, #333b46); box-shadow: 0 1.5rem 3rem light-dark(#1b2a4a1a, #0006) }
body:has(.card) { margin: 0; background: light-dark(#f3f5f8, #12161c); color: light-dark(#1d2530, #e6eaf0) }
.card h1 { font-size: 1.6rem; margin: 0 0 .75rem } .card h2 { font-size: 1rem; margin: 1.5rem 0 .25rem }
.card p { margin: .25rem 0 } .card .quiet, .card dt, .card .small { color: light-dark(#5a6675, #9aa6b5) }
.card .quiet { margin-top: 1.5rem }
.card .mark { width: 3.25rem; height: 3.25rem; margin: 0 0 1.25rem; border-radius: 50%; color: #fff; font: 700 1.7rem/3.25rem system-ui, sans-serif; text-align: center }
.card.good .mark { background: #1f8a4c } .card.bad .mark { background: #b4540a }
.card dl { margin: 1.5rem 0; border-top: 1px solid light-dark(#e2e6ec, #333b46) }
.card dt { padding-top: .75rem; font-size: .85rem } .card dd { margin: 0; padding-bottom: .75rem; border-bottom: 1px solid light-dark(#e2e6ec, #333b46); overflow-wrap: anywhere }
.card .small { margin-top: 2rem; font-size: .75rem; overflow-wrap: anywhere }
`;

/** A small HTML page. Whatever goes in has been escaped, or is a text of ours. */
export const page = ({
  title,
  body,
  root = '',
  styleSheets = [],
  scripts = [],
}: PageParts): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="${root}docs/assets/favicon-32x32.png">
${styleSheets.map((file) => `<link rel="stylesheet" href="${root}docs/assets/${file}">`).join('\n')}
</head>
<body>
<main>${body}</main>
${scripts.map((file) => `<script src="${root}docs/assets/${file}" defer></script>`).join('\n')}
</body>
</html>
`;
