import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { Router } from 'express';
import { page, pageStyle } from './page.ts';
import { isProblemCode, problemKinds } from './problems.ts';
import { NotFoundError } from './protocol-errors.ts';
import { methodNotAllowed } from './refusals.ts';

const swaggerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const servedAssets = ['/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png'];
const writtenAssets = ['/start.js', '/page.css'];

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

  router.get('/docs/', (_req, res) => res.redirect(308, '../docs'));
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
  router.get('/docs/assets/start.js', (_req, res) => {
    res.type('js').send(startScript);
  });
  router.get('/docs/assets/page.css', (_req, res) => {
    res.type('css').send(pageStyle);
  });
  router.use('/docs/assets', (req, res, next) =>
    servedAssets.includes(req.path)
      ? express.static(swaggerFolder, { index: false, redirect: false, maxAge: '1h' })(req, res, next)
      : next(),
  );
  router.all(
    ['/docs/', ...[...servedAssets, ...writtenAssets].map((asset) => `/docs/assets${asset}`)],
    methodNotAllowed('GET', 'HEAD'),
  );

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
