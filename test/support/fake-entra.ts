import type {
  CredentialLog,
  CredentialStore,
  RedeemRefreshToken,
  StoredCredential,
} from '../../src/partner-credential/ports.ts';
import { supersedes } from '../../src/partner-credential/supersedes.ts';
import { toCredentialFailure } from '../../src/partner-credential/token-failures.ts';

export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

/** Time that passes when a test says so. */
export interface FakeClock {
  now(): number;
  pass(ms: number): void;
}

export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let time = start;
  return {
    now: () => time,
    pass(ms) {
      time += ms;
    },
  };
}

/** Entra ID's token endpoint with a clock that can be turned: refresh tokens die after 90 days without use. */
export interface FakeEntra {
  readonly redeem: RedeemRefreshToken;
  issueRefreshToken(): string;
  /** The refresh token is refused from now on. */
  revoke(refreshToken: string): void;
  /** Every redemption fails with this until it is `undefined`. */
  failWith(error: Error | undefined): void;
  /** Tokens that are issued from now on name these ways of signing in. */
  issueWith(amr: readonly string[]): void;
  /** Refresh tokens in the order in which they were tried. */
  readonly tried: string[];
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function createFakeEntra(
  clock: FakeClock,
  { amr: firstAmr = ['pwd', 'mfa'] as readonly string[] } = {},
): FakeEntra {
  const usedAt = new Map<string, number>();
  const tried: string[] = [];
  let failure: Error | undefined;
  let issued = 0;
  let amr = firstAmr;

  function issueRefreshToken() {
    issued += 1;
    const refreshToken = `refresh-token-${issued}`;
    usedAt.set(refreshToken, clock.now());
    return refreshToken;
  }

  return {
    tried,
    issueRefreshToken,
    revoke: (refreshToken) => void usedAt.delete(refreshToken),
    failWith(error) {
      failure = error;
    },
    issueWith(next) {
      amr = next;
    },
    async redeem(refreshToken) {
      tried.push(refreshToken);
      if (failure) throw failure;
      const lastUsedAt = usedAt.get(refreshToken);
      if (lastUsedAt === undefined) throw toCredentialFailure('invalid_grant', { error_codes: [50173] }, 400);
      if (clock.now() - lastUsedAt > 90 * dayMs)
        throw toCredentialFailure('invalid_grant', { error_codes: [700082] }, 400);
      usedAt.set(refreshToken, clock.now());
      const claims = { amr, upn: 'ada@partner.example', uti: `${issued}` };
      return {
        accessToken: {
          token: `${encode({ alg: 'none' })}.${encode(claims)}.signature`,
          expiresOnTimestamp: clock.now() + hourMs,
        },
        refreshToken: issueRefreshToken(),
      };
    },
  };
}

/** A store in memory that can be made to fail. */
export interface FakeStore extends CredentialStore {
  readonly stored: () => StoredCredential | undefined;
  /** How often it was read. */
  readonly reads: () => number;
  /** Saving fails with this until it is `undefined`. */
  failWith(error: Error | undefined): void;
  failReadsWith(error: Error | undefined): void;
}

export function createFakeStore(initial?: StoredCredential): FakeStore {
  let stored = initial;
  let failure: Error | undefined;
  let readFailure: Error | undefined;
  let reads = 0;
  return {
    stored: () => stored,
    reads: () => reads,
    failWith(error) {
      failure = error;
    },
    failReadsWith(error) {
      readFailure = error;
    },
    async load() {
      reads += 1;
      if (readFailure) throw readFailure;
      return stored;
    },
    async save(next) {
      if (failure) throw failure;
      if (!supersedes(next, stored?.current)) return false;
      stored = { current: next, ...(stored && { previous: stored.current }) };
      return true;
    },
  };
}

export interface FakeLog extends CredentialLog {
  readonly lines: {
    readonly level: string;
    readonly facts: Record<string, unknown>;
    readonly message: string;
  }[];
}

export function createFakeLog(): FakeLog {
  const lines: FakeLog['lines'] = [];
  const write = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, facts: { ...facts }, message });
  return { lines, info: write('info'), warn: write('warn'), error: write('error') };
}
