import { setTimeout as sleepFor } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import {
  GatewayError,
  LedgerUnavailableError,
  UpgradeNotFoundError,
  UpstreamThrottledError,
} from '../errors.ts';
import type { Ledger, PartnerCenter } from './ports.ts';
import type { KnownUpgrade } from './types.ts';
import { isFinalReport, isKnownStatus } from './upgrade-status.ts';

export interface WatchUpgradeParts {
  readonly partnerCenter: PartnerCenter;
  readonly ledger: Ledger;
  /** At most one status call per upgrade in this time: Partner Center throttles them, and counts every one. */
  readonly intervalMs: number;
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: WatchLog;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

export interface WatchLog {
  warn(facts: object, message: string): void;
}

export interface WatchUpgrade {
  /** The upgrade as it stands, at most one interval old. */
  current(upgradeId: string, correlationId: string): Promise<KnownUpgrade>;
  /** As `current`, but waits until `hasChanged` says so, the upgrade is final, or time (epoch ms) or signal ends it. */
  waitForChange(
    upgradeId: string,
    options: {
      correlationId: string;
      hasChanged: (upgrade: KnownUpgrade) => boolean;
      until: number;
      signal: AbortSignal;
    },
  ): Promise<KnownUpgrade>;
}

interface Watched {
  upgrade?: KnownUpgrade;
  error?: unknown;
  notBefore: number;
  pending?: Promise<KnownUpgrade>;
}

const instancesProvidedFor = 6;

export function createWatchUpgrade({
  partnerCenter,
  ledger,
  intervalMs,
  now,
  newId,
  log,
  sleep = (ms, signal) => sleepFor(ms, undefined, { signal }),
}: WatchUpgradeParts): WatchUpgrade {
  const watchedUpgrades = new LRUCache<string, Watched>({ max: 10_000 });
  const reportedWords = new LRUCache<string, true>({ max: 100 });

  /** An unknown word is shown as Running; it is logged once, since only a person can say what it means. */
  function logUnknownStatus(upgradeId: string, partnerCenterStatus: string) {
    if (isKnownStatus(partnerCenterStatus) || reportedWords.has(partnerCenterStatus)) return;
    reportedWords.set(partnerCenterStatus, true);
    log.warn(
      { upgradeId, partnerCenterStatus },
      'Partner Center gave a status that the gateway does not know',
    );
  }

  async function askPartnerCenter(known: KnownUpgrade, correlationId: string, watched: Watched) {
    const { upgradeId } = known;
    const report = await partnerCenter.getUpgradeReport(upgradeId, known, {
      requestId: newId(),
      correlationId,
    });
    logUnknownStatus(upgradeId, report.partnerCenterStatus);
    const checkedAt = now();
    watched.notBefore = checkedAt + intervalMs;
    return { ...known, report, checkedAt };
  }

  /** A report that cannot be recorded is answered all the same; the next one is recorded again. */
  async function record({ upgradeId, report, checkedAt }: Awaited<ReturnType<typeof askPartnerCenter>>) {
    const check = { checkedAt, nextCheckAt: checkedAt + intervalMs };
    await ledger
      .recordReport(upgradeId, report, check)
      .catch((error: unknown) =>
        log.warn({ upgradeId, err: error }, 'A status report could not be recorded'),
      );
  }

  async function ask(upgradeId: string, correlationId: string, watched: Watched): Promise<KnownUpgrade> {
    const known = await ledger.findUpgrade(upgradeId);
    if (!known) {
      watchedUpgrades.delete(upgradeId);
      throw new UpgradeNotFoundError('The gateway does not know this upgrade.');
    }
    if (isFinalReport(known.report)) return known;
    watched.upgrade ??= known; // so that it is known without the ledger too
    const claim = { now: now(), until: now() + intervalMs };
    if (!(await ledger.claimCheck(upgradeId, claim))) {
      // Another instance is asking, or has asked just now: its answer is looked for soon.
      watched.notBefore = Math.min(claim.until, Math.max(claim.now, known.checkedAt ?? 0) + intervalMs / 5);
      return known;
    }
    try {
      const upgrade = await askPartnerCenter(known, correlationId, watched);
      await record(upgrade);
      return upgrade;
    } catch (error) {
      const retryAfterSeconds = error instanceof GatewayError ? error.facts.retryAfterSeconds : undefined;
      // What Partner Center asks of one instance holds for all.
      if (retryAfterSeconds)
        await ledger.postponeCheck(upgradeId, now() + retryAfterSeconds * 1000).catch(() => undefined);
      throw error;
    }
  }

  /**
   * While the ledger is away no instance can claim a check. Each asks for itself then, so seldom that a handful of them
   * together stay within one call per interval.
   */
  async function askWithoutLedger(
    known: KnownUpgrade | undefined,
    correlationId: string,
    watched: Watched,
    error: LedgerUnavailableError,
  ): Promise<KnownUpgrade> {
    if (!known) throw error;
    const askAgainAt = (known.checkedAt ?? 0) + instancesProvidedFor * intervalMs;
    if (now() < askAgainAt) {
      watched.notBefore = Math.min(askAgainAt, now() + intervalMs);
      return known;
    }
    const upgrade = await askPartnerCenter(known, correlationId, watched);
    await record(upgrade);
    return upgrade;
  }

  async function refresh(upgradeId: string, correlationId: string, watched: Watched): Promise<KnownUpgrade> {
    try {
      watched.upgrade = await ask(upgradeId, correlationId, watched).catch((error: unknown) => {
        if (!(error instanceof LedgerUnavailableError)) throw error;
        return askWithoutLedger(watched.upgrade, correlationId, watched, error);
      });
      delete watched.error;
      return watched.upgrade;
    } catch (error) {
      watched.error = error;
      const retryAfterSeconds = error instanceof GatewayError ? error.facts.retryAfterSeconds : undefined;
      watched.notBefore = now() + (retryAfterSeconds ? retryAfterSeconds * 1000 : intervalMs);
      throw error;
    } finally {
      delete watched.pending;
    }
  }

  /** Within the interval everyone gets what the last question brought, be it an answer or a failure. */
  function replay(watched: Watched): KnownUpgrade | undefined {
    if (watched.error instanceof UpstreamThrottledError)
      throw new UpstreamThrottledError(watched.error.message, {
        ...watched.error.facts,
        retryAfterSeconds: Math.ceil((watched.notBefore - now()) / 1000),
      });
    if (watched.error) throw watched.error;
    return watched.upgrade;
  }

  async function current(upgradeId: string, correlationId: string): Promise<KnownUpgrade> {
    let watched = watchedUpgrades.get(upgradeId);
    if (!watched) {
      watched = { notBefore: 0 };
      watchedUpgrades.set(upgradeId, watched);
    }
    if (watched.upgrade && isFinalReport(watched.upgrade.report)) return watched.upgrade;
    const replayed = !watched.pending && now() < watched.notBefore ? replay(watched) : undefined;
    if (replayed) return replayed;
    watched.pending ??= refresh(upgradeId, correlationId, watched);
    return watched.pending;
  }

  return {
    current,
    async waitForChange(upgradeId, { correlationId, hasChanged, until, signal }) {
      for (;;) {
        const upgrade = await current(upgradeId, correlationId);
        if (hasChanged(upgrade) || isFinalReport(upgrade.report) || now() >= until || signal.aborted)
          return upgrade;
        const notBefore = watchedUpgrades.get(upgradeId)?.notBefore ?? now() + intervalMs;
        const waitMs = Math.max(1, Math.min(notBefore, until) - now());
        await sleep(waitMs, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
    },
  };
}
