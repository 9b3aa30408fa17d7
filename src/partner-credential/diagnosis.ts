import type { X509Certificate } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { AccessMonitor, AccessReport } from './access-monitor.ts';
import type { CredentialStore, PartnerCredential } from './ports.ts';
import { refreshTokenLifetimeMs } from './refresh-token-lifetime.ts';
import type { RenewableCredential } from './token-credential.ts';
import { judgeAccess, judgeFailure, judgeStore, judgeTime, type Verdict } from './verdicts.ts';

/** The state of the partner credential, with no secret in it. Times are epoch milliseconds. */
export interface Diagnosis extends Verdict {
  readonly connectedAs?: string;
  readonly connectedSince?: number;
  readonly lastRenewedAt?: number;
  /** At the latest; it ends earlier when somebody or a policy revokes it. */
  readonly expiresAt?: number;
  readonly hasMfa?: boolean;
  readonly partnerCenter?: AccessReport;
  readonly clientCertificateExpiresAt?: number;
  /** Microsoft's code for what is wrong. */
  readonly failureCode?: string;
  readonly failingSince?: number;
}

export interface DiagnosisParts {
  readonly store: CredentialStore;
  readonly credential: RenewableCredential;
  readonly access: AccessMonitor;
  readonly clientCertificate?: X509Certificate;
  readonly publicUrl: string;
  readonly now?: () => number;
}

/** Looks at what is stored and what is known; it asks neither Entra ID nor Partner Center. */
export type Diagnose = (options?: { readonly isFresh?: boolean }) => Promise<Diagnosis>;

/** Readiness and metrics are asked for often, and a store may be far away. */
const storeMemoryMs = 60_000;
const faultMemoryMs = 5_000;

/** The credential in place, or why it cannot be told. */
interface Found {
  readonly current: PartnerCredential | undefined;
  /** When the store said so; left out where it was not asked. */
  readonly readAt?: number;
  readonly fault?: { readonly error: unknown };
}

/** The one place that says how the partner credential is. */
export function createDiagnose(parts: DiagnosisParts): Diagnose {
  const { store, credential, access, clientCertificate, publicUrl, now = Date.now } = parts;
  let memory: (Found & { readonly readAt: number }) | undefined;
  const howToConsent = `An admin agent of the partner must consent: POST ${publicUrl}/v1/partner-consent (permission PartnerConsent.Manage), or "npm run credential -- consent" on the server, answers the address to sign in at.`;
  const certificateExpiresAt = clientCertificate?.validToDate.getTime();

  function isRemembered({ readAt, fault }: NonNullable<typeof memory>): boolean {
    return now() - readAt < (fault ? faultMemoryMs : storeMemoryMs);
  }

  async function readStore(): Promise<Found> {
    const readAt = now();
    memory = await store.load().then(
      (stored) => ({ current: stored?.current, readAt }),
      (error: unknown) => ({ current: undefined, fault: { error }, readAt }),
    );
    return memory;
  }

  async function find(isFresh: boolean): Promise<Found> {
    const { newest: known } = credential.facts();
    if (!isFresh && known) return { current: known };
    const found = !isFresh && memory && isRemembered(memory) ? memory : await readStore();
    return found.fault || credential.facts().isUnstored ? { ...found, current: known } : found;
  }

  /** Why the current credential cannot be renewed: a failure of another one, or of a store that works again, is over. */
  function findFailure({ current, fault, readAt = Number.NEGATIVE_INFINITY }: Found) {
    const { failure } = credential.facts();
    if (!failure) return undefined;
    const { refreshToken, at } = failure;
    const isOfStore = refreshToken === undefined;
    const lasts = isOfStore ? fault || at > readAt : refreshToken === current?.refreshToken;
    return lasts ? failure : undefined;
  }

  /** A date in the future is no date: another clock was wrong. */
  function toRenewedAt({ issuedAt }: PartnerCredential): number {
    return issuedAt <= now() ? issuedAt : (credential.facts().lastSuccessAt ?? now());
  }

  function judge(found: Found): Verdict {
    const { current, fault } = found;
    if (fault) return judgeStore(fault.error);
    if (!current)
      return {
        state: 'consentRequired',
        detail: 'There is no partner credential yet.',
        whatToDo: howToConsent,
      };
    const failure = findFailure(found);
    if (failure) return judgeFailure(failure, howToConsent);
    const credentialExpiresAt = toRenewedAt(current) + refreshTokenLifetimeMs;
    const verdict =
      judgeAccess(current, access.find(current), howToConsent) ??
      judgeTime({ credentialExpiresAt, certificateExpiresAt, now: now() }, howToConsent);
    if (verdict) return verdict;
    if (credential.facts().isUnstored)
      return {
        state: 'operatorRequired',
        detail: 'The renewed partner credential is in memory alone: the credential store cannot be written.',
        whatToDo: 'The operator must make the store writable again; the gateway then stores it by itself.',
      };
    return {
      state: 'connected',
      detail: 'The partner credential works.',
      whatToDo: 'Nothing. The credential is renewed every day.',
    };
  }

  function describe(current: PartnerCredential) {
    const { inUse } = credential.facts();
    const isInUse = inUse && (inUse.consentedAt ?? 0) >= (current.consentedAt ?? 0);
    // What a renewal really brought counts more than what was granted once.
    const hasMfa = (isInUse ? inUse.hasMfa : undefined) ?? current.hasMfa;
    const lastRenewedAt = toRenewedAt(current);
    return {
      ...(current.consentedBy && { connectedAs: current.consentedBy }),
      ...(current.consentedAt !== undefined && { connectedSince: current.consentedAt }),
      lastRenewedAt,
      expiresAt: lastRenewedAt + refreshTokenLifetimeMs,
      ...(hasMfa !== undefined && { hasMfa }),
    };
  }

  return async function diagnose({ isFresh = false } = {}) {
    const found = await find(isFresh);
    const failure = findFailure(found);
    const report = access.find(found.current);
    const code = failure?.error instanceof GatewayError ? failure.error.facts.upstream?.code : undefined;
    return {
      ...judge(found),
      ...(certificateExpiresAt !== undefined && { clientCertificateExpiresAt: certificateExpiresAt }),
      ...(found.current && describe(found.current)),
      ...(report && { partnerCenter: report }),
      ...(failure && { failingSince: failure.since }),
      ...(code && { failureCode: code }),
    };
  };
}
