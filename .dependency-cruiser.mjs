// Who may import whom. Each rule says why; what no rule forbids is allowed.

const folder = (...names) => `^src/(${names.join('|')})/`;
const files = (...names) => `^src/(${names.join('|')})$`;

/** One package, or Node module, is imported at one place only. */
const owned = (name, packages, owner) => ({
  name,
  comment: `${packages} has one owner, so that what must be guarded against stands in one place.`,
  severity: 'error',
  from: { path: '^src/', pathNot: owner },
  to: { path: packages },
});

/** A folder imports only what is listed, beside packages and itself. */
const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from,
  to: { path: '^src/', pathNot: to },
});

export default {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Data flows one way: route, use case, port, adapter.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nobody-imports-main',
      comment: 'main.ts is the process; importing it would start one.',
      severity: 'error',
      from: {},
      to: { path: files('main\\.ts') },
    },
    {
      name: 'src-without-tests',
      comment: 'The product does not depend on its tests.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-development-packages',
      comment: 'The gateway is installed without what is there for development alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: folder('emulator', 'commands') },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'emulator-is-apart',
      comment: 'What stands in for Microsoft must not reach the gateway that people run.',
      severity: 'error',
      from: { path: '^src/', pathNot: folder('emulator', 'commands') },
      to: { path: folder('emulator') },
    },
    only(
      'main',
      { path: files('main\\.ts') },
      files('gateway\\.ts', 'settings\\.ts'),
      'The process only starts and stops.',
    ),
    only(
      'emulator',
      { path: folder('emulator') },
      folder('emulator'),
      'An emulator that shared code with the gateway would share its mistakes.',
    ),
    only(
      'commands',
      { path: folder('commands') },
      `${folder('commands', 'emulator')}|${files('gateway\\.ts', 'connect-partner\\.ts', 'settings\\.ts', 'http-client\\.ts')}|^src/product-upgrades/schemas\\.ts$|^src/partner-credential/diagnosis\\.ts$`,
      'Commands are thin: they use what stands behind the gateway’s composition root.',
    ),
    {
      name: 'composition-root',
      comment: 'Only the process and the commands put a gateway together.',
      severity: 'error',
      from: { path: '^src/', pathNot: `${folder('commands')}|${files('main\\.ts')}` },
      to: { path: files('gateway\\.ts') },
    },
    only(
      'domain',
      {
        path: folder('product-upgrades'),
        pathNot: '(routes|schemas|api-description|ledger|open-order|order-rows)\\.ts$',
      },
      `${folder('product-upgrades')}|${files('errors\\.ts')}`,
      'The use cases know their own ports and nothing of HTTP, databases or Partner Center’s wire.',
    ),
    {
      name: 'domain-without-edges',
      comment: 'A use case must not reach for a route, a schema of HTTP or the adapter behind a port.',
      severity: 'error',
      from: {
        path: folder('product-upgrades'),
        pathNot:
          '(routes|schemas|api-description|ledger|open-order|order-rows|status-monitor|upgrade-record)\\.ts$',
      },
      to: {
        path: '^src/product-upgrades/(routes|schemas|api-description|ledger|order-ledger|open-order|order-rows)\\.ts$',
      },
    },
    only(
      'ledger',
      { path: '^src/product-upgrades/(open-order|order-rows|order-ledger|ledger)\\.ts$' },
      `^src/product-upgrades/(ports|types|upgrade-status|open-order|order-rows|order-ledger)\\.ts$|${folder('database')}|${files('errors\\.ts')}`,
      'An adapter knows its port and its database.',
    ),
    only(
      'routes',
      { path: '^src/product-upgrades/(routes|api-description)\\.ts$' },
      `${folder('product-upgrades', 'http', 'callers')}|${files('errors\\.ts')}`,
      'Routes translate HTTP to use cases.',
    ),
    only(
      'partner-center',
      { path: folder('partner-center') },
      `${folder('partner-center')}|^src/product-upgrades/(ports|types)\\.ts$|^src/partner-credential/ports\\.ts$|${files('errors\\.ts', 'http-client\\.ts')}`,
      'The upstream’s translation knows the port it serves and the port that gives it tokens.',
    ),
    only(
      'partner-credential',
      {
        path: folder('partner-credential'),
        pathNot: '(routes|api-description|callback-page|consent-sessions|credential-metrics)\\.ts$',
      },
      `${folder('partner-credential')}|${files('errors\\.ts')}`,
      'How we get in at Microsoft depends on nothing else of the gateway.',
    ),
    {
      name: 'partner-credential-without-edges',
      comment:
        'Its use cases must not reach for a route, a page, a schema of HTTP or the adapter behind a port.',
      severity: 'error',
      from: {
        path: folder('partner-credential'),
        pathNot: '(routes|schemas|api-description|callback-page|key-vault-[a-z-]+)\\.ts$',
      },
      to: {
        path: '^src/partner-credential/(routes|schemas|api-description|callback-page|consent-sessions|file-credential-store|key-vault-[a-z-]+|entra-token-client)\\.ts$',
      },
    },
    only(
      'partner-credential-routes',
      { path: '^src/partner-credential/(routes|api-description|callback-page)\\.ts$' },
      `${folder('partner-credential', 'http', 'callers')}|${files('errors\\.ts')}`,
      'Routes and pages translate HTTP to use cases.',
    ),
    only(
      'consent-sessions',
      { path: '^src/partner-credential/consent-sessions\\.ts$' },
      `^src/partner-credential/ports\\.ts$|${folder('database')}`,
      'An adapter knows its port and its database.',
    ),
    only(
      'credential-metrics',
      { path: '^src/partner-credential/credential-metrics\\.ts$' },
      `${folder('partner-credential')}|^src/telemetry/metrics\\.ts$`,
      'What is measured stands beside what it measures.',
    ),
    only(
      'callers',
      { path: folder('callers') },
      `${folder('callers', 'entra-id')}|${files('errors\\.ts')}`,
      'Who calls us does not depend on what we offer.',
    ),
    only(
      'entra-id',
      { path: folder('entra-id') },
      `${folder('entra-id')}|${files('errors\\.ts', 'http-client\\.ts')}`,
      'Metadata serves both directions.',
    ),
    only(
      'http',
      { path: folder('http') },
      `${folder('http')}|${files('errors\\.ts')}|^src/telemetry/log\\.ts$`,
      'Web plumbing knows no feature.',
    ),
    only(
      'database',
      { path: folder('database') },
      `${folder('database')}|${files('errors\\.ts')}`,
      'Dialects and schema know no feature.',
    ),
    only(
      'telemetry',
      { path: folder('telemetry') },
      `${folder('telemetry')}|${files('errors\\.ts')}`,
      'Everything may log; logging knows nothing.',
    ),
    only(
      'errors',
      { path: files('errors\\.ts') },
      files('errors\\.ts'),
      'Failures are named without knowing who reports them.',
    ),
    owned('passport', 'node_modules/passport', '^src/callers/bearer-strategy\\.ts$'),
    owned('got', 'node_modules/got/', '^src/http-client\\.ts$'),
    owned('openid-client', 'node_modules/openid-client', '^src/partner-credential/entra-token-client\\.ts$'),
    owned('azure-sdk', 'node_modules/@azure/', '^src/partner-credential/key-vault-'),
    owned('prom-client', 'node_modules/prom-client', '^src/telemetry/metrics\\.ts$'),
    owned('pino', 'node_modules/pino/', '^src/telemetry/log\\.ts$'),
    owned('config', 'node_modules/config/', '^src/settings\\.ts$'),
    owned('kysely-dialects', '^(node:)?sqlite$|node_modules/pg/', '^src/database/'),
    owned('oidc-provider', 'node_modules/oidc-provider', '^src/emulator/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
