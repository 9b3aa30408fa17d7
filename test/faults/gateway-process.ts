import { flushCompileCache } from 'node:module';
import { type GatewayOptions, startGateway } from '../../src/gateway.ts';
import type { OrderPoint } from '../../src/product-upgrades/types.ts';
import { loadSettings } from '../../src/settings.ts';

/** What the driver sends to make a waiting process a gateway. */
export interface GatewayLife {
  readonly variables: Readonly<Record<string, string>>;
  readonly options: Pick<
    GatewayOptions,
    'statusIntervalMs' | 'backoffBaseMs' | 'recoveryIntervalMs' | 'orderLeaseMs'
  >;
  /** The process dies when an order comes to this point for the n-th time. */
  readonly death?: { readonly point: OrderPoint; readonly occurrence: number };
}

/** What comes back: that the process waits (its modules are loaded), or where the gateway listens. */
export type GatewayMessage =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'listening'; readonly url: string };

const tell = (message: GatewayMessage) => process.send?.(message);

/** Dies as a process dies whose machine loses power: at once, and without a word. */
function createDeath(death: NonNullable<GatewayLife['death']>) {
  let left = death.occurrence;
  return (point: OrderPoint) => {
    if (point !== death.point) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}

// A gateway whose driver is gone would run for ever.
process.on('disconnect', () => process.exit());
process.once('message', async (life: GatewayLife) => {
  const { url } = await startGateway(loadSettings({ variables: life.variables }), {
    ...life.options,
    ...(life.death && { atPoint: createDeath(life.death) }),
  });
  tell({ kind: 'listening', url });
});
// A process that is killed leaves no compile cache behind; this one is for those after it.
flushCompileCache();
tell({ kind: 'waiting' });
