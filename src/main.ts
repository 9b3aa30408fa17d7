// The process. This file holds no types and no static import, and package.json names no "type", so that a Node that
// cannot run TypeScript can still read it and say in one sentence which one it takes.

// How long a load balancer gets to notice that the gateway is not ready any more, before connections are refused.
const drainMs = 3_000;

async function run() {
  const { loadSettings, SettingsError } = await import('./settings.ts');
  const { startGateway } = await import('./gateway.ts');
  try {
    const gateway = await startGateway(loadSettings());
    process.once('SIGTERM', () => void gateway.stop({ drainMs }));
    process.once('SIGINT', () => void gateway.stop());
  } catch (error) {
    // 78 is EX_CONFIG of sysexits.h.
    process.exitCode = error instanceof SettingsError ? 78 : 1;
    console.error(error instanceof Error ? `The gateway cannot start. ${error.message}` : error);
    if (error instanceof Error && error.cause instanceof Error)
      console.error(`Cause: ${error.cause.message}`);
  }
}

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `The gateway needs Node 24 or newer and this is ${process.version}: start it with "npm start", which uses the Node that "npm ci" installs.`,
  );
  process.exitCode = 1;
} else {
  void run();
}
