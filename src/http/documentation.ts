import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { Router } from 'express';
import { page, pageStyle } from './page.ts';
import { isProblemCode, problemKinds } from './problems.ts';
import { NotFoundError } from './protocol-errors.ts';
import { methodNotAllowed } from './refusals.ts';

const swaggerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const swaggerAssets = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

// A file of its own, since the content security policy allows no inline script.
const startScript = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#api', deepLinking: true, supportedSubmitMethods: [] });`;

const withCode = (text: string) => text.replace(/`([^`]+)`/g, '<code>$1</code>');

/** `/openapi.json`, a readable page of it at `/docs` that needs no internet, and a page for each problem. */
export function documentationRoutes(openApiDocument: object): Router {
  // The pages name their parts by relative addresses, which a slash at the end would change.
  const router = Router({ strict: true });
  router
    .route('/openapi.json')
    .get((_req, res) => {
      res.json(openApiDocument);
    })
    .all(methodNotAllowed('GET', 'HEAD'));

  router
    .route('/docs/')
    .get((_req, res) => res.redirect(308, '../docs'))
    .all(methodNotAllowed('GET', 'HEAD'));
  router
    .route('/docs')
    .get((_req, res) => {
      res.type('html').send(
        page({
          title: 'Product Upgrade Gateway: API',
          styleSheets: ['swagger-ui.css'],
          scripts: ['swagger-ui-bundle.js', 'start.js'],
          body: '<div id="api"></div>',
        }),
      );
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  // Read once: a file that is opened for each request would let anybody use up the process's open files.
  const assets: Readonly<Record<string, string | Buffer>> = {
    'start.js': startScript,
    'page.css': pageStyle,
    ...Object.fromEntries(swaggerAssets.map((name) => [name, readFileSync(join(swaggerFolder, name))])),
  };
  for (const [name, content] of Object.entries(assets))
    router
      .route(`/docs/assets/${name}`)
      .get((_req, res) => {
        res.set('Cache-Control', 'public, max-age=3600').type(extname(name)).send(content);
      })
      .all(methodNotAllowed('GET', 'HEAD'));

  router
    .route('/problems/:code')
    .get((req, res) => {
      const { code } = req.params;
      if (!isProblemCode(code)) throw new NotFoundError('There is no such problem.');
      const { title, status, meaning, whatToDo } = problemKinds[code];
      res.type('html').send(
        page({
          title: `${title} (${code})`,
          root: '../',
          styleSheets: ['page.css'],
          body: `<h1>${title}</h1><p><code>${code}</code> · HTTP ${status}</p><p>${withCode(meaning)}</p><h2>What to do</h2><p>${withCode(whatToDo)}</p>`,
        }),
      );
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}
