import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderPoint } from '../../src/product-upgrades/types.ts';
import type { GatewayLife } from './gateway-process.ts';
import type { Random } from './random.ts';
import type { SpareProcess, SpareProcesses } from './spare-processes.ts';

const points = ['before-intent', 'after-intent', 'after-send', 'after-answer', 'before-reply'] as const;

/** How a gateway was killed: at a point of an order, at any moment, or with all others at the end. */
export type KillKind = OrderPoint | 'any-moment' | 'restart-of-all';

export interface GatewayFleetParts {
  readonly instances: number;
  readonly spares: SpareProcesses;
  readonly lifeOf: (instance: number) => GatewayLife;
  readonly random: Random;
  /** How long a gateway lives at most that is killed at any moment, in milliseconds. */
  readonly longestLifeMs: number;
  /** How often orders come to a point, at most, before a gateway dies at it. */
  readonly latestOccurrence: number;
}

/** Gateways that are killed and started again, each instance in its own place. */
export interface GatewayFleet {
  readonly kills: ReadonlyMap<KillKind, number>;
  /** Gateways that ended without having been killed, with the file of their output. */
  readonly crashes: readonly string[];
  /** So many may have been killed by now: gateways that die faster than they can finish anything prove nothing. */
  allowKills(total: number): void;
  /** No more orders are coming: whoever was to die at a point of one dies without. */
  hurry(): void;
  /** Where gateways listen at the moment. */
  urls(): readonly string[];
  /** Kills all of them at once and starts new ones, which are left alone; resolves when they listen. */
  restartAll(): Promise<void>;
  stop(): Promise<void>;
}

/** Each point comes as often as the others. */
function dealPoints(random: Random): () => OrderPoint {
  let deck: OrderPoint[] = [];
  return () => {
    if (deck.length === 0)
      deck = points
        .map((point) => ({ point, order: random.next() }))
        .toSorted((a, b) => a.order - b.order)
        .map(({ point }) => point);
    return deck.pop() ?? points[0];
  };
}

/** Kills in the midst of orders; the restart of all at the end is none of them. */
export const countKills = (kills: ReadonlyMap<KillKind, number>): number =>
  [...kills].reduce((sum, [kind, count]) => sum + (kind === 'restart-of-all' ? 0 : count), 0);

interface Death {
  readonly atPoint?: NonNullable<GatewayLife['death']>;
  readonly afterMs: number;
  readonly isInStart: boolean;
}

const longestStartMs = 200;
// A gateway that shall die at a point of an order is given more time, for on a busy machine an order takes a while.
const patience = 5;

interface Instance {
  process?: SpareProcess;
  /** The point of an order at which it is to die. */
  planned?: OrderPoint | undefined;
  killedAs?: KillKind;
  url?: string;
}

export function createGatewayFleet({
  instances: count,
  spares,
  lifeOf,
  random,
  longestLifeMs,
  latestOccurrence,
}: GatewayFleetParts): GatewayFleet {
  const kills = new Map<KillKind, number>();
  const crashes: string[] = [];
  const instances = Array.from({ length: count }, (): Instance => ({}));
  let isKilling = true;
  let allowed = count;
  const hurried = new AbortController();
  const nextPoint = dealPoints(random.fork('points'));
  let isStopped = false;

  const mayKill = () => countKills(kills) < allowed;

  function kill(instance: Instance, kind: KillKind) {
    const { process } = instance;
    if (!process || process.child.exitCode !== null || process.child.signalCode !== null) return;
    instance.killedAs ??= kind;
    process.child.kill('SIGKILL');
  }

  /** A point at which no gateway has died yet, nor is about to. */
  const findMissingPoint = () =>
    points.find((point) => !kills.has(point) && !instances.some(({ planned }) => planned === point));

  /**
   * Two of three die at a point of an order, if orders come to it in time; the others at any moment, a few of them while
   * they start. First, each point has its turn. Lives are counted from when a gateway listens: on a busy machine that
   * takes a while.
   */
  function planDeath(choices: Random): Death {
    const share = choices.next();
    const occurrence = choices.between(1, latestOccurrence);
    const point = findMissingPoint() ?? (share < 0.67 ? nextPoint() : undefined);
    if (point && !hurried.signal.aborted)
      return { atPoint: { point, occurrence }, afterMs: patience * longestLifeMs, isInStart: false };
    return { afterMs: choices.between(0, longestLifeMs), isInStart: share > 0.95 };
  }

  async function killLater(instance: Instance, afterMs: number) {
    const { process } = instance;
    await sleep(afterMs, undefined, { signal: hurried.signal }).catch(() => undefined);
    while (!mayKill() && isKilling) await sleep(100);
    if (isKilling && instance.process === process) kill(instance, 'any-moment');
  }

  function countKill(kind: KillKind) {
    kills.set(kind, (kills.get(kind) ?? 0) + 1);
  }

  async function liveOnce(instance: Instance, index: number, choices: Random) {
    const process = await spares.take();
    instance.process = process;
    delete instance.killedAs;
    const plan = isKilling ? planDeath(choices) : undefined;
    const death = mayKill() ? plan?.atPoint : undefined;
    instance.planned = death?.point;
    if (plan?.isInStart) void killLater(instance, plan.afterMs % longestStartMs);
    const url = await process.start({ ...lifeOf(index), ...(death && { death }) });
    if (plan) void killLater(instance, plan.afterMs);
    if (url !== undefined) instance.url = url;
    if (isStopped) process.child.kill('SIGKILL');
    const { signal } = await process.ended;
    delete instance.url;
    if (isStopped) return;
    if (instance.killedAs) countKill(instance.killedAs);
    else if (signal === 'SIGKILL' && death) countKill(death.point);
    else crashes.push(process.logFile);
  }

  const living = instances.map(async (instance, index) => {
    const choices = random.fork(`instance ${index}`);
    while (!isStopped) {
      await liveOnce(instance, index, choices);
      if (isKilling) await sleep(choices.between(0, 60));
      // What cannot stay up must not be started as fast as it dies.
      if (crashes.length > 20) await sleep(1_000);
    }
  });

  return {
    kills,
    crashes,
    allowKills(total) {
      allowed = total;
    },
    hurry: () => hurried.abort(),
    urls: () => instances.flatMap(({ url }) => url ?? []),
    async restartAll() {
      isKilling = false;
      for (const instance of instances) kill(instance, 'restart-of-all');
      await Promise.all(instances.map(({ process }) => process?.ended));
      for (const deadline = Date.now() + 30_000; instances.some(({ url }) => !url); await sleep(20))
        if (Date.now() > deadline) throw new Error('not all gateways came up again');
    },
    async stop() {
      isStopped = true;
      isKilling = false;
      for (const instance of instances) kill(instance, 'restart-of-all');
      await Promise.all(living);
    },
  };
}
