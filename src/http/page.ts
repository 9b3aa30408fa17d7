export interface PageParts {
  readonly title: string;
  readonly body: string;
  /** The way from the page's own address to the root, so that a path in PUBLIC_URL does no harm: `''` or `'../'`. */
  readonly root?: string;
  /** Files below `/docs/assets/`. */
  readonly styleSheets?: readonly string[];
  readonly scripts?: readonly string[];
}

/** The style of our own pages, served as a file: the content security policy allows no inline style. */
export const pageStyle = `:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
main { max-width: 44rem; margin: 3rem auto; padding: 0 1.5rem }
h1 { line-height: 1.2 } code { font-size: 1em }
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
